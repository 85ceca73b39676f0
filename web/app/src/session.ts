// One stay in a room: the call, the person's own devices, and what is on the screen because of them. Components draw its
// signals and call its methods; nothing else talks to the SDK.

import { ConfabError, openScreen, type CallState, type ChatEntry, type PersonState, type TrackSource } from "@confab/sdk";
import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { CallFiles } from "./files/panel.js";
import { Hold } from "./hold.js";
import { filesPart, needFiles } from "./lazy.js";
import { LocalMedia, type DeviceKind } from "./media.js";
import type { CallPort } from "./port.js";
import { prefs, setPrefs } from "./prefs.js";
import { errorText } from "./problems.js";
import { t } from "./texts/index.js";
import { play } from "./tones.js";

export type Panel = "none" | "chat" | "people" | "files";
export type Dialog = "none" | "settings" | "shortcuts" | "sheet" | "room" | "invite";

/** What is being written. */
export interface Draft {
  text: string;
  /** Participant id; null is everybody. */
  to: string | null;
  reply: ChatEntry | null;
  edit: ChatEntry | null;
}

/** An emoji that somebody shows for a moment. */
export interface Emote {
  id: number;
  emoji: string;
  name: string;
}

/** A line that says why something did not work, near the controls that were used. */
export interface Notice {
  id: number;
  text: string;
}

const NOTICE_TIME = 6000;
const EMOTE_TIME = 4000;
/** Shown at once, at most: more is a blur. */
const EMOTES = 12;
const EMPTY: Draft = { text: "", to: null, reply: null, edit: null };

