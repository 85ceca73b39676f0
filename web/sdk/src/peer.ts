// One connection to one other person: the shell around negotiation.ts. Steps run one after the other, each to its end.
//
// The later joiner starts: it makes one bidirectional m-line each for microphone and camera, whether or not there is a track
// yet, and two data channels, so that turning a camera on or changing a device is a replaceTrack and no negotiation. The
// other side takes these m-lines up for its own tracks. A screen has m-lines of its own, one way, made when first shared.

import { screenRate } from "./encodings.js";
import type { Negotiation, NegotiationStep } from "./negotiation.js";
import { negotiation, onCandidate, onDescription } from "./negotiation.js";
import { address, meant, sdpSession, type Meant } from "./reload.js";
import type { Path, PathHost } from "./path.js";
import { addSender, channelOptions, sendOn } from "./path.js";
import type { Candidate, Description, PeerSignal, Source } from "./protocol.gen.js";
import type { TrackSource } from "./types.js";

/** Milliseconds in which a connection must come about, or come back; ICE itself gives up after 15 s (Chromium). */
const PATIENCE = 10_000;
/** Milliseconds that a "disconnected" may heal by itself. */
const HEAL = 2_000;
/** The side that did not start waits longer, so that both do not restart at once. */
const COURTESY = 2_000;
/** Local candidates kept for repeating. */
const CANDIDATES = 64;

