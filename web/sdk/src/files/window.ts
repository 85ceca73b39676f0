// How many bytes a receiver has asked for on one lane and not got yet: what the path holds, which is rate × the shortest round
// trip, and half as much again, so that a rate that can grow does. It never doubles blindly: Chromium's slow start overshoots
// the queue of a slow link (or the 208 KiB that a socket buffers on a fast one), and repairs the hole for ten seconds.
// Pure: time (milliseconds) is an argument.

/** Of a first lane; each of several has half of it: what many lanes have on their way adds up in one queue. */
const START = 256 << 10;
const START_OF_MANY = 128 << 10;
/** Two requests: one that comes, and one that is on its way. */
const LEAST = 128 << 10;
/** Milliseconds of queue that even a path of unknown worth is given. */
const QUEUE = 100;
const MOST = 16 << 20;
const GAIN = 1.5;
/** Milliseconds that a browser's event loop adds to a round trip without meaning the network. */
const SLACK = 5;
/** A round lasts until a window has come, and so many milliseconds: shorter ones measure bursts. */
const ROUND = 100;
/** Rounds over which the best rate is remembered. */
const MEMORY = 4;
/** The round trip is inflated above this many times the shortest, and so many milliseconds more: the window shrinks. */
const INFLATED = { times: 2.5, more: 50 };
const SHRINK = 0.75;
/** The path has a queue when its round trip is above this many times the shortest, and so many milliseconds more. */
const QUEUED = { times: 1.5, more: 10 };

export class LaneWindow {
  /** Bytes that may be asked for and not delivered. */
  size: number;
  /** Of the path, measured apart from the data; null while nobody knows. */
  private path: number | null = null;
  private latest = 0;
  private rates: number[] = [];
  private shortest = Infinity;
  private roundAt: number | null = null;
  private delivered = 0;
  private trip = 0;
  private trips = 0;

  /** many: there are others beside it. */
  constructor(private readonly many: () => boolean) {
    this.size = many() ? START_OF_MANY : START;
  }

  /** A round trip of the path itself, in milliseconds: a request's own holds the wait behind others, and slow start. */
  tripOfPath(ms: number): void {
    this.path = Math.min(this.path ?? Infinity, ms);
    this.latest = ms;
  }

  /** What is on its way waits in a queue of the path: that is full, and more lanes would only overflow it. */
  get queued(): boolean {
    return this.path !== null && this.latest > QUEUED.times * this.path + QUEUED.more;
  }

  /** Makes room for another lane that begins: what is on its way in all stays the same. */
  makeRoom(): void {
    this.size = Math.max(LEAST, this.size - START_OF_MANY);
  }

  get knowsPath(): boolean {
    return this.path !== null;
  }

  /** bytes of an answer came in; trip: milliseconds from a request to its first byte, for a first byte. */
  got(now: number, bytes: number, trip: number | null): void {
    this.roundAt ??= now;
    this.delivered += bytes;
    if (trip !== null) {
      this.shortest = Math.min(this.shortest, Math.max(trip, 0.5));
      this.trip += trip;
      this.trips++;
    }
    const took = now - this.roundAt;
    if (this.delivered < this.size || took < ROUND) return;
    this.round(this.delivered / took, this.trips > 0 ? this.trip / this.trips : 0);
    [this.roundAt, this.delivered, this.trip, this.trips] = [now, 0, 0, 0];
  }

  /** Bytes a millisecond, the best of the last rounds; 0 before the first. */
  get rate(): number {
    return Math.max(0, ...this.rates);
  }

  /** Nothing is asked for: time that passes now is nobody's fault. */
  idle(): void {
    [this.roundAt, this.delivered, this.trip, this.trips] = [null, 0, 0, 0];
  }

  private round(rate: number, mean: number): void {
    this.rates = [...this.rates.slice(1 - MEMORY), rate];
    const trip = this.path ?? (this.shortest === Infinity ? 0 : this.shortest);
    const path = GAIN * this.rate * (trip + SLACK);
    const inflated = mean > INFLATED.times * trip + INFLATED.more;
    const start = this.many() ? START_OF_MANY : START;
    const least = Math.max(LEAST, Math.min(start, this.rate * (trip + QUEUE)));
    // Not at once: one odd round must neither empty the pipe nor flood it.
    const next = inflated ? this.size * SHRINK : Math.max(this.size * SHRINK, Math.min(path, this.size * 2));
    this.size = Math.round(Math.max(least, Math.min(MOST, next)));
  }
}
