// From what the parts know to what the application sees. Objects that did not change stay the same object, so that a page
// compares by identity. Pure.

import type { Level } from "./levels.js";
import type { Participant } from "./protocol.gen.js";
import type { ConnectionState, LinkState, PersonState, PersonStreams } from "./types.js";

export function person(before: PersonState | undefined, p: Participant, streams: PersonStreams, level: Level, link: LinkState): PersonState {
  const { microphone, camera, screen, screenAudio, hand } = p.media;
  // A muted microphone sends silence, and the last loud moment rings on: what the person says of it counts.
  const heard = microphone || screenAudio;
  const next: PersonState = {
    id: p.id, name: p.name, kind: p.kind, online: p.online,
    microphone, camera, screen, screenAudio, hand,
    speaking: heard && level.speaking,
    level: heard ? level.level : 0,
    streams: keep(before?.streams, streams),
    link: keep(before?.link, link),
  };
  return keep(before, next);
}

export function people(before: readonly PersonState[], next: readonly PersonState[]): readonly PersonState[] {
  return before.length === next.length && before.every((p, i) => p === next[i]) ? before : next;
}

export function connection(before: ConnectionState, next: Omit<ConnectionState, "since">, now: number): ConnectionState {
  const since = before.path === next.path && before.signaling === next.signaling ? before.since : now;
  return keep(before, { ...next, since });
}

/** before, if next has the same values. */
export function keep<T extends object>(before: T | undefined, next: T): T {
  if (before === undefined) return next;
  const keys = Object.keys(next) as (keyof T)[];
  return keys.every((k) => Object.is(before[k], next[k])) ? before : next;
}
