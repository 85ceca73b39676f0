// The receiving of one content, from whoever has it: keeps every lane's window full by the plan, has each block checked and
// written, and tells the others what it has.

import { bit, Bitmap } from "./bitmap.js";
import { same, unb64u, utf8, type Bytes } from "./bytes.js";
import { LANES } from "./control.js";
import { TransferError, transferError } from "./errors.js";
import { LaneCount } from "./lanes.js";
import type { Link } from "./link.js";
import { blocks, firstBlocks, type Entry } from "./manifest.js";
import { leaf, root } from "./merkle.js";
import { Plan, type WholeBlock } from "./plan.js";
import type { BlockSource } from "./source.js";
import type { Store } from "./store.js";
import { LaneWindow } from "./window.js";
import { BLOCK, LEAVES, type Frame } from "./wire.js";

/** Milliseconds between looks at what does not come by itself. */
const TICK = 250;
/** Ticks between measurements of a lane's round trip. */
const PROBE = 8;
/** Milliseconds without a byte on a lane that owes some, after which it is dead. */
const DEAD = 15_000;
/** Wrong blocks of one peer that end it. */
const WRONG = 3;
/** Files whose hashes are asked for ahead. */
const AHEAD = 4;
/** Milliseconds after which hashes are asked for again. */
const HASHES = 5_000;
/** Bytes that came without being asked for, and are borne: they were on their way when a request was cancelled or a lane lost. */
const UNASKED = 16 << 20;

export interface ReceiverEvents {
  /** A file is whole and checked. */
  verified(file: number): void;
  /** Everything that was accepted is there. */
  done(): void;
  failed(e: TransferError): void;
  /** This peer is not to be trusted, or asked, any more. */
  blame(link: Link, e: TransferError): void;
  /** As many lanes from the sender, please. */
  lanes(link: Link, n: number): void;
}

interface Peer {
  readonly id: string;
  readonly sender: boolean;
  readonly windows: Map<number, { w: LaneWindow; heard: number }>;
  wrong: number;
  unasked: number;
  /** Blocks that it has not been told of. */
  untold: number[];
}

export class Receiver implements BlockSource {
  plan: Plan | null = null;
  /** Bytes that are checked and there. */
  bytes = 0;
  /** Bytes that came, checked or not. */
  private came = 0;
  private readonly peers = new Map<Link, Peer>();
  private readonly hashes: (Bytes | null)[];
  private readonly parts = new Map<number, { bytes: Bytes; left: number; asked: number }>();
  private readonly positions: number[];
  private readonly first: readonly number[];
  private readonly count = new LaneCount(LANES);
  private readonly timer: ReturnType<typeof setInterval>;
  private names = 0;
  private ticks = 0;
  private held = false;
  private over = false;
  private finished = false;
  private checking = 0;

  constructor(
    readonly entries: readonly Entry[],
    private readonly store: Store,
    private readonly on: ReceiverEvents,
    private readonly now: () => number,
  ) {
    this.hashes = entries.map((e) => (blocks(e.size) === 1 ? unb64u(e.root) : e.size === 0 ? new Uint8Array() : null));
    let at = 0;
    this.positions = entries.map((e) => {
      at += e.size;
      return at - e.size;
    });
    this.first = firstBlocks(entries).first;
    this.timer = setInterval(() => this.tick(), TICK);
  }

  /** Begins, or goes on with what is there from earlier. */
  async start(accepted: "all" | readonly number[]): Promise<void> {
    const { total } = firstBlocks(this.entries);
    const plan = new Plan(this.entries, accepted, await this.store.open(this.entries.reduce((n, e) => n + e.size, 0), total));
    if (this.over) return;
    for (const [i, e] of this.entries.entries()) if (e.inline !== undefined && plan.wants(i)) await this.inline(plan, i, e, e.inline);
    this.plan = plan;
    this.entries.forEach((e, f) => {
      for (let b = 0; b < blocks(e.size); b++) if (plan.have.has(plan.global(f, b))) this.bytes += Math.min(BLOCK, e.size - b * BLOCK);
      if (plan.wants(f) && plan.fileDone(f)) this.on.verified(f);
    });
    for (const [link, p] of this.peers) this.join(link, p);
    if (plan.done) this.finish();
    else this.pump();
  }