export class Session {
  readonly state: Signal<CallState>;
  // Parts of the state that change seldom: who reads one of these is not drawn anew with every syllable.
  readonly others: ReadonlySignal<number>;
  readonly sharing: ReadonlySignal<boolean>;
  readonly hand: ReadonlySignal<boolean>;
  readonly chat: ReadonlySignal<CallState["chat"]>;
  readonly talk: ReadonlySignal<CallState["talk"]>;
  readonly knocking: ReadonlySignal<number>;
  readonly connection: ReadonlySignal<CallState["connection"]>;
  readonly recording: ReadonlySignal<boolean>;
  readonly draft = signal<Draft>(EMPTY);
  readonly emotes = signal<readonly Emote[]>([]);
  readonly panel = signal<Panel>("none");
  readonly dialog = signal<Dialog>("none");
  readonly pinned = signal<string | null>(null); // a tile's key
  /** Of the stage: which page of people is shown, of how many. */
  readonly page = signal(0);
  readonly pages = signal(1);
  readonly unread: ReadonlySignal<number>;
  readonly notice = signal<Notice | null>(null);
  /** What screen readers are told, politely; each new value is read once. */
  readonly said = signal("");
  /** Sound that the browser holds back until a click. */
  readonly soundBlocked = signal(false);
  readonly muted: ReadonlySignal<boolean>;
  /** Files of this call, once somebody needs them. */
  readonly files = signal<CallFiles | null>(null);
  readonly began = Date.now();
  readonly hold = new Hold((on) => this.#setMicrophoneOn(on));

  #wantsFiles = signal(false);
  #ears = new AbortController();
  #effects: (() => void)[] = [];
  #notices = 0;
  #emotes = 0;

  constructor(
    readonly call: CallPort,
    readonly media: LocalMedia,
    readonly invite: string,
    /** The link with an invite's token. */
    readonly linkWith: (token: string) => string,
  ) {
    this.state = signal(call.state);
    this.others = computed(() => this.state.value.people.length);
    this.sharing = computed(() => this.state.value.self?.screen ?? false);
    this.hand = computed(() => this.state.value.self?.hand ?? false);
    this.chat = computed(() => this.state.value.chat);
    this.talk = computed(() => this.state.value.talk);
    this.unread = computed(() => this.state.value.talk.unread);
    this.knocking = computed(() => this.state.value.lobby.knocks.length + this.state.value.lobby.more);
    this.connection = computed(() => this.state.value.connection);
    this.recording = computed(() => this.state.value.recording !== null);
    this.muted = computed(() => !media.microphoneOn.value || media.microphone.value === null);
    const o = { signal: this.#ears.signal };
    call.addEventListener("change", (e) => this.#changed(e.detail), o);
    call.addEventListener("chat", (e) => this.say(t.live.chat(e.detail.name, e.detail.text)), o);
    call.addEventListener("error", (e) => this.refused(e.detail), o);
    call.addEventListener("silenced", (e) => this.#silenced(e.detail.sources, e.detail.hold), o);
    call.addEventListener("emote", (e) => this.#emoted(e.detail.from, e.detail.emoji), o);
    call.addEventListener("knock", (e) => this.#knocked(e.detail.name), o);
    call.addEventListener("transfer", () => this.needFiles(), o);
    document.addEventListener("visibilitychange", () => this.#read(), o);
    call.addEventListener("recording", (e) => this.#recorded(e.detail), o);
    call.addEventListener("participant-joined", (e) => this.#came(e.detail), o);
    call.addEventListener("participant-left", (e) => this.#went(e.detail), o);
    call.addEventListener("hand-raised", (e) => this.#raised(e.detail), o);
    call.addEventListener("screen-started", (e) => this.say(t.live.screen(e.detail.name)), o);
    call.addEventListener("screen-stopped", (e) => this.say(t.live.screenEnded(e.detail.name)), o);
    this.#effects.push(
      effect(() => void this.#send("microphone", media.microphone.value)),
      effect(() => void this.#send("camera", media.camera.value)),
      effect(() => {
        if (this.#wantsFiles.value && filesPart.value) this.files.value ??= new filesPart.value.CallFiles(call, () => (this.panel.value = "files"));
      }),
      effect(() => {
        if (this.panel.value === "chat" && this.unread.value > 0) this.#read();
      }),
      effect(() => {
        if (this.media.errors.camera.value) this.tell(errorText(this.media.errors.camera.value).title);
      }),
      effect(() => {
        if (this.media.errors.microphone.value) this.tell(errorText(this.media.errors.microphone.value).title);
      }),
    );
    if (!media.microphoneOn.peek()) call.setMuted("microphone", true);
  }

  /** Ends what this object started; the call itself is ended by leave. */
  dispose(): void {
    this.#ears.abort();
    for (const end of this.#effects) end();
    this.hold.release();
    this.files.peek()?.close();
  }

  /** Loads what sends and receives files, for this call. */
  needFiles(): void {
    this.#wantsFiles.value = true;
    needFiles();
  }

  async leave(): Promise<void> {
    this.media.remember();
    await this.call.leave();
  }

  toggleMicrophone(): void {
    if (this.media.microphone.peek() === null) {
      this.media.setMicrophoneOn(true);
      this.call.setMuted("microphone", false);
      void this.media.open("microphone");
      return;
    }
    this.#setMicrophoneOn(!this.media.microphoneOn.peek());
  }

  toggleCamera(): void {
    if (this.media.camera.peek() === null) void this.media.open("camera");
    else this.media.close("camera");
  }

  async toggleScreen(): Promise<void> {
    try {
      if (this.state.peek().self?.screen) await this.call.stopScreen();
      else await this.call.shareScreen(await openScreen());
    } catch (cause) {
      // Closing the picker is an answer, not a fault.
      if (!(cause instanceof ConfabError && cause.code === "share-cancelled")) this.refused(cause);
    }
  }

  toggleHand(): void {
    this.call.raiseHand(!(this.state.peek().self?.hand ?? false));
  }

  toggle(panel: Exclude<Panel, "none">): void {
    if (panel === "files") this.needFiles();
    this.panel.value = this.panel.peek() === panel ? "none" : panel;
  }

  togglePin(key: string): void {
    this.pinned.value = this.pinned.peek() === key ? null : key;
  }

  toggleLayout(): void {
    batch(() => {
      setPrefs({ layout: prefs.peek().layout === "grid" ? "speaker" : "grid" });
      this.pinned.value = null;
    });
  }

  async choose(kind: DeviceKind, device: string): Promise<void> {
    await this.media.choose(kind, device);
  }

  chooseSpeaker(device: string): void {
    setPrefs({ speaker: device });
  }

  /** Opens the chat with something to write: an answer, a change, a word to one person, or nothing again. */
  write(d: Partial<Draft>): void {
    const before = this.draft.peek();
    const text = d.edit ? d.edit.text : (d.text ?? (before.edit ? "" : before.text));
    batch(() => {
      this.draft.value = { ...EMPTY, ...d, to: d.to ?? d.reply?.to ?? null, text };
      // To answer what was said in private is to answer in private.
      const asked = d.reply;
      if (asked?.to && !asked.own) this.draft.value = { ...this.draft.peek(), to: asked.from };
      this.panel.value = "chat";
    });
  }

  typed(text: string): void {
    const d = this.draft.peek();
    this.draft.value = { ...d, text };
    if (d.edit === null) this.call.chat.typing(text.trim() !== "", d.to ?? undefined);
  }

  sendDraft(): void {
    const { text, to, reply, edit } = this.draft.peek();
    const said = text.trim();
    if (said === "") return;
    if (edit === null) this.call.chat.send(said, { ...(to === null ? {} : { to }), ...(reply?.seq == null ? {} : { reply: reply.seq }) });
    else if (edit.seq !== null && said !== edit.text) this.call.chat.edit(edit.seq, said);
    this.draft.value = { ...EMPTY, to: edit === null ? to : null };
  }

  /** True if there is a message of ours to change. */
  editLast(): boolean {
    const m = this.chat.peek().findLast((c) => c.own && c.line === null && !c.deleted && c.seq !== null);
    if (m === undefined) return false;
    this.write({ edit: m });
    return true;
  }

  emote(emoji: string): void {
    this.call.chat.emote(emoji);
  }

  /** Says so when the server does not do what a moderator wants. */
  order(done: Promise<void>): void {
    done.catch((cause: unknown) => this.refused(cause));
  }

  say(text: string): void {
    this.said.value = text;
  }

  tell(text: string): void {
    const id = ++this.#notices;
    this.notice.value = { id, text };
    setTimeout(() => {
      if (this.notice.peek()?.id === id) this.notice.value = null;
    }, NOTICE_TIME);
  }

  #changed(state: CallState): void {
    const before = this.state.peek().phase;
    this.state.value = state;
    if (before === "joined" && state.phase === "reconnecting") this.say(t.live.reconnecting);
    if (before === "reconnecting" && state.phase === "joined") this.say(t.live.reconnected);
  }

  /** Everybody is told at once, and whoever comes later sees the sign. */
  #recorded({ on, by, reason }: { on: boolean; by: string; reason: string }): void {
    const { people, self } = this.state.peek();
    const text = on ? t.live.recording([...people, ...(self ? [self] : [])].find((p) => p.id === by)?.name ?? "") : t.live.recordingEnded(reason);
    this.tell(text);
    this.say(text);
  }

  /** What is on the screen of somebody who looks at it is read. */
  #read(): void {
    if (this.panel.peek() === "chat" && !document.hidden) this.call.chat.read();
  }

  /** A moderator has turned something of ours off: the devices go with it, so that no light stays on for nothing. */
  #silenced(sources: readonly TrackSource[], hold: boolean): void {
    if (sources.includes("microphone")) this.media.setMicrophoneOn(false);
    if (sources.includes("camera")) this.media.close("camera");
    this.tell(hold ? t.call.held : t.call.silenced);
    this.say(hold ? t.call.held : t.call.silenced);
  }

  #emoted(from: string, emoji: string): void {
    const state = this.state.peek();
    const name = from === state.self?.id ? t.call.you : (state.people.find((p) => p.id === from)?.name ?? "");
    const id = ++this.#emotes;
    this.emotes.value = [...this.emotes.peek(), { id, emoji, name }].slice(-EMOTES);
    this.say(t.live.emote(name, emoji));
    setTimeout(() => (this.emotes.value = this.emotes.peek().filter((e) => e.id !== id)), EMOTE_TIME);
  }

  #knocked(name: string): void {
    this.say(t.live.knock(name));
    this.tell(t.live.knock(name));
    play("hand");
  }

  #came(p: PersonState): void {
    this.say(t.live.joined(p.name));
    play("joined");
  }

  #went(p: PersonState): void {
    this.say(t.live.left(p.name));
    play("left");
  }

  #raised(p: PersonState): void {
    this.say(t.live.hand(p.name));
    play("hand");
  }

  #setMicrophoneOn(on: boolean): void {
    this.media.setMicrophoneOn(on);
    this.call.setMuted("microphone", !on);
    this.say(on ? t.live.unmuted : t.live.muted);
  }

  async #send(kind: DeviceKind, track: MediaStreamTrack | null): Promise<void> {
    try {
      await (kind === "microphone" ? this.call.setMicrophone(track) : this.call.setCamera(track));
    } catch (cause) {
      this.refused(cause);
    }
  }

  /** One line that says why, near the controls that were used. */
  refused(cause: unknown): void {
    this.tell(errorText(cause).title);
  }
}
