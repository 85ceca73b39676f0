// What the page asks of the worker that hashes and writes: the messages, and a caller for them. Without a worker (tests, or a
// page that has none) the same tasks run where they are asked for.

import type { Bytes } from "./bytes.js";
import { TransferError, transferError, type TransferCode } from "./errors.js";

/** Where containers live in the origin private file system. */
export const FOLDER = "confab-files";

export interface Tasks {
  /** The leaves of some blocks of a file, 32 bytes each. */
  leaves(a: { file: Blob; first: number; count: number }): Promise<Bytes>;
  /** Makes or finds the container of a content: which blocks it has from earlier, laid out as a Bitmap. */
  open(a: { key: string; bytes: number; blocks: number }): Promise<Bytes>;
  /** Writes a block if its hash is right; bytes: a zero, and the block. */
  put(a: { key: string; global: number; position: number; bytes: Bytes; leaf: Bytes }): Promise<boolean>;
  read(a: { key: string; position: number; length: number }): Promise<Bytes>;
  /** Everything is safe, and readable by others. */
  finish(a: { key: string }): Promise<null>;
  /** Lets go of the container; what it has stays. */
  close(a: { key: string }): Promise<null>;
  discard(a: { key: string }): Promise<null>;
  /** CRC-32 of a file, for the directory of a zip. */
  crc(a: { file: Blob }): Promise<number>;
}

export type TaskName = keyof Tasks;
export interface Ask { id: number; op: TaskName; args: unknown }
export type Answer = { id: number; value: unknown } | { id: number; code: TransferCode; message: string };

/** The ends of a worker that talk with it. */
export interface Port {
  postMessage(m: unknown, transfer: Transferable[]): void;
  onmessage: ((e: MessageEvent) => void) | null;
}

/** Calls tasks on the other end of a port. */
export function caller(port: Port & { onerror?: ((e: ErrorEvent) => void) | null }): Tasks {
  let last = 0;
  const waiting = new Map<number, { done(v: unknown): void; fail(e: TransferError): void }>();
  port.onmessage = (e: MessageEvent<Answer>) => {
    const w = waiting.get(e.data.id);
    waiting.delete(e.data.id);
    if ("code" in e.data) w?.fail(new TransferError(e.data.code, e.data.message));
    else w?.done(e.data.value);
  };
  port.onerror = () => {
    for (const w of waiting.values()) w.fail(new TransferError("unsupported", "the worker that writes files can't be started"));
    waiting.clear();
  };
  const call = (op: TaskName) => (args: object): Promise<never> =>
    new Promise((done, fail) => {
      const id = ++last;
      waiting.set(id, { done: done as (v: unknown) => void, fail });
      const bytes = "bytes" in args ? args.bytes : null;
      port.postMessage({ id, op, args }, bytes instanceof Uint8Array ? [bytes.buffer] : []);
    });
  return {
    leaves: call("leaves"), open: call("open"), put: call("put"), read: call("read"), finish: call("finish"), close: call("close"),
    discard: call("discard"), crc: call("crc"),
  };
}

/** Answers calls that come by a port. */
export function serve(port: Port, tasks: Tasks): void {
  port.onmessage = (e: MessageEvent<Ask>) => {
    const { id, op, args } = e.data;
    (tasks[op] as (a: unknown) => Promise<unknown>)(args).then(
      (value) => port.postMessage({ id, value } satisfies Answer, value instanceof Uint8Array ? [value.buffer] : []),
      (cause: unknown) => {
        const { code, message } = transferError(cause, "gone");
        port.postMessage({ id, code, message } satisfies Answer, []);
      },
    );
  };
}
