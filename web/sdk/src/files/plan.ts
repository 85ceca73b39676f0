// What a receiver asks for, of whom. It knows which blocks are there, which are being fetched and by which lane, and answers
// one question: what should this lane ask for next? Pure: time (milliseconds) is an argument.
//
// A block is fetched from one peer, on any of its lanes, so that a wrong one has one culprit. Ranges of a lane that is lost go
// back. With several receivers each asks the sender first for the blocks of its own stripe and takes the rest from the others;
// the sender is asked for those only when nobody else brings them.

import { Bitmap } from "./bitmap.js";
import type { Bytes } from "./bytes.js";
import { blockLength, blocks, firstBlocks } from "./manifest.js";
import type { Range } from "./wire.js";
import { BLOCK, CHUNK } from "./wire.js";

/** Bytes of blocks that are being fetched or checked, at most: the memory that a transfer takes. */
const OPEN_BYTES = 32 << 20;
const OPEN_BLOCKS = 512;
/** Milliseconds without news from the other receivers, after which the sender is asked for their blocks too. */
const PATIENCE = 1_500;
/** Answers of a lane that may be on their way, whatever their size. */
const REQUESTS = 256;

interface OpenBlock {
  readonly global: number;
  readonly file: number;
  readonly block: number;
  readonly length: number;
  readonly peer: string;
  /** Up to where it has been asked for, in bytes of the block. */
  asked: number;
  /** Parts that were asked for in vain: from and to, in bytes of the block. */
  back: { from: number; to: number }[];
  received: number;
  /** All has come; it is being checked. */
  whole: boolean;
  /** A zero, and the block: what its hash is taken of (RFC 9162). Null until the first byte comes. */
  bytes: Bytes | null;
}

interface Asked {
  readonly open: OpenBlock;
  readonly range: Range;
  readonly at: number;
  got: number;
}

interface Peer {
  /** Null: has everything. */
  readonly has: Bitmap | null;
  readonly lanes: Map<number, Asked[]>;
  /** When it last said that it has more. */
  news: number;
}

/** What a DATA message was good for. */
export interface Landed {
  /** Milliseconds since the request, if this is its first byte. */
  readonly trip: number | null;
  /** The block is whole, and waits to be checked; its bytes are the caller's now. */
  readonly whole: WholeBlock | null;
}

export interface WholeBlock {
  readonly global: number;
  readonly file: number;
  readonly block: number;
  /** A zero, and the block. */
  readonly bytes: Bytes;
}

export class Plan {
  readonly have: Bitmap;
  readonly total: number;
  private readonly first: readonly number[];
  private readonly open = new Map<number, OpenBlock>();
  private openBytes = 0;
  private readonly peers = new Map<string, Peer>();
  private stripe = { i: 0, of: 1 };
  private readonly ready: boolean[];
  private readonly wanted: boolean[];
  private readonly fileOf: Int32Array;
  /** Blocks that each file lacks. */
  private readonly lacks: number[];
  /** Everything before it is there. */
  private cursor = 0;
  /** No free block of the own stripe is before it. */
  private ownCursor = 0;

  /** accepted: indexes of files, or all of them. have: the blocks that are there already. */
  constructor(private readonly sizes: readonly { readonly size: number }[], accepted: "all" | readonly number[], have?: Uint8Array) {
    const { first, total } = firstBlocks(sizes);
    this.first = first;
    this.total = total;
    this.have = new Bitmap(total, have);
    this.wanted = sizes.map(() => accepted === "all");
    if (accepted !== "all") for (const f of accepted) if (f < sizes.length) this.wanted[f] = true;
    // The hash of a file of one block is the file's root: known from the offer.
    this.ready = sizes.map((s) => blocks(s.size) <= 1);
    this.fileOf = new Int32Array(total);
    sizes.forEach((s, f) => this.fileOf.fill(f, first[f] ?? 0, (first[f] ?? 0) + blocks(s.size)));
    this.lacks = sizes.map((s) => blocks(s.size));
    for (let g = 0; g < total; g++) if (this.have.has(g)) this.lacks[this.fileOf[g] ?? 0]! -= 1;
  }

