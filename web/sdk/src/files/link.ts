// A transfer's connection with one other person: the handshake, and then its lanes. What goes through the server goes by
// say; control messages travel on the oldest open lane, data on all. It knows nothing of files.

import type { Bytes } from "./bytes.js";
import { LANES, readControl, readOpening, type Control, type Opening } from "./control.js";
import { transferError, TransferError, type TransferCode } from "./errors.js";
import { Answerer, Opener, type Keys, type Outcome } from "./handshake.js";
import { certificate, Lane } from "./lane.js";
import { route, type Route } from "./route.js";
import { decode, encode, type Frame } from "./wire.js";

/** Milliseconds that the handshake may take. */
const HANDSHAKE = 20_000;
/** Messages through the server that may wait to be read. */
const INBOX = 256;

export interface LinkHost {
  rtc(): RTCConfiguration;
  peer(config: RTCConfiguration): RTCPeerConnection;
  /** Through the server to the other side; open: the first of a transfer. */
  say(data: string, open: boolean): void;
}

export interface LinkEvents {
  /** The other side is who it says; lanes follow. */
  proven(o: Outcome): void;
  /** Control has a lane, where it had none or another: what was said on that may be lost. */
  up(): void;
  /** No lane is left; the other side may come back. */
  down(): void;
  lane(id: number, open: boolean): void;
  control(c: Control): void;
  frame(lane: number, f: Frame): void;
  /** Once: by the other side's word, or with what went wrong here. */
  end(e: TransferError): void;
}

export class Link {
  readonly lanes = new Map<number, Lane>();
  /** Whose it is; for its owner to know it by. */
  purpose: unknown = null;
  private handshake: Opener | Answerer | null = null;
  private outcome: Outcome | null = null;
  private certificate: RTCCertificate | null = null;
  private next = 0;
  /** The lane of control messages. */
  private spokenOn: number | null = null;
  private wanted = 1;
  private over = false;
  private queue: Promise<void> = Promise.resolve();
  private waiting = 0;
  private readonly timer: ReturnType<typeof setTimeout>;

  /** opener: the side that opens the transfer, and makes the lanes. */
  constructor(
    readonly transfer: string,
    readonly peer: string,
    readonly opener: boolean,
    keys: Keys,
    private readonly host: LinkHost,
    private readonly on: LinkEvents,
  ) {
    this.timer = setTimeout(() => this.end(new TransferError("timeout", "the other side did not answer"), true), HANDSHAKE);
    this.inOrder(async () => {
      const made = await certificate((c) => host.peer(c));
      this.certificate = made.certificate;
      const send = (m: Opening): void => this.say(m, opener && m.t === "hello");
      const Side = opener ? Opener : Answerer;
      this.handshake = new Side(transfer, keys, made.fingerprint, send);
      if (this.handshake instanceof Opener) await this.handshake.start();
    });
  }

  /** A message of the other side, through the server. */
  receive(data: string): void {
    if (this.over || this.waiting >= INBOX) return;
    this.inOrder(() => this.opening(data));
  }

  get open(): boolean {
    return [...this.lanes.values()].some((l) => l.isOpen);
  }

  get ended(): boolean {
    return this.over;
  }

  /** True while the other side could be testing a guess of the code. */
  get guessed(): boolean {
    return this.handshake instanceof Opener && this.handshake.guessed;
  }

  /** False if no lane is open. */
  control(c: Control): boolean {
    return this.first()?.send(JSON.stringify(c)) ?? false;
  }

  frame(lane: number, f: Frame): boolean {
    return this.lanes.get(lane)?.send(encode(f)) ?? false;
  }

  /** As the opener: how many lanes there should be. */
  setLanes(n: number): void {
    if (!this.opener || this.outcome === null || this.over) return;
    this.wanted = Math.max(1, Math.min(LANES, n));
    const newest = [...this.lanes.keys()].sort((a, b) => b - a);
    for (const id of newest.slice(0, Math.max(0, newest.length - this.wanted))) this.lanes.get(id)?.close();
    for (let n = this.lanes.size; n < this.wanted; n++) this.make();
  }

  /** As the opener, when all lanes were lost. */
  again(): void {
    if (this.opener && this.outcome !== null && !this.over && this.lanes.size === 0) this.make();
  }

  /** A message that is bytes already: saves a copy of what is large. */
  raw(lane: number, b: Bytes): boolean {
    return this.lanes.get(lane)?.send(b) ?? false;
  }

  dropLane(id: number): void {
    this.lanes.get(id)?.close();
  }

