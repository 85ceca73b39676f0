// Frames of the signaling protocol on this side: encode what we send, decode what the server says. The shapes come from
// protocol.gen.ts, which is generated from the server's Go structs.

import type { ClientMessage, ServerMessage } from "./protocol.gen.js";

const known: Record<ServerMessage["type"], true> = {
  joined: true, waiting: true, ack: true, "sfu-answer": true, credentials: true, history: true, invite: true, pong: true, error: true,
  left: true, "participant-joined": true, "participant-left": true, "participant-updated": true, "chat-message": true,
  "chat-edited": true, "chat-deleted": true, "chat-reacted": true, settings: true, granted: true, recording: true, route: true, "route-done": true,
  "room-ended": true, withheld: true, signal: true, transfer: true, slots: true, speakers: true, typing: true, emote: true, knocks: true, draining: true,
};

export function encode(m: ClientMessage): string {
  return JSON.stringify(m);
}

/**
 * The messages of a frame, which is one or an array of them, in order. A number is an event of a type that this version
 * does not know: a newer server may say more (protocol/doc.go), and its number counts all the same. What has neither a known
 * type nor a number is left out. The server is trusted for the shape of what it does name: it is the one that served this code.
 */
export function decode(frame: unknown): (ServerMessage | number)[] {
  const all = parse(frame);
  const out: (ServerMessage | number)[] = [];
  for (const o of Array.isArray(all) ? all : [all]) {
    if (!isObject(o)) continue;
    if (typeof o["type"] === "string" && Object.hasOwn(known, o["type"])) out.push(o as unknown as ServerMessage);
    else if (typeof o["seq"] === "number") out.push(o["seq"]);
  }
  return out;
}

/** An address of the server given by its http(s) or ws(s) URL, or of the page's own; scheme is that of http, or of ws. */
export function serverURL(server: string | undefined, page: string, path: string, scheme: "http" | "ws"): string {
  const u = new URL(server ?? "/", page);
  u.protocol = u.protocol.replace(/^(http|ws)/, scheme);
  // A page at /r/room is not a base; a server given by hand may live under a prefix.
  u.pathname = server === undefined ? path : u.pathname.replace(/\/?$/, path);
  u.search = "";
  u.hash = "";
  return u.href;
}

function isObject(o: unknown): o is Record<string, unknown> {
  return typeof o === "object" && o !== null && !Array.isArray(o);
}

function parse(frame: unknown): unknown {
  if (typeof frame !== "string") return null;
  try {
    return JSON.parse(frame);
  } catch {
    return null;
  }
}
