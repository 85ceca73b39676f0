// Which way a lane goes, and why it is not a shorter one.

export interface Route {
  readonly kind: "lan" | "direct" | "relayed";
  /** Of a relayed one: asked for, or nothing direct was found, or only TCP or TLS gets out. */
  readonly why: "chosen" | "no-direct-path" | "udp-blocked" | null;
  readonly rttMs: number | null;
}

type Entry = Record<string, unknown> & { readonly type: string };

export async function route(pc: RTCPeerConnection, relayOnly: boolean): Promise<Route | null> {
  const all = new Map<string, Entry>();
  (await pc.getStats()).forEach((v: Entry, k: string) => all.set(k, v));
  return read(all, relayOnly);
}

/** Of a report of getStats. Pure. */
export function read(all: ReadonlyMap<string, Entry>, relayOnly: boolean): Route | null {
  const values = [...all.values()];
  const chosen = values.find((e) => e.type === "transport")?.["selectedCandidatePairId"];
  const pair =
    (typeof chosen === "string" ? all.get(chosen) : undefined) ??
    // Firefox names no pair in its transport entry, and marks the pair itself.
    values.find((e) => e.type === "candidate-pair" && e["state"] === "succeeded" && e["nominated"] === true && e["selected"] !== false);
  if (pair === undefined) return null;
  const local = all.get(String(pair["localCandidateId"]));
  const remote = all.get(String(pair["remoteCandidateId"]));
  const rtt = pair["currentRoundTripTime"];
  const rttMs = typeof rtt === "number" ? Math.round(rtt * 1000) : null;
  if (local?.["candidateType"] === "relay" || remote?.["candidateType"] === "relay") {
    const stream = ["tcp", "tls"].includes(String(local?.["relayProtocol"]));
    return { kind: "relayed", why: relayOnly ? "chosen" : stream ? "udp-blocked" : "no-direct-path", rttMs };
  }
  return { kind: near(local) && near(remote) ? "lan" : "direct", why: null, rttMs };
}

/** A host candidate, or one that was found on the way whose address is of a local network; a hidden address is one of mDNS. */
function near(c: Entry | undefined): boolean {
  if (c?.["candidateType"] === "host") return true;
  const address = String(c?.["address"] ?? c?.["ip"] ?? "");
  return c?.["candidateType"] === "prflx" && /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd][0-9a-f]{2}:|fe80:|::1$)/i.test(address);
}
