// The binary messages of a lane: docs/file-transfer.md, "Data". Big-endian. Pure: what comes in is untrusted, and every
// message that is not exactly as described is an Error with code bad-message.

import type { Bytes } from "./bytes.js";
import { TransferError } from "./errors.js";

/** Bytes of a block of a file; the last one is shorter. */
export const BLOCK = 1 << 20;
/** Most bytes of a file in one DATA message. */
export const CHUNK = 64 << 10;
/** Most leaves that one message asks for. */
export const LEAVES = 1024;
/** Files of a content, and bytes of a file, at most. */
export const FILES = 100_000;
export const SIZE = 2 ** 42;
/** Most bytes of the bitmap of one HAVE message. */
const HAVE_BYTES = 8 << 10;
const DATA_HEAD = 13;
const BLOCKS = SIZE / BLOCK;
/** No message is larger. */
export const MESSAGE = DATA_HEAD + CHUNK;

/** A part of a file: offset and length in bytes. */
export interface Range {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export type Frame =
  | { readonly t: "data"; readonly file: number; readonly offset: number; readonly payload: Bytes }
  | ({ readonly t: "request" } & Range)
  | ({ readonly t: "cancel" } & Range)
  | { readonly t: "have"; readonly file: number; readonly first: number; readonly bits: Bytes }
  | { readonly t: "hashes?"; readonly file: number; readonly first: number; readonly count: number }
  | { readonly t: "hashes"; readonly file: number; readonly first: number; readonly leaves: Bytes };

const KIND = { data: 1, request: 2, have: 3, cancel: 4, "hashes?": 5, hashes: 6 } as const;

export function encode(f: Frame): Bytes {
  switch (f.t) {
    case "data": {
      const out = head(DATA_HEAD + f.payload.length, KIND.data, f.file);
      new DataView(out.buffer).setBigUint64(5, BigInt(f.offset));
      out.set(f.payload, DATA_HEAD);
      return out;
    }
    case "request":
    case "cancel": {
      const out = head(17, KIND[f.t], f.file);
      const v = new DataView(out.buffer);
      v.setBigUint64(5, BigInt(f.offset));
      v.setUint32(13, f.length);
      return out;
    }
    case "have":
      return indexed(KIND.have, f.file, f.first, f.bits);
    case "hashes?": {
      const out = head(13, KIND["hashes?"], f.file);
      const v = new DataView(out.buffer);
      v.setUint32(5, f.first);
      v.setUint32(9, f.count);
      return out;
    }
    case "hashes":
      return indexed(KIND.hashes, f.file, f.first, f.leaves);
  }
}

/** The message keeps the buffer. */
export function decode(b: ArrayBuffer): Frame {
  if (b.byteLength < 9 || b.byteLength > MESSAGE) throw bad("length");
  const v = new DataView(b);
  const file = v.getUint32(1);
  if (file >= FILES) throw bad("file");
  const kind = v.getUint8(0);
  switch (kind) {
    case KIND.data:
      if (b.byteLength <= DATA_HEAD) throw bad("empty data");
      return { t: "data", file, offset: range(v, b.byteLength - DATA_HEAD), payload: new Uint8Array(b, DATA_HEAD) };
    case KIND.request:
    case KIND.cancel: {
      if (b.byteLength !== 17) throw bad("length of a request");
      const length = v.getUint32(13);
      return { t: kind === KIND.request ? "request" : "cancel", file, offset: range(v, length), length };
    }
    case KIND.have: {
      const bits = new Uint8Array(b, 9);
      const first = v.getUint32(5);
      if (bits.length === 0 || bits.length > HAVE_BYTES || first % 8 !== 0 || first + 8 * bits.length > BLOCKS + 7) throw bad("bitmap");
      return { t: "have", file, first, bits };
    }
    case KIND["hashes?"]: {
      if (b.byteLength !== 13) throw bad("length of a request for hashes");
      const count = v.getUint32(9);
      const first = v.getUint32(5);
      if (count === 0 || count > LEAVES || first + count > BLOCKS) throw bad("count of hashes");
      return { t: "hashes?", file, first, count };
    }
    case KIND.hashes: {
      const leaves = new Uint8Array(b, 9);
      const first = v.getUint32(5);
      if (leaves.length === 0 || leaves.length % 32 !== 0 || leaves.length > LEAVES * 32 || first + leaves.length / 32 > BLOCKS) throw bad("hashes");
      return { t: "hashes", file, first, leaves };
    }
    default:
      throw bad(`kind ${kind}`);
  }
}

/** A DATA message with room for length bytes of payload, which the caller fills: saves a copy. */
export function dataFrame(file: number, at: number, length: number): { frame: Bytes; payload: Bytes } {
  const frame = head(DATA_HEAD + length, KIND.data, file);
  new DataView(frame.buffer).setBigUint64(5, BigInt(at));
  return { frame, payload: frame.subarray(DATA_HEAD) };
}

function head(length: number, kind: number, file: number): Bytes {
  const out = new Uint8Array(length);
  out[0] = kind;
  new DataView(out.buffer).setUint32(1, file);
  return out;
}

function indexed(kind: number, file: number, first: number, content: Uint8Array): Bytes {
  const out = head(9 + content.length, kind, file);
  new DataView(out.buffer).setUint32(5, first);
  out.set(content, 9);
  return out;
}

/** The offset of a range, which lies within one block. */
function range(v: DataView, length: number): number {
  const n = v.getBigUint64(5);
  if (n >= BigInt(SIZE) || length < 1 || length > BLOCK || (Number(n) % BLOCK) + length > BLOCK) throw bad("range");
  return Number(n);
}

function bad(what: string): TransferError {
  return new TransferError("bad-message", `a message of the other side is not as it should be (${what})`);
}
