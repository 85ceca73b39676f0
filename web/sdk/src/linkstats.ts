// getStats, read: which way a connection goes and how well, and the numbers of a diagnostics panel. Pure.

import type { StatsEntry } from "./counters.js";
import { number, text } from "./counters.js";
import type { ConnectionStats, InboundStats, LinkProtocol, LinkState, OutboundStats, PathKind } from "./types.js";

export type Report = ReadonlyMap<string, StatsEntry>;

export const noLink: LinkState = { path: "none", protocol: null, rttMs: null, loss: null };

/** The report of getStats, typed as what it is: a bag. */
export function report(r: RTCStatsReport): Report {
  const out = new Map<string, StatsEntry>();
  r.forEach((value: StatsEntry, key: string) => out.set(key, value));
  return out;
}

/** The candidate pair in use; null before there is one. */
export function selectedPair(r: Report): StatsEntry | null {
  for (const e of r.values()) {
    const id = e.type === "transport" ? text(e, "selectedCandidatePairId") : null;
    const pair = id === null ? undefined : r.get(id);
    if (pair !== undefined) return pair;
  }
  // Firefox has no transport entry in some versions, and marks the pair itself.
  for (const e of r.values()) {
    if (e.type === "candidate-pair" && e["nominated"] === true && e["state"] === "succeeded" && e["selected"] !== false) return e;
  }
  return null;
}

/** before is the previous report of the same connection, for what is counted per interval. */
export function link(r: Report, before: Report | null, toServer: boolean): LinkState {
  const pair = selectedPair(r);
  if (pair === null) return noLink;
  const local = candidate(r, pair, "localCandidateId");
  const remote = candidate(r, pair, "remoteCandidateId");
  const relayed = local?.["candidateType"] === "relay" || remote?.["candidateType"] === "relay";
  const rtt = number(pair, "currentRoundTripTime");
  return {
    path: toServer ? "server" : relayed ? "relayed" : "direct",
    protocol: protocol(local),
    rttMs: rtt === null ? null : Math.round(rtt * 1000),
    loss: loss(r, before),
  };
}

export function connection(peer: string, state: RTCPeerConnectionState, r: Report): ConnectionStats {
  const pair = selectedPair(r);
  const l = link(r, null, peer === "sfu");
  const transport = [...r.values()].find((e) => e.type === "transport");
  return {
    peer,
    state,
    path: l.path,
    protocol: l.protocol,
    rttMs: l.rttMs,
    localCandidate: describe(pair === null ? null : candidate(r, pair, "localCandidateId")),
    remoteCandidate: describe(pair === null ? null : candidate(r, pair, "remoteCandidateId")),
    availableOutgoingBitrate: pair === null ? null : number(pair, "availableOutgoingBitrate"),
    bytesSent: pair === null ? 0 : (number(pair, "bytesSent") ?? 0),
    bytesReceived: pair === null ? 0 : (number(pair, "bytesReceived") ?? 0),
    dtlsCipher: transport === undefined ? null : text(transport, "dtlsCipher"),
  };
}

/** owner: whom the track with this id shows. */
export function inbound(peer: string, r: Report, owner: ReadonlyMap<string, Pick<InboundStats, "participant" | "source">>): InboundStats[] {
  const out: InboundStats[] = [];
  for (const e of r.values()) {
    const o = e.type === "inbound-rtp" ? owner.get(text(e, "trackIdentifier") ?? "") : undefined;
    if (o === undefined) continue;
    const jitter = number(e, "jitter");
    out.push({
      ...o,
      peer,
      kind: e["kind"] === "video" ? "video" : "audio",
      codec: codec(r, e),
      packetsReceived: number(e, "packetsReceived") ?? 0,
      packetsLost: number(e, "packetsLost") ?? 0,
      bytesReceived: number(e, "bytesReceived") ?? 0,
      jitterMs: jitter === null ? null : Math.round(jitter * 1000),
      framesDecoded: number(e, "framesDecoded") ?? 0,
      framesPerSecond: number(e, "framesPerSecond"),
      width: number(e, "frameWidth"),
      height: number(e, "frameHeight"),
      freezes: number(e, "freezeCount") ?? 0,
      totalAudioEnergy: number(e, "totalAudioEnergy") ?? 0,
    });
  }
  return out;
}

/** One sending m-line's report (RTCRtpSender.getStats). */
export function outbound(peer: string, source: OutboundStats["source"], r: Report): OutboundStats[] {
  const out: OutboundStats[] = [];
  for (const e of r.values()) {
    if (e.type !== "outbound-rtp") continue;
    out.push({
      source,
      peer,
      kind: e["kind"] === "video" ? "video" : "audio",
      rid: text(e, "rid"),
      codec: codec(r, e),
      active: e["active"] !== false,
      packetsSent: number(e, "packetsSent") ?? 0,
      bytesSent: number(e, "bytesSent") ?? 0,
      framesEncoded: number(e, "framesEncoded") ?? 0,
      framesPerSecond: number(e, "framesPerSecond"),
      width: number(e, "frameWidth"),
      height: number(e, "frameHeight"),
      limitedBy: text(e, "qualityLimitationReason"),
    });
  }
  return out;
}

/** What to say of several links at once: the farthest way. */
export function worst(links: readonly LinkState[]): LinkState {
  const rank: Record<PathKind, number> = { none: 0, direct: 1, relayed: 2, server: 3 };
  return links.reduce((a, b) => (rank[b.path] > rank[a.path] || (b.path === a.path && (b.rttMs ?? 0) > (a.rttMs ?? 0)) ? b : a), noLink);
}

function loss(r: Report, before: Report | null): number | null {
  if (before === null) return null;
  let lost = 0;
  let received = 0;
  for (const [id, e] of r) {
    const b = before.get(id);
    if (e.type !== "inbound-rtp" || b === undefined) continue;
    lost += (number(e, "packetsLost") ?? 0) - (number(b, "packetsLost") ?? 0);
    received += (number(e, "packetsReceived") ?? 0) - (number(b, "packetsReceived") ?? 0);
  }
  // Late packets make the count of lost ones shrink (RFC 3550 A.3).
  return lost + received <= 0 ? null : Math.max(0, lost) / (Math.max(0, lost) + received);
}

function candidate(r: Report, pair: StatsEntry, field: string): StatsEntry | null {
  return r.get(text(pair, field) ?? "") ?? null;
}

/** How packets leave this machine: to the TURN server if there is one between. */
function protocol(local: StatsEntry | null): LinkProtocol | null {
  const p = local === null ? null : (text(local, "relayProtocol") ?? text(local, "protocol"));
  return p === "udp" || p === "tcp" || p === "tls" ? p : null;
}

function describe(c: StatsEntry | null): string | null {
  if (c === null) return null;
  const address = text(c, "address") ?? "(hidden)";
  return `${text(c, "candidateType") ?? "?"} ${protocol(c) ?? "?"} ${address}:${number(c, "port") ?? "?"}`;
}

function codec(r: Report, e: StatsEntry): string | null {
  const c = r.get(text(e, "codecId") ?? "");
  return c === undefined ? null : text(c, "mimeType");
}
