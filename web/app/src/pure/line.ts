// The connection line: what is true of the connection, in a few words. Pure.

import type { ConnectionState, LinkState } from "@confab/sdk";
import type { Texts } from "../texts/en.js";

export interface Line {
  tone: "good" | "busy" | "bad";
  text: string;
}

export interface LineFormat {
  ms(ms: number): string;
  seconds(s: number): string;
}

/** How long packets may be missing before anything is said: shorter gaps heal unseen. */
export const PATIENCE = 1500;

/** How long a path must have held before it is blamed on the network: the first pair that works may be a relayed one. */
const SETTLED = 5000;

/**
 * others is how many people are here besides us: alone, no path is no fault. waiting is how much of what we have said or done
 * has not reached the server.
 */
export function line(c: ConnectionState, others: number, waiting: number, online: boolean, now: number, t: Texts["connection"], f: LineFormat): Line {
  const gone = now - c.since;
  if (!online) return { tone: "bad", text: waiting > 0 ? t.offlineKept : t.offline };
  if (c.signaling !== "connected" && gone >= PATIENCE) {
    const text = t.reconnecting(f.seconds(gone / 1000));
    return { tone: "bad", text: waiting > 0 ? t.kept(text) : text };
  }
  if (c.drainingUntil !== null) return { tone: "busy", text: t.draining };
  if (others === 0 && c.path === "none") return { tone: "good", text: t.alone };
  if (c.path === "none") return { tone: "busy", text: t.connecting };
  const path = { direct: t.direct, relayed: t.relayed, server: t.server }[c.path];
  const forced = gone >= SETTLED && (c.protocol === "tcp" || c.protocol === "tls") ? t.blocksUDP(c.protocol.toUpperCase()) : "";
  const detour = c.carrier === "sse" ? t.blocksSockets : "";
  return { tone: "good", text: [path, c.rttMs === null ? "" : t.rtt(f.ms(c.rttMs)), forced, detour].filter((s) => s !== "").join(" · ") };
}

export type Quality = "good" | "weak" | "lost";

/** The dot beside a name. */
export function quality(online: boolean, l: LinkState): Quality {
  if (!online || l.path === "none") return "lost";
  return (l.loss ?? 0) > 0.05 || (l.rttMs ?? 0) > 400 ? "weak" : "good";
}