  /** The global number of a file's block. */
  global(file: number, block: number): number {
    return (this.first[file] ?? 0) + block;
  }

  /** has null: the sender, who has everything. */
  addPeer(id: string, has: Bitmap | null, now: number): void {
    if (this.peers.has(id)) return;
    this.peers.set(id, { has, lanes: new Map(), news: now });
  }

  removePeer(id: string): void {
    const p = this.peers.get(id);
    if (p === undefined) return;
    for (const lane of [...p.lanes.keys()]) this.removeLane(id, lane);
    this.peers.delete(id);
    // What it has sent of a block goes with it: the next one's part could hide whose is wrong.
    for (const [g, o] of this.open) if (o.peer === id && !o.whole) this.drop(g);
  }

  /** The sender's stripe i of n for this receiver; other receivers bring the rest. */
  setStripe(i: number, of: number): void {
    this.stripe = { i, of: Math.max(1, of) };
    this.ownCursor = 0;
  }

  /** A peer said that it has these. */
  heard(id: string, globals: Iterable<number>, now: number): void {
    const p = this.peers.get(id);
    if (p?.has == null) return;
    for (const g of globals) if (p.has.add(g)) p.news = now;
  }

  /** The leaves of a file are known: its blocks can be checked, and so asked for. */
  leavesKnown(file: number): void {
    this.ready[file] = true;
    this.ownCursor = 0;
  }

  /** Files whose leaves are needed soon, at most n. */
  needsLeaves(n: number): number[] {
    const out: number[] = [];
    for (let f = 0; f < this.ready.length && out.length < n; f++) if (!this.ready[f] && this.wanted[f] && !this.fileDone(f)) out.push(f);
    return out;
  }

  /** The file fails: it is not asked for any more. */
  giveUp(file: number): void {
    this.wanted[file] = false;
    for (const [g, o] of this.open) if (o.file === file && !o.whole) this.drop(g);
    for (const p of this.peers.values()) for (const [lane, asked] of p.lanes) p.lanes.set(lane, asked.filter((a) => a.range.file !== file));
  }

  fileDone(file: number): boolean {
    return this.lacks[file] === 0;
  }

  wants(file: number): boolean {
    return this.wanted[file] === true;
  }

  /** Every wanted file is there. */
  get done(): boolean {
    return this.lacks.every((n, f) => n === 0 || !this.wanted[f]);
  }

  /** Bytes that a lane has been asked for and has not brought. */
  outstanding(id: string, lane: number): number {
    return (this.peers.get(id)?.lanes.get(lane) ?? []).reduce((n, a) => n + a.range.length - a.got, 0);
  }

  /** What this lane should ask for next, with so much room in its window; null for nothing now. */
  next(id: string, lane: number, room: number, now: number): Range | null {
    const p = this.peers.get(id);
    if (p === undefined) return null;
    let asked = p.lanes.get(lane);
    if (asked === undefined) p.lanes.set(lane, (asked = []));
    if (asked.length >= REQUESTS || room <= 0) return null;
    const o = this.unfinished(id) ?? this.start(id, p, now);
    if (o === null) return null;
    const back = o.back.pop();
    const from = back?.from ?? o.asked;
    const left = (back?.to ?? o.length) - from;
    const length = Math.min(left, CHUNK);
    if (back === undefined) o.asked = from + length;
    else if (length < left) o.back.push({ from: from + length, to: back.to });
    const range: Range = { file: o.file, offset: o.block * BLOCK + from, length };
    asked.push({ open: o, range, at: now, got: 0 });
    return range;
  }