  /** Asks this peer from now on. The sender has everything; others say what they have. */
  attach(link: Link, sender: boolean): void {
    if (this.peers.has(link) || this.over) return;
    const p: Peer = { id: String(this.names++), sender, windows: new Map(), wrong: 0, unasked: 0, untold: [] };
    this.peers.set(link, p);
    for (const [id, lane] of link.lanes) if (lane.isOpen) p.windows.set(id, this.window(p));
    if (this.plan !== null) this.join(link, p);
    this.pump();
  }

  detach(link: Link): void {
    const p = this.peers.get(link);
    if (p === undefined) return;
    this.peers.delete(link);
    this.plan?.removePeer(p.id);
    this.pump();
  }

  lane(link: Link, id: number, open: boolean): void {
    const p = this.peers.get(link);
    if (p === undefined) return;
    if (open) {
      p.windows.set(id, this.window(p));
      this.probe(link, p);
    } else {
      p.windows.delete(id);
      this.plan?.removeLane(p.id, id);
      for (const part of this.parts.values()) part.asked = -Infinity;
    }
    this.pump();
  }

  set paused(on: boolean) {
    this.held = on;
    for (const p of this.peers.values()) for (const l of p.windows.values()) l.heard = this.now();
    this.pump();
  }

  setStripe(i: number, of: number): void {
    this.plan?.setStripe(i, of);
    this.pump();
  }

  receive(link: Link, lane: number, f: Frame): void {
    const p = this.peers.get(link);
    if (p === undefined || this.plan === null || this.over) return;
    const l = p.windows.get(lane);
    if (l !== undefined) l.heard = this.now();
    if (f.t === "data") this.data(link, p, lane, f.file, f.offset, f.payload);
    else if (f.t === "hashes") void this.leafPage(link, p, f.file, f.first, f.leaves);
    else if (f.t === "have") this.plan.heard(p.id, this.globals(f.file, f.first, f.bits), this.now());
    this.pump();
  }

  /** The sender says that a file is not what it was: it fails, the others go on. */
  giveUp(file: number): void {
    this.plan?.giveUp(file);
    if (this.plan?.done === true) this.finish();
  }

  stop(): void {
    this.over = true;
    clearInterval(this.timer);
    this.peers.clear();
  }

  leaves(file: number): Bytes | null {
    return this.hashes[file] ?? null;
  }

  /** For the other receivers. */
  async block(file: number, block: number): Promise<Bytes | null> {
    const e = this.entries[file];
    if (e === undefined || this.plan?.have.has(this.plan.global(file, block)) !== true) return null;
    return this.store.read((this.positions[file] ?? 0) + block * BLOCK, Math.min(BLOCK, e.size - block * BLOCK));
  }

  private join(link: Link, p: Peer): void {
    const plan = this.plan;
    if (plan === null) return;
    plan.addPeer(p.id, p.sender ? null : new Bitmap(plan.total), this.now());
    // All that there is; from now on what is new.
    p.untold = [];
    for (let g = 0; g < plan.total; g++) if (plan.have.has(g)) p.untold.push(g);
    this.tell(link, p);
  }

  private pump(): void {
    const { plan } = this;
    if (plan === null || this.held || this.over) return;
    this.askLeaves(plan);
    for (let more = true; more; ) {
      more = false;
      // Round by round, so that no lane takes all.
      for (const [link, p] of this.peers) {
        for (const [lane, { w }] of p.windows) {
          const r = plan.next(p.id, lane, w.size - plan.outstanding(p.id, lane), this.now());
          if (r === null) continue;
          more = link.frame(lane, { t: "request", ...r }) || more;
        }
      }
    }
  }

