import type { CallEvents, CallOptions, CallState, CallStats, TrackSource, ViewWant } from "./types.js";

export declare class Call extends EventTarget {
  constructor(o: CallOptions);
  readonly state: CallState;
  /** Resolves when joined; rejects with a ConfabError (and phase failed) when refused. */
  join(): Promise<void>;
  leave(): Promise<void>;
  /** Sends this track from now on, or nothing. The old track is not stopped: it is the caller's. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void>;
  setCamera(track: MediaStreamTrack | null): Promise<void>;
  /** Mutes without giving the device up: the track stays, disabled. No effect without a track. */
  setMuted(source: TrackSource, muted: boolean): void;
  /** Shares the first video and audio track of the stream; ends by itself when the video track ends. */
  shareScreen(stream: MediaStream): Promise<void>;
  /** Stops sharing and stops the tracks of the shared stream. */
  stopScreen(): Promise<void>;
  raiseHand(up: boolean): void;
  /** Replaces the previous wishes. Cheap to call often: it is sent at most a few times a second. */
  setView(wants: readonly ViewWant[]): void;
  /** Appends a pending entry to state.chat and returns its id. */
  sendChat(text: string, to?: string): string;
  retryChat(id: string): void;
  /** To everybody, or to one; at most 60 KiB. Lossy: may be lost, never waits. False: there is no open channel to somebody. */
  send(data: string | ArrayBuffer, o?: { lossy?: boolean; to?: string }): boolean;
  stats(): Promise<CallStats>;
  addEventListener<K extends keyof CallEvents>(type: K, f: (e: CustomEvent<CallEvents[K]>) => void, o?: AddEventListenerOptions | boolean): void;
  removeEventListener<K extends keyof CallEvents>(type: K, f: (e: CustomEvent<CallEvents[K]>) => void, o?: EventListenerOptions | boolean): void;
}
