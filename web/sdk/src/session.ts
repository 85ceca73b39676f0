// What the server has told us, as a value: each message makes the next Session and says what follows from it. Pure: the
// shell in call.ts performs the effects.
//
// Events are counted. One that is already known is dropped, a hole asks the shell to come back with resume; after a resume
// the missed events follow one by one, or a snapshot replaces everything and the difference is told as effects.

import * as chats from "./chat.js";
import type { Chat } from "./chat.js";
import { ConfabError, ending, refusal } from "./errors.js";
import type {
  Grant, ICEServer, Invite, Knock, Participant, PeerSignal, PeerTransfer, RecordingState, RouteReason, RouteState, ServerEvent, ServerMessage, Settings, SFUAnswer, Slot,
  Source, Speaker, State,
} from "./protocol.gen.js";
import type { ChatEntry } from "./types.js";

export interface Session {
  /** Participant id of this client; null before the first joined. */
  readonly self: string | null;
  /** Who we were before, when that seat was lost. */
  readonly former: string | null;
  /** What resume needs. */
  readonly secret: string;
  readonly epoch: string;
  readonly seq: number;
  /** Milliseconds that the server holds the seat after a lost socket. */
  readonly hold: number;
  /** In the order they joined, this client included. */
  readonly participants: readonly Participant[];
  readonly route: RouteState | null;
  readonly chat: Chat;
  readonly grants: readonly Grant[];
  readonly settings: Settings | null;
  /** Null while the room is not being recorded. */
  readonly recording: RecordingState | null;
  /** Who waits to be let in, oldest first; empty for who may not let anybody in. */
  readonly knocks: readonly Knock[];
  /** How many wait beside those. */
  readonly moreKnocks: number;
}

export type Effect =
  | { readonly do: "joined"; readonly resumed: boolean; readonly recovered: boolean; readonly answer: SFUAnswer | null }
  | { readonly do: "waiting"; readonly moderators: boolean }
  | { readonly do: "acked"; readonly id: string }
  | { readonly do: "ice"; readonly servers: readonly ICEServer[]; readonly ttl: number }
  | { readonly do: "came"; readonly participant: Participant }
  | { readonly do: "gone"; readonly participant: Participant }
  | { readonly do: "updated"; readonly before: Participant; readonly participant: Participant; readonly by: string }
  | { readonly do: "route"; readonly route: RouteState; readonly reason: RouteReason | null }
  | { readonly do: "route-done"; readonly generation: number }
  | { readonly do: "chat"; readonly entry: ChatEntry }
  | { readonly do: "typing" }
  | { readonly do: "emote"; readonly from: string; readonly emoji: string }
  | { readonly do: "knocked"; readonly knock: Knock }
  | { readonly do: "invite"; readonly invite: Invite }
  | { readonly do: "signal"; readonly signal: PeerSignal }
  | { readonly do: "transfer"; readonly transfer: PeerTransfer }
  | { readonly do: "answer"; readonly answer: SFUAnswer }
  | { readonly do: "slots"; readonly slots: readonly Slot[] }
  | { readonly do: "speakers"; readonly speakers: readonly Speaker[] }
  | { readonly do: "draining"; readonly ms: number }
  | { readonly do: "recording"; readonly on: boolean; readonly by: string; readonly reason: string }
  /** A command was refused; id is the command's. */
  | { readonly do: "refused"; readonly id: string; readonly error: ConfabError }
  /** Events are missing: drop the socket and resume. */
  | { readonly do: "resync" }
  /** The seat is gone: join again. */
  | { readonly do: "rejoin" }
  /** The session is over for good. */
  | { readonly do: "ended"; readonly error: ConfabError | null };

export const noSession: Session = {
  self: null, former: null, secret: "", epoch: "", seq: 0, hold: 0, participants: [], route: null, chat: chats.noChat, grants: [], settings: null, recording: null,
  knocks: [], moreKnocks: 0,
};

type Step = [Session, Effect[]];

