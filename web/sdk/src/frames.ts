// Data channel payloads. Between peers they are raw. From the SFU each carries who sent it:
//
//	byte 0      flags; bit 0: the payload is text (UTF-8)
//	byte 1      n, length of the sender's id
//	n bytes     participant id
//	rest        payload
//
// Pure.

/** Bytes of the largest payload. */
export const MaxPayload = 60 * 1024;

export interface Frame {
  readonly from: string;
  readonly data: string | ArrayBuffer;
}

/** Null if it is no such frame. */
export function decodeFrame(b: ArrayBuffer): Frame | null {
  const v = new Uint8Array(b);
  const flags = v[0];
  const n = v[1];
  if (flags === undefined || n === undefined || n === 0 || v.length < 2 + n) return null;
  const text = new TextDecoder();
  const from = text.decode(v.subarray(2, 2 + n));
  return { from, data: (flags & 1) === 1 ? text.decode(v.subarray(2 + n)) : b.slice(2 + n) };
}

export function payloadSize(data: string | ArrayBuffer): number {
  return typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
}
