// The hash tree of RFC 9162 §2.1.1 over blocks: leaf = SHA-256(0x00 ‖ block), node = SHA-256(0x01 ‖ left ‖ right), and of
// nothing SHA-256("").

import { concat, sha256, type Bytes } from "./bytes.js";

export type Hash = (b: Bytes) => Promise<Bytes>;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leaf(block: Uint8Array, hash: Hash = sha256): Promise<Bytes> {
  return hash(concat(LEAF, block));
}

/** leaves: 32 bytes each, one after the other. */
export async function root(leaves: Uint8Array, hash: Hash = sha256): Promise<Bytes> {
  const n = leaves.length / 32;
  if (n === 0) return hash(new Uint8Array());
  let level: Uint8Array[] = Array.from({ length: n }, (_, i) => leaves.subarray(i * 32, i * 32 + 32));
  // Pairs from the left, the odd one rises: the same tree as the recursive definition with the largest power of two on the left.
  while (level.length > 1) {
    const next: Promise<Uint8Array>[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [l, r] = [level[i], level[i + 1]];
      if (l !== undefined) next.push(r === undefined ? Promise.resolve(l) : hash(concat(NODE, l, r)));
    }
    level = await Promise.all(next);
  }
  return new Uint8Array(level[0] ?? []);
}
