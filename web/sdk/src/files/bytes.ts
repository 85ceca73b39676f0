// Bytes as text and back, and hashes. WebCrypto does the hashing: it is asynchronous, and there only in a secure context.

/** Bytes with a buffer of their own, which WebCrypto and channels ask for. */
export type Bytes = Uint8Array<ArrayBuffer>;

const text = new TextEncoder();

export function utf8(s: string): Bytes {
  return text.encode(s) as Bytes;
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** base64url without padding. */
export function b64u(b: Uint8Array): string {
  let s = "";
  for (let i = 0; i < b.length; i += 8192) s += String.fromCharCode(...b.subarray(i, i + 8192));
  return btoa(s).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Null for what is no base64url, or not the one way to write its bytes. */
export function unb64u(s: string): Bytes | null {
  if (!/^[A-Za-z0-9_-]*$/.test(s) || s.length % 4 === 1) return null;
  const b = Uint8Array.from(atob(s.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return b64u(b) === s ? b : null;
}

export function hex(b: Uint8Array): string {
  return [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
}

/** Null for what is no hex. */
export function unhex(s: string): Bytes | null {
  if (s.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(s)) return null;
  return Uint8Array.from(s.match(/../g) ?? [], (h) => parseInt(h, 16));
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && sameTime(a, b);
}

/** Takes as long for every pair of this length: for secrets. */
function sameTime(a: Uint8Array, b: Uint8Array): boolean {
  let diff = 0;
  for (let i = 0; i < a.length; i++) diff |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return diff === 0;
}

export async function sha256(b: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", b));
}

export async function sha512(b: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", b));
}

/** n random bytes. */
export function random(n: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(n));
}
