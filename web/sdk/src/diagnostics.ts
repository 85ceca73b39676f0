// Call.stats: everything getStats knows that a diagnostics panel wants, in one reading.

import type { LocalMedia } from "./local.js";
import { sources } from "./local.js";
import { connection, inbound, outbound, report } from "./linkstats.js";
import type { Router } from "./router.js";
import type { CallStats, ConnectionStats, InboundStats, OutboundStats } from "./types.js";

export async function diagnostics(router: Router, local: LocalMedia, time: number): Promise<CallStats> {
  const owner = new Map<string, Pick<InboundStats, "participant" | "source">>();
  for (const { key, track } of router.inbound()) owner.set(track.track.id, key);
  const connections: ConnectionStats[] = [];
  const received: InboundStats[] = [];
  const sent: OutboundStats[] = [];
  for (const { peer, pc } of router.connections()) {
    const r = report(await pc.getStats());
    connections.push(connection(peer, pc.connectionState, r));
    received.push(...inbound(peer, r, owner));
    for (const sender of pc.getSenders()) {
      const source = sources.find((x) => sender.track !== null && local.track(x) === sender.track);
      if (source !== undefined) sent.push(...outbound(peer, source, report(await sender.getStats())));
    }
  }
  return { time, connections, inbound: received, outbound: sent };
}
