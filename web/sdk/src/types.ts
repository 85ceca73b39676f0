// What the SDK shows of a call. Every object here is an immutable snapshot: a change brings a new CallState, and parts that
// did not change stay the same object. MediaStream objects are the exception on purpose: one per participant and source for
// its whole life, so that an element keeps its srcObject while the tracks inside it change.

import type { ConfabError } from "./errors.js";
import type { CarrierKind } from "./carriers/carrier.js";
import type { Access, Grant, Line, Reaction, RecordingState, Role, Settings } from "./protocol.gen.js";

export type { Access, CarrierKind, Grant, Line, Role };

/** How media should travel; "files": there is none, people meet to transfer files. The first to join decides for the room. */
export type CallMode = "auto" | "p2p" | "sfu" | "files";

/** What a track carries. */
export type TrackSource = "microphone" | "camera" | "screen" | "screen-audio";

export interface CallOptions {
  /** Base URL of the server: http(s) or ws(s). Default: where the page came from. */
  server?: string;
  /** 1 to 64 characters of a-z, 0-9, '-' and '_'. */
  room: string;
  /** Shown to others: 1 to 64 characters. */
  name: string;
  /** A join token, when the server asks for one, or an invite. */
  token?: string;
  /** Of the room, when it has one. */
  password?: string;
  /** False: forget seat and unsent messages when the page is reloaded. Default true. */
  keep?: boolean;
  /** Default auto: peer to peer for two, the SFU from the third. */
  mode?: CallMode;
  /** "relay" forces all media through TURN. Default "all". */
  iceTransportPolicy?: "all" | "relay";
  /** What to send from the start. The tracks stay the caller's: the SDK never stops them. */
  microphone?: MediaStreamTrack | null;
  camera?: MediaStreamTrack | null;
  /** Receive slots on the SFU connection to begin with; more are negotiated when needed. Default 4 pairs, 3 audio. */
  slots?: { pairs: number; audio: number };
}

/**
 * idle → joining (→ waiting) → joined ⇄ reconnecting → left | failed.
 * "waiting" is in the lobby, until a moderator answers. "reconnecting" means the signaling socket: media may go on undisturbed.
 */
export type CallPhase = "idle" | "joining" | "waiting" | "joined" | "reconnecting" | "left" | "failed";

export interface CallState {
  readonly phase: CallPhase;
  readonly room: string;
  /** Null until joined. */
  readonly self: PersonState | null;
  /** The others, in the order they joined. */
  readonly people: readonly PersonState[];
  /** Oldest first: messages, and lines about who came and went. */
  readonly chat: readonly ChatEntry[];
  readonly talk: TalkState;
  /** What we may do, beside what our role allows. */
  readonly grants: readonly Grant[];
  /** Null until joined. */
  readonly settings: Settings | null;
  /** Null while the room is not being recorded. since: milliseconds since 1970; by: a participant's id, or "*" for the server's operator. */
  readonly recording: RecordingState | null;
  readonly lobby: LobbyState;
  readonly connection: ConnectionState;
  /** Why the phase is failed (or left against one's will); null otherwise. */
  readonly error: ConfabError | null;
}

/** What is true of the chat beside its messages. */
export interface TalkState {
  /** Messages of others since chat.read() was last called. */
  readonly unread: number;
  /** Older messages are on the server: chat.older() brings them. */
  readonly more: boolean;
  readonly loading: boolean;
  /** Commands that wait to be sent, or for the server's word that they are safe; typed text among them. */
  readonly waiting: number;
  readonly typing: readonly TypingState[];
}

export interface TypingState {
  readonly id: string;
  readonly name: string;
  /** To us alone. */
  readonly direct: boolean;
}

export interface LobbyState {
  /** In phase waiting: somebody is there who can let us in. */
  readonly attended: boolean;
  /** Who knocks, for those who may let them in; oldest first. */
  readonly knocks: readonly KnockState[];
  /** How many knock beside those. */
  readonly more: number;
}

export interface KnockState {
  readonly id: string;
  readonly name: string;
  readonly verified: boolean;
  /** Milliseconds since 1970. */
  readonly since: number;
}

export interface PersonState {
  readonly id: string;
  readonly name: string;
  readonly kind: "person" | "ingest";
  readonly role: Role;
  /** The name stands for an identity that a token vouches for. */
  readonly verified: boolean;
  /** Sources that a moderator has taken away until they are allowed again. */
  readonly blocked: readonly TrackSource[];
  /** False: the socket is lost and the seat is held; media may go on. */
  readonly online: boolean;
  /** What the person sends: false is muted, off, or absent. */
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly screenAudio: boolean;
  readonly hand: boolean;
  readonly speaking: boolean;
  /** Loudness 0..1, at most ten updates a second. */
  readonly level: number;
  readonly streams: PersonStreams;
  readonly link: LinkState;
}

/**
 * Null as long as nothing has ever been received from this source (own streams: as long as there is no track); from then on
 * the same object for the person's stay, with or without a track inside.
 */
export interface PersonStreams {
  /** Video only. */
  readonly camera: MediaStream | null;
  /** Audio only. */
  readonly microphone: MediaStream | null;
  /** Video, and the audio of the shared tab or system when there is one. */
  readonly screen: MediaStream | null;
}

/** direct: host to host; relayed: through TURN; server: through the SFU; none: not connected (yet, or at the moment). */
export type PathKind = "direct" | "relayed" | "server" | "none";
/** Of the packets that leave this machine. tls: TURN over TLS. */
export type LinkProtocol = "udp" | "tcp" | "tls";

