// A browser without a browser: sockets, peer connections and streams that a test drives by hand, on node's mocked clock.

import { mock } from "node:test";
import { memoryKeep, type Keep } from "../src/keep.js";
import type { Platform, Store } from "../src/platform.js";
import type { ClientMessage, Participant, RouteState, ServerMessage } from "../src/protocol.gen.js";

export class FakeTrack extends EventTarget {
  enabled = true;
  muted = false;
  contentHint = "";
  readyState = "live";
  constructor(readonly kind: "audio" | "video", readonly id: string = `track${++count}`) {
    super();
  }
  getSettings(): MediaTrackSettings {
    return { width: 1280, height: 720 };
  }
  stop(): void {
    this.readyState = "ended";
  }
}
let count = 0;

export const track = (kind: "audio" | "video"): MediaStreamTrack => new FakeTrack(kind) as unknown as MediaStreamTrack;

export class FakeStream {
  private tracks: FakeTrack[] = [];
  addTrack(t: FakeTrack): void {
    if (!this.tracks.some((x) => x.id === t.id)) this.tracks.push(t); // by id, as Chromium does
  }
  removeTrack(t: FakeTrack): void {
    this.tracks = this.tracks.filter((x) => x !== t);
  }
  getTracks(): FakeTrack[] {
    return [...this.tracks];
  }
  getVideoTracks(): FakeTrack[] {
    return this.tracks.filter((t) => t.kind === "video");
  }
  getAudioTracks(): FakeTrack[] {
    return this.tracks.filter((t) => t.kind === "audio");
  }
}

interface FakeTransceiver {
  mid: string | null;
  direction: string;
  sender: { track: FakeTrack | null; replaceTrack(t: FakeTrack | null): Promise<void>; getParameters(): unknown; setParameters(): Promise<void>; encodings: unknown };
  receiver: { track: FakeTrack; getSynchronizationSources(): { audioLevel: number }[] };
  frames: number;
}

export class FakePeer {
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((e: { candidate: unknown }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ondatachannel: ((e: unknown) => void) | null = null;
  signalingState: RTCSignalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  iceConnectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  readonly added: unknown[] = [];
  readonly channels: { label: string; readyState: string; bufferedAmount: number; sent: unknown[]; send(d: unknown): void }[] = [];
  restarts = 0;
  closed = false;
  private needed = false;

  constructor(public config: RTCConfiguration) {}

  addTransceiver(kind: "audio" | "video", init: RTCRtpTransceiverInit): FakeTransceiver {
    const t: FakeTransceiver = {
      mid: null, direction: init.direction ?? "sendrecv", frames: 0,
      sender: {
        track: null, encodings: init.sendEncodings,
        replaceTrack: (x) => {
          t.sender.track = x;
          return Promise.resolve();
        },
        getParameters: () => ({ encodings: [] }),
        setParameters: () => Promise.resolve(),
      },
      receiver: { track: new FakeTrack(kind), getSynchronizationSources: () => [] },
    };
    this.transceivers.push(t);
    this.need();
    return t;
  }
  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }
  getSenders(): FakeTransceiver["sender"][] {
    return this.transceivers.map((t) => t.sender);
  }
  createDataChannel(label: string): unknown {
    const c = { label, readyState: "connecting", bufferedAmount: 0, sent: [] as unknown[], send: (d: unknown) => void c.sent.push(d) };
    this.channels.push(c);
    return c;
  }
  createOffer(): Promise<{ type: "offer"; sdp: string }> {
    return Promise.resolve({ type: "offer", sdp: this.sdp() });
  }
  setConfiguration(c: RTCConfiguration): void {
    this.config = c;
  }
  setLocalDescription(d?: { type: string; sdp: string }): Promise<void> {
    const type = d?.type ?? (this.signalingState === "have-remote-offer" ? "answer" : "offer");
    this.localDescription = { type, sdp: d?.sdp ?? this.sdp() };
    this.transceivers.forEach((t, i) => (t.mid ??= String(i)));
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    return Promise.resolve();
  }
  setRemoteDescription(d: { type: string; sdp: string }): Promise<void> {
    this.remoteDescription = d;
    if (d.type === "offer") {
      for (const m of d.sdp.matchAll(/^m=(\w+)[^]*?a=mid:(\S+)/gm)) {
        if (m[1] === "application" || this.transceivers.some((t) => t.mid === m[2])) continue;
        this.addTransceiver(m[1] as "audio", { direction: "recvonly" }).mid = m[2] ?? "";
      }
    }
    this.signalingState = d.type === "offer" ? "have-remote-offer" : "stable";
    return Promise.resolve();
  }
  addIceCandidate(c: unknown): Promise<void> {
    this.added.push(c);
    return Promise.resolve();
  }
  restartIce(): void {
    this.restarts++;
    this.need(true);
  }
  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map(this.transceivers.map((t, i) => [
      `i${i}`,
      { type: "inbound-rtp", kind: t.receiver.track.kind, trackIdentifier: t.receiver.track.id, packetsReceived: t.frames, framesDecoded: t.frames, keyFramesDecoded: t.frames > 0 ? 1 : 0 },
    ])));
  }
  close(): void {
    this.closed = true;
    this.connectionState = "closed";
  }

  // ---- driven by the test ----

  become(s: RTCPeerConnectionState): void {
    this.connectionState = s;
    for (const c of this.channels) c.readyState = s === "connected" ? "open" : "connecting";
    this.onconnectionstatechange?.();
  }
  /** Media arrives on these m-lines. */
  deliver(...mids: string[]): void {
    for (const t of this.transceivers) if (t.mid !== null && mids.includes(t.mid)) t.frames += 5;
  }
  mids(): string[] {
    return this.transceivers.map((t) => t.mid ?? "");
  }

  private sdp(): string {
    return `v=0\r\n${this.transceivers.map((t, i) => `m=${t.receiver.track.kind} 9 X 1\r\na=mid:${t.mid ?? i}\r\na=ice-ufrag:u${this.restarts}\r\n`).join("")}`;
  }
  private need(restart = false): void {
    if (this.needed) return;
    this.needed = true;
    queueMicrotask(() => {
      this.needed = false;
      if (!this.closed && (restart || this.transceivers.some((t) => t.mid === null))) this.onnegotiationneeded?.();
    });
  }
}

