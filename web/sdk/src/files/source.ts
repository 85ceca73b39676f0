// What is sent: files, folders and texts, hashed once, and read block by block with one reading for all who want a block.

import { b64u, same, utf8, type Bytes } from "./bytes.js";
import { TransferError, transferError } from "./errors.js";
import { blockLength, blocks, contentRoot, ENTRIES, INLINE, type Entry } from "./manifest.js";
import { leaf, root } from "./merkle.js";
import { offerable, safeNames } from "./paths.js";
import type { Tasks } from "./tasks.js";
import { BLOCK } from "./wire.js";

/** One thing to send. */
export type Item =
  | { readonly path: string; readonly file: Blob & { readonly lastModified?: number } }
  | { readonly text: string }
  /** An empty folder. */
  | { readonly folder: string };

/** What an owner of blocks can do. */
export interface BlockSource {
  /** Null if it does not have the block (any more). */
  block(file: number, block: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** 32 bytes each, all of the file; null if they are not known. */
  leaves(file: number): Uint8Array | null;
}

/** Blocks that are kept in memory for the next who asks: several receivers, and several requests for one block. */
const CACHE = 16;
/** Blocks of a file that the worker hashes at a time: progress is shown after each. */
const PART = 16;
/** Files that are hashed at a time. */
const AT_ONCE = 3;

/** A content that is ready to be sent. */
export class Content implements BlockSource {
  private readonly cache = new Map<string, Promise<Uint8Array<ArrayBuffer> | null>>();

  constructor(
    readonly root: string,
    readonly entries: readonly Entry[],
    private readonly files: readonly (Blob | null)[],
    private readonly hashes: readonly Uint8Array[],
    /** A file is not what it was when it was hashed. */
    public onChanged: (file: number, e: TransferError) => void = () => undefined,
  ) {}

  get total(): number {
    return this.entries.reduce((n, e) => n + e.size, 0);
  }

  leaves(file: number): Uint8Array | null {
    return this.hashes[file] ?? null;
  }

  block(file: number, block: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const key = `${file}:${block}`;
    const cached = this.cache.get(key);
    if (cached !== undefined) return cached;
    const read = this.read(file, block).catch((cause: unknown) => {
      this.onChanged(file, transferError(cause, "changed"));
      return null;
    });
    this.cache.set(key, read);
    for (const old of this.cache.keys()) {
      if (this.cache.size <= CACHE) break;
      this.cache.delete(old);
    }
    return read;
  }

  private async read(file: number, block: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const [f, e, hashes] = [this.files[file], this.entries[file], this.hashes[file]];
    if (f == null || e === undefined || hashes === undefined || block >= blocks(e.size)) return null;
    const at = block * BLOCK;
    const bytes = new Uint8Array(await f.slice(at, at + blockLength(e.size, block)).arrayBuffer());
    // Not every browser notices that a file changed under it.
    if (!same(await leaf(bytes), hashes.subarray(block * 32, block * 32 + 32))) throw new TransferError("changed", "the file has changed since it was chosen");
    return bytes;
  }
}

/** Reads everything once, for its hashes. progress: bytes of all bytes. */
export async function prepare(items: readonly Item[], tasks: Tasks, progress: (done: number, total: number) => void, stop: AbortSignal): Promise<Content> {
  if (items.length === 0 || items.length > ENTRIES) throw new TransferError("too-much", `between 1 and ${ENTRIES} files can be sent at once`);
  const list = items.map(plain);
  if (safeNames(list.map((i) => i.path)) === null) throw new TransferError("refused", "the names of these files are too long for other systems");
  const total = list.reduce((n, i) => n + i.file.size, 0);
  let done = 0;
  const entries: Entry[] = new Array<Entry>(list.length);
  const hashes: Uint8Array[] = new Array<Uint8Array>(list.length);
  let next = 0;
  const run = async (): Promise<void> => {
    for (let i = next++; i < list.length; i = next++) {
      stop.throwIfAborted();
      const { path, file, inline, modified } = list[i]!;
      const count = blocks(file.size);
      const leaves = new Uint8Array(count * 32);
      for (let first = 0; first < count; first += PART) {
        stop.throwIfAborted();
        const n = Math.min(PART, count - first);
        leaves.set(await tasks.leaves({ file, first, count: n }), first * 32);
        done += Math.min(n * BLOCK, file.size - first * BLOCK);
        progress(done, total);
      }
      hashes[i] = leaves;
      entries[i] = {
        path, size: file.size, root: b64u(await root(leaves)), ...(file.type === "" ? {} : { type: file.type.slice(0, 255) }),
        ...(modified === undefined ? {} : { modified }), ...(inline === undefined ? {} : { inline }),
      };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run)).catch((cause: unknown) => {
    throw transferError(cause, stop.aborted ? "cancelled" : "changed");
  });
  return new Content(await contentRoot(entries), entries, list.map((i) => i.file), hashes);
}

function plain(i: Item): { path: string; file: Blob; inline?: string; modified?: number } {
  if ("text" in i) {
    const bytes: Bytes = utf8(i.text);
    const file = new Blob([bytes], { type: "text/plain" });
    return { path: "text.txt", file, ...(bytes.length <= INLINE ? { inline: i.text } : {}) };
  }
  const path = offerable("folder" in i ? `${i.folder}/` : i.path);
  if (path === null) throw new TransferError("refused", `“${"folder" in i ? i.folder : i.path}” is no name that other systems can have; rename it`);
  if ("folder" in i) return { path, file: new Blob([]) };
  const { lastModified } = i.file;
  return { path, file: i.file, ...(lastModified === undefined ? {} : { modified: lastModified }) };
}
