// How many lanes a receiver asks for: twice as many while that brings enough, back when it does not. Pure.

/** What more lanes must add to the goodput to be kept. */
const WORTH = 1.15;
/** Milliseconds that a number of lanes is tried, its beginning not counted. */
const SETTLE = 1_500;
const TRY = 2_000;
/** Milliseconds until it is tried again after lanes that were not worth it; each time twice as long. */
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

  /** bytes: delivered in all, verified or not. open: lanes that are open. full: the path holds no more. True if n changed. */
  look(now: number, bytes: number, open: number, full: boolean): boolean {
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
    return this.judge(now, rate, full);
  }

  private judge(now: number, rate: number, full: boolean): boolean {
    if (this.before > 0 && rate < this.before * WORTH) {
      // Not worth it: back, and leave it for a while.
      this.before = 0;
      this.notBefore = now + this.wait;
      this.wait *= 2;
      return this.set(this.n / 2);
    }
    if (now < this.notBefore || this.n >= this.most || full) {
      this.before = 0;
      return false;
    }
    this.before = rate;
    return this.set(Math.min(this.most, this.n * 2));
  }

  private set(n: number): boolean {
    this.n = Math.max(1, n);
    this.since = null;
    this.mark = null;
    return true;
  }
}
