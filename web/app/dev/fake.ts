// A call without a network, for design work and screenshots: people are canvases that draw themselves.

import type { CallEvents, CallOptions, CallState, ChatEntry, ConnectionState, LinkState, PersonState, TrackSource, ViewWant } from "@confab/sdk";
import { ConfabError } from "@confab/sdk";
import type { CallPort } from "../src/port.js";
import { paintPerson, paintScreen } from "./paint.js";

/** What the address asks for: ?people=5&share=1&chat=1&state=reconnecting&mics=0 */
export interface Scene {
  people: number;
  share: boolean;
  /** calm: only what went well. */
  chat: "none" | "all" | "calm";
  state: "ok" | "reconnecting" | "relayed" | "full" | "expired" | "gone" | "waiting" | "password" | "offline";
  /** Every so many has no camera; 0: all have one. */
  cameraless: number;
  speaking: boolean;
  /** We are the host of a room where people knock. */
  knocking: boolean;
}

export function sceneOf(search: string): Scene {
  const q = new URLSearchParams(search);
  return {
    people: Number(q.get("people") ?? "3"),
    share: q.get("share") === "1",
    chat: q.get("chat") === "1" ? "all" : q.get("chat") === "calm" ? "calm" : "none",
    state: (q.get("state") ?? "ok") as Scene["state"],
    cameraless: Number(q.get("cameraless") ?? "4"),
    speaking: q.get("speaking") !== "0",
    knocking: q.get("knocking") === "1",
  };
}

const names = ["Amara Okafor", "Jonas Lindqvist", "Mei Tanaka", "Rafael Costa", "Ingrid", "Samir Haddad", "Priya N.", "Luca Moretti", "Aoife Byrne", "Noah Weiss",
  "Zofia Nowak", "Tomás Herrera", "Hana Kim", "Elif Demir", "Ola Nordmann", "Grace Mwangi", "Viktor", "Leïla Benali", "Chen Wei", "Dmitri Volkov",
  "Anna-Maria Schneider-Hoffmann", "Kofi", "Yuki Sato", "Marta", "Ben"];

const link = (path: LinkState["path"], rttMs: number, loss = 0): LinkState => ({ path, protocol: "udp", rttMs, loss });

