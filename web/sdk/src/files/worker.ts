// The tasks themselves, as they run in a worker: hash, check, write. A content has one container in the origin private file
// system, all its files one after the other, so that two thousand small files cost one handle; which blocks it has is kept in
// IndexedDB, written only after the blocks themselves are safe.

import { Bitmap } from "./bitmap.js";
import { same, sha256 } from "./bytes.js";
import { crc32 } from "./crc.js";
import { TransferError } from "./errors.js";
import { recall, remember, forget } from "./keep.js";
import { FOLDER, type Tasks } from "./tasks.js";
import { BLOCK } from "./wire.js";

/** What a container needs of a file; FileSystemSyncAccessHandle is one. */
export interface SyncFile {
  write(b: Uint8Array<ArrayBuffer>, o: { at: number }): number;
  read(b: Uint8Array<ArrayBuffer>, o: { at: number }): number;
  truncate(n: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

export interface Disk {
  open(name: string): Promise<SyncFile>;
  remove(name: string): Promise<void>;
}

interface Container {
  file: SyncFile | null;
  readonly have: Bitmap;
  /** Blocks since the bitmap was last kept. */
  fresh: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Milliseconds, and blocks, after which what was written is made safe and the bitmap kept. */
const KEEP = { after: 1_000, blocks: 32 };
/** Digests that run at a time. */
const AT_ONCE = 2;

export function tasks(disk: Disk): Tasks {
  const containers = new Map<string, Container>();

  const find = (key: string): Container & { file: SyncFile } => {
    const c = containers.get(key);
    if (c === undefined || c.file === null) throw new TransferError("gone", "the file is not open any more");
    return c as Container & { file: SyncFile };
  };
  const keep = async (key: string, c: Container): Promise<void> => {
    clearTimeout(c.timer);
    c.timer = undefined;
    c.fresh = 0;
    c.file?.flush();
    await remember(key, c.have.copy());
  };
  const shut = async (key: string): Promise<void> => {
    const c = containers.get(key);
    if (c === undefined) return;
    containers.delete(key);
    await keep(key, c).finally(() => {
      c.file?.close();
      c.file = null;
    });
  };

  return {
    leaves: async ({ file, first, count }) => {
      const out = new Uint8Array(count * 32);
      let next = 0;
      const run = async (): Promise<void> => {
        for (let i = next++; i < count; i = next++) {
          const at = (first + i) * BLOCK;
          const block = await file.slice(at, at + BLOCK).arrayBuffer();
          const bytes = new Uint8Array(1 + block.byteLength);
          bytes.set(new Uint8Array(block), 1);
          out.set(await sha256(bytes), i * 32);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, run));
      return out;
    },
    open: async ({ key, bytes, blocks }) => {
      await shut(key);
      const kept = await recall(key);
      const file = await disk.open(key);
      try {
        // A container that is shorter than it was is not the one that the bitmap speaks of.
        const have = new Bitmap(blocks, kept !== null && file.getSize() >= bytes ? kept : undefined);
        file.truncate(bytes); // no space for all of it is said now, not after an hour
        containers.set(key, { file, have, fresh: 0, timer: undefined });
        return have.copy();
      } catch (cause) {
        file.close();
        throw cause;
      }
    },
    put: async ({ key, global, position, bytes, leaf }) => {
      if (!same(await sha256(bytes), leaf)) return false;
      const c = find(key);
      const block = bytes.subarray(1);
      if (c.file.write(block, { at: position }) !== block.length) throw new TransferError("no-space", "the block could not be written in full");
      c.have.add(global);
      c.fresh++;
      if (c.fresh >= KEEP.blocks) await keep(key, c);
      else c.timer ??= setTimeout(() => void keep(key, c).catch(() => undefined), KEEP.after);
      return true;
    },
    read: async ({ key, position, length }) => {
      const out = new Uint8Array(length);
      if (find(key).file.read(out, { at: position }) !== length) throw new TransferError("gone", "the file is shorter than it was");
      return out;
    },
    finish: async ({ key }) => {
      await shut(key);
      return null;
    },
    close: async ({ key }) => {
      await shut(key);
      return null;
    },
    discard: async ({ key }) => {
      const c = containers.get(key);
      containers.delete(key);
      clearTimeout(c?.timer);
      c?.file?.close();
      await forget(key);
      await disk.remove(key);
      return null;
    },
    crc: ({ file }) => crc32(file),
  };
}

/** The browser's disk; only a worker may have handles like these. */
export function privateDisk(): Disk {
  const folder = async (): Promise<FileSystemDirectoryHandle> => {
    if (!("storage" in navigator) || !("getDirectory" in navigator.storage)) {
      throw new TransferError("unsupported", "this browser gives pages no place for files; use its newest version, and no private window");
    }
    return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  };
  return {
    open: async (name) => {
      const h = await (await folder()).getFileHandle(name, { create: true });
      return (h as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncFile> }).createSyncAccessHandle();
    },
    remove: async (name) => {
      try {
        await (await folder()).removeEntry(name);
      } catch (cause) {
        if (!(cause instanceof DOMException && cause.name === "NotFoundError")) throw cause;
      }
    },
  };
}
