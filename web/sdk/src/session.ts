// What the server has told us, as a value: each message makes the next Session and says what follows from it. Pure: the
// shell in call.ts performs the effects.
//
// Events are counted. One that is already known is dropped, a hole asks the shell to come back with resume; after a resume
// the missed events follow one by one, or a snapshot replaces everything and the difference is told as effects.

import { ConfabError, refusal } from "./errors.js";
import type {
  ChatMessage, ICEServer, Participant, PeerSignal, RouteState, ServerEvent, ServerMessage, SFUAnswer, Slot, Speaker,
} from "./protocol.gen.js";
import type { ChatEntry } from "./types.js";

export interface Session {
  /** Participant id of this client; null before the first joined. */
  readonly self: string | null;
  /** What resume needs. */
  readonly secret: string;
  readonly epoch: string;
  readonly seq: number;
  /** In the order they joined, this client included. */
  readonly participants: readonly Participant[];
  readonly route: RouteState | null;
  readonly chat: readonly ChatEntry[];
}

export type Effect =
  | { readonly do: "joined"; readonly resumed: boolean; readonly answer: SFUAnswer | null }
  | { readonly do: "ice"; readonly servers: readonly ICEServer[]; readonly ttl: number }
  | { readonly do: "came"; readonly participant: Participant }
  | { readonly do: "gone"; readonly participant: Participant }
  | { readonly do: "updated"; readonly before: Participant; readonly participant: Participant }
  | { readonly do: "route"; readonly route: RouteState }
  | { readonly do: "route-done"; readonly generation: number }
  | { readonly do: "chat"; readonly entry: ChatEntry }
  | { readonly do: "signal"; readonly signal: PeerSignal }
  | { readonly do: "answer"; readonly answer: SFUAnswer }
  | { readonly do: "slots"; readonly slots: readonly Slot[] }
  | { readonly do: "speakers"; readonly speakers: readonly Speaker[] }
  | { readonly do: "draining"; readonly ms: number }
  /** A command was refused; id is the command's. */
  | { readonly do: "refused"; readonly id: string; readonly error: ConfabError }
  /** Events are missing: drop the socket and resume. */
  | { readonly do: "resync" }
  /** The seat is gone: join again. */
  | { readonly do: "rejoin" }
  /** The session is over for good. */
  | { readonly do: "ended"; readonly error: ConfabError | null };

export const noSession: Session = { self: null, secret: "", epoch: "", seq: 0, participants: [], route: null, chat: [] };

/** Messages kept in state. */
const CHAT = 1000;

export function receive(s: Session, m: ServerMessage): [Session, Effect[]] {
  switch (m.type) {
    case "joined":
      return joined(s, m);
    case "participant-joined":
    case "participant-left":
    case "participant-updated":
    case "chat-message":
    case "route":
    case "route-done":
    case "withheld":
      return event(s, m);
    case "signal":
      return [s, [{ do: "signal", signal: m }]];
    case "sfu-answer":
      return [s, [{ do: "answer", answer: m }]];
    case "slots":
      return [s, [{ do: "slots", slots: m.slots }]];
    case "speakers":
      return [s, [{ do: "speakers", speakers: m.speakers }]];
    case "credentials":
      return [s, [{ do: "ice", servers: m.iceServers, ttl: m.iceTtl }]];
    case "draining":
      return [s, [{ do: "draining", ms: m.deadline }]];
    case "pong":
      return [s, []];
    case "left":
      // A server that stops will be back, or another takes its place: the lost socket is brought back, as ever, and media
      // between peers does not need the server.
      return [s, m.reason === "server-stopped" ? [] : [{ do: "ended", error: ending(m.reason) }]];
    case "error":
      return refused(s, m.id ?? "", refusal(m));
    default:
      return unreachable(m);
  }
}

/** An event of a type that this version does not know: it counts, its content is lost on us. */
export function skip(s: Session, seq: number): [Session, Effect[]] {
  return inOrder(s, seq, () => [s, []]);
}

/** Our own message, shown before the server has confirmed it. */
export function say(s: Session, entry: ChatEntry): Session {
  return { ...s, chat: [...s.chat.filter((c) => c.id !== entry.id), entry].slice(-CHAT) };
}