  /** Bytes came on a lane; null if nobody asked for them. */
  landed(id: string, lane: number, file: number, offset: number, payload: Uint8Array, now: number): Landed | null {
    const { length } = payload;
    const asked = this.peers.get(id)?.lanes.get(lane);
    const i = asked?.findIndex((x) => x.range.file === file && x.range.offset + x.got === offset && length <= x.range.length - x.got) ?? -1;
    const a = asked?.[i];
    if (asked === undefined || a === undefined) return null;
    const trip = a.got === 0 ? now - a.at : null;
    a.got += length;
    if (a.got === a.range.length) asked.splice(i, 1);
    const o = a.open;
    o.bytes ??= new Uint8Array(1 + o.length);
    o.bytes.set(payload, 1 + offset - o.block * BLOCK);
    o.received += length;
    o.whole = o.received === o.length;
    if (!o.whole) return { trip, whole: null };
    const { global, block, bytes } = o;
    o.bytes = null;
    return { trip, whole: { global, file, block, bytes } };
  }

  /** A whole block was checked: good, it is there; else it will be asked for again. The peer that sent it. */
  checked(global: number, good: boolean): string | null {
    const peer = this.open.get(global)?.peer ?? null;
    this.drop(global);
    if (good && this.have.add(global)) this.lacks[this.fileOf[global] ?? 0]! -= 1;
    return peer;
  }

  /** A lane is gone: what it was asked for is asked for again. The ranges it owed. */
  removeLane(id: string, lane: number): Range[] {
    const p = this.peers.get(id);
    const asked = p?.lanes.get(lane) ?? [];
    p?.lanes.delete(lane);
    for (const { open, range, got } of asked) {
      const from = range.offset - open.block * BLOCK;
      if (this.open.get(open.global) === open) open.back.push({ from: from + got, to: from + range.length });
    }
    return asked.map((a) => a.range);
  }

  private unfinished(id: string): OpenBlock | null {
    for (const o of this.open.values()) {
      if (o.peer === id && !o.whole && (o.asked < o.length || o.back.length > 0)) return o;
    }
    return null;
  }

  private start(id: string, p: Peer, now: number): OpenBlock | null {
    if (this.open.size >= OPEN_BLOCKS || this.openBytes >= OPEN_BYTES) return null;
    const g = p.has === null ? this.ofSender(now) : this.ofPeer(p.has);
    if (g === null) return null;
    const file = this.fileOf[g] ?? 0;
    const block = g - (this.first[file] ?? 0);
    const length = blockLength(this.sizes[file]?.size ?? 0, block);
    const o: OpenBlock = { global: g, file, block, length, peer: id, asked: 0, back: [], received: 0, whole: false, bytes: null };
    this.open.set(g, o);
    this.openBytes += length;
    return o;
  }

  private free(g: number): boolean {
    const file = this.fileOf[g] ?? 0;
    return !this.have.has(g) && !this.open.has(g) && this.wanted[file] === true && this.ready[file] === true;
  }

  private ofSender(now: number): number | null {
    const { i, of } = this.stripe;
    for (let g = this.ownCursor; g < this.total; g++) {
      if (g % of !== i || !this.free(g)) continue;
      this.ownCursor = g;
      return g;
    }
    this.ownCursor = this.total;
    if (of === 1) return null;
    // The rest comes from the others, unless they have it not and bring nothing.
    const others = [...this.peers.values()].filter((p) => p.has !== null);
    const waiting = others.some((p) => now - p.news < PATIENCE || [...p.lanes.values()].some((a) => a.length > 0));
    if (waiting) return null;
    for (let g = 0; g < this.total; g++) if (this.free(g) && !others.some((p) => p.has?.has(g))) return g;
    for (let g = 0; g < this.total; g++) if (this.free(g)) return g;
    return null;
  }

  private ofPeer(has: Bitmap): number | null {
    const { i, of } = this.stripe;
    // What is not our stripe first: nobody else gives it to us.
    for (let g = this.cursor; g < this.total; g++) {
      if (this.have.has(g) && g === this.cursor) this.cursor++;
      if (has.has(g) && this.free(g) && (of === 1 || g % of !== i)) return g;
    }
    for (let g = this.cursor; g < this.total; g++) if (has.has(g) && this.free(g)) return g;
    return null;
  }

  private drop(global: number): void {
    const o = this.open.get(global);
    if (o === undefined) return;
    this.open.delete(global);
    this.openBytes -= o.length;
    this.ownCursor = Math.min(this.ownCursor, global);
  }
}
