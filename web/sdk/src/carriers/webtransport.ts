// WebTransport over HTTP/3: one bidirectional stream, on which each frame follows its length (frames.ts), both ways. The code of
// the session's close is that of the protocol.

import type { Platform } from "../platform.js";
import type { Carrier, CarrierEars } from "./carrier.js";
import { LengthReader, withLength } from "./frames.js";

export interface WebTransportOffer {
  readonly url: string;
  /** SHA-256 of certificates that no authority vouches for, in base64. */
  readonly hashes?: readonly string[];
}

/** The page goes, as in RFC 6455 §7.4.1. */
const GOING = 1001;
/** Bytes that wait in the stream before it is given up: the session comes back and says them again. */
const WAITING = 1 << 20;

export function webtransport(platform: Platform, offer: WebTransportOffer, ears: CarrierEars): Carrier {
  let over = false;
  let queued = 0;
  let writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  let session: WebTransport | null = null;

  const end = (code: number | null): void => {
    if (over) return;
    over = true;
    ears.closed(code);
  };

  const carry = async (): Promise<void> => {
    const make = platform.webTransport;
    if (make === null) return;
    const hashes = (offer.hashes ?? []).map((h) => ({ algorithm: "sha-256", value: Uint8Array.from(atob(h), (c) => c.charCodeAt(0)) }));
    session = make(offer.url, hashes.length === 0 ? {} : { serverCertificateHashes: hashes });
    // A code is told when there is one; without it the stream's end says it first.
    const closed = session.closed.then((info) => info.closeCode ?? null, () => null);
    await session.ready;
    const stream = await session.createBidirectionalStream();
    writer = stream.writable.getWriter();
    if (over) return session.close();
    ears.open();
    const frames = new LengthReader();
    const reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    for (;;) {
      const piece = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (piece.done) break;
      for (const text of frames.push(piece.value)) if (!over) ears.frame(text);
    }
    const code = await closed;
    end(code === 0 ? null : code);
  };

  void carry().catch(() => undefined).then(() => end(null));
  return {
    kind: "webtransport",
    send: (text) => {
      if (writer === null || over || queued > WAITING) return false;
      const bytes = withLength(text);
      queued += bytes.length;
      void writer.write(bytes).then(() => (queued -= bytes.length), () => end(null));
      return true;
    },
    close: (away) => {
      over = true;
      try {
        session?.close(away === true ? { closeCode: GOING, reason: "" } : {});
      } catch {
        // It is over already.
      }
    },
  };
}