function joined(s: Session, m: Extract<ServerMessage, { type: "joined" }>): [Session, Effect[]] {
  const ice: Effect = { do: "ice", servers: m.iceServers, ttl: m.iceTtl };
  if (m.recovered && s.self === m.self && s.epoch === m.epoch) {
    return [{ ...s, secret: m.session }, [ice, { do: "joined", resumed: true, answer: m.answer ?? null }]];
  }
  const again = s.self === m.self;
  const next: Session = {
    self: m.self,
    secret: m.session,
    epoch: m.epoch,
    seq: m.seq,
    participants: m.participants,
    route: m.route,
    chat: [...m.chat.map((c) => entry(m.self, c)), ...unconfirmed(s, m.chat)],
  };
  const effects: Effect[] = [ice, { do: "joined", resumed: again, answer: m.answer ?? null }];
  if (again) effects.push(...difference(s, next));
  return [next, effects];
}

/** What a snapshot changes for one who was there before. */
function difference(s: Session, next: Session): Effect[] {
  const effects: Effect[] = [];
  for (const p of s.participants) {
    if (!next.participants.some((q) => q.id === p.id)) effects.push({ do: "gone", participant: p });
  }
  for (const p of next.participants) {
    const before = s.participants.find((q) => q.id === p.id);
    effects.push(before === undefined ? { do: "came", participant: p } : { do: "updated", before, participant: p });
  }
  for (const c of next.chat) {
    if (!c.own && !s.chat.some((d) => d.id === c.id && d.from === c.from)) effects.push({ do: "chat", entry: c });
  }
  if (next.route !== null) {
    if (next.route.generation !== s.route?.generation) effects.push({ do: "route", route: next.route });
    if (next.route.done) effects.push({ do: "route-done", generation: next.route.generation });
  }
  return effects;
}

function event(s: Session, m: ServerEvent): [Session, Effect[]] {
  return inOrder(s, m.seq, () => {
    switch (m.type) {
      case "participant-joined":
        return [{ ...s, participants: [...s.participants, m.participant] }, [{ do: "came", participant: m.participant }]];
      case "participant-left": {
        const p = s.participants.find((q) => q.id === m.id);
        return [{ ...s, participants: s.participants.filter((q) => q.id !== m.id) }, p === undefined ? [] : [{ do: "gone", participant: p }]];
      }
      case "participant-updated": {
        const before = s.participants.find((q) => q.id === m.participant.id);
        if (before === undefined) return [s, []];
        const participants = s.participants.map((q) => (q === before ? m.participant : q));
        return [{ ...s, participants }, [{ do: "updated", before, participant: m.participant }]];
      }
      case "chat-message": {
        const e = entry(s.self, m);
        // A pending message takes its place in the server's order.
        return [say(s, e), e.own ? [] : [{ do: "chat", entry: e }]];
      }
      case "route":
        return [{ ...s, route: m.route }, [{ do: "route", route: m.route }]];
      case "route-done": {
        const route = s.route?.generation === m.generation ? { ...s.route, done: true } : s.route;
        return [{ ...s, route }, [{ do: "route-done", generation: m.generation }]];
      }
      case "withheld":
        return [s, []];
      default:
        return unreachable(m);
    }
  });
}

function inOrder(s: Session, seq: number, apply: () => [Session, Effect[]]): [Session, Effect[]] {
  if (seq <= s.seq) return [s, []];
  if (seq !== s.seq + 1) return [s, [{ do: "resync" }]];
  const [next, effects] = apply();
  return [{ ...next, seq }, effects];
}

function refused(s: Session, id: string, error: ConfabError): [Session, Effect[]] {
  if (error.code === "session-expired") return [s, [{ do: "rejoin" }]];
  if (error.code === "replaced") return [s, [{ do: "ended", error }]];
  const c = s.chat.find((e) => e.id === id && e.own && e.status === "pending");
  if (c === undefined) return [s, [{ do: "refused", id, error }]];
  const failed: ChatEntry = { ...c, status: "failed", error };
  return [{ ...s, chat: s.chat.map((e) => (e === c ? failed : e)) }, []];
}

function unconfirmed(s: Session, confirmed: readonly ChatMessage[]): ChatEntry[] {
  return s.chat.filter((e) => e.own && e.status !== "sent" && !confirmed.some((c) => c.id === e.id));
}

function entry(self: string | null, c: ChatMessage): ChatEntry {
  return {
    id: c.id, from: c.from, name: c.name, to: c.to ?? null, text: c.text, time: c.time,
    own: c.from === self, status: "sent", error: null,
  };
}

function ending(reason: string): ConfabError | null {
  switch (reason) {
    case "left":
      return null;
    case "replaced":
      return new ConfabError({ code: "replaced", message: "This call was taken over by another tab or device.", hint: "Go on there, or join again here." });
    case "removed":
      return new ConfabError({ code: "removed", message: "You were removed from the room." });
    default:
      return new ConfabError({ code: "room-closed", message: "The room was closed." });
  }
}

function unreachable(m: never): never {
  throw new TypeError(`no case for ${JSON.stringify(m)}`);
}