  private data(link: Link, p: Peer, lane: number, file: number, offset: number, payload: Bytes): void {
    const { plan } = this;
    if (plan === null) return;
    const w = p.windows.get(lane)?.w;
    const l = plan.landed(p.id, lane, file, offset, payload, this.now());
    if (l === null) {
      p.unasked += payload.length;
      if (p.unasked > UNASKED) this.on.blame(link, new TransferError("too-much", "the other side sends what nobody asked for"));
      return;
    }
    this.came += payload.length;
    w?.got(this.now(), payload.length, l.trip);
    if (l.whole !== null) void this.check(link, p, plan, l.whole);
  }

  private async check(link: Link, p: Peer, plan: Plan, b: WholeBlock): Promise<void> {
    const want = this.hashes[b.file]?.subarray(b.block * 32, b.block * 32 + 32);
    const length = b.bytes.length - 1;
    this.checking++;
    try {
      const good = want !== undefined && (await this.store.put(b.global, (this.positions[b.file] ?? 0) + b.block * BLOCK, b.bytes, new Uint8Array(want)));
      if (this.over) return;
      plan.checked(b.global, good);
      if (good) this.landed(plan, b, length);
      else if (++p.wrong >= WRONG) this.on.blame(link, new TransferError("bad-block", "three blocks of the other side were wrong"));
    } catch (cause) {
      if (!this.over) this.on.failed(transferError(cause, "no-space"));
    } finally {
      this.checking--;
      this.pump();
      if (plan.done && this.checking === 0) this.finish();
    }
  }

  private landed(plan: Plan, b: WholeBlock, length: number): void {
    this.bytes += length;
    for (const p of this.peers.values()) p.untold.push(b.global);
    if (plan.fileDone(b.file)) this.on.verified(b.file);
  }

  private finish(): void {
    if (this.over || this.finished) return;
    this.finished = true;
    this.store.finish().then(() => this.on.done(), (cause: unknown) => this.on.failed(transferError(cause, "no-space")));
  }

  private async inline(plan: Plan, file: number, e: Entry, text: string): Promise<void> {
    const bytes = utf8(text);
    const l = await leaf(bytes);
    if (!same(await root(l), unb64u(e.root) ?? new Uint8Array())) throw new TransferError("bad-message", "a text of the offer is not what its hash says");
    const prefixed = new Uint8Array(1 + bytes.length);
    prefixed.set(bytes, 1);
    if (bytes.length === 0 || plan.have.has(plan.global(file, 0))) return;
    await this.store.put(plan.global(file, 0), this.positions[file] ?? 0, prefixed, l);
    plan.checked(plan.global(file, 0), true);
  }

  private askLeaves(plan: Plan): void {
    const links = [...this.peers].filter(([link]) => link.open).sort(([, a], [, b]) => Number(b.sender) - Number(a.sender));
    const from = links[0];
    if (from === undefined) return;
    for (const f of plan.needsLeaves(AHEAD)) {
      const n = blocks(this.entries[f]?.size ?? 0);
      const part = this.parts.get(f) ?? { bytes: new Uint8Array(n * 32), left: n, asked: -Infinity };
      this.parts.set(f, part);
      if (this.now() - part.asked < HASHES) continue;
      Object.assign(part, { left: n, asked: this.now() });
      const lane = Math.min(...from[1].windows.keys());
      for (let first = 0; first < n; first += LEAVES) from[0].frame(lane, { t: "hashes?", file: f, first, count: Math.min(LEAVES, n - first) });
    }
  }