/** now is the time in milliseconds since 1970, for what the server sends without one. */
export function receive(s: Session, m: ServerMessage, now: number): Step {
  switch (m.type) {
    case "joined":
      return joined(s, m);
    case "waiting":
      return [s, [{ do: "waiting", moderators: m.moderators }]];
    case "participant-joined":
    case "participant-left":
    case "participant-updated":
    case "chat-message":
    case "chat-edited":
    case "chat-deleted":
    case "chat-reacted":
    case "settings":
    case "recording":
    case "granted":
    case "route":
    case "route-done":
    case "room-ended":
    case "withheld":
      return event(s, m, now);
    case "ack":
      return [{ ...s, chat: chats.acked(s.chat, m.id, m.seq) }, [{ do: "acked", id: m.id }]];
    case "history":
      return [{ ...s, chat: chats.older(s.chat, s.self, m) }, []];
    case "typing":
      return [{ ...s, chat: chats.typing(s.chat, m, now) }, [{ do: "typing" }]];
    case "emote":
      return [s, [{ do: "emote", from: m.from, emoji: m.emoji }]];
    case "knocks": {
      const fresh = m.knocks.filter((k) => !s.knocks.some((x) => x.id === k.id));
      return [{ ...s, knocks: m.knocks, moreKnocks: m.more ?? 0 }, fresh.map((knock) => ({ do: "knocked", knock }))];
    }
    case "invite":
      return [s, [{ do: "invite", invite: m }]];
    case "signal":
      return [s, [{ do: "signal", signal: m }]];
    case "transfer":
      return [s, [{ do: "transfer", transfer: m }]];
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
export function skip(s: Session, seq: number): Step {
  return inOrder(s, seq, () => [s, []]);
}

function joined(s: Session, m: Extract<ServerMessage, { type: "joined" }>): Step {
  const ice: Effect = { do: "ice", servers: m.iceServers, ttl: m.iceTtl };
  if (m.recovered && s.self === m.self && s.epoch === m.epoch) {
    const settled = { ...s, secret: m.session, hold: m.resumeWindow * 1000 };
    return [settled, [ice, { do: "joined", resumed: true, recovered: true, answer: m.answer ?? null }]];
  }
  const again = s.self === m.self;
  const next: Session = {
    self: m.self,
    former: again ? null : (s.self ?? s.former),
    secret: m.session,
    epoch: m.epoch,
    seq: m.seq,
    hold: m.resumeWindow * 1000,
    participants: m.participants,
    route: m.route,
    chat: chats.snapshot(s.chat, m, again ? null : (s.self ?? s.former)),
    grants: m.grants,
    settings: m.settings,
    recording: m.recording ?? null,
    knocks: [], // told anew to who may see them
    moreKnocks: 0,
  };
  const effects: Effect[] = [ice, { do: "joined", resumed: again, recovered: false, answer: m.answer ?? null }];
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
    effects.push(before === undefined ? { do: "came", participant: p } : { do: "updated", before, participant: p, by: "" });
  }
  for (const c of next.chat.told) {
    if (!c.own && c.line === null && (c.seq ?? 0) > s.seq) effects.push({ do: "chat", entry: c });
  }
  if (next.route !== null) {
    if (next.route.generation !== s.route?.generation) effects.push({ do: "route", route: next.route, reason: null });
    if (next.route.done) effects.push({ do: "route-done", generation: next.route.generation });
  }
  return effects;
}

function event(s: Session, m: ServerEvent, now: number): Step {
  return inOrder(s, m.seq, () => {
    const told = (chat: Chat): Step => [{ ...s, chat }, []];
    switch (m.type) {
      case "participant-joined": {
        const chat = chats.line(s.chat, "joined", m.seq, m.participant, s.self, now);
        return [{ ...s, participants: [...s.participants, m.participant], chat }, [{ do: "came", participant: m.participant }]];
      }
      case "participant-left": {
        const p = s.participants.find((q) => q.id === m.id);
        if (p === undefined) return [s, []];
        const participants = s.participants.filter((q) => q !== p);
        return [{ ...s, participants, chat: chats.line(s.chat, "left", m.seq, p, s.self, now) }, [{ do: "gone", participant: p }]];
      }
      case "participant-updated": {
        const before = s.participants.find((q) => q.id === m.participant.id);
        if (before === undefined) return [s, []];
        const participants = s.participants.map((q) => (q === before ? m.participant : q));
        const [was, is] = [before.media.screen, m.participant.media.screen];
        const chat = was === is ? s.chat : chats.line(s.chat, is ? "shares" : "stopped", m.seq, m.participant, s.self, now);
        return [{ ...s, participants, chat }, [{ do: "updated", before, participant: m.participant, by: m.by ?? "" }]];
      }
      case "chat-message": {
        const chat = chats.heard(s.chat, s.self, m);
        const e = chat.told.find((x) => x.seq === m.seq);
        return [{ ...s, chat }, e === undefined || e.own ? [] : [{ do: "chat", entry: e }]];
      }
      case "chat-edited":
        return told(chats.edited(s.chat, m));
      case "chat-deleted":
        return told(chats.deleted(s.chat, m));
      case "chat-reacted":
        return told(chats.reacted(s.chat, m));
      case "settings":
        return [{ ...s, settings: m.settings }, []];
      case "recording":
        return [{ ...s, recording: m.on ? { by: m.by ?? "", since: m.since ?? now } : null }, [{ do: "recording", on: m.on, by: m.by ?? "", reason: m.reason ?? "" }]];
      case "granted": {
        // Others are told by participant-updated; who is meant may get this first.
        const participants = s.participants.map((p) => (p.id === s.self && p.role !== m.role ? { ...p, role: m.role } : p));
        return [{ ...s, grants: m.grants, participants }, []];
      }
      case "route":
        return [{ ...s, route: m.route }, [{ do: "route", route: m.route, reason: m.reason }]];
      case "route-done": {
        const route = s.route?.generation === m.generation ? { ...s.route, done: true } : s.route;
        return [{ ...s, route }, [{ do: "route-done", generation: m.generation }]];
      }
      case "room-ended":
        return [s, [{ do: "ended", error: ending("room-ended") }]];
      case "withheld":
        return [s, []];
      default:
        return unreachable(m);
    }
  });
}

function inOrder(s: Session, seq: number, apply: () => Step): Step {
  if (seq <= s.seq) return [s, []];
  if (seq !== s.seq + 1) return [s, [{ do: "resync" }]];
  const [next, effects] = apply();
  return [{ ...next, seq }, effects];
}

function refused(s: Session, id: string, error: ConfabError): Step {
  if (error.code === "session-expired") return [s, [{ do: "rejoin" }]];
  if (error.code === "replaced" || error.code === "ended") return [s, [{ do: "ended", error }]];
  return [s, [{ do: "refused", id, error }]];
}

/** Which sources an update has taken from somebody who was sending them. */
export function takenFrom(sending: State, p: Participant): Source[] {
  const on: [Source, boolean, boolean][] = [
    ["microphone", sending.microphone, p.media.microphone], ["camera", sending.camera, p.media.camera],
    ["screen", sending.screen, p.media.screen], ["screen-audio", sending.screenAudio, p.media.screenAudio],
  ];
  return on.filter(([source, sends, may]) => sends && (!may || (p.blocked ?? []).includes(source))).map(([source]) => source);
}

function unreachable(m: never): never {
  throw new TypeError(`no case for ${JSON.stringify(m)}`);
}
