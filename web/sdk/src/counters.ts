// Has media arrived? Read from getStats, since a decoded frame is the only proof that there is something to see; events say
// that something was negotiated. Pure.

export interface Counters {
  readonly kind: "audio" | "video";
  readonly packets: number;
  /** Decoded. */
  readonly frames: number;
  /** Decoded; null where the browser does not count them. */
  readonly keyframes: number | null;
}

/** What the SDK reads of a stats entry; browsers leave fields out as they like. */
export type StatsEntry = Readonly<Record<string, unknown>> & { readonly type?: unknown };

/** Track id → counters of what is received by it. */
export function counters(report: Iterable<readonly [string, unknown]>): Map<string, Counters> {
  const out = new Map<string, Counters>();
  for (const [, value] of report) {
    const e = value as StatsEntry;
    const id = text(e, "trackIdentifier");
    if (e.type !== "inbound-rtp" || id === null) continue;
    out.set(id, {
      kind: e["kind"] === "video" ? "video" : "audio",
      packets: number(e, "packetsReceived") ?? 0,
      frames: number(e, "framesDecoded") ?? 0,
      keyframes: number(e, "keyFramesDecoded"),
    });
  }
  return out;
}

/** Milliseconds after which any frame counts in a reused slot: its keyframe may have come before we looked, or is not counted. */
const BLIND = 1_000;

/**
 * True if media of the awaited source was decoded. In a slot that carried somebody else before, `since` has the counters
 * when it was reassigned and how many milliseconds ago that was: only a keyframe can begin a picture of the new one.
 */
export function delivered(now: Counters, since: { base: Counters; ms: number } | null): boolean {
  if (since === null) return now.kind === "audio" ? now.packets > 0 : now.frames > 0;
  const { base, ms } = since;
  if (now.kind === "audio") return now.packets > base.packets;
  if (now.keyframes !== null && now.keyframes > (base.keyframes ?? 0)) return true;
  return now.frames > base.frames && ms >= BLIND;
}

export function number(e: StatsEntry, name: string): number | null {
  const v = e[name];
  return typeof v === "number" && Number.isFinite(v) ? v : null;
}

export function text(e: StatsEntry, name: string): string | null {
  const v = e[name];
  return typeof v === "string" && v !== "" ? v : null;
}
