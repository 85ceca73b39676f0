// The first message on a connection, and what an earlier page of the visit has left to say. Pure.

import { ConfabError, type ErrorCode } from "./errors.js";
import type { Kept, Logged } from "./outbox.js";
import type { Join, Resume, State } from "./protocol.gen.js";
import type { Session } from "./session.js";
import type { CallOptions, ChatEntry } from "./types.js";
import type { Visit } from "./visit.js";

/** Takes back the seat that we have, or had before the page was reloaded; null if there is none. */
export function resume(s: Session, visit: Visit): ({ type: "resume" } & Resume) | null {
  if (s.self !== null) return { type: "resume", id: "resume", session: s.secret, epoch: s.epoch, seq: s.seq };
  // A reloaded page has seen nothing: no epoch, so that it gets the present state and not what it missed.
  if (visit.seat !== null) return { type: "resume", id: "resume", session: visit.seat.secret, epoch: "", seq: 0 };
  return null;
}

export function join(o: CallOptions, visit: Visit, media: State): { type: "join" } & Join {
  const m: { type: "join" } & Join = { type: "join", id: "join", room: o.room, name: o.name, key: visit.key, media };
  if (o.token !== undefined) m.token = o.token;
  if (o.password !== undefined) m.password = o.password;
  if (o.mode !== undefined) m.mode = o.mode;
  return m;
}

/** The messages of the chat that wait in an outbox, as they are shown. */
export function written(kept: readonly Kept[], name: string): ChatEntry[] {
  return kept.flatMap((k) => (k.message.type === "chat" ? [entry(k, k.message, name)] : []));
}

function entry(k: Kept, m: Extract<Logged, { type: "chat" }>, name: string): ChatEntry {
  const f = k.failed;
  return {
    id: k.id, seq: null, line: null, from: "", name, to: m.to ?? null, text: m.text, time: k.at, reply: m.reply ?? null, edited: null, deleted: false,
    reactions: [], own: true, status: f === undefined ? "pending" : "failed",
    error: f === undefined ? null : new ConfabError({ code: f.code as ErrorCode, message: f.message, hint: f.hint }),
  };
}
