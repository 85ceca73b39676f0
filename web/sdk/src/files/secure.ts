// The handshake that ties both sides' DTLS certificates to a secret that the server does not know: of the link, of a short
// code by way of CPace, or of a swarm. docs/file-transfer.md, "Handshake". Randomness is an argument.

import { b64u, concat, sha256, utf8, type Bytes } from "./bytes.js";
import type { Mode } from "./control.js";

/** What both sides have said: the same on both, or the proofs differ. */
export interface Transcript {
  readonly transfer: string;
  readonly mode: Mode;
  /** Fingerprints as in SDP: upper-case hex with colons. A is who opened the transfer. */
  readonly fingerprintA: string;
  readonly fingerprintB: string;
  readonly nonceA: Uint8Array;
  readonly nonceB: Uint8Array;
}

const NAME = "confab transfer 1";

export function transcript(t: Transcript): Bytes {
  const parts = [utf8(NAME), utf8(t.transfer), utf8(t.mode), utf8(t.fingerprintA), utf8(t.fingerprintB), t.nonceA, t.nonceB];
  return concat(...parts.flatMap((p) => [Uint8Array.of(p.length >> 8, p.length & 255), p]));
}

/** The key that a mode's secret gives; secret is of the link or the swarm, or what CPace agreed on. */
export async function modeKey(mode: Exclude<Mode, "open">, secret: Bytes): Promise<Bytes> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const o = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(`${NAME} ${mode}`) };
  return new Uint8Array(await crypto.subtle.deriveBits(o, base, 256));
}

/** The proof of a side that it has the key. */
export async function mac(key: Bytes, side: "A" | "B", t: Transcript): Promise<Bytes> {
  const k = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", k, concat(utf8(side), transcript(t))));
}

/** Six digits that two people can compare by voice: the same on both sides, unless somebody is between them. */
export async function spoken(t: Transcript): Promise<string> {
  const h = await sha256(concat(utf8("sas"), transcript(t)));
  return String(new DataView(h.buffer).getUint32(0) % 1_000_000).padStart(6, "0");
}

/** A commits to its nonce before it sees B's, so that nobody can try nonces until the six digits fit. */
export async function commitment(nonce: Bytes): Promise<string> {
  return b64u(await sha256(nonce));
}

/** The fingerprints in an SDP; there must be exactly one, and all media must have it. Null otherwise. */
export function fingerprintOf(sdp: string): string | null {
  const all = [...sdp.matchAll(/^a=fingerprint:(\S+)[ \t]+(\S+)\s*$/gim)];
  const first = all[0]?.[2]?.toUpperCase();
  if (first === undefined || !all.every((m) => m[1]?.toLowerCase() === "sha-256" && m[2]?.toUpperCase() === first)) return null;
  return /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(first) ? first : null;
}