export class FakeSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number } | null) => void) | null = null;
  readonly sent: ClientMessage[] = [];
  closed = false;
  constructor(readonly url: string, readonly protocol: string) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }
  close(): void {
    this.closed = true;
    this.readyState = 3;
  }

  // ---- driven by the test ----

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(m: ServerMessage | ServerMessage[]): void {
    this.onmessage?.({ data: JSON.stringify(m) });
  }
  /** The network is cut, or the server closes with a code. */
  lose(code?: number): void {
    this.readyState = 3;
    this.onclose?.(code === undefined ? null : { code });
  }
  of<T extends ClientMessage["type"]>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.sent.filter((m): m is Extract<ClientMessage, { type: T }> => m.type === type);
  }
}

export class FakeStore implements Store {
  readonly items = new Map<string, string>();
  getItem(k: string): string | null {
    return this.items.get(k) ?? null;
  }
  setItem(k: string, v: string): void {
    this.items.set(k, v);
  }
  removeItem(k: string): void {
    this.items.delete(k);
  }
}

/** What outlives a page. */
export class FakeTab {
  readonly session = new FakeStore();
  readonly local = new FakeStore();
  readonly keep: Keep = memoryKeep();
  readonly locks = new Set<string>();
}
let secrets = 0;

export class FakePlatform implements Platform {
  constructor(readonly tab = new FakeTab()) {}
  webTransport: Platform["webTransport"] = null;
  /** Answers of GET requests, by path. */
  readonly answers = new Map<string, unknown>();
  fetch(url: string): Promise<Response> {
    const a = this.answers.get(new URL(url).pathname);
    return a === undefined ? Promise.reject(new TypeError("no such thing")) : Promise.resolve(new Response(JSON.stringify(a)));
  }
  secret(): string {
    return `secret-of-22-characters-${++secrets}`;
  }
  get session(): Store {
    return this.tab.session;
  }
  get local(): Store {
    return this.tab.local;
  }
  get keep(): Keep {
    return this.tab.keep;
  }
  lock(name: string): Promise<(() => void) | null> {
    if (this.tab.locks.has(name)) return Promise.resolve(null);
    this.tab.locks.add(name);
    return Promise.resolve(() => void this.tab.locks.delete(name));
  }
  readonly sockets: FakeSocket[] = [];
  readonly peers: FakePeer[] = [];
  readonly page = new EventTarget();
  readonly location = "https://meet.example/r/room";
  luck = 0.5;
  peer(config: RTCConfiguration): RTCPeerConnection {
    const p = new FakePeer(config);
    this.peers.push(p);
    return p as unknown as RTCPeerConnection;
  }
  socket(url: string, protocol: string): WebSocket {
    const s = new FakeSocket(url, protocol);
    this.sockets.push(s);
    return s as unknown as WebSocket;
  }
  stream(): MediaStream {
    return new FakeStream() as unknown as MediaStream;
  }
  random(): number {
    return this.luck;
  }
  now(): number {
    return Date.now();
  }
  online(): boolean {
    return true;
  }
  get last(): FakeSocket {
    const s = this.sockets.at(-1);
    if (s === undefined) throw new Error("no socket was opened");
    return s;
  }
  /** Peer connections not closed. */
  get open(): FakePeer[] {
    return this.peers.filter((p) => !p.closed);
  }
}

export function clock(): void {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000 });
}

/** Lets promises settle, then time pass in small steps, so that timers and promises take turns as they would. */
export async function pass(ms = 0): Promise<void> {
  await settle();
  for (let left = ms; left > 0; left -= 50) {
    mock.timers.tick(Math.min(50, left));
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise<void>((r) => setImmediate(r));
}

export const who = (id: string, more: Partial<Participant> = {}): Participant => ({
  id, name: id, online: true, kind: "person", role: "member", media: { microphone: true, camera: true, screen: false, screenAudio: false, hand: false }, ...more,
});

export function joined(
  people: string[], route: Partial<RouteState> = {}, more: Partial<Extract<ServerMessage, { type: "joined" }>> = {},
): Extract<ServerMessage, { type: "joined" }> {
  return {
    type: "joined", self: "me", session: "s3cret", room: "room", mode: "auto", epoch: "e1", seq: 10, recovered: false,
    route: { transport: "p2p", generation: 1, done: true, ...route }, participants: people.map((p) => who(p)), chat: [], more: false,
    grants: ["microphone", "camera", "chat"], settings: { access: "open", password: false, people: 50 },
    iceServers: [{ urls: ["turn:relay.example?transport=tcp"], username: "u", credential: "c" }], iceTtl: 600, resumeWindow: 30, server: "test", ...more,
  };
}
