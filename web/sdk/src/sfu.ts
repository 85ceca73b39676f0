// The path through the SFU: one connection, on which we offer and the server answers (RFC 9429), always. The offer holds an
// m-line for microphone and camera whether or not there is a track, receive slots, and the data channels; later offers add
// a screen or more slots, or restart ICE. One offer is out at a time and its revision counts up.
//
// The first offer is made before the socket is open and rides in join, so it is not yet applied: the ICE servers come with
// the answer, and candidates that are gathered before would lack the relay. The server does not need ours (full ICE learns
// them as peer reflexive, RFC 8445 §7.3.1.3).

import { cameraEncodings, preferVP8, screenRate } from "./encodings.js";
import { decodeFrame } from "./frames.js";
import { serverConfiguration } from "./ice.js";
import type { Connection, Path, PathHost } from "./path.js";
import { addSender, channelOptions, sendOn } from "./path.js";
import type { Pair, SFUAnswer, SFUOffer, Slot, Source } from "./protocol.gen.js";
import type { SlotTable } from "./slots.js";
import { assign, mediaMids, mids, noSlots } from "./slots.js";
import type { Key } from "./switcher.js";
import type { TrackSource } from "./types.js";

/** Milliseconds in which the connection must come about, or come back, before ICE is restarted. */
const PATIENCE = 8_000;
/** Restarts of a connection that once stood, without success, before the owner is told; it is told again after as many more. */
const TRIES = 2;
/** Milliseconds that a "disconnected" may heal by itself. */
const HEAL = 2_000;

interface SlotPair {
  readonly audio: RTCRtpTransceiver;
  readonly video: RTCRtpTransceiver;
}

interface Pending {
  readonly message: SFUOffer;
  /** Still to be applied on this side. */
  readonly apply: boolean;
}

export interface SfuHost extends PathHost {
  /** The number of the next offer; counts across connections. */
  nextRevision(): number;
}

export class Sfu implements Path {
  readonly transport = "sfu";
  generation = 0;
  private readonly pc: RTCPeerConnection;
  private readonly sending = new Map<TrackSource, RTCRtpTransceiver>();
  private readonly pairs: SlotPair[] = [];
  private readonly audio: RTCRtpTransceiver[] = [];
  private readonly channels = new Map<string, RTCDataChannel>();
  /** mid → the transceiver that receives by it. */
  private byMid = new Map<string, RTCRtpTransceiver>();
  private table: SlotTable = noSlots;
  private pending: Pending | null = null;
  /** Something changed after the pending offer was made. */
  private again = false;
  private busy: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  /** It has been connected before. */
  private ever = false;
  private retired = false;
  private closed = false;

  constructor(
    private readonly host: SfuHost,
    slots: { pairs: number; audio: number },
  ) {
    this.pc = host.platform.peer(serverConfiguration(host.rtc()));
    this.pc.onconnectionstatechange = () => this.connection();
    for (const source of ["microphone", "camera"] as const) this.add(source);
    this.addScreen();
    this.addSlots(slots.pairs, slots.audio);
    for (const label of ["reliable", "lossy"] as const) {
      const c = this.pc.createDataChannel(label, channelOptions[label]);
      c.binaryType = "arraybuffer";
      c.onmessage = (e: MessageEvent<unknown>) => this.data(e.data, label === "lossy");
      this.channels.set(label, c);
    }
  }

  /** The first offer, for join. It is applied when its answer comes. */
  async prepare(): Promise<SFUOffer> {
    const offer = await this.pc.createOffer();
    const message = this.describe(offer.sdp ?? "");
    this.pending = { message, apply: true };
    return message;
  }

  /** Builds the connection without join. */
  connect(): void {
    this.await();
    this.negotiate();
  }

  accept(answer: SFUAnswer): void {
    this.enqueue(async () => {
      const p = this.pending;
      if (p === null || p.message.revision !== answer.revision) return; // of an offer that was given up
      if (p.apply) {
        this.pc.setConfiguration(serverConfiguration(this.host.rtc()));
        await this.pc.setLocalDescription({ type: "offer", sdp: p.message.sdp });
        this.await();
      }
      await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      this.pending = null;
      if (this.again) this.negotiate();
    });
  }

