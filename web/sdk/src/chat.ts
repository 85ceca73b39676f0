// The chat as a value: what the server has told, what we have written and it has not confirmed yet, and who is writing.
// Messages are known by the seq that the log gave them, so that a resume, a snapshot or a page of history brings none twice.
// What we change (edit, take back, react) shows at once and is undone when the server refuses. Pure.

import { ConfabError } from "./errors.js";
import type { ChatDeleted, ChatEdited, ChatMessage, ChatReacted, History, Line, Reaction } from "./protocol.gen.js";
import type { ChatEntry } from "./types.js";

export interface Chat {
  /** What is shown: told, with our changes applied, then written. */
  readonly entries: readonly ChatEntry[];
  /** By seq. */
  readonly told: readonly ChatEntry[];
  /** Own messages that are not confirmed, in the order of writing: pending or failed. */
  readonly written: readonly ChatEntry[];
  /** Own changes that are not confirmed, in order. */
  readonly changes: readonly Change[];
  /** The server has older messages. */
  readonly more: boolean;
  /** Older messages were asked for. */
  readonly loading: boolean;
  /** The last seq that the person has seen. */
  readonly read: number;
  readonly typing: readonly Typist[];
}

export interface Typist {
  readonly from: string;
  /** To us alone. */
  readonly direct: boolean;
  /** Milliseconds since 1970: then it is over, unless said again. */
  readonly until: number;
}

/** What a person can do to a message that is in the log. */
export type Change = { readonly id: string; readonly message: number } & (
  | { readonly do: "edit"; readonly text: string; readonly time: number }
  | { readonly do: "delete" }
  | { readonly do: "react"; readonly emoji: string; readonly on: boolean; readonly from: string }
);

export const noChat: Chat = { entries: [], told: [], written: [], changes: [], more: false, loading: false, read: 0, typing: [] };

/** Messages kept. Above it the oldest go, and can be asked for again. */
const KEPT = 2_000;
/** Milliseconds after which somebody who does not say so again has stopped writing. */
export const TYPING = 6_000;

/** A seat's snapshot. former is who we were before, when that seat is gone: what it had said is not said again. */
export function snapshot(c: Chat, m: { self: string; seq: number; chat: readonly ChatMessage[]; more: boolean }, former: string | null): Chat {
  const mine = (x: ChatMessage): boolean => x.from === m.self || (former !== null && x.from === former);
  const there = new Set(m.chat.filter(mine).map((x) => x.id));
  return show({
    ...c,
    told: m.chat.map((x) => entry(m.self, x)),
    written: c.written.filter((w) => !there.has(w.id)).map((w) => (w.from === m.self ? w : { ...w, from: m.self })),
    changes: former === null ? c.changes : [],
    more: m.more,
    loading: false,
    typing: [],
  });
}

/** A message, new or known already; it takes the place of our own unconfirmed one. */
export function heard(c: Chat, self: string | null, m: ChatMessage): Chat {
  const e = entry(self, m);
  const written = e.own ? c.written.filter((w) => w.id !== e.id) : c.written;
  return show({ ...c, told: insert(c.told, e), written, typing: c.typing.filter((t) => t.from !== e.from) });
}

/** A line about somebody, told by an event that is no message. */
export function line(c: Chat, what: Line, seq: number, who: { id: string; name: string }, self: string | null, now: number): Chat {
  return show({ ...c, told: insert(c.told, entry(self, { seq, line: what, id: "", from: who.id, name: who.name, text: "", time: now })) });
}

export function edited(c: Chat, m: ChatEdited): Chat {
  return replace(c, m.message, (e) => ({ ...e, text: m.text, edited: m.time }));
}

export function deleted(c: Chat, m: ChatDeleted): Chat {
  return replace(c, m.message, gone);
}

export function reacted(c: Chat, m: ChatReacted): Chat {
  return replace(c, m.message, (e) => ({ ...e, reactions: react(e.reactions, m.from, m.emoji, m.on) }));
}

/** A page of older messages. */
export function older(c: Chat, self: string | null, m: History): Chat {
  let told = c.told;
  for (const x of m.messages) if (!told.some((e) => e.seq === x.seq)) told = insert(told, entry(self, x), false);
  return show({ ...c, told, more: m.more, loading: false });
}

/** Our own message, before the server has confirmed it; or again, after a failure. */
export function write(c: Chat, e: ChatEntry): Chat {
  return show({ ...c, written: [...c.written.filter((w) => w.id !== e.id), e] });
}

/** An unconfirmed message is given up. */
export function discard(c: Chat, id: string): Chat {
  return show({ ...c, written: c.written.filter((w) => w.id !== id) });
}

export function change(c: Chat, ch: Change): Chat {
  return show({ ...c, changes: [...c.changes, ch] });
}

