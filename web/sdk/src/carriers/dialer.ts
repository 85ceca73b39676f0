// Which carrier. WebSocket and, where the server offers it, WebTransport race, as addresses do in RFC 8305: the one that won last
// time, or WebSocket, gets a head start, and only if it has not opened by then the other is asked for and started. The first
// that opens carries the session, the other is closed unused. What won is remembered for a while.
//
// Where WebSocket ends before it opens although the same server answers plain requests, twice, something on the way blocks
// it: then a stream of events with POSTs beside it carries the session. A server that is only down is never mistaken for that.

import type { Platform } from "../platform.js";
import { serverURL } from "../wire.js";
import type { Carrier, CarrierEars, CarrierKind } from "./carrier.js";
import { sse } from "./sse.js";
import { websocket } from "./websocket.js";
import { webtransport } from "./webtransport.js";

/** What GET /api/v1/transports answers: the ways in, best first. URLs are relative to the server's. */
export interface Transports {
  readonly transports: readonly { readonly type: string; readonly url: string; readonly hashes?: readonly string[] }[];
}

/** Milliseconds that the answer may take. */
const ASK = 3_000;
/** Milliseconds for which a winner is remembered; shorter for the one that costs most. */
const REMEMBERED: Record<CarrierKind, number> = { websocket: 7 * 86_400_000, webtransport: 7 * 86_400_000, sse: 3_600_000 };
/** Milliseconds: the connection attempt delay of RFC 8305 §5, for a handshake of three round trips instead of one. */
const HEAD_START = 300;
/** Signs that WebSocket is blocked, before it is given up. */
const BLOCKED = 2;
const MEMORY = "confab:carrier";

export class Dialer {
  private blocked = 0;
  private transports: Promise<Transports | null> | null = null;

  constructor(
    private readonly platform: Platform,
    private readonly server: string | undefined,
  ) {}

  /** One attempt. Its kind is that of the winner. */
  dial(ears: CarrierEars): Carrier {
    const last = this.remembered();
    const race = new Race(ears);
    if (this.blocked >= BLOCKED || last === "sse") {
      race.enter((e) => sse(this.platform, this.url("/api/v1/session", "http"), { ...e, closed: (code) => {
        this.forget();
        e.closed(code);
      } }));
      return race;
    }
    const socket = (): void => this.socket(race);
    const quic = (): void => {
      if (this.platform.webTransport === null) return;
      race.wait(this.ask().then((t) => {
        const offer = t?.transports.find((x) => x.type === "webtransport");
        if (offer === undefined) return;
        const url = new URL(offer.url, this.url("/", "http")).href;
        race.enter((e) => webtransport(this.platform, { url, hashes: offer.hashes ?? [] }, e));
      }));
    };
    if (last === "webtransport" && this.platform.webTransport !== null) race.start(quic, socket);
    else race.start(socket, quic);
    return race;
  }

  /** The server has confirmed a session over it. */
  won(kind: CarrierKind): void {
    this.blocked = 0;
    if (this.remembered() !== kind) this.remember({ kind, until: this.platform.now() + REMEMBERED[kind] });
  }

  private socket(race: Race): void {
    race.enter((ears) => {
      let opened = false;
      return websocket(this.platform, this.url("/ws", "ws"), {
        ...ears,
        open: () => {
          opened = true;
          ears.open();
        },
        closed: (code) => {
          if (!opened) this.suspect();
          ears.closed(code);
        },
      });
    });
  }

  /** A WebSocket ended before it opened: is the server there at all? */
  private suspect(): void {
    this.forget();
    this.transports = null;
    void this.ask().then((t) => {
      if (t !== null) this.blocked++;
    });
  }

  private ask(): Promise<Transports | null> {
    this.transports ??= this.platform
      .fetch(this.url("/api/v1/transports", "http"), { signal: AbortSignal.timeout(ASK), cache: "no-store" })
      .then((r) => (r.ok ? (r.json() as Promise<Transports>) : null))
      .catch(() => null);
    return this.transports;
  }

  private url(path: string, scheme: "http" | "ws"): string {
    return serverURL(this.server, this.platform.location, path, scheme);
  }

  private remembered(): CarrierKind | null {
    const m = this.memory()[this.origin()];
    return m !== undefined && m.until > this.platform.now() && m.kind in REMEMBERED ? m.kind : null;
  }

  private forget(): void {
    if (this.remembered() !== null) this.remember(null);
  }

  private remember(m: { kind: CarrierKind; until: number } | null): void {
    const all = Object.entries(this.memory()).filter(([origin, x]) => origin !== this.origin() && x.until > this.platform.now());
    if (m !== null) all.push([this.origin(), m]);
    try {
      this.platform.local?.setItem(MEMORY, JSON.stringify(Object.fromEntries(all)));
    } catch {
      // Full, or refused: the next visit finds out again.
    }
  }

  private memory(): Record<string, { kind: CarrierKind; until: number }> {
    try {
      const m: unknown = JSON.parse(this.platform.local?.getItem(MEMORY) ?? "{}");
      return typeof m === "object" && m !== null ? (m as Record<string, { kind: CarrierKind; until: number }>) : {};
    } catch {
      return {};
    }
  }

  private origin(): string {
    return new URL(this.url("/", "http")).origin;
  }
}

/** Carriers of which the first to open is the one. */
class Race implements Carrier {
  private readonly runners = new Set<Carrier>();
  private winner: Carrier | null = null;
  private coming = 0;
  private over = false;
  private code: number | null = null;
  private second: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly ears: CarrierEars) {}

  get kind(): CarrierKind {
    return this.winner?.kind ?? "websocket";
  }

  enter(start: (ears: CarrierEars) => Carrier): void {
    if (this.over || this.winner !== null) return;
    const runner: Carrier = start({
      open: () => {
        if (this.over || this.winner !== null) return;
        this.winner = runner;
        clearTimeout(this.timer);
        for (const r of this.runners) if (r !== runner) r.close();
        this.ears.open();
      },
      frame: (text) => {
        if (this.winner === runner) this.ears.frame(text);
      },
      closed: (code) => {
        this.runners.delete(runner);
        if (this.winner === null) {
          this.code = code ?? this.code;
          this.lose();
        } else if (this.winner === runner && !this.over) {
          this.over = true;
          this.ears.closed(code);
        }
      },
    });
    this.runners.add(runner);
  }

  /** Starts one, and the other HEAD_START later, or as soon as the one has lost. */
  start(first: () => void, second: () => void): void {
    this.second = second;
    this.timer = setTimeout(() => this.follow(), HEAD_START);
    first();
  }

  /** Another may enter when this is done. */
  wait(p: Promise<void>): void {
    this.coming++;
    void p.then(() => {
      this.coming--;
      this.lose();
    });
  }

  send(text: string): boolean {
    return this.winner?.send(text) ?? false;
  }

  close(away?: boolean): void {
    this.over = true;
    clearTimeout(this.timer);
    for (const r of this.runners) r.close(away);
  }

  /** Nobody runs any more, and nobody comes. */
  private lose(): void {
    if (this.over || this.winner !== null || this.runners.size > 0 || this.coming > 0) return;
    if (this.second !== null) {
      this.follow();
      if (this.runners.size > 0 || this.coming > 0) return;
    }
    this.over = true;
    this.ears.closed(this.code);
  }

  private follow(): void {
    clearTimeout(this.timer);
    const second = this.second;
    this.second = null;
    if (!this.over && this.winner === null) second?.();
  }
}