  /** The server refused the pending offer; after is when to try again, or null if that is no use. */
  refused(revision: number, after: number | null, reason: string): void {
    if (this.pending?.message.revision !== revision) return;
    this.pending = null;
    if (after === null) {
      this.host.onFailed(this, reason);
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.await();
      this.negotiate();
    }, after);
  }

  slots(slots: readonly Slot[]): void {
    const [table, moves] = assign(this.table, slots);
    this.table = table;
    for (const m of moves) if (m.gone !== null) this.host.onTrackGone(this, m.gone);
    for (const m of moves) if (m.now !== null) this.show(m.mid, m.now, m.dirty);
  }

  /** True if key is in a slot that flows, or could be put in one that is free: then its media is worth waiting for. */
  expects(key: Key): boolean {
    for (const a of this.table.values()) {
      if (a.key?.participant === key.participant && a.key.source === key.source) return !a.paused;
    }
    return mids(this.midPairs(), this.midAudio(), key.source).some((mid) => (this.table.get(mid)?.key ?? null) === null);
  }

  size(): { pairs: number; audio: number } {
    return { pairs: this.pairs.length, audio: this.audio.length };
  }

  grow(to: { pairs: number; audio: number }): void {
    if (to.pairs <= this.pairs.length && to.audio <= this.audio.length) return;
    this.addSlots(to.pairs - this.pairs.length, to.audio - this.audio.length);
    this.negotiate();
  }

  roster(): void {
    // The server tells by slots who is where.
  }

  async update(source: TrackSource): Promise<void> {
    const t = this.sending.get(source);
    if (t === undefined) {
      if (this.addScreen()) this.negotiate();
      return;
    }
    const track = this.host.track(source);
    await t.sender.replaceTrack(track);
    if (source === "camera" && track !== null) await fitEncodings(t.sender, track);
  }

  resumed(): void {
    // The answer may have been lost with the socket. The same revision asks for it once more.
    this.enqueue(async () => {
      if (this.pending !== null && !this.retired) this.host.send({ type: "sfu-offer", ...this.pending.message });
    });
  }

  retire(): void {
    this.retired = true;
    clearTimeout(this.timer);
  }

  configure(c: RTCConfiguration): void {
    this.pc.setConfiguration(serverConfiguration(c));
  }

  connections(): readonly Connection[] {
    return [{ peer: "sfu", pc: this.pc }];
  }

  connected(): boolean {
    return this.pc.connectionState === "connected";
  }

  send(data: string | ArrayBuffer, lossy: boolean, to: string | null): boolean {
    return to === null && sendOn(this.channels.get(lossy ? "lossy" : "reliable"), data);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.pc.onconnectionstatechange = null;
    for (const a of this.table.values()) if (a.key !== null) this.host.onTrackGone(this, a.key);
    this.pc.close();
  }

  private negotiate(): void {
    this.enqueue(async () => {
      if (this.retired) return;
      if (this.pending !== null) {
        this.again = true;
        return;
      }
      this.again = false;
      const offer = await this.pc.createOffer();
      await this.pc.setLocalDescription(offer);
      const message = this.describe(offer.sdp ?? "");
      this.pending = { message, apply: false };
      this.host.send({ type: "sfu-offer", ...message }); // or at resumed()
    });
  }

  private describe(sdp: string): SFUOffer {
    // The m-lines of an offer follow the transceivers; mids are not on them before the offer is applied.
    const all = mediaMids(sdp);
    const midOf = new Map(this.pc.getTransceivers().map((t, i) => [t, t.mid ?? all[i] ?? ""]));
    const mid = (t: RTCRtpTransceiver): string => midOf.get(t) ?? "";
    this.byMid = new Map([...midOf].map(([t, m]) => [m, t]));
    const tracks: Record<string, Source> = {};
    for (const [source, t] of this.sending) tracks[mid(t)] = source;
    const revision = this.host.nextRevision();
    return {
      id: `offer:${revision}`,
      revision,
      sdp,
      tracks,
      pairs: this.pairs.map((p): Pair => ({ audio: mid(p.audio), video: mid(p.video) })),
      audio: this.audio.map(mid),
    };
  }

  private enqueue(step: () => Promise<void>): void {
    this.busy = this.busy
      .then(() => (this.closed ? undefined : step()))
      .catch((e: unknown) => {
        this.pending = null;
        if (!this.closed) this.host.onFailed(this, `negotiation: ${e instanceof Error ? e.message : String(e)}`);
      });
  }

  private show(mid: string, key: Key, dirty: boolean): void {
    const t = this.byMid.get(mid);
    if (t !== undefined) this.host.onTrack(this, key, { track: t.receiver.track, receiver: t.receiver, pc: this.pc }, dirty);
  }

  private midPairs(): Pair[] {
    return this.pairs.map((p) => ({ audio: this.midOf(p.audio), video: this.midOf(p.video) }));
  }

  private midAudio(): string[] {
    return this.audio.map((t) => this.midOf(t));
  }

  private midOf(t: RTCRtpTransceiver): string {
    for (const [mid, x] of this.byMid) if (x === t) return mid;
    return "";
  }

  private add(source: TrackSource): void {
    const track = this.host.track(source);
    const init: RTCRtpTransceiverInit = { direction: "sendonly" };
    if (source === "camera") {
      const { width, height } = track?.getSettings() ?? {};
      init.sendEncodings = cameraEncodings(width, height);
    } else if (source === "screen") {
      init.sendEncodings = [{ maxBitrate: screenRate }];
    }
    this.sending.set(source, addSender(this.pc, source, track, init));
  }

  /** True if that made m-lines. */
  private addScreen(): boolean {
    let added = false;
    for (const source of ["screen", "screen-audio"] as const) {
      if (this.host.track(source) === null || this.sending.has(source)) continue;
      this.add(source);
      added = true;
    }
    return added;
  }

  private addSlots(pairs: number, audio: number): void {
    for (let i = 0; i < pairs; i++) {
      const a = this.pc.addTransceiver("audio", { direction: "recvonly" });
      const v = this.pc.addTransceiver("video", { direction: "recvonly" });
      preferVP8(v);
      this.pairs.push({ audio: a, video: v });
    }
    for (let i = 0; i < audio; i++) this.audio.push(this.pc.addTransceiver("audio", { direction: "recvonly" }));
  }

  private data(data: unknown, lossy: boolean): void {
    const f = data instanceof ArrayBuffer ? decodeFrame(data) : null;
    if (f !== null) this.host.onData({ ...f, lossy });
  }

  private connection(): void {
    if (this.retired) return;
    switch (this.pc.connectionState) {
      case "connected":
        clearTimeout(this.timer);
        this.timer = undefined;
        this.tries = 0;
        this.ever = true;
        break;
      case "disconnected":
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.restart(), HEAL);
        break;
      case "failed":
        this.restart();
        break;
    }
    this.host.onConnection(this);
  }

  private restart(): void {
    // While the connection is new, the server keeps the old route for 15 s at most: it must know in time to stay with it.
    if (++this.tries > TRIES || !this.ever) {
      this.tries = 0;
      this.host.onFailed(this, `no connection to the server: ${this.pc.iceConnectionState}`);
    }
    this.pc.restartIce();
    this.negotiate();
    this.await();
  }

  private await(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.restart(), PATIENCE);
  }
}

/** A camera of another size needs other scales; browsers that refuse keep what they have. */
async function fitEncodings(sender: RTCRtpSender, track: MediaStreamTrack): Promise<void> {
  const { width, height } = track.getSettings();
  const want = cameraEncodings(width, height);
  const p = sender.getParameters();
  let changed = false;
  for (const e of p.encodings ?? []) {
    const w = want.find((x) => x.rid === e.rid);
    if (w === undefined || (e.active === w.active && e.scaleResolutionDownBy === w.scaleResolutionDownBy)) continue;
    Object.assign(e, { active: w.active, scaleResolutionDownBy: w.scaleResolutionDownBy });
    changed = true;
  }
  if (changed) await sender.setParameters(p).catch(() => undefined);
}
