// The receive slots of the SFU connection: which mid carries whom, how a "slots" message changes it, and how many slots a
// call needs. Pure.

import type { Pair, Slot, Source } from "./protocol.gen.js";
import type { Key } from "./switcher.js";

/** A video slot costs about 3 KB of SDP and the offer may have 128 KiB; a screen holds no more faces that one can read. */
const MAX_PAIRS = 25;
const MAX_AUDIO = 6;
/** People for whom everyone gets a pair unasked; beyond, the view decides. */
const UNASKED = 9;
/** Slots added at once, so that a room that fills up does not renegotiate at each newcomer. */
const STEP = 4;

export interface SlotMove {
  readonly mid: string;
  /** What the slot carried until now, if that ends. */
  readonly gone: Key | null;
  /** What it carries from now on, if that is new. */
  readonly now: Key | null;
  /** The slot has carried somebody else before: its first frames may still be theirs. */
  readonly dirty: boolean;
}

interface Assigned {
  readonly key: Key | null;
  readonly paused: boolean;
  readonly used: boolean;
}

/** mid → what it carries. */
export type SlotTable = ReadonlyMap<string, Assigned>;

export const noSlots: SlotTable = new Map();

/** Applies a slots message: what it does not name stays. */
export function assign(table: SlotTable, slots: readonly Slot[]): [SlotTable, SlotMove[]] {
  const next = new Map(table);
  const moves: SlotMove[] = [];
  for (const s of slots) {
    const before = next.get(s.mid) ?? { key: null, paused: false, used: false };
    const key: Key | null =
      s.participant !== undefined && s.participant !== "" && s.source !== undefined ? { participant: s.participant, source: s.source } : null;
    next.set(s.mid, { key, paused: s.paused !== undefined, used: before.used || key !== null });
    if (same(before.key, key)) continue;
    moves.push({ mid: s.mid, gone: before.key, now: key, dirty: before.used });
  }
  return [next, moves];
}

/** True if the slots bring key now, or will as soon as its source sends. */
export function carries(table: SlotTable, key: Key): boolean {
  for (const a of table.values()) if (!a.paused && same(a.key, key)) return true;
  return false;
}

/** True if a slot of one of these mids is free. */
export function hasFree(table: SlotTable, mids: readonly string[]): boolean {
  return mids.some((mid) => (table.get(mid)?.key ?? null) === null);
}

/** How many pairs and spare audio slots to have, given how many there are. Never fewer: a slot lives as long as its connection. */
export function needed(
  have: { pairs: number; audio: number },
  room: { people: number; screens: number; visibleWants: number },
): { pairs: number; audio: number } {
  const pairs = Math.max(Math.min(room.people, UNASKED) + room.screens, room.visibleWants);
  return {
    pairs: pairs <= have.pairs ? have.pairs : Math.min(MAX_PAIRS, Math.max(have.pairs, Math.ceil(pairs / STEP) * STEP)),
    audio: room.people <= have.pairs + have.audio ? have.audio : Math.max(have.audio, Math.min(MAX_AUDIO, room.people - have.pairs)),
  };
}

/** The mids of a session description by m-line; data channel sections are left out. */
export function mediaMids(sdp: string): string[] {
  return sdp
    .split(/^m=/m)
    .slice(1)
    .filter((section) => !section.startsWith("application"))
    .map((section) => /^a=mid:(\S+)/m.exec(section)?.[1] ?? "");
}

export function mids(pairs: readonly Pair[], audio: readonly string[], source: Source): string[] {
  const video = source === "camera" || source === "screen";
  return video ? pairs.map((p) => p.video) : [...pairs.map((p) => p.audio), ...audio];
}

function same(a: Key | null, b: Key | null): boolean {
  return a?.participant === b?.participant && a?.source === b?.source;
}
