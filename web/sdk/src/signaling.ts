// The shell around a carrier: one live connection to the server at a time, brought back when it is lost. It knows nothing of
// rooms, only which message opens a session (its owner says) and that "joined" confirms one.
//
// A connection is given up when it closes, when the server is silent for PING + PONG, or when it does not confirm within
// CONNECT. How it ended says how to come back: with resume at once (or by nobody's word), with a new join, or not at all.
// While there is none, signals to peers wait in a bounded queue; everything else has an owner that repeats it at "joined".

import { backoff } from "./backoff.js";
import type { Carrier, CarrierKind } from "./carriers/carrier.js";
import { Dialer } from "./carriers/dialer.js";
import type { Platform } from "./platform.js";
import type { ClientMessage, ServerMessage } from "./protocol.gen.js";
import { CloseRejoin, CloseStay } from "./protocol.gen.js";
import { decode, encode } from "./wire.js";

/** Milliseconds of silence before asking whether the server is there. */
const PING = 10_000;
/** Milliseconds the answer may take. */
const PONG = 6_000;
/** The same when there is a reason for doubt: the network changed, or the page woke up. */
const PONG_IN_DOUBT = 2_500;
/** Milliseconds from the attempt to "joined" or "waiting". */
const CONNECT = 10_000;
/** Signals kept while there is no connection: two peers' worth of candidates with room to spare; the oldest go first. */
const QUEUE = 256;

export interface SignalingOptions {
  readonly server: string | undefined;
  readonly platform: Platform;
  /** The first message on a new connection: join or resume. */
  hello(): Promise<ClientMessage>;
  onMessage(m: ServerMessage): void;
  /** An event of a type that this version does not know; its number counts all the same. */
  onUnknownEvent(seq: number): void;
  /** True: confirmed by "joined" (called before onMessage gets it). False: lost, and being brought back. */
  onLive(live: boolean): void;
  /** An attempt failed before it was confirmed; n counts since the last success. */
  onAttemptFailed(n: number): void;
  /** The server has closed and wants a new join, or no coming back. */
  onRejoin(): void;
  onStay(): void;
}

export class Signaling {
  private carrier: Carrier | null = null;
  private live = false;
  private waiting = false;
  private closed = false;
  private attempt = 0;
  private notBefore = 0;
  private heard = 0;
  private queue: ClientMessage[] = [];
  private last: CarrierKind | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private connectTimer: ReturnType<typeof setTimeout> | undefined;
  private aliveTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly stop = new AbortController();
  private readonly dialer: Dialer;

  constructor(private readonly o: SignalingOptions) {
    this.dialer = new Dialer(o.platform, o.server);
  }

  /** What carries the session, or did last. */
  get kind(): CarrierKind | null {
    return this.last;
  }

  start(): void {
    const { page } = this.o.platform;
    page.addEventListener("online", () => this.doubt(), { signal: this.stop.signal });
    page.addEventListener("visibilitychange", () => this.doubt(), { signal: this.stop.signal });
    this.open();
  }

  /** True if the message went out now; a signal or a step of a transfer that did not goes out after the next "joined". */
  send(m: ClientMessage): boolean {
    if (this.live && this.carrier?.send(encode(m)) === true) return true;
    if ((m.type === "signal" || m.type === "transfer") && !this.closed) {
      this.queue.push(m);
      if (this.queue.length > QUEUE) this.queue.shift();
    }
    return false;
  }

  /** Like send, but also while we knock: for leave. */
  sendAnyway(m: ClientMessage): boolean {
    return this.carrier?.send(encode(m)) ?? false;
  }

  /** Forgets queued signals: their session is gone. */
  forget(): void {
    this.queue = [];
  }

  /** Something else suggests that the network changed: do not wait, and do not trust the connection without a pong. */
  doubt(): void {
    if (this.closed) return;
    if (this.live || this.waiting) this.ping(PONG_IN_DOUBT);
    else if (this.carrier === null && this.o.platform.now() >= this.notBefore) this.open();
  }

  /** The next attempt waits at least this long: the server asked for it. */
  delay(ms: number): void {
    this.notBefore = this.o.platform.now() + ms;
  }

  /** Drops the connection and comes back with hello(): for a hole in the log, or after the server refused the session. */
  restart(): void {
    if (!this.closed && this.carrier !== null) this.lost(this.carrier, null);
  }

  /** away: the page goes. */
  close(away = false): void {
    this.closed = true;
    this.stop.abort();
    this.drop(this.carrier, away);
    clearTimeout(this.retryTimer);
    this.queue = [];
  }

  private open(): void {
    clearTimeout(this.retryTimer);
    const hello = this.o.hello();
    const c: Carrier = this.dialer.dial({
      open: () => {
        this.last = c.kind;
        void hello.then((m) => {
          if (this.carrier === c) c.send(encode(m));
        });
      },
      frame: (text) => {
        for (const m of this.carrier === c ? decode(text) : []) {
          if (this.carrier !== c) return; // what came before has ended it
          this.receive(m);
        }
      },
      closed: (code) => this.lost(c, code),
    });
    this.carrier = c;
    this.connectTimer = setTimeout(() => this.lost(c, null), CONNECT);
  }

  private receive(m: ServerMessage | number): void {
    this.heard = this.o.platform.now();
    if (typeof m === "number") return this.o.onUnknownEvent(m);
    if (m.type === "waiting") {
      clearTimeout(this.connectTimer);
      this.waiting = true;
      this.watch();
    }
    if (m.type === "joined") {
      clearTimeout(this.connectTimer);
      this.attempt = 0;
      this.waiting = false;
      this.live = true;
      if (this.last !== null) this.dialer.won(this.last);
      this.watch();
      this.o.onLive(true);
      this.o.onMessage(m);
      for (const q of this.queue.splice(0)) this.send(q);
      return;
    }
    this.o.onMessage(m);
  }

  private lost(c: Carrier | null, code: number | null): void {
    if (this.closed || c === null || c !== this.carrier) return;
    this.drop(c, false);
    this.waiting = false;
    if (this.live) {
      this.live = false;
      this.o.onLive(false);
    } else if (code !== CloseRejoin && code !== CloseStay) {
      this.o.onAttemptFailed(this.attempt);
    }
    if (code === CloseStay && !this.closed) this.o.onStay();
    if (code === CloseRejoin && !this.closed) this.o.onRejoin();
    if (this.closed) return; // by its owner, during the call
    const { platform } = this.o;
    const wait = Math.max(backoff(this.attempt++, platform.random()), this.notBefore - platform.now());
    this.retryTimer = setTimeout(() => this.open(), wait);
  }

  private drop(c: Carrier | null, away: boolean): void {
    clearTimeout(this.connectTimer);
    clearTimeout(this.aliveTimer);
    this.carrier = null;
    c?.close(away);
  }

  /** Asks for a sign of life after PING of silence. */
  private watch(): void {
    clearTimeout(this.aliveTimer);
    const quiet = this.o.platform.now() - this.heard;
    if (quiet >= PING) this.ping(PONG);
    else this.aliveTimer = setTimeout(() => this.watch(), PING - quiet);
  }

  private ping(patience: number): void {
    const c = this.carrier;
    const asked = this.o.platform.now();
    const before = this.heard;
    if (c?.send(encode({ type: "ping", id: "ping" })) !== true) return;
    clearTimeout(this.aliveTimer);
    this.aliveTimer = setTimeout(() => {
      // Any message is a sign of life, not only the pong; from who may not ask yet, a refusal is one too.
      if (this.heard > before || this.heard >= asked) this.watch();
      else this.lost(c, null);
    }, patience);
  }
}
