// What an application may ask of the server, beside media: the chat (call.chat) and the order of the room (call.room).
// Commands show their effect at once where that is harmless, and undo it when they are refused.

import * as chats from "./chat.js";
import type { Chat } from "./chat.js";
import { ConfabError, local } from "./errors.js";
import type { Logged } from "./outbox.js";
import type { Access, ClientMessage, Invite, Role, Source } from "./protocol.gen.js";
import type { ChatEntry } from "./types.js";

/** What the commands need of the call. */
export interface Desk {
  now(): number;
  /** Of a new command. */
  id(): string;
  /** Participant id, "" before the first joined. */
  self(): string;
  name(): string;
  /** Between join and the end. */
  on(): boolean;
  chat(): Chat;
  setChat(c: Chat): void;
  /** Into the outbox; false if that is full. */
  log(m: Logged): boolean;
  /** What is not logged; false without a connection. */
  send(m: ClientMessage): boolean;
  onError(e: ConfabError): void;
}

/** Milliseconds between two words that somebody is writing; protocol SetTyping. */
const TYPING_PACE = 3_000;
/** Milliseconds that an answer may take. */
const ANSWER = 10_000;

export class Talk {
  private typedAt = -Infinity;

  constructor(private readonly desk: Desk) {}

  /** Says something to all, or to one person. It is in state.chat at once, pending; returns its id. */
  send(text: string, o: { to?: string; reply?: number } = {}): string {
    const { desk } = this;
    const id = desk.id();
    this.typedAt = -Infinity;
    this.say({
      id, seq: null, line: null, from: desk.self(), name: desk.name(), to: o.to ?? null, text, time: desk.now(), reply: o.reply ?? null,
      edited: null, deleted: false, reactions: [], own: true, status: "pending", error: null,
    });
    return id;
  }

  /** Sends a failed message again. */
  retry(id: string): void {
    const c = this.desk.chat().written.find((e) => e.id === id && e.status === "failed");
    if (c !== undefined) this.say({ ...c, from: this.desk.self(), time: this.desk.now(), status: "pending", error: null });
  }

  /** message is the seq of one's own message. */
  edit(message: number, text: string): void {
    const id = this.desk.id();
    this.change({ id, message, do: "edit", text, time: this.desk.now() }, { type: "chat-edit", id, message, text });
  }

  /** Takes a message back: one's own, or anybody's for moderators. */
  delete(message: number): void {
    const id = this.desk.id();
    this.change({ id, message, do: "delete" }, { type: "chat-delete", id, message });
  }

  react(message: number, emoji: string, on: boolean): void {
    const id = this.desk.id();
    this.change({ id, message, do: "react", emoji, on, from: this.desk.self() }, { type: "chat-react", id, message, emoji, on });
  }

  /** Tells the others that somebody writes. Call it with every key: it is sent now and then. */
  typing(on: boolean, to?: string): void {
    const now = this.desk.now();
    if (on ? now - this.typedAt < TYPING_PACE : now - this.typedAt > chats.TYPING) return;
    this.typedAt = on ? now : -Infinity;
    this.desk.send({ type: "typing", ...(to === undefined ? {} : { to }), on });
  }

  /** Asks for older messages; they come into state.chat. */
  older(): void {
    const c = this.desk.chat();
    const before = c.told[0]?.seq;
    if (c.loading || !c.more || before === undefined || before === null) return;
    if (this.desk.send({ type: "history", id: "history", before })) this.desk.setChat({ ...c, loading: true });
  }

  /** The person has seen what is there: nothing is unread. */
  read(): void {
    const c = this.desk.chat();
    const next = chats.read(c);
    if (next !== c) this.desk.setChat(next);
  }

  /** Shows an emoji to everybody for a moment. */
  emote(emoji: string): void {
    this.desk.send({ type: "emote", emoji });
  }

  private say(e: ChatEntry): void {
    const { desk } = this;
    const m: Logged = { type: "chat", id: e.id, text: e.text };
    if (e.to !== null) m.to = e.to;
    if (e.reply !== null) m.reply = e.reply;
    const error = desk.on() ? null : local.notJoined();
    desk.setChat(chats.write(desk.chat(), error === null ? e : { ...e, status: "failed", error }));
    if (error === null && !desk.log(m)) desk.setChat(chats.failed(desk.chat(), e.id, local.tooMuch()));
  }