/** The command is safe. Its events came before, but for a message that was told while we were away, beyond the snapshot's page. */
export function acked(c: Chat, id: string, seq: number): Chat {
  const w = c.written.find((x) => x.id === id);
  const changes = c.changes.filter((x) => x.id !== id);
  if (w === undefined) return changes.length === c.changes.length ? c : show({ ...c, changes });
  const written = c.written.filter((x) => x !== w);
  // Without its event it belongs among the older messages, which come on demand.
  const first = c.told[0]?.seq;
  const later = first === undefined || first === null || seq > first;
  return show({ ...c, written, changes, told: later && seq > 0 ? insert(c.told, { ...w, seq, status: "sent" }) : c.told });
}

/** The command was refused for good: a message says so, a change is undone. */
export function failed(c: Chat, id: string, error: ConfabError): Chat {
  return show({
    ...c,
    written: c.written.map((w) => (w.id === id ? { ...w, status: "failed", error } : w)),
    changes: c.changes.filter((x) => x.id !== id),
  });
}

export function typing(c: Chat, m: { from: string; to?: string; on: boolean }, now: number): Chat {
  const others = c.typing.filter((t) => t.from !== m.from && t.until > now);
  return { ...c, typing: m.on ? [...others, { from: m.from, direct: (m.to ?? "") !== "", until: now + TYPING }] : others };
}

/** Forgets who has stopped writing without saying so, or has left. */
export function still(c: Chat, present: (id: string) => boolean, now: number): Chat {
  const left = c.typing.filter((t) => t.until > now && present(t.from));
  return left.length === c.typing.length ? c : { ...c, typing: left };
}

/** The person has seen what is there. */
export function read(c: Chat): Chat {
  const last = c.told.at(-1)?.seq ?? 0;
  return last > c.read ? { ...c, read: last } : c;
}

/** Messages of others that the person has not seen. */
export function unread(c: Chat): number {
  let n = 0;
  for (let i = c.told.length - 1; i >= 0; i--) {
    const e = c.told[i];
    if (e === undefined || (e.seq ?? 0) <= c.read) break;
    if (!e.own && e.line === null && !e.deleted) n++;
  }
  return n;
}

function entry(self: string | null, m: ChatMessage): ChatEntry {
  return {
    id: m.id === "" ? `line:${m.seq}` : m.id, seq: m.seq, line: m.line ?? null, from: m.from, name: m.name, to: m.to ?? null,
    text: m.text, time: m.time, reply: m.reply ?? null, edited: m.edited ?? null, deleted: m.deleted ?? false,
    reactions: m.reactions ?? [], own: m.from === self, status: "sent", error: null,
  };
}

/** By seq; what is known already is replaced. */
function insert(told: readonly ChatEntry[], e: ChatEntry, bounded = true): readonly ChatEntry[] {
  const seq = e.seq ?? 0;
  let i = told.length;
  while (i > 0 && (told[i - 1]?.seq ?? 0) > seq) i--;
  const known = told[i - 1]?.seq === seq;
  const next = [...told.slice(0, known ? i - 1 : i), e, ...told.slice(i)];
  return bounded && next.length > KEPT ? next.slice(-KEPT) : next;
}

function replace(c: Chat, seq: number, f: (e: ChatEntry) => ChatEntry): Chat {
  if (!c.told.some((e) => e.seq === seq)) return c; // older than what we have: history brings it as it is
  return show({ ...c, told: c.told.map((e) => (e.seq === seq ? f(e) : e)) });
}

function gone(e: ChatEntry): ChatEntry {
  return { ...e, text: "", deleted: true, reactions: [] };
}

function react(before: readonly Reaction[], from: string, emoji: string, on: boolean): readonly Reaction[] {
  const there = before.find((r) => r.emoji === emoji);
  if (there === undefined) return on ? [...before, { emoji, from: [from] }] : before;
  const others = there.from.filter((x) => x !== from);
  const next = { emoji, from: on ? (others.length < there.from.length ? there.from : [...there.from, from]) : others };
  return before.map((r) => (r === there ? next : r)).filter((r) => r.from.length > 0);
}

/** Applies our changes to what the server told. Entries without one stay the same object. */
function show(c: Chat): Chat {
  const first = c.told[0]?.seq ?? 0;
  const dropped = c.told.length >= KEPT && c.entries[0]?.seq !== undefined && (c.entries[0].seq ?? 0) < first;
  let told = c.told;
  for (const ch of c.changes) {
    told = told.map((e) => {
      if (e.seq !== ch.message) return e;
      switch (ch.do) {
        case "edit": return { ...e, text: ch.text, edited: ch.time };
        case "delete": return gone(e);
        case "react": return { ...e, reactions: react(e.reactions, ch.from, ch.emoji, ch.on) };
      }
    });
  }
  return { ...c, entries: [...told, ...c.written], more: c.more || dropped };
}