  private async leafPage(link: Link, p: Peer, file: number, first: number, leaves: Bytes): Promise<void> {
    const part = this.parts.get(file);
    const e = this.entries[file];
    if (part === undefined || e === undefined || first * 32 + leaves.length > part.bytes.length) return;
    part.bytes.set(leaves, first * 32);
    part.left -= leaves.length / 32;
    part.asked = this.now();
    if (part.left !== 0) return;
    this.parts.delete(file);
    if (same(await root(part.bytes), unb64u(e.root) ?? new Uint8Array())) {
      this.hashes[file] = part.bytes;
      this.plan?.leavesKnown(file);
    } else if (++p.wrong >= WRONG) {
      return this.on.blame(link, new TransferError("bad-block", "the hashes of a file are not those that were offered"));
    }
    this.pump();
  }

  private window(p: Peer): { w: LaneWindow; heard: number } {
    return { w: new LaneWindow(() => Math.max(p.windows.size, p.sender ? this.count.n : 1) > 1), heard: this.now() };
  }

  /** Measures lanes, the new ones at once. */
  private probe(link: Link, p: Peer): void {
    for (const [lane, { w }] of p.windows) {
      if (w.knowsPath && this.ticks % PROBE !== 0) continue;
      void link.lanes.get(lane)?.trip().then((ms) => ms !== null && w.tripOfPath(ms), () => undefined);
    }
  }

  private tick(): void {
    this.ticks++;
    const { plan } = this;
    const now = this.now();
    if (plan === null || this.over) return;
    for (const [link, p] of this.peers) {
      this.tell(link, p);
      this.probe(link, p);
      for (const [lane, l] of p.windows) {
        const owes = plan.outstanding(p.id, lane) > 0;
        if (!owes) {
          l.heard = now;
          l.w.idle();
        } else if (this.held) l.heard = now;
        else if (now - l.heard > DEAD) link.dropLane(lane);
      }
      if (p.sender && !this.held && !plan.done) this.lanesOf(link, p, now);
    }
    this.pump();
  }

  private lanesOf(link: Link, p: Peer, now: number): void {
    const queued = [...p.windows.values()].some(({ w }) => w.queued);
    if (!this.count.look(now, this.came, p.windows.size, queued)) return;
    if (this.count.n > p.windows.size) for (const { w } of p.windows.values()) w.makeRoom();
    this.on.lanes(link, this.count.n);
  }

  /** What is new, file by file: the sender sees how far it is, the others what they can ask for. */
  private tell(link: Link, p: Peer): void {
    const { plan } = this;
    if (plan === null || p.untold.length === 0 || !link.open) return;
    const lane = Math.min(...p.windows.keys());
    const news = p.untold.sort((a, b) => a - b);
    p.untold = [];
    for (let i = 0; i < news.length; ) {
      const file = this.fileOf(news[i] ?? 0);
      const end = (this.first[file] ?? 0) + blocks(this.entries[file]?.size ?? 0);
      let last = i;
      while (last + 1 < news.length && (news[last + 1] ?? 0) < end) last++;
      const from = (news[i] ?? 0) - (this.first[file] ?? 0);
      const to = (news[last] ?? 0) - (this.first[file] ?? 0) + 1;
      for (let at = from & ~7; at < to; at += 8 * 4096) {
        const base = this.first[file] ?? 0;
        link.frame(lane, { t: "have", file, first: at, bits: plan.have.slice(base + at, base + Math.min(to, at + 8 * 4096)) });
      }
      i = last + 1;
    }
  }

  private fileOf(global: number): number {
    let [lo, hi] = [0, this.first.length - 1];
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if ((this.first[mid] ?? 0) <= global) lo = mid;
      else hi = mid - 1;
    }
    return lo;
  }

  private *globals(file: number, first: number, bits: Uint8Array): Generator<number> {
    const n = blocks(this.entries[file]?.size ?? 0);
    for (let i = 0; i < bits.length * 8 && first + i < n; i++) if (bit(bits, i)) yield (this.first[file] ?? 0) + first + i;
  }
}
