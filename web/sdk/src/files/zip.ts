// A zip of files that are somewhere else: headers in memory, contents by reference, so that a folder of any size is one
// download and no copy. Stored, not compressed; zip64 throughout, as sizes are known only to be large enough (APPNOTE 4.3).

import { concat, utf8 } from "./bytes.js";

export interface Zipped {
  /** "/" between; a folder that is empty ends with "/". */
  readonly path: string;
  readonly content: Blob;
  /** Milliseconds since 1970. */
  readonly modified?: number;
}

/** crc: CRC-32 of a content. */
export async function zip(files: readonly Zipped[], crc: (b: Blob) => Promise<number>): Promise<Blob> {
  const parts: BlobPart[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  for (const f of files) {
    const sum = await crc(f.content);
    const name = utf8(f.path);
    const local = concat(head(0x04034b50, f, sum), u16(name.length), u16(20), name, extra(f.content.size, f.content.size));
    const external = f.path.endsWith("/") ? 0x10 : 0;
    directory.push(concat(
      u32(0x02014b50), u16(45), head(null, f, sum), u16(name.length), u16(28), u16(0), u16(0), u16(0), u32(external), u32(0xffffffff),
      name, extra(f.content.size, f.content.size, at),
    ));
    parts.push(local, f.content);
    at += local.length + f.content.size;
  }
  const size = directory.reduce((n, d) => n + d.length, 0);
  const count = files.length;
  const end64 = concat(u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count), u64(size), u64(at));
  const locator = concat(u32(0x07064b50), u32(0), u64(at + size), u32(1));
  const end = concat(u32(0x06054b50), u16(0), u16(0), u16(0xffff), u16(0xffff), u32(0xffffffff), u32(0xffffffff), u16(0));
  return new Blob([...parts, ...directory, end64, locator, end], { type: "application/zip" });
}

/** From "version needed" to "uncompressed size", which two records have in common; flag 11: names are UTF-8. */
function head(signature: number | null, f: Zipped, crc: number): Uint8Array<ArrayBuffer> {
  const d = new Date(f.modified ?? Date.now());
  const time = (d.getHours() << 11) | (d.getMinutes() << 5) | (d.getSeconds() >> 1);
  const date = (Math.max(0, Math.min(127, d.getFullYear() - 1980)) << 9) | ((d.getMonth() + 1) << 5) | d.getDate();
  const rest = concat(u16(45), u16(1 << 11), u16(0), u16(time), u16(date), u32(crc), u32(0xffffffff), u32(0xffffffff));
  return signature === null ? rest : concat(u32(signature), rest);
}

function extra(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  return concat(u16(1), u16(values.length * 8), ...values.map(u64));
}

function u16(n: number): Uint8Array {
  return Uint8Array.of(n & 255, (n >> 8) & 255);
}

function u32(n: number): Uint8Array {
  return Uint8Array.of(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, (n >>> 24) & 255);
}

function u64(n: number): Uint8Array {
  const b = new Uint8Array(8);
  new DataView(b.buffer).setBigUint64(0, BigInt(n), true);
  return b;
}
