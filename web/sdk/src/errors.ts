// The catalogue of what can go wrong. A code is stable and is what an application switches on or translates by; message and
// hint are English for people. Codes of the server (protocol Code) pass through with the server's own texts.

import type { Code, Error as Refusal } from "./protocol.gen.js";

/** Codes that arise on this side. */
export type LocalCode =
  // devices
  | "permission-denied" // the person or the browser said no
  | "permission-dismissed" // the question was closed without an answer
  | "device-not-found" // no camera or microphone, or the chosen one is gone
  | "device-busy" // another program holds it
  | "device-constraints" // no device can do what was asked
  | "insecure-context" // getUserMedia exists on https and localhost only
  | "share-cancelled" // the person closed the screen picker: no fault
  | "unsupported-browser" // no WebRTC here
  // call
  | "unreachable" // the server does not answer
  | "media-failed" // no path for media: neither direct nor relayed nor by the server
  | "removed" // somebody with the right to do so took our seat
  | "room-closed"
  | "not-joined"; // a command that needs a joined call

export type ErrorCode = Code | LocalCode;

export interface ErrorInit {
  code: ErrorCode;
  message: string;
  /** What the person can do about it, or "". */
  hint?: string;
  /** True: the same may succeed later. */
  retry?: boolean;
  /** Milliseconds to wait before a retry. */
  after?: number;
  cause?: unknown;
}

export class ConfabError extends Error {
  override readonly name = "ConfabError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retry: boolean;
  readonly after: number;

  constructor(e: ErrorInit) {
    super(e.message, e.cause === undefined ? undefined : { cause: e.cause });
    this.code = e.code;
    this.hint = e.hint ?? "";
    this.retry = e.retry ?? false;
    this.after = e.after ?? 0;
  }
}

/** The server's refusal, in its own words. */
export function refusal(e: Refusal): ConfabError {
  return new ConfabError({ code: e.code, message: e.message, hint: e.hint ?? "", retry: e.retry, after: e.after ?? 0 });
}
