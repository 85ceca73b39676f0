// From what the parts know to what the application sees. Objects that did not change stay the same object, so that a page
// compares by identity. Pure.

import { unread } from "./chat.js";
import type { CarrierKind } from "./carriers/carrier.js";
import type { ConfabError } from "./errors.js";
import type { Level } from "./levels.js";
import { worst } from "./linkstats.js";
import type { Knock, Participant, RouteState, State } from "./protocol.gen.js";
import type { Session } from "./session.js";
import type {
  CallPhase, CallState, ConnectionState, KnockState, LinkState, LobbyState, PersonState, PersonStreams, TalkState, TypingState,
} from "./types.js";

/** What the parts know. */
export interface Sources {
  readonly now: number;
  readonly room: string;
  readonly phase: CallPhase;
  readonly error: ConfabError | null;
  readonly session: Session;
  readonly signaling: ConnectionState["signaling"];
  readonly carrier: CarrierKind | null;
  /** Of the lobby: somebody is there who can answer. */
  readonly attended: boolean;
  /** Commands in the outbox. */
  readonly waiting: number;
  readonly drainingUntil: number | null;
  readonly route: RouteState | null;
  readonly links: readonly LinkState[];
  readonly media: State;
  readonly ownStreams: PersonStreams;
  streams(participant: string): PersonStreams;
  level(participant: string): Level;
  link(participant: string): LinkState;
}

export function nothing(room: string, now: number): CallState {
  return {
    phase: "idle", room, self: null, people: [], chat: [], error: null, grants: [], settings: null, recording: null,
    talk: { unread: 0, more: false, loading: false, waiting: 0, typing: [] },
    lobby: { attended: false, knocks: [], more: 0 },
    connection: { route: null, switching: false, signaling: "offline", carrier: null, path: "none", protocol: null, rttMs: null, since: now, drainingUntil: null },
  };
}

/** The next snapshot: before itself, if nothing changed. */
export function snapshot(before: CallState, s: Sources): CallState {
  const { self, participants, chat } = s.session;
  const own = participants.find((p) => p.id === self);
  const links = worst(s.links);
  const next: CallState = {
    phase: s.phase,
    room: s.room,
    // Of ourselves, what we have just done shows at once, whatever the server has heard of it.
    self:
      own === undefined
        ? null
        : person(before.self ?? undefined, { ...own, online: s.signaling === "connected", media: s.media }, s.ownStreams, s.level(own.id), links),
    people: same(
      before.people,
      participants
        .filter((p) => p !== own)
        .map((p) => person(before.people.find((x) => x.id === p.id), p, s.streams(p.id), s.level(p.id), s.link(p.id))),
    ),
    chat: chat.entries,
    talk: talk(before.talk, s),
    grants: s.session.grants,
    settings: s.session.settings,
    recording: s.session.recording,
    lobby: lobby(before.lobby, s),
    connection: connection(
      before.connection,
      {
        route: s.route?.transport ?? null, switching: s.route !== null && !s.route.done, signaling: s.signaling, carrier: s.carrier,
        path: links.path, protocol: links.protocol, rttMs: links.rttMs, drainingUntil: s.drainingUntil,
      },
      s.now,
    ),
    error: s.error,
  };
  return keep(before, next);
}

export function person(before: PersonState | undefined, p: Participant, streams: PersonStreams, level: Level, link: LinkState): PersonState {
  const { microphone, camera, screen, screenAudio, hand } = p.media;
  // A muted microphone sends silence, and the last loud moment rings on: what the person says of it counts.
  const heard = microphone || screenAudio;
  const next: PersonState = {
    id: p.id, name: p.name, kind: p.kind, role: p.role, verified: p.verified ?? false, blocked: p.blocked ?? none, online: p.online,
    microphone, camera, screen, screenAudio, hand,
    speaking: heard && level.speaking,
    level: heard ? level.level : 0,
    streams: keep(before?.streams, streams),
    link: keep(before?.link, link),
  };
  return keep(before, next);
}

export function knock(k: Knock): KnockState {
  return { id: k.id, name: k.name, verified: k.verified ?? false, since: k.since };
}

const none: readonly [] = [];

function talk(before: TalkState, s: Sources): TalkState {
  const { chat, participants, self } = s.session;
  const typing = chat.typing.flatMap(({ from, direct }): TypingState[] => {
    const p = participants.find((x) => x.id === from && x.id !== self);
    return p === undefined ? [] : [keep(before.typing.find((t) => t.id === from), { id: from, name: p.name, direct })];
  });
  return keep(before, {
    unread: unread(chat), more: chat.more, loading: chat.loading, waiting: s.waiting,
    typing: same(before.typing, typing),
  });
}

function lobby(before: LobbyState, s: Sources): LobbyState {
  const knocks = s.session.knocks.map((k) => keep(before.knocks.find((x) => x.id === k.id), knock(k)));
  return keep(before, { attended: s.attended, knocks: same(before.knocks, knocks), more: s.session.moreKnocks });
}

/** before, if next has the same members in the same order. */
function same<T>(before: readonly T[], next: readonly T[]): readonly T[] {
  return before.length === next.length && before.every((x, i) => x === next[i]) ? before : next;
}

function connection(before: ConnectionState, next: Omit<ConnectionState, "since">, now: number): ConnectionState {
  const since = before.path === next.path && before.signaling === next.signaling ? before.since : now;
  return keep(before, { ...next, since });
}

/** before, if next has the same values. */
function keep<T extends object>(before: T | undefined, next: T): T {
  if (before === undefined) return next;
  const keys = Object.keys(next) as (keyof T)[];
  return keys.every((k) => Object.is(before[k], next[k])) ? before : next;
}
