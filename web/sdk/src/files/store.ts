// Where received blocks go: checked and written by the worker, read back for other receivers, and given out as files at the
// end. A store is one content's container.

import type { Bytes } from "./bytes.js";
import { TransferError } from "./errors.js";
import { FOLDER, type Tasks } from "./tasks.js";

export interface Store {
  /** The blocks that are there from earlier, laid out as a Bitmap. */
  open(bytes: number, blocks: number): Promise<Bytes>;
  /** False if the hash is wrong. bytes: a zero, and the block; they are gone afterwards. */
  put(global: number, position: number, bytes: Bytes, leaf: Bytes): Promise<boolean>;
  read(position: number, length: number): Promise<Bytes>;
  /** Everything is there: from now on blob() has it. */
  finish(): Promise<void>;
  blob(): Promise<Blob>;
  /** Keeps what is there for another time. */
  close(): Promise<void>;
  discard(): Promise<void>;
}

/** A container in the origin private file system. */
export class PrivateStore implements Store {
  private done: Promise<Blob> | null = null;

  constructor(private readonly tasks: Tasks, private readonly key: string) {}

  async open(bytes: number, blocks: number): Promise<Bytes> {
    const room = await navigator.storage?.estimate?.().catch(() => null);
    const have = await this.tasks.open({ key: this.key, bytes, blocks }).catch((cause: unknown) => {
      if (cause instanceof TransferError && cause.code === "no-space") throw noSpace(bytes, room ?? null);
      throw cause;
    });
    return have;
  }

  put(global: number, position: number, bytes: Bytes, leaf: Bytes): Promise<boolean> {
    return this.tasks.put({ key: this.key, global, position, bytes, leaf });
  }

  async read(position: number, length: number): Promise<Bytes> {
    if (this.done === null) return this.tasks.read({ key: this.key, position, length });
    return new Uint8Array(await (await this.done).slice(position, position + length).arrayBuffer());
  }

  async finish(): Promise<void> {
    // From this moment on: a block that is asked for meanwhile is read from the finished file.
    this.done = this.tasks.finish({ key: this.key }).then(() => this.file());
    await this.done;
  }

  blob(): Promise<Blob> {
    return this.done ?? this.file();
  }

  async close(): Promise<void> {
    await this.tasks.close({ key: this.key });
  }

  async discard(): Promise<void> {
    this.done = null;
    await this.tasks.discard({ key: this.key });
  }

  private async file(): Promise<Blob> {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
    return (await folder.getFileHandle(this.key)).getFile();
  }
}

function noSpace(bytes: number, room: StorageEstimate | null): TransferError {
  const free = room?.quota === undefined ? "" : `, ${Math.max(0, room.quota - (room.usage ?? 0))} are free`;
  return new TransferError("no-space", `${bytes} bytes do not fit on this device${free}`);
}
