// A lane: one peer connection with one data channel. Several of them are several congestion windows, which several channels
// of one connection are not.

import type { Bytes } from "./bytes.js";
import { route } from "./route.js";
import { fingerprintOf } from "./secure.js";

/** Milliseconds that a lane may take to open. */
const OPENING = 20_000;
/** Remote candidates that are taken, at most. */
const CANDIDATES = 64;
/** Bytes that may wait in the channel, and below which it asks for more. */
const BUFFER = { full: 1 << 20, low: 256 << 10 };

export const LABEL = "confab-transfer";

export interface LaneHost {
  config(): RTCConfiguration;
  peer(config: RTCConfiguration): RTCPeerConnection;
  offer(sdp: string): void;
  answer(sdp: string): void;
  candidate(candidate: string, mid: string): void;
  /** The other side's certificate is another than it said: the transfer ends. */
  impostor(): void;
  open(): void;
  /** Once, for every lane that was made. */
  gone(): void;
  message(data: string | ArrayBuffer): void;
}

export class Lane {
  readonly pc: RTCPeerConnection;
  private channel: RTCDataChannel | null = null;
  private over = false;
  private readonly timer: ReturnType<typeof setTimeout>;
  private early: RTCIceCandidateInit[] | null = [];
  private taken = 0;
  private room: (() => void)[] = [];

  /** fingerprint: of the other side, as every SDP of it must say. */
  constructor(readonly id: number, private readonly fingerprint: string, private readonly host: LaneHost) {
    this.pc = host.peer(host.config());
    this.pc.onicecandidate = (e) => {
      if (e.candidate !== null && e.candidate.candidate !== "") host.candidate(e.candidate.candidate, e.candidate.sdpMid ?? "0");
    };
    this.pc.onconnectionstatechange = () => {
      if (this.pc.connectionState === "failed" || this.pc.connectionState === "closed") this.close();
    };
    this.pc.ondatachannel = (e) => (this.channel === null && e.channel.label === LABEL ? this.take(e.channel) : e.channel.close());
    this.timer = setTimeout(() => this.close(), OPENING);
  }

  /** As the side that makes lanes. */
  async call(): Promise<void> {
    this.take(this.pc.createDataChannel(LABEL, { ordered: true }));
    await this.pc.setLocalDescription();
    if (!this.over) this.host.offer(this.pc.localDescription?.sdp ?? "");
  }

  /** An offer or an answer of the other side. */
  async remote(type: "offer" | "answer", sdp: string): Promise<void> {
    if (this.over) return;
    if (fingerprintOf(sdp) !== this.fingerprint) return this.host.impostor();
    await this.pc.setRemoteDescription({ type, sdp });
    for (const c of this.early?.splice(0) ?? []) await this.add(c);
    this.early = null;
    if (type === "answer" || this.over) return;
    await this.pc.setLocalDescription();
    if (!this.over) this.host.answer(this.pc.localDescription?.sdp ?? "");
  }

  async candidate(candidate: string, mid: string): Promise<void> {
    if (this.over || ++this.taken > CANDIDATES) return;
    const c = { candidate, sdpMid: mid };
    if (this.early !== null) this.early.push(c);
    else await this.add(c);
  }

  get isOpen(): boolean {
    return !this.over && this.channel?.readyState === "open";
  }

  /** The path's round trip in milliseconds, as ICE's checks measure it; null if nobody has. */
  async trip(): Promise<number | null> {
    return (await route(this.pc, false))?.rttMs ?? null;
  }

  /** False if it is not open. */
  send(data: string | Bytes): boolean {
    if (!this.isOpen || this.channel === null) return false;
    try {
      if (typeof data === "string") this.channel.send(data);
      else this.channel.send(data);
      return true;
    } catch {
      return false; // it closed meanwhile
    }
  }

  /** Resolves when the channel takes more, or is gone. */
  async writable(): Promise<void> {
    while (this.isOpen && (this.channel?.bufferedAmount ?? 0) > BUFFER.full) {
      await new Promise<void>((done) => this.room.push(done));
    }
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.channel?.close();
    this.pc.close();
    this.wake();
    this.host.gone();
  }

  private take(c: RTCDataChannel): void {
    this.channel = c;
    c.binaryType = "arraybuffer";
    c.bufferedAmountLowThreshold = BUFFER.low;
    c.onbufferedamountlow = () => this.wake();
    c.onclose = () => this.close();
    c.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
      if (!this.over) this.host.message(e.data);
    };
    const open = () => {
      if (this.over) return;
      clearTimeout(this.timer);
      this.host.open();
    };
    if (c.readyState === "open") queueMicrotask(open);
    else c.onopen = open;
  }

  private wake(): void {
    for (const done of this.room.splice(0)) done();
  }

  private async add(c: RTCIceCandidateInit): Promise<void> {
    // One that this browser can't read is no reason to give up the others.
    await this.pc.addIceCandidate(c).catch(() => undefined);
  }
}

/** A certificate for all lanes of a transfer, and its fingerprint: of an offer, as Firefox does not tell it otherwise. */
export async function certificate(peer: (c: RTCConfiguration) => RTCPeerConnection): Promise<{ certificate: RTCCertificate; fingerprint: string }> {
  const made = await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" } as AlgorithmIdentifier);
  const pc = peer({ certificates: [made] });
  try {
    pc.createDataChannel("");
    const sdp = (await pc.createOffer()).sdp ?? "";
    return { certificate: made, fingerprint: fingerprintOf(sdp) ?? "" };
  } finally {
    pc.close();
  }
}
