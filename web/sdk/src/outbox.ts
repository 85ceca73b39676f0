// Commands that take a place in the room's log, from the moment they are given until the server says that they are safe.
// They go in order, at most WINDOW at a time, under an id that the server applies once: whoever does not know whether one
// arrived sends it again. They outlive a lost socket, and a reload of the page (keep.ts).
//
// Of what we send and show (state) only the newest counts. When the seat is gone, messages of the chat go on under the next
// one; everything else was said by somebody who is not there any more.

import { ConfabError } from "./errors.js";
import type { Keep } from "./keep.js";
import type { ClientMessage } from "./protocol.gen.js";

/** The commands that are acknowledged. */
export type Logged = Extract<ClientMessage, {
  type: "state" | "chat" | "chat-edit" | "chat-delete" | "chat-react" | "set-room" | "set-role" | "mute" | "allow" | "remove" | "end-room" | "record" | "refresh";
}>;

export interface Kept {
  /** The command's. */
  readonly id: string;
  /** Counts up: the order. */
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly message: Logged;
  /** The server refused it for good; it waits for the person. Messages of the chat only. */
  readonly failed?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** Commands on their way at once. */
const WINDOW = 8;
/** Commands that wait, at most: somebody who types that much offline has other worries. */
export const WAITING = 200;
/** Milliseconds to wait, at least, after the server asked for patience. */
const SLOW_DOWN = 500;

export class Outbox {
  private entries: Kept[] = [];
  private readonly flying = new Set<string>();
  private open = false;
  private n = 0;
  private visit = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly keep: Keep,
    /** True if it went out now. */
    private readonly send: (m: ClientMessage) => boolean,
    private readonly now: () => number,
  ) {}

  /** How many wait for the server, failed ones left aside. */
  get size(): number {
    return this.entries.filter((e) => e.failed === undefined).length;
  }

  /** Takes up what an earlier page of this visit has left. */
  async load(visit: string): Promise<readonly Kept[]> {
    this.close();
    this.visit = visit;
    this.entries = await this.keep.load(visit);
    this.n = this.entries.at(-1)?.n ?? 0;
    return this.entries;
  }

  /** False if there is too much already. */
  add(m: Logged): boolean {
    const id = m.id ?? "";
    if (m.type === "state") for (const old of this.entries.filter((e) => e.message.type === "state")) this.remove(old);
    const known = this.entries.find((e) => e.id === id);
    if (known === undefined && this.entries.length >= WAITING) return false;
    if (known !== undefined) this.remove(known);
    const e: Kept = { id, n: ++this.n, at: this.now(), message: m };
    this.entries.push(e);
    this.keep.save(this.visit, e);
    this.flush();
    return true;
  }

  /** The seat is ours: what waits goes out, and what was on its way goes out again. */
  joined(): void {
    this.open = true;
    this.flying.clear();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flush();
  }

  /** There is no socket. */
  lost(): void {
    this.open = false;
  }

  /** The seat is gone. */
  expired(): void {
    this.open = false;
    for (const e of [...this.entries]) if (e.message.type !== "chat") this.remove(e);
  }

  /** The command is safe, or given up. */
  done(id: string): void {
    const e = this.entries.find((x) => x.id === id);
    if (e === undefined) return;
    this.remove(e);
    this.flush();
  }

  /** later: it will be sent again; failed: it will not; unknown: it is none of ours. */
  refused(id: string, error: ConfabError): "later" | "failed" | "unknown" {
    const e = this.entries.find((x) => x.id === id);
    if (e === undefined) return "unknown";
    if (error.retry && (error.code === "too-fast" || error.code === "unavailable" || error.code === "slow-client" || error.code === "internal")) {
      this.flying.delete(id);
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.flush();
      }, Math.max(error.after, SLOW_DOWN));
      return "later";
    }
    this.remove(e);
    if (e.message.type === "chat") {
      const failed: Kept = { ...e, failed: { code: error.code, message: error.message, hint: error.hint } };
      this.entries.push(failed);
      this.keep.save(this.visit, failed);
    }
    this.flush();
    return "failed";
  }

  /** What we send and show is not confirmed yet. */
  hasState(): boolean {
    return this.entries.some((e) => e.message.type === "state");
  }

  /** The command tells what we send and show. */
  isState(id: string): boolean {
    return this.entries.some((e) => e.id === id && e.message.type === "state");
  }

  close(): void {
    this.open = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flying.clear();
  }

  /** The visit is over: nothing of it is kept. */
  clear(): void {
    this.close();
    for (const e of [...this.entries]) this.remove(e);
  }

  private flush(): void {
    if (!this.open || this.timer !== undefined) return;
    for (const e of this.entries) {
      if (this.flying.size >= WINDOW) return;
      if (e.failed !== undefined || this.flying.has(e.id)) continue;
      if (!this.send(e.message)) return;
      this.flying.add(e.id);
    }
  }

  private remove(e: Kept): void {
    this.entries = this.entries.filter((x) => x !== e);
    this.flying.delete(e.id);
    this.keep.drop(this.visit, e.id);
  }
}
