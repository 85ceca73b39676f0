// A visit to /send: nothing yet, then a room of one's own with a link and a code to it, or the room of somebody who sends.

import { ConfabError, type CallState } from "@confab/sdk";
import { b64u, makeCode, random, readCode, unb64u, type Item, type Keys } from "@confab/sdk/files";
import { signal } from "@preact/signals";
import type { CallPort, NewCall } from "../port.js";
import { errorText } from "../problems.js";
import { Desk } from "./desk.js";
import { words } from "./words.js";

/** How a visit begins: with something to send, or somebody else's room. */
export type Place = { readonly is: "send" } | { readonly is: "receive"; readonly room: string; readonly code: string | null };

/** Bytes of a link's secret, and rooms that are tried before giving up. */
const SECRET = 16;
const TRIES = 5;
/** Of this tab's own room: a reload keeps the link, for the same files chosen again. */
const OWN = "confab:drop";

interface Own {
  room: string;
  code: string;
  /** base64url. */
  secret: string;
}

export class Visit {
  readonly place = signal<Place>({ is: "send" });
  readonly desk = signal<Desk | null>(null);
  /** Null until there is a room of our own. */
  readonly own = signal<Own | null>(null);
  readonly call = signal<CallState | null>(null);
  readonly problem = signal("");
  private port: CallPort | null = null;

  constructor(private readonly newCall: NewCall) {
    const room = /^\/send\/([a-z0-9_-]{1,64})\/?$/.exec(location.pathname)?.[1];
    if (room === undefined) return;
    const secret = unb64u(location.hash.slice(1));
    this.place.value = { is: "receive", room, code: null };
    if (secret?.length === SECRET) void this.join(room, () => ({ link: secret }));
  }

  get link(): string {
    const own = this.own.value;
    return own === null ? "" : `${location.origin}/send/${own.room}#${own.secret}`;
  }

  /** Sends: with the room that there is, or in one of our own. */
  async give(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return;
    if (!globalThis.isSecureContext) {
      this.problem.value = words.send.insecure;
      return;
    }
    const desk = this.desk.peek() ?? (await this.open());
    await desk?.send(items, null);
  }

  /** A code or a link, as it was typed; false if it is neither. */
  enter(text: string): boolean {
    const link = /\/send\/([a-z0-9_-]{1,64})\/?#([A-Za-z0-9_-]{22})$/.exec(text.trim());
    if (link !== null) {
      const there = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
      if (there !== null && there.host !== location.host) this.problem.value = words.send.elsewhere(there.host);
      else location.assign(`/send/${link[1]}#${link[2]}`);
      return true;
    }
    const c = readCode(text);
    if (c === null) return false;
    history.pushState(null, "", `/send/${c.room}`);
    this.place.value = { is: "receive", room: c.room, code: c.code };
    void this.join(c.room, () => ({ code: c.code, group }));
    return true;
  }

  close(): void {
    this.desk.peek()?.close();
    void this.port?.leave();
  }

  /** A room that nobody is in. */
  private async open(): Promise<Desk | null> {
    const before = readOwn();
    for (let n = 0; n < TRIES; n++) {
      const fresh = { ...makeCode(random(6)), secret: b64u(random(SECRET)) };
      const own = n === 0 && before !== null ? before : fresh;
      const secret = unb64u(own.secret) ?? random(SECRET);
      const desk = await this.join(own.room, () => ({ link: secret, code: own.code, group }));
      if (desk === null) return null;
      // The room of before may hold our own seat, or who waits for us to come back.
      if (own === before || this.port?.state.people.length === 0) {
        this.own.value = own;
        keepOwn(own);
        return desk;
      }
      this.close();
      this.desk.value = null;
    }
    this.problem.value = words.error(null);
    return null;
  }

  private async join(room: string, keys: () => Keys): Promise<Desk | null> {
    const relay = new URLSearchParams(location.search).get("relay") === "1";
    const call = this.newCall({ room, name: device(navigator.userAgent), mode: "files", keep: false, iceTransportPolicy: relay ? "relay" : "all" });
    this.port = call;
    const desk = new Desk(call.transfers, keys);
    Object.assign(globalThis, { confab: { call, files: desk.files } });
    call.addEventListener("change", (e) => {
      if (this.port === call) this.call.value = e.detail;
    });
    this.problem.value = "";
    try {
      await call.join();
      this.desk.value = desk;
      return desk;
    } catch (cause) {
      desk.close();
      const { title, advice } = errorText(cause instanceof ConfabError ? cause : null);
      this.problem.value = `${title} ${advice}`;
      return null;
    }
  }
}

/** The curve of the code's handshake, when a code is used. */
async function group() {
  return (await import("./curve.js")).group;
}

function readOwn(): Own | null {
  try {
    const o = JSON.parse(sessionStorage.getItem(OWN) ?? "null") as Partial<Own> | null;
    return typeof o?.room === "string" && typeof o.code === "string" && typeof o.secret === "string" ? { room: o.room, code: o.code, secret: o.secret } : null;
  } catch {
    return null;
  }
}

function keepOwn(o: Own): void {
  try {
    sessionStorage.setItem(OWN, JSON.stringify(o));
  } catch {
    // Refused: a reload gets another link.
  }
}

/** What the other side sees us as: "Firefox on Linux". */
export function device(agent: string): string {
  const browser = [[/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrome\/|Chromium\//, "Chrome"], [/Safari\//, "Safari"]] as const;
  const system = [[/Android/, "Android"], [/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Windows/, "Windows"], [/Mac OS/, "Mac"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]] as const;
  const find = (list: readonly (readonly [RegExp, string])[]) => list.find(([r]) => r.test(agent))?.[1];
  return [find(browser) ?? "Browser", find(system)].filter((x) => x !== undefined).join(" on ");
}
