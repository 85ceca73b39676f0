// A path carries media: a mesh of peers, or the connection to the SFU. The router has one, and two while it switches.

import { preferVP8 } from "./encodings.js";
import type { Platform } from "./platform.js";
import type { ClientMessage, Participant, Transport } from "./protocol.gen.js";
import type { Key } from "./switcher.js";
import type { DataMessage, TrackSource } from "./types.js";

/** A track that a path receives. */
export interface Inbound {
  readonly track: MediaStreamTrack;
  readonly receiver: RTCRtpReceiver;
  /** The connection it arrives by. */
  readonly pc: RTCPeerConnection;
}

/** What a path needs of its owner, and tells it. */
export interface PathHost {
  readonly platform: Platform;
  /** Of this client. */
  self(): string;
  rtc(): RTCConfiguration;
  /** True if it went out now. */
  send(m: ClientMessage): boolean;
  /** What this side sends of a source now. */
  track(source: TrackSource): MediaStreamTrack | null;
  /** The path receives key by this track; dirty: it may still show somebody else. */
  onTrack(path: Path, key: Key, inbound: Inbound, dirty: boolean): void;
  onTrackGone(path: Path, key: Key): void;
  /** A connection came or went; stats and readiness want a look. */
  onConnection(path: Path): void;
  /** The path can't be built or rebuilt. May be told again while it goes on trying. */
  onFailed(path: Path, reason: string): void;
  onData(m: DataMessage): void;
}

export interface Connection {
  /** Participant id, or "sfu". */
  readonly peer: string;
  readonly pc: RTCPeerConnection;
}

export interface Path {
  readonly transport: Transport;
  generation: number;
  /** Everybody in the room, in the order they joined. */
  roster(all: readonly Participant[]): void;
  /** What this side sends of a source changed. */
  update(source: TrackSource): Promise<void>;
  /** The signaling socket is back: repeat what may have been lost with it. */
  resumed(): void;
  /** A newer route is being built: go on carrying, but neither complain nor try again. */
  retire(): void;
  /** New ICE servers. */
  configure(c: RTCConfiguration): void;
  connections(): readonly Connection[];
  /** True when every connection that there should be is connected. */
  connected(): boolean;
  /** False if somebody has no open channel. */
  send(data: string | ArrayBuffer, lossy: boolean, to: string | null): boolean;
  close(): void;
}

/** Labels of the data channels: one ordered and complete, one that never waits. */
export const channelOptions: Readonly<Record<"reliable" | "lossy", RTCDataChannelInit>> = {
  reliable: { ordered: true },
  lossy: { ordered: false, maxRetransmits: 0 },
};

/** Bytes that may wait in a channel; a lossy message above that is dropped, a reliable one refused. */
export const channelBuffer = 4 << 20;

/** Sends if the channel is open and has room. */
export function sendOn(c: RTCDataChannel | undefined, data: string | ArrayBuffer): boolean {
  if (c === undefined || c.readyState !== "open") return false;
  if (c.bufferedAmount > channelBuffer) return c.label === "lossy"; // a dropped lossy message is as good as sent
  if (typeof data === "string") c.send(data);
  else c.send(data);
  return true;
}

/**
 * A sending m-line for a source. The track is put in afterwards, since its id would become the receiver's track id: on the
 * next path a second track of the same id would arrive, which Chromium does not tell from the first.
 */
export function addSender(pc: RTCPeerConnection, source: TrackSource, track: MediaStreamTrack | null, init: RTCRtpTransceiverInit): RTCRtpTransceiver {
  const video = source === "camera" || source === "screen";
  const t = pc.addTransceiver(video ? "video" : "audio", init);
  if (video) preferVP8(t);
  // It can only fail when the connection is closed meanwhile.
  if (track !== null) void t.sender.replaceTrack(track).catch(() => undefined);
  return t;
}