export class FakeCall implements CallPort {
  state: CallState;
  #scene: Scene;
  #events = new EventTarget();
  #seq = 0;
  readonly chat: CallPort["chat"] = {
    send: (text) => this.#say(text), retry: (id) => this.#retry(id), edit: (seq, text) => this.#alter(seq, { text, edited: Date.now() }),
    delete: (seq) => this.#alter(seq, { text: "", deleted: true }), react: (seq, emoji, on) => this.#alter(seq, { reactions: on ? [{ emoji, from: ["self"] }] : [] }),
    typing: () => undefined, older: () => undefined, read: () => this.#set({ talk: { ...this.state.talk, unread: 0 } }),
    emote: (emoji) => this.#fire("emote", { from: "self", emoji }),
  };
  readonly transfers: CallPort["transfers"] = {
    self: () => "me", people: () => [], rtc: () => ({}), peer: (c) => new RTCPeerConnection(c), send: () => undefined, listen: () => () => undefined,
    moved: () => undefined, heard: () => true,
  };
  readonly room: CallPort["room"] = {
    setAccess: async (access) => this.#settle({ access }), setPassword: async (word) => this.#settle({ password: word !== "" }),
    setPeople: async (people) => this.#settle({ people }), setRole: async () => undefined, mute: async () => undefined, allow: async () => undefined,
    remove: async (id) => this.#set({ people: this.state.people.filter((p) => p.id !== id) }), admit: (id) => this.#set({ lobby: {
      ...this.state.lobby, knocks: this.state.lobby.knocks.filter((k) => k.id !== id && id !== "") } }),
    record: async (on) => this.#set({ recording: on ? { by: "self", since: Date.now() } : null }),
    end: () => this.leave(), invite: async () => ({ id: "1", token: "an-invite-that-is-quite-long.as-tokens-are", expires: 0 }),
  };
  #timer: ReturnType<typeof setInterval> | undefined;
  views: readonly ViewWant[] = [];

  constructor(private readonly o: CallOptions) {
    this.#scene = sceneOf(location.search);
    const path = this.#scene.people > 2 ? "server" : this.#scene.state === "relayed" ? "relayed" : "direct";
    const connection: ConnectionState = {
      route: this.#scene.people > 2 ? "sfu" : "p2p", switching: false, signaling: "connected", carrier: "websocket", path: this.#scene.people < 2 ? "none" : path,
      protocol: this.#scene.state === "relayed" ? "tls" : "udp", rttMs: this.#scene.people < 2 ? null : 23, since: Date.now(), drainingUntil: null,
    };
    this.state = { phase: "idle", room: o.room, self: null, people: [], chat: [], connection, error: null, grants: [], recording: null,
      settings: { access: this.#scene.knocking ? "lobby" : "open", password: false, people: 50 },
      talk: { unread: 0, more: false, loading: false, waiting: 0, typing: [] }, lobby: { attended: false, knocks: [], more: 0 } };
  }

  async join(): Promise<void> {
    if (this.#scene.state === "waiting") {
      this.#set({ phase: "waiting", lobby: { attended: true, knocks: [], more: 0 } });
      return new Promise(() => undefined);
    }
    const refusal = { full: "room-full", expired: "unauthorized", gone: "unreachable", password: "password" }[this.#scene.state as string];
    if (refusal) throw new ConfabError({ code: refusal as ConfabError["code"], message: refusal });
    const path = this.state.connection.path === "none" ? "direct" : this.state.connection.path;
    const people = Array.from({ length: this.#scene.people - 1 }, (_, i) => this.#person(i, path));
    const self: PersonState = {
      id: "self", name: this.o.name, kind: "person", role: this.#scene.knocking ? "host" : "member", verified: false, blocked: [], online: true, microphone: !!this.o.microphone?.enabled, camera: !!this.o.camera, screen: false,
      screenAudio: false, hand: false, speaking: false, level: 0, streams: { camera: null, microphone: null, screen: null }, link: link("none", 0),
    };
    this.#set({ phase: "joined", self, people, chat: this.#scene.chat === "none" ? [] : this.#talk().filter((m) => this.#scene.chat === "all" || (m.status === "sent" && m.id !== "e")) });
    if (this.#scene.knocking) {
      const knock = (id: string, name: string) => ({ id, name, verified: id === "k1", since: Date.now() });
      this.#set({ lobby: { attended: false, knocks: [knock("k1", "Beatriz Gomes"), knock("k2", "someone@home")], more: 0 } });
    }
    if (this.#scene.chat === "all") this.#set({ talk: { unread: 0, more: true, loading: false, waiting: 1, typing: [{ id: "p0", name: names[0] ?? "", direct: false }] } });
    if (this.#scene.state === "offline") this.#set({ phase: "reconnecting", connection: { ...this.state.connection, signaling: "offline", since: Date.now() - 3200 } });
    if (this.#scene.state === "reconnecting") {
      const since = Date.now() - 3200;
      this.#set({ phase: "reconnecting", connection: { ...this.state.connection, signaling: "reconnecting", since } });
    }
    if (this.#scene.speaking) this.#timer = setInterval(() => this.#speak(), 100);
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer);
    this.#set({ phase: "left" });
    this.#fire("ended", this.state);
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.#self({ microphone: track !== null && track.enabled });
  }

  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    this.#self({ camera: track !== null });
  }

  setMuted(source: TrackSource, muted: boolean): void {
    this.#self({ [source]: !muted });
  }

  async shareScreen(stream: MediaStream): Promise<void> {
    this.#self({ screen: true, streams: { camera: null, microphone: null, screen: stream } });
  }

  async stopScreen(): Promise<void> {
    this.#self({ screen: false });
  }

  raiseHand(hand: boolean): void {
    this.#self({ hand });
  }

  setView(wants: readonly ViewWant[]): void {
    this.views = wants;
  }

  #say(text: string): string {
    const id = String(this.state.chat.length);
    this.#set({ chat: [...this.state.chat, this.#entry(id, "self", this.o.name, text, Date.now(), "sent")] });
    return id;
  }

  #retry(id: string): void {
    this.#set({ chat: this.state.chat.map((m) => (m.id === id ? { ...m, status: "sent" } : m)) });
  }

  #alter(seq: number, change: Partial<ChatEntry>): void {
    this.#set({ chat: this.state.chat.map((m) => (m.seq === seq ? { ...m, ...change } : m)) });
  }

  #settle(change: Partial<NonNullable<CallState["settings"]>>): void {
    if (this.state.settings) this.#set({ settings: { ...this.state.settings, ...change } });
  }

  async stats() {
    return { time: Date.now(), connections: [], inbound: [], outbound: [] };
  }

  addEventListener<K extends keyof CallEvents>(type: K, f: (e: CustomEvent<CallEvents[K]>) => void, o?: AddEventListenerOptions | boolean): void {
    this.#events.addEventListener(type, f as EventListener, o);
  }

  #person(i: number, path: LinkState["path"]): PersonState {
    const name = names[i % names.length] ?? "Somebody";
    const camera = this.#scene.cameraless === 0 || i % this.#scene.cameraless !== this.#scene.cameraless - 1;
    const screen = this.#scene.share && i === 0;
    return {
      id: `p${i}`, name, kind: "person", role: i === 0 ? "moderator" : "member", verified: i === 0, blocked: [], online: this.#scene.state !== "reconnecting" || i !== 1, microphone: i % 3 !== 1, camera, screen,
      screenAudio: false, hand: this.#scene.people > 2 && i === 2, speaking: false, level: 0,
      streams: { camera: camera ? paintPerson(i, name) : null, microphone: null, screen: screen ? paintScreen() : null },
      link: link(path, 18 + i * 9, i === 3 ? 0.1 : 0),
    };
  }

  #speak(): void {
    const who = Math.floor(Date.now() / 2500) % Math.min(4, Math.max(1, this.state.people.length));
    const level = 0.35 + 0.4 * Math.abs(Math.sin(Date.now() / 300));
    this.#set({
      people: this.state.people.map((p, i) => {
        const speaking = i === who && p.microphone;
        return speaking || p.speaking ? { ...p, speaking, level: speaking ? level : 0 } : p;
      }),
    });
  }

  #talk(): ChatEntry[] {
    const at = Date.parse("2026-03-04T10:12:00");
    const n = (i: number) => names[i] ?? "";
    return [
      this.#entry("a", "p0", n(0), "Good morning! The plan is at https://example.org/plans/spring (last page).", at, "sent"),
      this.#entry("b", "p0", n(0), "Two open questions from yesterday are marked.", at + 9000, "sent"),
      this.#entry("c", "self", this.o.name, "Thanks, reading it now", at + 61_000, "sent"),
      this.#entry("d", "p2", n(2), "Run `scripts/test` before you push:\n```sh\n$ scripts/test ./media\nok   0.41s\n```", at + 125_000, "sent"),
      this.#entry("e", "p1", n(1), "🎉", at + 190_000, "sent"),
      this.#entry("f", "self", this.o.name, "Shall we move the review to Thursday?", at + 250_000, "failed"),
      this.#entry("g", "self", this.o.name, "I have to leave at half past", at + 255_000, "pending"),
    ];
  }

  #entry(id: string, from: string, name: string, text: string, time: number, status: ChatEntry["status"]): ChatEntry {
    const seq = status === "sent" ? ++this.#seq : null;
    const reactions = id === "a" ? [{ emoji: "👍", from: ["self", "p1"] }, { emoji: "🎉", from: ["p2"] }] : [];
    return {
      id, seq, line: null, from, name, to: null, text, time, reply: id === "c" ? 1 : null, edited: id === "b" ? time + 5000 : null, deleted: false, reactions,
      own: from === "self", status, error: null,
    };
  }

  #self(change: Partial<PersonState>): void {
    if (this.state.self) this.#set({ self: { ...this.state.self, ...change } });
  }

  #set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.#fire("change", this.state);
  }

  #fire<K extends keyof CallEvents>(type: K, detail: CallEvents[K]): void {
    this.#events.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
