// CPace (draft-irtf-cfrg-cpace) with ristretto255 and SHA-512, initiator and responder: two who share a short code agree on
// a key, and who guesses has one guess a run. The group is an argument: the SDK has no dependencies, an app brings one.

import { concat, sha512, utf8, type Bytes } from "./bytes.js";
import { TransferError } from "./errors.js";

/** ristretto255 (RFC 9496) on encoded elements of 32 bytes. */
export interface Group {
  /** The element of 64 uniform bytes (RFC 9496 §4.3.4). */
  derive(uniform: Uint8Array): Uint8Array;
  /** point · scalar; throws for what encodes no element. scalar: 32 bytes, little-endian, below the order. */
  multiply(point: Uint8Array, scalar: Uint8Array): Uint8Array;
  /** A scalar of 64 random bytes. */
  scalar(random: Uint8Array): Uint8Array;
}

const DSI = utf8("CPaceRistretto255");
const DSI_ISK = utf8("CPaceRistretto255_ISK");
/** Input block of SHA-512. */
const S_IN_BYTES = 128;
const IDENTITY = new Uint8Array(32);

export interface Share {
  readonly scalar: Uint8Array;
  /** What the other side gets: Ya or Yb. */
  readonly public: Bytes;
}

/** prs: the shared password; ci and sid: context and session, the same on both sides; random: 64 bytes. */
export async function share(g: Group, prs: Uint8Array, ci: Uint8Array, sid: Uint8Array, random: Uint8Array): Promise<Share> {
  const generator = g.derive(await sha512(generatorString(prs, ci, sid)));
  const scalar = g.scalar(random);
  return { scalar, public: new Uint8Array(g.multiply(generator, scalar)) };
}

/** A side's share as both know it, and the data that goes with it. */
export interface Said {
  readonly share: Uint8Array;
  readonly data?: Uint8Array;
}

/** The intermediate session key, ISK. own: our share; a is what who opened has said, b who answered. */
export async function agree(g: Group, own: Share, theirs: Uint8Array, sid: Uint8Array, a: Said, b: Said): Promise<Bytes> {
  const k = multiply(g, theirs, own.scalar);
  const empty = new Uint8Array();
  const transcript = [a, b].flatMap((s) => [prepend(s.share), prepend(s.data ?? empty)]);
  return sha512(concat(prepend(DSI_ISK), prepend(sid), prepend(k), ...transcript));
}

/** draft §7: the generator string, padded so that the code fills the first block of the hash. */
export function generatorString(prs: Uint8Array, ci: Uint8Array, sid: Uint8Array): Bytes {
  const pad = Math.max(0, S_IN_BYTES - prepend(prs).length - prepend(DSI).length - 1);
  return concat(prepend(DSI), prepend(prs), prepend(new Uint8Array(pad)), prepend(ci), prepend(sid));
}

/** scalar_mult_vfy: no element, or the neutral one, ends the run. */
function multiply(g: Group, point: Uint8Array, scalar: Uint8Array): Uint8Array {
  let k: Uint8Array;
  try {
    k = g.multiply(point, scalar);
  } catch (cause) {
    throw new TransferError("not-authentic", "the other side's share is no element of the group", { cause });
  }
  if (k.every((b, i) => b === IDENTITY[i])) throw new TransferError("not-authentic", "the other side's share is the neutral element");
  return k;
}

/** The length as LEB128, and the bytes. */
function prepend(b: Uint8Array): Bytes {
  const length: number[] = [];
  let n = b.length;
  do {
    length.push((n & 127) | (n > 127 ? 128 : 0));
    n >>= 7;
  } while (n > 0);
  return concat(Uint8Array.from(length), b);
}