export class Peer {
  readonly pc: RTCPeerConnection;
  private readonly stream: MediaStream;
  private state: Negotiation;
  /** Session ids (RFC 8866 §5.2) of our descriptions and of theirs; "" before the first. */
  private session = "";
  private remote = "";
  private chain: Promise<void> = Promise.resolve();
  private readonly sending = new Map<TrackSource, RTCRtpTransceiver>();
  private readonly receiving = new Map<Source, MediaStreamTrack>();
  private remoteTracks: Record<string, Source> = {};
  private candidates: Candidate[] = [];
  private readonly channels = new Map<string, RTCDataChannel>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private healing: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly host: PathHost,
    private readonly path: Path,
    readonly id: string,
    private readonly starts: boolean,
  ) {
    this.state = negotiation(host.self(), id);
    this.pc = host.platform.peer(host.rtc());
    this.stream = host.platform.stream();
    this.pc.onnegotiationneeded = () => this.enqueue(() => this.offer());
    this.pc.onicecandidate = (e) => this.trickle(e.candidate);
    this.pc.onconnectionstatechange = () => this.connection();
    this.pc.ondatachannel = (e) => this.channel(e.channel);
    if (starts) {
      this.add("microphone", "sendrecv");
      this.add("camera", "sendrecv");
      for (const label of ["reliable", "lossy"] as const) this.channel(this.pc.createDataChannel(label, channelOptions[label]));
      this.shareScreen();
    }
    this.await();
  }

  /** Whether a description belongs to this connection, or to one that a reloaded page has taken with it. */
  meant(d: Description): Meant {
    return meant(d, this.session, this.remote);
  }

  receive(s: PeerSignal): void {
    if (s.description !== undefined) {
      const d = s.description;
      this.enqueue(() => this.perform(onDescription(this.state, this.pc.signalingState, d)));
    } else if (s.candidate !== undefined) {
      const c = s.candidate;
      this.enqueue(() => this.perform(onCandidate(this.state, c)));
    }
  }

  async update(source: TrackSource): Promise<void> {
    const t = this.sending.get(source);
    if (t !== undefined) await t.sender.replaceTrack(this.host.track(source));
    // The answering side has no m-lines before the first offer; it takes up whatever is there then.
    else if (this.pc.remoteDescription !== null || this.starts) this.shareScreen();
  }

  /** Signals may have been lost, ours or theirs: repeat an offer that has no answer, and candidates while there is no path. */
  resumed(): void {
    this.enqueue(async () => {
      if (this.pc.signalingState === "have-local-offer") this.describe();
      if (this.pc.connectionState !== "connected") for (const candidate of this.candidates) this.signal({ candidate });
    });
  }

  send(data: string | ArrayBuffer, lossy: boolean): boolean {
    return sendOn(this.channels.get(lossy ? "lossy" : "reliable"), data);
  }

  /** Nobody waits for this connection any more: the route has moved on. */
  retire(): void {
    clearTimeout(this.timer);
    clearTimeout(this.healing);
  }

  close(): void {
    this.closed = true;
    this.retire();
    this.pc.onnegotiationneeded = this.pc.onicecandidate = this.pc.onconnectionstatechange = this.pc.ondatachannel = null;
    for (const source of this.receiving.keys()) this.host.onTrackGone(this.path, { participant: this.id, source });
    this.pc.close();
  }

  private enqueue(step: () => Promise<void>): void {
    this.chain = this.chain
      .then(() => (this.closed ? undefined : step()))
      .catch((e: unknown) => {
        if (!this.closed) this.host.onFailed(this.path, `negotiation: ${e instanceof Error ? e.message : String(e)}`);
      });
  }

  private async offer(): Promise<void> {
    if (this.pc.signalingState !== "stable") return; // fires again when it is
    await this.pc.setLocalDescription();
    this.describe();
  }

  private async perform([next, steps]: [Negotiation, NegotiationStep[]]): Promise<void> {
    this.state = next;
    for (const s of steps) {
      switch (s.do) {
        case "answer":
          await this.setRemote(s.offer);
          await this.takeUp();
          await this.pc.setLocalDescription();
          this.describe();
          break;
        case "accept":
          await this.setRemote(s.answer);
          break;
        case "add":
          // A candidate that this browser cannot use (a name that does not resolve, IPv6 without IPv6) is no failure.
          await this.pc.addIceCandidate(s.candidate).catch(() => undefined);
          break;
      }
    }
  }

  private async setRemote(d: Description): Promise<void> {
    this.remoteTracks = d.tracks ?? {};
    this.remote = sdpSession(d.sdp);
    await this.pc.setRemoteDescription({ type: d.type, sdp: d.sdp });
    for (const t of this.pc.getTransceivers()) {
      const source = t.mid === null ? undefined : this.remoteTracks[t.mid];
      if (source === undefined || this.receiving.get(source) === t.receiver.track) continue;
      this.receiving.set(source, t.receiver.track);
      this.host.onTrack(this.path, { participant: this.id, source }, { track: t.receiver.track, receiver: t.receiver, pc: this.pc }, false);
    }
  }

  /** The offering side's m-lines for microphone and camera carry ours as well. */
  private async takeUp(): Promise<void> {
    for (const t of this.pc.getTransceivers()) {
      const source = t.mid === null ? undefined : this.remoteTracks[t.mid];
      if ((source !== "microphone" && source !== "camera") || this.sending.has(source)) continue;
      this.sending.set(source, t);
      t.direction = "sendrecv";
      t.sender.setStreams?.(this.stream);
      await t.sender.replaceTrack(this.host.track(source));
    }
    this.shareScreen();
  }

  private shareScreen(): void {
    for (const source of ["screen", "screen-audio"] as const) {
      if (this.host.track(source) !== null && !this.sending.has(source)) this.add(source, "sendonly");
    }
  }

  private add(source: TrackSource, direction: RTCRtpTransceiverDirection): void {
    const init: RTCRtpTransceiverInit = { direction };
    // One stream for face and voice: the receiver keeps lips in sync by it.
    if (source === "microphone" || source === "camera") init.streams = [this.stream];
    if (source === "screen") init.sendEncodings = [{ maxBitrate: screenRate }];
    this.sending.set(source, addSender(this.pc, source, this.host.track(source), init));
  }

  private describe(): void {
    const d = this.pc.localDescription;
    if (d === null) return;
    const tracks: Record<string, Source> = {};
    for (const [source, t] of this.sending) if (t.mid !== null) tracks[t.mid] = source;
    this.session = sdpSession(d.sdp);
    this.signal({ description: { type: d.type === "offer" ? "offer" : "answer", sdp: address(d.sdp, this.remote), tracks } });
  }

  private trickle(c: RTCIceCandidate | null): void {
    if (c === null || c.candidate === "") return;
    const candidate: Candidate = { candidate: c.candidate, sdpMLineIndex: c.sdpMLineIndex ?? 0 };
    if (c.sdpMid !== null) candidate.sdpMid = c.sdpMid;
    if (c.usernameFragment !== null) candidate.usernameFragment = c.usernameFragment;
    this.candidates = [...this.candidates, candidate].slice(-CANDIDATES);
    this.signal({ candidate });
  }

  private signal(what: { description: Description } | { candidate: Candidate }): void {
    this.host.send({ type: "signal", id: "signal", to: this.id, generation: this.path.generation, ...what });
  }

  private channel(c: RTCDataChannel): void {
    c.binaryType = "arraybuffer";
    c.onmessage = (e: MessageEvent<string | ArrayBuffer>) => this.host.onData({ from: this.id, data: e.data, lossy: c.label === "lossy" });
    this.channels.set(c.label, c);
  }

  private connection(): void {
    clearTimeout(this.healing);
    const wait = this.starts ? 0 : COURTESY;
    switch (this.pc.connectionState) {
      case "connected":
        clearTimeout(this.timer);
        this.timer = undefined;
        break;
      case "disconnected":
        this.healing = setTimeout(() => this.restart(), HEAL + wait);
        break;
      case "failed":
        this.healing = setTimeout(() => this.restart(), wait);
        break;
    }
    this.host.onConnection(this.path);
  }

  private restart(): void {
    this.candidates = [];
    this.pc.restartIce(); // negotiationneeded follows
    if (this.timer === undefined) this.await();
  }

  /** Tells, every PATIENCE, that there is no connection. */
  private await(): void {
    this.timer = setTimeout(() => {
      this.host.onFailed(this.path, `no connection to ${this.id}: ${this.pc.iceConnectionState}`);
      this.await();
      if (this.pc.remoteDescription !== null) this.restart();
      else this.resumed();
    }, PATIENCE);
  }
}
