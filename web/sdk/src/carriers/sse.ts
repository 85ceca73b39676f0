// A stream of events with POSTs beside it, for networks that let plain HTTP through and nothing else:
//
//	GET  {base}signaling          text/event-stream; the first event is "open", whose data is the path to post to (it holds the
//	                              secret of this connection), then frames as "message", and last "close", whose data is the code
//	POST that path                frames, one a line, in order; one request at a time
//	DELETE that path              the page goes
//
// The stream is read with fetch, not with EventSource, which comes back by itself and hides why it could not.

import type { Platform } from "../platform.js";
import type { Carrier, CarrierEars } from "./carrier.js";
import { EventReader } from "./frames.js";

/** Frames that wait for the request before them. */
const WAITING = 512;

/** base ends in "/". */
export function sse(platform: Platform, base: string, ears: CarrierEars): Carrier {
  const stop = new AbortController();
  let target: string | null = null;
  let waiting: string[] = [];
  let posting = false;
  let over = false;

  const end = (code: number | null): void => {
    if (over) return;
    over = true;
    stop.abort();
    ears.closed(code);
  };

  const handle = ({ event, data }: { event: string; data: string }): void => {
    if (over) return;
    if (event === "open" && target === null) {
      target = new URL(data, base).href;
      ears.open();
    } else if (event === "close") end(Number.parseInt(data, 10) || null);
    else if (event === "message") ears.frame(data);
  };

  const listen = async (): Promise<void> => {
    const answer = await platform.fetch(`${base}signaling`, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal: stop.signal });
    if (!answer.ok || answer.body === null) throw new Error(`answered with ${answer.status}`);
    const events = new EventReader();
    const utf8 = new TextDecoder();
    const stream = answer.body.getReader();
    for (;;) {
      const { done, value } = await stream.read();
      if (done) return;
      for (const e of events.push(utf8.decode(value, { stream: true }))) handle(e);
    }
  };

  const post = async (): Promise<void> => {
    posting = true;
    while (waiting.length > 0 && target !== null && !over) {
      const body = waiting.join("\n");
      waiting = [];
      const answer = await platform.fetch(target, { method: "POST", body, headers: { "Content-Type": "application/x-ndjson" }, signal: stop.signal });
      if (!answer.ok) throw new Error(`answered with ${answer.status}`);
    }
    posting = false;
  };

  // Frames that were in a request which failed may or may not have arrived: the session comes back and finds out.
  void listen().then(() => end(null), () => end(null));
  return {
    kind: "sse",
    send: (text) => {
      if (target === null || over || waiting.length >= WAITING) return false;
      waiting.push(text);
      if (!posting) void post().catch(() => end(null));
      return true;
    },
    close: (away) => {
      if (over) return;
      over = true;
      if (target !== null && away === true) void platform.fetch(target, { method: "DELETE", keepalive: true }).catch(() => undefined);
      stop.abort();
    },
  };
}
