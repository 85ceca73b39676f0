// The WebSocket shell: one live socket at a time, brought back when it is lost. It knows nothing of rooms, only which
// message opens a session (its owner says) and that "joined" confirms one.
//
// A socket is given up when it closes, when the server is silent for PING + PONG, or when it does not confirm within
// CONNECT. While there is none, signals to peers wait in a bounded queue; everything else has an owner that repeats its
// latest value at "joined" (state, view, an unanswered offer, an unconfirmed chat message), so queueing it would say it twice.

import { backoff } from "./backoff.js";
import type { Platform } from "./platform.js";
import type { ClientMessage, ServerMessage } from "./protocol.gen.js";
import { Subprotocol } from "./protocol.gen.js";
import { decode, encode, sequence } from "./wire.js";

/** Milliseconds of silence before asking whether the server is there. */
const PING = 10_000;
/** Milliseconds the answer may take. */
const PONG = 6_000;
/** The same when there is a reason for doubt: the network changed, or the page woke up. */
const PONG_IN_DOUBT = 2_500;
/** Milliseconds from the attempt to "joined". */
const CONNECT = 10_000;
/** Signals kept while there is no socket: two peers' worth of candidates with room to spare; the oldest go first. */
const QUEUE = 256;

export interface SignalingOptions {
  readonly url: string;
  readonly platform: Platform;
  /** The first message on a new socket: join or resume. */
  hello(): Promise<ClientMessage>;
  onMessage(m: ServerMessage): void;
  /** An event of a type that this version does not know; its number counts all the same. */
  onUnknownEvent(seq: number): void;
  /** True: confirmed by "joined" (called before onMessage gets it). False: lost, and being brought back. */
  onLive(live: boolean): void;
  /** An attempt failed before it was confirmed; n counts since the last success. */
  onAttemptFailed(n: number): void;
}

export class Signaling {
  private socket: WebSocket | null = null;
  private live = false;
  private closed = false;
  private attempt = 0;
  private notBefore = 0;
  private heard = 0;
  private queue: ClientMessage[] = [];
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private connectTimer: ReturnType<typeof setTimeout> | undefined;
  private aliveTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly stop = new AbortController();

  constructor(private readonly o: SignalingOptions) {}

  start(): void {
    const { page } = this.o.platform;
    page.addEventListener("online", () => this.doubt(), { signal: this.stop.signal });
    page.addEventListener("visibilitychange", () => this.doubt(), { signal: this.stop.signal });
    this.open();
  }

  /** True if the message went out now; a signal that did not goes out after the next "joined". */
  send(m: ClientMessage): boolean {
    if (this.live && this.socket?.readyState === 1) {
      this.socket.send(encode(m));
      return true;
    }
    if (m.type === "signal" && !this.closed) {
      this.queue.push(m);
      if (this.queue.length > QUEUE) this.queue.shift();
    }
    return false;
  }

  /** Forgets queued signals: their session is gone. */
  forget(): void {
    this.queue = [];
  }

  /** Something else suggests that the network changed: do not wait, and do not trust the socket without a pong. */
  doubt(): void {
    if (this.closed) return;
    if (this.live) this.ping(PONG_IN_DOUBT);
    else if (this.socket === null && this.o.platform.now() >= this.notBefore) this.open();
  }

  /** The next attempt waits at least this long: the server asked for it. */
  delay(ms: number): void {
    this.notBefore = this.o.platform.now() + ms;
  }

  /** Drops the socket and comes back with hello(): for a hole in the log, or after the server refused the session. */
  restart(): void {
    if (!this.closed) this.lost(this.socket);
  }

  close(): void {
    this.closed = true;
    this.stop.abort();
    this.drop(this.socket);
    clearTimeout(this.retryTimer);
    this.queue = [];
  }

  private open(): void {
    clearTimeout(this.retryTimer);
    const s = this.o.platform.socket(this.o.url, Subprotocol);
    this.socket = s;
    const hello = this.o.hello();
    s.onopen = () => {
      void hello.then((m) => {
        if (this.socket === s && s.readyState === 1) s.send(encode(m));
      });
    };
    s.onmessage = (e) => {
      if (this.socket === s) this.receive(e.data);
    };
    s.onclose = () => this.lost(s);
    this.connectTimer = setTimeout(() => this.lost(s), CONNECT);
  }

  private receive(frame: unknown): void {
    this.heard = this.o.platform.now();
    const m = decode(frame);
    if (m === null) {
      const seq = sequence(frame);
      if (seq !== null) this.o.onUnknownEvent(seq);
      return;
    }
    if (m.type === "joined") {
      clearTimeout(this.connectTimer);
      this.attempt = 0;
      this.live = true;
      this.watch();
      this.o.onLive(true);
      this.o.onMessage(m);
      for (const q of this.queue.splice(0)) this.send(q);
      return;
    }
    this.o.onMessage(m);
  }

  private lost(s: WebSocket | null): void {
    if (this.closed || s === null || s !== this.socket) return;
    this.drop(s);
    if (this.live) {
      this.live = false;
      this.o.onLive(false);
    } else {
      this.o.onAttemptFailed(this.attempt);
    }
    if (this.closed) return; // by its owner, during the call
    const { platform } = this.o;
    const wait = Math.max(backoff(this.attempt++, platform.random()), this.notBefore - platform.now());
    this.retryTimer = setTimeout(() => this.open(), wait);
  }

  private drop(s: WebSocket | null): void {
    clearTimeout(this.connectTimer);
    clearTimeout(this.aliveTimer);
    this.socket = null;
    if (s === null) return;
    s.onopen = s.onmessage = s.onclose = null;
    s.close(); // a dead socket's close may take a minute: nobody waits for it
  }

  /** Asks for a sign of life after PING of silence. */
  private watch(): void {
    clearTimeout(this.aliveTimer);
    const quiet = this.o.platform.now() - this.heard;
    if (quiet >= PING) this.ping(PONG);
    else this.aliveTimer = setTimeout(() => this.watch(), PING - quiet);
  }

  private ping(patience: number): void {
    const s = this.socket;
    const asked = this.o.platform.now();
    const before = this.heard;
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.aliveTimer);
    this.aliveTimer = setTimeout(() => {
      // Any message is a sign of life, not only the pong.
      if (this.heard > before || this.heard >= asked) this.watch();
      else this.lost(s);
    }, patience);
  }
}
