// Where one frame ends and the next begins, in bytes that come in pieces of any size. Pure.

import { MaxFrame } from "../protocol.gen.js";

/** A server event as it came: text/event-stream, HTML Living Standard §9.2.6. */
export interface ServerSent {
  readonly event: string;
  readonly data: string;
  /** Of this event; empty if it has none. */
  readonly id: string;
}

/** Bytes of a frame that is still taken: many messages may share one. */
const LARGEST = 64 * MaxFrame;

export class EventReader {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id = "";

  /** The events that are complete with this piece. Throws when one has no end. */
  push(piece: string): ServerSent[] {
    const out: ServerSent[] = [];
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?=.)/s);
    this.rest = lines.pop() ?? "";
    if (this.rest.length > LARGEST) throw new RangeError("an event without an end");
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0) out.push({ event: this.event === "" ? "message" : this.event, data: this.data.join("\n"), id: this.id });
        this.event = "";
        this.data = [];
        this.id = "";
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") this.event = value;
      else if (field === "id") this.id = value;
      else if (field === "data") this.data.push(value);
    }
    return out;
  }
}

/** Frames on a stream: the length in four bytes, most significant first, then so many bytes of UTF-8. */
export class LengthReader {
  private rest = new Uint8Array(0);

  /** The frames that are complete with this piece. Throws when one is too large. */
  push(piece: Uint8Array): string[] {
    const all = new Uint8Array(this.rest.length + piece.length);
    all.set(this.rest);
    all.set(piece, this.rest.length);
    const out: string[] = [];
    const view = new DataView(all.buffer);
    let at = 0;
    while (all.length - at >= 4) {
      const length = view.getUint32(at);
      if (length > LARGEST) throw new RangeError("a frame that is too large");
      if (all.length - at - 4 < length) break;
      out.push(new TextDecoder().decode(all.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.rest = all.slice(at);
    return out;
  }
}

export function withLength(text: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(text);
  const out = new Uint8Array(4 + body.length);
  new DataView(out.buffer).setUint32(0, body.length);
  out.set(body, 4);
  return out;
}
