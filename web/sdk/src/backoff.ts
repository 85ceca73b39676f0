// How long to wait before trying again: full jitter, so that a thousand clients of a restarted server do not come back at
// once. Algorithm: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter"). Pure.

/** First upper bound, milliseconds. */
const BASE = 400;
/** Largest upper bound, milliseconds: a person who waits sees an attempt at least this often. */
const CAP = 8_000;

/** Milliseconds to wait before attempt n (the first retry is 0), given a random number in [0, 1). */
export function backoff(attempt: number, random: number): number {
  // 2^16 · BASE is far above CAP already; the clamp keeps the power finite.
  return Math.floor(random * Math.min(CAP, BASE * 2 ** Math.min(attempt, 16)));
}
