// What is sent: entries, and the content root that names them all. Two people who hold the same root hold the same files.

import { b64u, concat, unb64u, utf8, type Bytes } from "./bytes.js";
import { TransferError } from "./errors.js";
import { leaf, root as treeRoot, type Hash } from "./merkle.js";
import { BLOCK, FILES, SIZE } from "./wire.js";

export interface Entry {
  /** "a/b.txt", NFC; a folder that is empty ends with "/". */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of the file's hash tree, base64url; of a folder, that of nothing. */
  readonly root: string;
  readonly type?: string;
  /** Milliseconds since 1970. */
  readonly modified?: number;
  /** The content itself, of a text that is short. */
  readonly inline?: string;
}

/** Most entries of a transfer. */
export const ENTRIES = FILES;
/** Most bytes of a text that travels in the offer. */
export const INLINE = 64 << 10;
/** Bytes of a page of entries, at most. */
const PAGE = 48 << 10;

/** The root of an empty file, SHA-256 of nothing. */
export const NOTHING = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

export function blocks(size: number): number {
  return Math.ceil(size / BLOCK);
}

/** Length of a block of a file of this size. */
export function blockLength(size: number, block: number): number {
  return Math.min(BLOCK, size - block * BLOCK);
}

export async function contentRoot(entries: readonly Entry[], hash?: Hash): Promise<string> {
  const leaves = new Uint8Array(entries.length * 32);
  const AT_ONCE = 512;
  for (let i = 0; i < entries.length; i += AT_ONCE) {
    const some = await Promise.all(entries.slice(i, i + AT_ONCE).map((e) => leaf(leafData(e), hash)));
    some.forEach((l, k) => leaves.set(l, (i + k) * 32));
  }
  return b64u(await treeRoot(leaves, hash));
}

function leafData(e: Entry): Bytes {
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(e.size));
  return concat(unb64u(e.root) ?? new Uint8Array(), size, utf8(e.path));
}

/** As it travels: a folder needs no root. */
function written(e: Entry): Partial<Entry> {
  return e.path.endsWith("/") ? { path: e.path, size: 0 } : e;
}

/** Pages of entries as they travel, each small enough for one message. */
export function pages(entries: readonly Entry[]): { first: number; entries: Partial<Entry>[] }[] {
  const out: { first: number; entries: Partial<Entry>[] }[] = [];
  let page: Partial<Entry>[] = [];
  let size = 0;
  entries.forEach((e, i) => {
    const n = utf8(JSON.stringify(written(e))).length + 1;
    if (page.length > 0 && size + n > PAGE) {
      out.push({ first: i - page.length, entries: page });
      [page, size] = [[], 0];
    }
    page.push(written(e));
    size += n;
  });
  if (page.length > 0) out.push({ first: entries.length - page.length, entries: page });
  return out;
}

/** Reads an entry that somebody else wrote. */
export function readEntry(v: unknown): Entry {
  const bad = (what: string) => new TransferError("bad-message", `the offer is not as it should be: ${what}`);
  if (typeof v !== "object" || v === null) throw bad("entry");
  const e = v as Record<string, unknown>;
  const { path, size, root, type, modified, inline } = e;
  if (e["stream"] === true) throw new TransferError("unsupported", "a stream of unknown length cannot be received by a browser");
  if (typeof path !== "string" || utf8(path).length > 1024) throw bad("path");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size > SIZE) throw bad("size");
  if (path.endsWith("/")) {
    if (size !== 0 || root !== undefined || inline !== undefined) throw bad("a folder with content");
    return { path, size, root: NOTHING };
  }
  if (typeof root !== "string" || unb64u(root)?.length !== 32 || (size === 0 && root !== NOTHING)) throw bad("root");
  if (type !== undefined && (typeof type !== "string" || type.length > 255)) throw bad("type");
  if (modified !== undefined && (typeof modified !== "number" || !Number.isFinite(modified))) throw bad("time");
  if (inline !== undefined && (typeof inline !== "string" || utf8(inline).length !== size || size > INLINE)) throw bad("text");
  return {
    path, size, root, ...(type === undefined ? {} : { type }), ...(modified === undefined ? {} : { modified }),
    ...(inline === undefined ? {} : { inline }),
  };
}

/** Where each file begins among all blocks of the content, and the number of all. */
export function firstBlocks(entries: readonly Pick<Entry, "size">[]): { first: number[]; total: number } {
  let total = 0;
  const first = entries.map((e) => {
    const at = total;
    total += blocks(e.size);
    return at;
  });
  return { first, total };
}