/** The way media from and to one person goes. */
export interface LinkState {
  readonly path: PathKind;
  readonly protocol: LinkProtocol | null;
  /** Round trip to the person (direct, relayed) or to the server (server). */
  readonly rttMs: number | null;
  /** Fraction 0..1 of packets from this person lost in the last seconds. */
  readonly loss: number | null;
}

export interface ConnectionState {
  /** What the room uses now; during a switch, what it switches to. Null before joined. */
  readonly route: "p2p" | "sfu" | null;
  /** True from a change of route until everybody receives by the new one. */
  readonly switching: boolean;
  readonly signaling: "connected" | "reconnecting" | "offline";
  /** What carries signaling, or carried it last. */
  readonly carrier: CarrierKind | null;
  /** The worst of the links: server when the SFU carries the call, relayed when any peer link is. */
  readonly path: PathKind;
  readonly protocol: LinkProtocol | null;
  readonly rttMs: number | null;
  /** Since when `path` and `signaling` are what they are: milliseconds since 1970. */
  readonly since: number;
  /** The server said that it is going away at this time (milliseconds since 1970). */
  readonly drainingUntil: number | null;
}

export interface ChatEntry {
  readonly id: string;
  /** Its place in the room's log, by which it is edited, answered and so on; null until it is there. */
  readonly seq: number | null;
  /** Not null: no message but a line about `from`, which has no text. */
  readonly line: Line | null;
  /** Participant id of the author; equal to self.id for own messages. */
  readonly from: string;
  readonly name: string;
  /** Participant id, when it was said to one person only. */
  readonly to: string | null;
  readonly text: string;
  /** Milliseconds since 1970: the server's clock, or ours while pending. */
  readonly time: number;
  /** seq of the message that this one answers. */
  readonly reply: number | null;
  /** When it was last edited, milliseconds since 1970. */
  readonly edited: number | null;
  /** Taken back: text is empty. */
  readonly deleted: boolean;
  /** Each emoji with the participant ids of who put it there. */
  readonly reactions: readonly Reaction[];
  readonly own: boolean;
  /** failed: the server refused it, see error; call.chat.retry sends it again. */
  readonly status: "sent" | "pending" | "failed";
  readonly error: ConfabError | null;
}

/** One wish for Call.setView: who is shown how large. */
export interface ViewWant {
  participant: string;
  source: "camera" | "screen";
  /** Of the element that shows it, in physical pixels. */
  width: number;
  height: number;
  /** 0 to 100; higher is served first when slots or bits are short. Default 50. */
  priority?: number;
  /** False: keep the place, send nothing. Default true. */
  visible?: boolean;
}

export interface DataMessage {
  /** Participant id. */
  readonly from: string;
  readonly data: string | ArrayBuffer;
  readonly lossy: boolean;
}

/** A snapshot for a diagnostics panel: numbers since the connection began unless they say otherwise. */
export interface CallStats {
  readonly time: number;
  readonly connections: readonly ConnectionStats[];
  readonly inbound: readonly InboundStats[];
  readonly outbound: readonly OutboundStats[];
}

export interface ConnectionStats {
  /** Participant id, or "sfu". */
  readonly peer: string;
  readonly state: RTCPeerConnectionState;
  readonly path: PathKind;
  readonly protocol: LinkProtocol | null;
  readonly rttMs: number | null;
  readonly localCandidate: string | null;
  readonly remoteCandidate: string | null;
  readonly availableOutgoingBitrate: number | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly dtlsCipher: string | null;
}

export interface InboundStats {
  readonly participant: string;
  readonly source: TrackSource;
  readonly peer: string;
  readonly kind: "audio" | "video";
  readonly codec: string | null;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly jitterMs: number | null;
  readonly framesDecoded: number;
  readonly framesPerSecond: number | null;
  readonly width: number | null;
  readonly height: number | null;
  /** Of video, since the beginning. */
  readonly freezes: number;
  /** Of audio: seconds·level², grows only while sound is heard. */
  readonly totalAudioEnergy: number;
}

export interface OutboundStats {
  readonly source: TrackSource;
  readonly peer: string;
  readonly kind: "audio" | "video";
  readonly rid: string | null;
  readonly codec: string | null;
  readonly active: boolean;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly framesEncoded: number;
  readonly framesPerSecond: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly limitedBy: string | null;
}

/** Events of Call, all CustomEvent with this detail. */
export interface CallEvents {
  /** call.state was replaced. At most one per animation frame or task. */
  change: CallState;
  /** A message of the chat arrived from somebody else. */
  chat: ChatEntry;
  /** Somebody begins a file transfer with us, and nothing listens to call.transfers yet. */
  transfer: null;
  /** Somebody shows an emoji for a moment; from is a participant id, our own included. */
  emote: { readonly from: string; readonly emoji: string };
  /** A moderator has turned these of our sources off; hold: until they are allowed again. */
  silenced: { readonly sources: readonly TrackSource[]; readonly hold: boolean };
  /** Somebody asks to be let in. */
  knock: KnockState;
  /** A data channel message arrived. */
  data: DataMessage;
  /** Something was refused or failed that is not the end of the call. */
  error: ConfabError;
  /** Moments for tones and live regions; not fired for people who are already there when we join. */
  "participant-joined": PersonState;
  "participant-left": PersonState;
  "hand-raised": PersonState;
  /** Somebody began or stopped sharing a screen. */
  "screen-started": PersonState;
  "screen-stopped": PersonState;
  /** The room is recorded from now on, or no more. by: a participant's id, or "*" for the server's operator; reason: why the server ended it by itself. */
  recording: { on: boolean; by: string; reason: string };
  /** The route changed ("switching" true) or settled. */
  route: ConnectionState;
  /** We are in. */
  joined: CallState;
  /** The end: left or failed. */
  ended: CallState;
}
