// One stay in a room: the call, the person's own devices, and what is on the screen because of them. Components draw its
// signals and call its methods; nothing else talks to the SDK.

import { ConfabError, openScreen, type CallState, type PersonState } from "@confab/sdk";
import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { Hold } from "./hold.js";
import { LocalMedia, type DeviceKind } from "./media.js";
import type { CallPort } from "./port.js";
import { prefs, setPrefs } from "./prefs.js";
import { errorText } from "./problems.js";
import { t } from "./texts/index.js";
import { play } from "./tones.js";

export type Panel = "none" | "chat" | "people";
export type Dialog = "none" | "settings" | "shortcuts" | "sheet";

/** A line that says why something did not work, near the controls that were used. */
export interface Notice {
  id: number;
  text: string;
}

const NOTICE_TIME = 6000;

export class Session {
  readonly state: Signal<CallState>;
  // Parts of the state that change seldom: who reads one of these is not drawn anew with every syllable.
  readonly others: ReadonlySignal<number>;
  readonly sharing: ReadonlySignal<boolean>;
  readonly hand: ReadonlySignal<boolean>;
  readonly chat: ReadonlySignal<CallState["chat"]>;
  readonly connection: ReadonlySignal<CallState["connection"]>;
  readonly panel = signal<Panel>("none");
  readonly dialog = signal<Dialog>("none");
  readonly pinned = signal<string | null>(null); // a tile's key
  /** Of the stage: which page of people is shown, of how many. */
  readonly page = signal(0);
  readonly pages = signal(1);
  readonly unread = signal(0);
  readonly notice = signal<Notice | null>(null);
  /** What screen readers are told, politely; each new value is read once. */
  readonly said = signal("");
  /** Sound that the browser holds back until a click. */
  readonly soundBlocked = signal(false);
  readonly muted: ReadonlySignal<boolean>;
  readonly began = Date.now();
  readonly hold = new Hold((on) => this.#setMicrophoneOn(on));

  #ears = new AbortController();
  #effects: (() => void)[] = [];
  #notices = 0;

  constructor(
    readonly call: CallPort,
    readonly media: LocalMedia,
    readonly invite: string,
  ) {
    this.state = signal(call.state);
    this.others = computed(() => this.state.value.people.length);
    this.sharing = computed(() => this.state.value.self?.screen ?? false);
    this.hand = computed(() => this.state.value.self?.hand ?? false);
    this.chat = computed(() => this.state.value.chat);
    this.connection = computed(() => this.state.value.connection);
    this.muted = computed(() => !media.microphoneOn.value || media.microphone.value === null);
    const o = { signal: this.#ears.signal };
    call.addEventListener("change", (e) => this.#changed(e.detail), o);
    call.addEventListener("chat", (e) => this.#heard(e.detail.name, e.detail.text), o);
    call.addEventListener("error", (e) => this.tell(errorText(e.detail).title), o);
    call.addEventListener("participant-joined", (e) => this.#came(e.detail), o);
    call.addEventListener("participant-left", (e) => this.#went(e.detail), o);
    call.addEventListener("hand-raised", (e) => this.#raised(e.detail), o);
    call.addEventListener("screen-started", (e) => this.say(t.live.screen(e.detail.name)), o);
    call.addEventListener("screen-stopped", (e) => this.say(t.live.screenEnded(e.detail.name)), o);
    this.#effects.push(
      effect(() => void this.#send("microphone", media.microphone.value)),
      effect(() => void this.#send("camera", media.camera.value)),
      effect(() => {
        if (this.panel.value === "chat") this.unread.value = 0;
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
      if (!(cause instanceof ConfabError && cause.code === "share-cancelled")) this.#refused(cause);
    }
  }

  toggleHand(): void {
    this.call.raiseHand(!(this.state.peek().self?.hand ?? false));
  }

  toggle(panel: Exclude<Panel, "none">): void {
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

  #heard(name: string, text: string): void {
    this.say(t.live.chat(name, text));
    if (this.panel.peek() !== "chat") this.unread.value++;
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
      this.#refused(cause);
    }
  }

  #refused(cause: unknown): void {
    this.tell(errorText(cause).title);
  }
}
