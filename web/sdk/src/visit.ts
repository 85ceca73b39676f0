// A visit: this tab's stay in a room, over reloads of the page. It remembers the seat (what resume needs), the key that makes
// a repeated join take the same seat, and what was read, in session storage, which belongs to the tab alone. A browser copies
// that storage into a duplicated tab, so a lock says whose it is: the copy starts a visit of its own.

import type { Platform } from "./platform.js";

export interface Visit {
  /** Names the visit in this browser. */
  readonly id: string;
  /** Of join: makes it take the same seat however often it is sent. */
  key: string;
  readonly name: string;
  seat: Seat | null;
  /** The last seq of the chat that the person has seen. */
  read: number;
}

export interface Seat {
  readonly self: string;
  readonly secret: string;
  /** Milliseconds that the server holds it without a socket. */
  readonly hold: number;
  /** When the page last had it, milliseconds since 1970. */
  readonly at: number;
}

export class VisitBook {
  private visit: Visit | null = null;
  private release: (() => void) | null = null;

  constructor(
    private readonly platform: Platform,
    /** Of the room on its server: names the storage. */
    private readonly place: string,
    /** False: nothing outlives the page. */
    private readonly keeps: boolean,
  ) {}

  /** The tab's visit, or a new one. */
  async open(name: string): Promise<Visit> {
    this.close();
    const found = this.keeps ? read(this.platform, this.place) : null;
    if (found !== null && found.name === name) {
      const release = await this.platform.lock(`confab:${found.id}`);
      if (release !== null) {
        this.release = release;
        return (this.visit = found);
      }
    }
    const visit: Visit = { id: this.platform.secret(), key: this.platform.secret(), name, seat: null, read: 0 };
    if (this.keeps) this.release = await this.platform.lock(`confab:${visit.id}`);
    this.visit = visit;
    this.save();
    return visit;
  }

  /** The page has the seat now, and has seen the chat up to read. */
  remember(read: number): void {
    const v = this.visit;
    if (v === null) return;
    if (v.seat !== null) v.seat = { ...v.seat, at: this.platform.now() };
    v.read = read;
    this.save();
  }

  /** After every change that a reload should find. */
  private save(): void {
    if (!this.keeps || this.visit === null) return;
    try {
      this.platform.session?.setItem(this.place, JSON.stringify(this.visit));
    } catch {
      // Full, or refused: a reload then takes a new seat.
    }
  }

  /** The stay is over: a reload starts anew. */
  forget(): void {
    if (this.visit !== null && this.keeps) this.platform.session?.removeItem(this.place);
    this.visit = null;
    this.close();
  }

  private close(): void {
    this.release?.();
    this.release = null;
  }
}

/** Where a visit to a room is kept. */
export function place(origin: string, room: string): string {
  return `confab:visit:${origin}/${room}`;
}

/** Who this tab was in the room, as long as the seat may still be there; null otherwise. */
export function held(platform: Pick<Platform, "session" | "now">, where: string): { name: string } | null {
  const v = read(platform, where);
  return v?.seat != null && platform.now() - v.seat.at < v.seat.hold ? { name: v.name } : null;
}

function read(platform: Pick<Platform, "session">, where: string): Visit | null {
  try {
    const v = JSON.parse(platform.session?.getItem(where) ?? "null") as Partial<Visit> | null;
    if (typeof v?.id !== "string" || typeof v.key !== "string" || typeof v.name !== "string") return null;
    const s = v.seat;
    const whole = s != null && typeof s.self === "string" && typeof s.secret === "string" && typeof s.hold === "number" && typeof s.at === "number";
    return { id: v.id, key: v.key, name: v.name, seat: whole ? s : null, read: typeof v.read === "number" ? v.read : 0 };
  } catch {
    return null; // refused, or not ours
  }
}