  private change(c: chats.Change, m: Logged): void {
    const { desk } = this;
    if (!desk.on()) return desk.onError(local.notJoined());
    desk.setChat(chats.change(desk.chat(), c));
    if (!desk.log(m)) {
      desk.setChat(chats.failed(desk.chat(), c.id, local.tooMuch()));
      desk.onError(local.tooMuch());
    }
  }
}

interface Asked {
  resolve(invite?: Invite): void;
  reject(e: ConfabError): void;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** Each resolves when the server has done it for good, and rejects with the server's reason, in words for people. */
export class RoomControls {
  private readonly asked = new Map<string, Asked>();

  constructor(private readonly desk: Desk) {}

  /** Who gets in: everybody, who is let in, or nobody new. */
  setAccess(access: Access): Promise<void> {
    return this.order((id) => ({ type: "set-room", id, access }));
  }

  /** Empty takes it away. */
  setPassword(password: string): Promise<void> {
    return this.order((id) => ({ type: "set-room", id, password }));
  }

  /** Most seats at once. */
  setPeople(people: number): Promise<void> {
    return this.order((id) => ({ type: "set-room", id, people }));
  }

  setRole(target: string, role: Role): Promise<void> {
    return this.order((id) => ({ type: "set-role", id, target, role }));
  }

  /** Turns sources of somebody off, or with target "" of everybody else; hold: until they are allowed again. */
  mute(target: string, sources: readonly Source[], hold = false): Promise<void> {
    return this.order((id) => ({ type: "mute", id, target, sources: [...sources], hold }));
  }

  /** Gives back what mute with hold took. */
  allow(target: string, sources: readonly Source[]): Promise<void> {
    return this.order((id) => ({ type: "allow", id, target, sources: [...sources] }));
  }

  /** ban: seconds in which the person does not get in again. */
  remove(target: string, ban = 0): Promise<void> {
    return this.order((id) => (ban > 0 ? { type: "remove", id, target, ban } : { type: "remove", id, target }));
  }

  /** Answers somebody who knocks; "" answers all. A refusal comes as an error event: who knocks may have gone meanwhile. */
  admit(knock: string, allow: boolean): void {
    if (!this.desk.send({ type: "admit", id: this.desk.id(), knock, allow })) this.desk.onError(local.notJoined());
  }

  /** Begins or ends the recording of the room. Everybody is told. */
  record(on: boolean): Promise<void> {
    return this.order((id) => ({ type: "record", id, on }));
  }

  /** Ends the room for all. */
  end(): Promise<void> {
    return this.order((id) => ({ type: "end-room", id })).catch((e: unknown) => {
      // The end is the answer: it may come before the acknowledgement.
      if (!(e instanceof ConfabError && e.code === "room-ended")) throw e;
    });
  }

  /** A new token for the same person and room, before the old one expires. */
  refresh(token: string): Promise<void> {
    return this.order((id) => ({ type: "refresh", id, token }));
  }

  /** A token for a link that lets people in; seconds until it expires, uses 0 for as many as come. */
  invite(role: Role, seconds: number, uses: number): Promise<Invite> {
    const id = this.desk.id();
    return new Promise<Invite>((resolve, reject) => {
      if (!this.desk.send({ type: "invite", id, role, seconds, uses })) return reject(local.notJoined());
      const timer = setTimeout(() => this.settle(id, local.noAnswer()), ANSWER);
      this.asked.set(id, { resolve: (i) => (i === undefined ? undefined : resolve(i)), reject, timer });
    });
  }

  /** True if somebody waits for the answer to this command. */
  settle(id: string, outcome: ConfabError | Invite | null): boolean {
    const a = this.asked.get(id);
    if (a === undefined) return false;
    this.asked.delete(id);
    clearTimeout(a.timer);
    if (outcome instanceof ConfabError) a.reject(outcome);
    else a.resolve(outcome ?? undefined);
    return true;
  }

  /** The seat is gone: nobody answers any more. */
  settleAll(e: ConfabError): void {
    for (const id of [...this.asked.keys()]) this.settle(id, e);
  }

  private order(make: (id: string) => Logged): Promise<void> {
    const id = this.desk.id();
    return new Promise<void>((resolve, reject) => {
      if (!this.desk.on()) return reject(local.notJoined());
      this.asked.set(id, { resolve: () => resolve(), reject, timer: undefined });
      if (!this.desk.log(make(id))) this.settle(id, local.tooMuch());
    });
  }
}
