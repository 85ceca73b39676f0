// What this side sends: a track per source, muted or not, and the streams that show it to ourselves. The tracks belong to
// the application; this keeps which one is sent now.

import type { State } from "./protocol.gen.js";
import type { PersonStreams, TrackSource } from "./types.js";

export const sources: readonly TrackSource[] = ["microphone", "camera", "screen", "screen-audio"];

export class LocalMedia {
  private readonly tracks = new Map<TrackSource, MediaStreamTrack>();
  private readonly muted = new Set<TrackSource>();
  private hand = false;
  private own: PersonStreams = { camera: null, microphone: null, screen: null };

  constructor(
    private readonly newStream: () => MediaStream,
    /** The device vanished, or the person stopped sharing in the browser's own bar. Not called for track.stop(). */
    private readonly onEnded: (source: TrackSource) => void,
  ) {}

  /** For showing ourselves. */
  get streams(): PersonStreams {
    return this.own;
  }

  track(source: TrackSource): MediaStreamTrack | null {
    return this.tracks.get(source) ?? null;
  }

  /** Replaces the track; a source that was muted stays muted with its new device. */
  set(source: TrackSource, track: MediaStreamTrack | null): void {
    const before = this.tracks.get(source) ?? null;
    before?.removeEventListener("ended", this.ended);
    if (before !== track) this.show(source, before, track);
    if (track === null) {
      this.tracks.delete(source);
      this.muted.delete(source);
      return;
    }
    if (this.muted.has(source)) track.enabled = false;
    else if (!track.enabled) this.muted.add(source);
    if (source === "screen") track.contentHint = "detail";
    track.addEventListener("ended", this.ended);
    this.tracks.set(source, track);
  }

  mute(source: TrackSource, muted: boolean): void {
    const track = this.tracks.get(source);
    if (track === undefined) return;
    track.enabled = !muted;
    if (muted) this.muted.add(source);
    else this.muted.delete(source);
  }

  raise(up: boolean): void {
    this.hand = up;
  }

  on(source: TrackSource): boolean {
    return this.tracks.has(source) && !this.muted.has(source);
  }

  state(): State {
    return {
      microphone: this.on("microphone"),
      camera: this.on("camera"),
      screen: this.on("screen"),
      screenAudio: this.on("screen-audio"),
      hand: this.hand,
    };
  }

  private show(source: TrackSource, before: MediaStreamTrack | null, track: MediaStreamTrack | null): void {
    if (source === "screen-audio") return; // what we share is heard here already
    const stream = this.own[source] ?? this.newStream();
    if (before !== null) stream.removeTrack(before);
    if (track !== null) stream.addTrack(track);
    this.own = { ...this.own, [source]: stream };
  }

  private readonly ended = (e: Event): void => {
    for (const [source, track] of this.tracks) if (track === e.target) this.onEnded(source);
  };
}
