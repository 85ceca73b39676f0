// CRC-32 (ISO 3309), which a zip's directory wants.

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** Bytes that are read at a time. */
const PIECE = 4 << 20;

export async function crc32(file: Blob): Promise<number> {
  let c = 0xffffffff;
  for (let at = 0; at < file.size; at += PIECE) {
    for (const b of new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer())) c = (table[(c ^ b) & 255] ?? 0) ^ (c >>> 8);
  }
  return (c ^ 0xffffffff) >>> 0;
}
