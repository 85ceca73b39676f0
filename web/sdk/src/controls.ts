// The part of a call that is about media: what we send, what we want to see, data between people.

import { diagnostics } from "./diagnostics.js";
import { Emitter } from "./emitter.js";
import { ConfabError } from "./errors.js";
import { MaxPayload, payloadSize } from "./frames.js";
import type { Own } from "./own.js";
import type { Platform } from "./platform.js";
import type { Router } from "./router.js";
import type { CallEvents, CallStats, TrackSource, ViewWant } from "./types.js";
import type { Viewer } from "./viewer.js";

export abstract class MediaControls extends Emitter<CallEvents> {
  protected abstract readonly platform: Platform;
  protected abstract readonly own: Own;
  protected abstract readonly router: Router;
  protected abstract readonly viewer: Viewer;

  /** Sends this track from now on, or nothing. The old track is not stopped: it is the caller's. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    return this.own.replace("microphone", track);
  }

  setCamera(track: MediaStreamTrack | null): Promise<void> {
    return this.own.replace("camera", track);
  }

  /** Mutes without giving the device up: the track stays, disabled. No effect without a track. */
  setMuted(source: TrackSource, muted: boolean): void {
    this.own.mute(source, muted);
  }

  /** Shares the first video and audio track of the stream; ends by itself when the video track ends. */
  shareScreen(stream: MediaStream): Promise<void> {
    return this.own.share(stream);
  }

  /** Stops sharing, and stops the tracks that were shared. */
  stopScreen(): Promise<void> {
    return this.own.stopSharing();
  }

  raiseHand(up: boolean): void {
    this.own.raise(up);
  }

  /** Replaces the previous wishes. Cheap to call often: it is sent at most a few times a second, and only if it changed. */
  setView(wants: readonly ViewWant[]): void {
    this.viewer.set(wants);
    this.router.view(wants.filter((w) => (w.visible ?? true) && w.participant !== this.selfId()).length);
  }

  /**
   * To everybody, or to one person (peer to peer only); at most 60 KiB. Lossy: may be lost, never waits. False: somebody has
   * no open channel yet, or it is full.
   */
  send(data: string | ArrayBuffer, o: { lossy?: boolean; to?: string } = {}): boolean {
    if (payloadSize(data) > MaxPayload) throw new ConfabError({ code: "too-large", message: `A message may have ${MaxPayload} bytes.` });
    return this.router.send(data, o.lossy ?? false, o.to ?? null);
  }

  stats(): Promise<CallStats> {
    return diagnostics(this.router, this.own.local, this.platform.now());
  }

  protected abstract selfId(): string;
}
