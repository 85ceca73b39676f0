// How many lanes a receiver asks for: one more while the last one brought enough, one less when it did not. Pure.

/** What a lane must add to the goodput to be kept. */
const WORTH = 1.15;
/** Milliseconds that a number of lanes is tried, its beginning not counted. */
const SETTLE = 2_000;
const TRY = 2_500;
/** Milliseconds until it is tried again after a lane that was not worth it; each time twice as long. */
const AGAIN = 30_000;

export class LaneCount {
  /** Wanted now. */
  n = 1;
  private since: number | null = null;
  private mark: { at: number; bytes: number } | null = null;
  private before = 0;
  private notBefore = 0;
  private wait = AGAIN;

  constructor(private readonly most: number) {}

  /** bytes: delivered in all, verified or not. open: lanes that are open. True if n changed. */
  look(now: number, bytes: number, open: number): boolean {
    if (open !== this.n || bytes === 0) {
      this.since = null;
      this.mark = null;
      return false;
    }
    this.since ??= now;
    if (now - this.since < SETTLE) return false;
    this.mark ??= { at: now, bytes };
    if (now - this.mark.at < TRY) return false;
    const rate = (bytes - this.mark.bytes) / (now - this.mark.at);
    this.mark = { at: now, bytes };
    return this.judge(now, rate);
  }

  private judge(now: number, rate: number): boolean {
    if (this.before > 0 && rate < this.before * WORTH) {
      // Not worth it: back, and leave it for a while.
      this.before = 0;
      this.notBefore = now + this.wait;
      this.wait *= 2;
      return this.set(this.n - 1);
    }
    if (now < this.notBefore || this.n >= this.most) {
      this.before = 0;
      return false;
    }
    this.before = rate;
    return this.set(this.n + 1);
  }

  private set(n: number): boolean {
    this.n = Math.max(1, n);
    this.since = null;
    this.mark = null;
    return true;
  }
}
