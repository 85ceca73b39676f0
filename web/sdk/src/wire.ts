// Frames of the signaling protocol on this side: encode what we send, decode what the server says. The shapes come from
// protocol.gen.ts, which is generated from the server's Go structs.

import type { ClientMessage, ServerMessage } from "./protocol.gen.js";

const known: Record<ServerMessage["type"], true> = {
  joined: true, "sfu-answer": true, credentials: true, pong: true, error: true, left: true,
  "participant-joined": true, "participant-left": true, "participant-updated": true, "chat-message": true,
  route: true, "route-done": true, withheld: true, signal: true, slots: true, speakers: true, draining: true,
};

export function encode(m: ClientMessage): string {
  return JSON.stringify(m);
}

/**
 * Null for what this version does not know: a newer server may say more (protocol/doc.go), and an unknown event still
 * counts, see sequence(). The server is trusted for the shape of what it does name: it is the one that served this code.
 */
export function decode(frame: unknown): ServerMessage | null {
  const o = parse(frame);
  return o !== null && typeof o["type"] === "string" && Object.hasOwn(known, o["type"]) ? (o as unknown as ServerMessage) : null;
}

/** The number of an event of unknown type, so that the count of the log goes on; null when it has none. */
export function sequence(frame: unknown): number | null {
  const seq = parse(frame)?.["seq"];
  return typeof seq === "number" ? seq : null;
}

/** The WebSocket address of a server given by its http(s) or ws(s) URL, or by the page's own. */
export function socketURL(server: string | undefined, page: string): string {
  const u = new URL(server ?? "/", page);
  u.protocol = u.protocol.replace(/^http/, "ws");
  // A page at /r/room is not a base; a server given by hand may live under a prefix.
  u.pathname = server === undefined ? "/ws" : u.pathname.replace(/\/?$/, "/ws");
  u.search = "";
  u.hash = "";
  return u.href;
}

function parse(frame: unknown): Record<string, unknown> | null {
  if (typeof frame !== "string") return null;
  try {
    const o: unknown = JSON.parse(frame);
    return typeof o === "object" && o !== null && !Array.isArray(o) ? (o as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