  /** How the oldest lane travels. */
  async route(): Promise<Route | null> {
    const lane = this.first();
    return lane === undefined ? null : route(lane.pc, this.host.rtc().iceTransportPolicy === "relay");
  }

  /** The end of the transfer with this peer; the other side is told, and no event follows. */
  close(code: TransferCode | "done", message: string): void {
    if (this.over) return;
    this.say({ t: "end", code, message }, false);
    this.stop();
  }

  /** Without a word: the other side has gone. */
  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
    for (const l of [...this.lanes.values()]) l.close();
  }

  private async opening(data: string): Promise<void> {
    const m = readOpening(data);
    if (m === null || this.over) return;
    if (m.t === "end") return this.end(ended(m.code, m.message), false);
    if (m.t === "hello" || m.t === "prove") {
      if ((await this.handshake?.receive(m)) === true) this.proven();
      return;
    }
    if (this.outcome === null) return; // lanes come after proofs
    if (m.t === "offer" && !this.opener && !this.lanes.has(m.lane) && this.lanes.size < LANES) this.lane(m.lane);
    const lane = this.lanes.get(m.lane);
    if (lane === undefined) return;
    if (m.t === "candidate") return lane.candidate(m.candidate, m.mid);
    if ((m.t === "answer") === this.opener) await lane.remote(m.t, m.sdp);
  }

  private proven(): void {
    const outcome = this.handshake?.outcome ?? null;
    if (outcome === null || this.over) return;
    clearTimeout(this.timer);
    this.outcome = outcome;
    this.on.proven(outcome);
    if (this.opener) this.make();
  }

  private make(): void {
    const lane = this.lane(this.next++);
    lane.call().catch(() => lane.close());
  }

  private lane(id: number): Lane {
    const lane = new Lane(id, this.outcome?.fingerprint ?? "", {
      config: () => ({ ...this.host.rtc(), ...(this.certificate === null ? {} : { certificates: [this.certificate] }) }),
      peer: (c) => this.host.peer(c),
      offer: (sdp) => this.say({ t: "offer", lane: id, sdp }, false),
      answer: (sdp) => this.say({ t: "answer", lane: id, sdp }, false),
      candidate: (candidate, mid) => this.say({ t: "candidate", lane: id, candidate, mid }, false),
      impostor: () => this.end(new TransferError("fingerprint", "somebody stands between the two sides: the certificate is another"), true),
      open: () => {
        this.on.lane(id, true);
        this.moved();
      },
      gone: () => {
        this.lanes.delete(id);
        if (this.over) return;
        this.on.lane(id, false);
        if (this.open) this.moved();
        else if (this.spokenOn !== null) {
          this.spokenOn = null;
          this.on.down();
        } else if (this.lanes.size === 0) this.on.down();
      },
      message: (data) => this.message(id, data),
    });
    this.lanes.set(id, lane);
    return lane;
  }

  /** Control goes on the oldest lane that is open. */
  private moved(): void {
    const first = this.first()?.id ?? null;
    if (first === null || first === this.spokenOn) return;
    this.spokenOn = first;
    this.on.up();
  }

  private message(lane: number, data: string | ArrayBuffer): void {
    try {
      if (typeof data !== "string") return this.on.frame(lane, decode(data));
      const c = readControl(data);
      if (c !== null) this.on.control(c);
    } catch (cause) {
      this.end(transferError(cause, "bad-message"), true);
    }
  }

  private first(): Lane | undefined {
    const open = [...this.lanes.values()].filter((l) => l.isOpen);
    return open.reduce<Lane | undefined>((a, b) => (a === undefined || b.id < a.id ? b : a), undefined);
  }

  private end(e: TransferError, tell: boolean): void {
    if (this.over) return;
    if (tell) this.close(e.code, e.message);
    else this.stop();
    this.on.end(e);
  }

  private say(m: Opening, open: boolean): void {
    this.host.say(JSON.stringify(m), open);
  }

  /** What comes is read one after the other, as each may wait for a hash. */
  private inOrder(f: () => Promise<void>): void {
    this.waiting++;
    this.queue = this.queue
      .then(() => (this.over ? undefined : f()))
      .catch((cause: unknown) => this.end(transferError(cause, "no-path"), true))
      .finally(() => this.waiting--);
  }
}

const CODES: readonly string[] = [
  "no-space", "permission", "changed", "gone", "bad-block", "bad-message", "too-much", "timeout", "fingerprint", "not-authentic", "cancelled", "declined",
];

/** What the other side said at the end; a code that this version does not know is the end all the same. */
export function ended(code: string, message: string): TransferError {
  return new TransferError(CODES.includes(code) ? (code as TransferCode) : "gone", message);
}
