// How many bytes a receiver has asked for on one lane and not got yet: what the path holds, which is rate × the shortest round
// trip, and half as much again, so that a rate that can grow does. It never doubles blindly: Chromium's slow start overshoots
// the queue of a slow link (or the 208 KiB that a socket buffers on a fast one), and repairs the hole for ten seconds.
// Pure: time (milliseconds) is an argument.

const START = 256 << 10;
const LEAST = 256 << 10;
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

export class LaneWindow {
  /** Bytes that may be asked for and not delivered. */
  size = START;
  private rates: number[] = [];
  private shortest = Infinity;
  private roundAt: number | null = null;
  private delivered = 0;
  private trip = 0;
  private trips = 0;

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
    const path = GAIN * this.rate * ((this.shortest === Infinity ? 0 : this.shortest) + SLACK);
    const inflated = mean > INFLATED.times * this.shortest + INFLATED.more;
    // Not at once: one odd round must neither empty the pipe nor flood it.
    const next = inflated ? this.size * SHRINK : Math.max(this.size * SHRINK, Math.min(path, this.size * 2));
    this.size = Math.round(Math.max(LEAST, Math.min(MOST, next)));
  }
}
