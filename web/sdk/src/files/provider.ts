// Answers what the other side asks for, lane by lane and in order, as fast as the lane takes it. What is asked for and not yet
// answered is bounded: who asks for more is cut off.

import { TransferError } from "./errors.js";
import type { Link } from "./link.js";
import type { BlockSource } from "./source.js";
import { BLOCK, CHUNK, dataFrame, LEAVES, type Frame } from "./wire.js";

/** Requests of a lane, and their bytes, that may wait. */
const WAITING = { requests: 1024, bytes: 32 << 20 };

type Job = Extract<Frame, { t: "request" | "hashes?" }>;

interface Queue {
  jobs: Job[];
  bytes: number;
  running: boolean;
}

export class Provider {
  /** Bytes of files that went out. */
  sent = 0;
  private readonly queues = new Map<number, Queue>();
  private held = false;

  constructor(private readonly source: BlockSource, private readonly link: Link) {}

  /** Paused: nothing is answered until it goes on. */
  set paused(on: boolean) {
    this.held = on;
    if (!on) for (const lane of this.queues.keys()) void this.run(lane);
  }

  /** Throws a TransferError if the other side asks for too much. */
  receive(lane: number, f: Frame): void {
    if (f.t === "cancel") return this.cancel(lane, f);
    if (f.t !== "request" && f.t !== "hashes?") return;
    const q = this.queues.get(lane) ?? { jobs: [], bytes: 0, running: false };
    this.queues.set(lane, q);
    q.jobs.push(f);
    q.bytes += cost(f);
    if (q.jobs.length > WAITING.requests || q.bytes > WAITING.bytes) throw new TransferError("too-much", "the other side asks for more than a lane may be asked for");
    void this.run(lane);
  }

  laneGone(lane: number): void {
    this.queues.delete(lane);
  }

  private cancel(lane: number, f: { file: number; offset: number; length: number }): void {
    const q = this.queues.get(lane);
    if (q === undefined) return;
    q.jobs = q.jobs.filter((j, i) => (i === 0 && q.running) || !(j.t === "request" && j.file === f.file && j.offset === f.offset && j.length === f.length));
    q.bytes = q.jobs.reduce((n, j) => n + cost(j), 0);
  }

  private async run(lane: number): Promise<void> {
    const q = this.queues.get(lane);
    if (q === undefined || q.running) return;
    q.running = true;
    try {
      for (;;) {
        const job = q.jobs[0];
        if (job === undefined || this.held || this.queues.get(lane) !== q) return;
        if (job.t === "request") await this.data(lane, q, job);
        else this.hashes(lane, job);
        if (q.jobs[0] === job) q.jobs.shift();
        q.bytes -= cost(job);
      }
    } finally {
      q.running = false;
    }
  }

  private async data(lane: number, q: Queue, r: Extract<Job, { t: "request" }>): Promise<void> {
    const block = Math.floor(r.offset / BLOCK);
    // A source that fails has its own way to say so; here, what it has not is not sent.
    const bytes = await this.source.block(r.file, block).catch(() => null);
    const from = r.offset - block * BLOCK;
    // Beyond the end, or gone: the other side hears of it by what the owner of the source says.
    if (bytes === null || from + r.length > bytes.length) return;
    for (let at = from; at < from + r.length; at += CHUNK) {
      const length = Math.min(CHUNK, from + r.length - at);
      const { frame, payload } = dataFrame(r.file, block * BLOCK + at, length);
      payload.set(bytes.subarray(at, at + length));
      await this.link.lanes.get(lane)?.writable();
      if (this.queues.get(lane) !== q || !this.link.raw(lane, frame)) return;
      this.sent += length;
    }
  }

  private hashes(lane: number, r: Extract<Job, { t: "hashes?" }>): void {
    const all = this.source.leaves(r.file);
    const part = all?.slice(r.first * 32, (r.first + Math.min(r.count, LEAVES)) * 32);
    if (part !== undefined && part.length > 0) this.link.frame(lane, { t: "hashes", file: r.file, first: r.first, leaves: part as Uint8Array<ArrayBuffer> });
  }
}

function cost(j: Job): number {
  return j.t === "request" ? j.length : j.count * 32;
}
