// What this side sends and shows: the tracks, what the server has been told of them, and what it has to say about that.
// What we do shows at once. A moderator may turn things off, and the server may refuse: then it is as the server says.

import { ConfabError, local as failure } from "./errors.js";
import { LocalMedia } from "./local.js";
import { amplitudeMeter } from "./loudness.js";
import type { Participant, State } from "./protocol.gen.js";
import { takenFrom } from "./session.js";
import type { TrackSource } from "./types.js";

/** What it needs of the call. */
export interface OwnHost {
  stream(): MediaStream;
  /** This client as the server knows it; undefined before the first joined. */
  self(): Participant | undefined;
  /** The server shall know: into the outbox, where a newer state takes the place of an older one. */
  log(state: State): void;
  /** The outbox holds a state that the server has not confirmed. */
  pending(): boolean;
  /** The track of a source changed; rejects if the browser refuses it. */
  update(source: TrackSource): Promise<void>;
  /** What is sent or shown changed. */
  onChange(): void;
  onLevel(amplitude: number): void;
  onSilenced(sources: readonly TrackSource[], hold: boolean): void;
  onError(e: ConfabError): void;
}

/** Why an update about ourselves is looked at: somebody's act (a participant id, or "" for the server's), a snapshot, a refusal. */
export type Cause = { readonly by: string } | "snapshot" | "refused";

export class Own {
  readonly local: LocalMedia;
  /** As the server has been told; "" is unknown. */
  private told = "";
  private meter: { stop(): void } | null = null;
  private listening = false;

  constructor(private readonly host: OwnHost) {
    this.local = new LocalMedia(() => host.stream(), (source) => void this.gone(source));
  }

  /** Puts a track in without telling anybody. */
  put(source: TrackSource, track: MediaStreamTrack | null): void {
    const before = this.local.track(source);
    this.local.set(source, track);
    if (track !== null && this.blocked(source)) this.local.mute(source, true);
    if (source === "microphone" && before !== track) this.listen(this.listening);
  }

  async replace(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    this.put(source, track);
    this.tell();
    await this.host.update(source);
  }

  mute(source: TrackSource, muted: boolean): void {
    if (!muted && this.blocked(source)) return this.host.onError(failure.blocked());
    this.local.mute(source, muted);
    this.tell();
  }

  async share(stream: MediaStream): Promise<void> {
    if (this.blocked("screen")) {
      for (const t of stream.getTracks()) t.stop();
      throw failure.blocked();
    }
    this.put("screen", stream.getVideoTracks()[0] ?? null);
    this.put("screen-audio", stream.getAudioTracks()[0] ?? null);
    this.tell();
    await Promise.all([this.host.update("screen"), this.host.update("screen-audio")]);
  }

  async stopSharing(): Promise<void> {
    const tracks = [this.local.track("screen"), this.local.track("screen-audio")];
    this.put("screen", null);
    this.put("screen-audio", null);
    this.tell();
    await Promise.all([this.host.update("screen"), this.host.update("screen-audio")]);
    for (const t of tracks) t?.stop();
  }

  raise(up: boolean): void {
    this.local.raise(up);
    this.tell();
  }

  /** For join, which carries it. */
  stateForJoin(): State {
    const state = this.local.state();
    this.told = word(state);
    return state;
  }

  /** Tells the server what we send and show, if that is news. */
  tell(): void {
    const state = this.local.state();
    if (this.host.self() !== undefined && word(state) !== this.told) {
      this.told = word(state);
      this.host.log(state);
    }
    this.host.onChange();
  }

  /** What the server says of us. */
  follow(p: Participant, cause: Cause): void {
    const held = p.blocked ?? [];
    const own = typeof cause === "object" && (cause.by === "" || cause.by === p.id);
    const pending = this.host.pending();
    if (own && pending) return; // it will hear our last word yet
    this.told = word(p.media);
    const off = takenFrom(this.local.state(), p).filter((source) => {
      if (held.includes(source)) return true;
      // A page that was away tells anew what it has opened since; but a muted microphone stays muted.
      if (cause === "snapshot") return source === "microphone" && !pending;
      return !own;
    });
    if (off.length > 0) {
      for (const source of off) this.local.mute(source, true);
      if (off.includes("screen")) void this.stopSharing();
      this.host.onSilenced(off, off.some((s) => held.includes(s)));
    }
    if (!pending || off.length > 0) this.tell();
  }

  /** Measures how loud we are, or stops. */
  listen(on: boolean): void {
    const track = this.local.track("microphone");
    this.listening = on;
    this.meter?.stop();
    this.meter = track === null || !on ? null : amplitudeMeter(track, (a) => this.host.onLevel(a));
  }

  private blocked(source: TrackSource): boolean {
    return this.host.self()?.blocked?.includes(source) ?? false;
  }

  private async gone(source: TrackSource): Promise<void> {
    if (source === "screen") return this.stopSharing();
    await this.replace(source, null);
    if (source === "screen-audio") return;
    this.host.onError(new ConfabError({
      code: "device-not-found",
      message: source === "camera" ? "The camera was disconnected." : "The microphone was disconnected.",
      hint: "Plug it in again or choose another one.",
    }));
  }
}

function word(s: State): string {
  return [s.microphone, s.camera, s.screen, s.screenAudio, s.hand].map((on) => (on ? "1" : "0")).join("");
}
