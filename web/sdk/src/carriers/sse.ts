// A stream of events with POSTs beside it, for networks that let plain HTTP through and nothing else; docs/carriers.md has the wire.
//
// The stream is read with fetch, not with EventSource, which comes back by itself and hides why it could not. A stream that is cut is asked for again
// from the last event on, and a POST that failed is sent again under its number: the server takes neither twice.

import type { Platform } from "../platform.js";
import { MaxFrame } from "../protocol.gen.js";
import type { Carrier, CarrierEars } from "./carrier.js";
import { EventReader, type ServerSent } from "./frames.js";

/** Frames that wait for the request before them. */
const WAITING = 512;
/** Frames of one request. */
const BATCH = 64;
/** Milliseconds before the stream, or a POST, is tried again; then the session comes back in another way. */
const AGAIN = [200, 1_000, 3_000];

interface Opened {
  readonly events: string;
  readonly messages: string;
  readonly session: string;
  /** Milliseconds: something must be said at least that often. */
  readonly ping: number;
}

/** url is where sessions are opened. */
export function sse(platform: Platform, url: string, ears: CarrierEars): Carrier {
  const stop = new AbortController();
  let at: Opened | null = null;
  let waiting: string[] = [];
  let batch = 0;
  let posting = false;
  let over = false;
  let last = "";
  let said = platform.now();
  let timer: ReturnType<typeof setInterval> | undefined;

  const end = (code: number | null): void => {
    if (over) return;
    finish();
    ears.closed(code);
  };
  const finish = (): void => {
    over = true;
    clearInterval(timer);
    stop.abort();
  };

  const handle = ({ event, data, id }: ServerSent): void => {
    if (over) return;
    if (id !== "") last = id;
    if (event === "close") end(codeOf(data));
    else if (event === "message") ears.frame(data);
  };

  const ask = async (where: string, o: RequestInit): Promise<Response> => {
    const answer = await platform.fetch(where, { cache: "no-store", signal: stop.signal, ...o });
    if (!answer.ok) throw new Refused(answer.status);
    return answer;
  };

  /** Reads until the stream ends. True if anything came. */
  const read = async (from: string): Promise<boolean> => {
    const answer = await ask(from + (last === "" ? "" : `?last-event-id=${encodeURIComponent(last)}`), { headers: { Accept: "text/event-stream" } });
    const before = last;
    const events = new EventReader();
    const utf8 = new TextDecoder();
    const stream = answer.body?.getReader();
    for (;;) {
      const piece = await stream?.read().catch(() => undefined);
      if (piece === undefined || piece.done) return last !== before;
      for (const e of events.push(utf8.decode(piece.value, { stream: true }))) handle(e);
    }
  };

  const listen = async (): Promise<void> => {
    const opened = (await (await ask(url, { method: "POST" })).json()) as Opened;
    const absolute = (path: string): string => new URL(path, url).href;
    at = { events: absolute(opened.events), messages: absolute(opened.messages), session: absolute(opened.session), ping: opened.ping };
    if (over) return;
    timer = setInterval(() => platform.now() - said >= opened.ping * 0.8 && post('{"type":"ping","id":"ping"}'), opened.ping * 0.4);
    ears.open();
    for (let tries = 0; !over && tries < AGAIN.length; ) {
      const heard = await read(at.events).catch((e: unknown) => {
        if (e instanceof Refused) throw e; // the stream is gone
        return false;
      });
      tries = heard ? 0 : tries;
      if (!over) await pause(AGAIN[tries++] ?? 0);
    }
  };

  const drain = async (to: string): Promise<void> => {
    posting = true;
    while (waiting.length > 0 && !over) {
      let fits = 1;
      for (let size = waiting[0]?.length ?? 0; fits < Math.min(BATCH, waiting.length); fits++) {
        size += waiting[fits]?.length ?? 0;
        if (size > MaxFrame / 2) break;
      }
      const messages = waiting.splice(0, fits);
      const body = `{"batch":${++batch},"messages":[${messages.join(",")}]}`;
      for (let tries = 0; ; tries++) {
        said = platform.now();
        const lost = await ask(to, { method: "POST", body, headers: { "Content-Type": "application/json" } }).then(() => null, (e: unknown) => e);
        if (lost === null || over) break;
        if (lost instanceof Refused || tries === AGAIN.length) throw lost;
        await pause(AGAIN[tries] ?? 0);
      }
    }
    posting = false;
  };

  const post = (text: string): boolean => {
    if (at === null || over || waiting.length >= WAITING) return false;
    waiting.push(text);
    if (!posting) void drain(at.messages).catch(() => end(null));
    return true;
  };

  void listen().then(() => end(null), () => end(null));
  return {
    kind: "sse",
    send: post,
    close: (away) => {
      if (over) return;
      finish();
      if (at !== null && away === true) void platform.fetch(at.session, { method: "DELETE", keepalive: true }).catch(() => undefined);
    },
  };
}

/** The server has answered, and not as hoped: to ask again is of no use. */
class Refused extends Error {
  constructor(status: number) {
    super(`answered with ${status}`);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The code in the data of the event "close". */
function codeOf(data: string): number | null {
  try {
    const { code } = JSON.parse(data) as { code?: unknown };
    return typeof code === "number" ? code : null;
  } catch {
    return null;
  }
}
