// The group of the short code's handshake, from a library that is loaded when a code is used.

import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import type { Group } from "@confab/sdk/files";

const { Point } = ristretto255;

function number(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
}

function bytes(n: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
}

export const group: Group = {
  derive: (uniform) => ristretto255_hasher.deriveToCurve!(uniform).toBytes(),
  multiply: (point, scalar) => Point.fromBytes(point).multiply(number(scalar)).toBytes(),
  // Never 0: multiply refuses it, and 512 random bits give it with probability 2^-252.
  scalar: (random) => bytes(number(random) % Point.Fn.ORDER),
};
