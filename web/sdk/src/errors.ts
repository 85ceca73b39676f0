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
  | "room-ended" // by a moderator, for all
  | "not-joined" // a command that needs a joined call
  | "too-much" // more is waiting to be sent than is kept
  | "no-answer"; // the server did not answer a question in time

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

/** What the server's last word means; null: we asked to leave. */
export function ending(reason: string): ConfabError | null {
  switch (reason) {
    case "left":
      return null;
    case "replaced":
      return new ConfabError({ code: "replaced", message: "This call was taken over by another tab or device.", hint: "Go on there, or join again here." });
    case "removed":
      return new ConfabError({ code: "removed", message: "You were removed from the room." });
    case "banned":
      return new ConfabError({ code: "banned", message: "You were removed from the room, and cannot come back for a while." });
    case "refused":
      return new ConfabError({ code: "refused", message: "You were not let in." });
    case "room-ended":
      return new ConfabError({ code: "room-ended", message: "The room was ended for all." });
    default:
      return new ConfabError({ code: "room-closed", message: "The room was closed." });
  }
}

/** What this side has to say itself. */
export const local = {
  unreachable: () => new ConfabError({ code: "unreachable", message: "The server does not answer.", hint: "Check your connection and try again.", retry: true }),
  alreadyOn: () => new ConfabError({ code: "out-of-state", message: "This call is already on." }),
  notJoined: () => new ConfabError({ code: "not-joined", message: "You are not in the call.", hint: "Join again.", retry: true }),
  tooMuch: () => new ConfabError({ code: "too-much", message: "Too much is waiting to be sent.", hint: "Wait until the connection is back.", retry: true }),
  noAnswer: () => new ConfabError({ code: "no-answer", message: "The server did not answer.", hint: "Try again in a moment.", retry: true }),
  seatLost: () => new ConfabError({ code: "session-expired", message: "Your seat was lost on the way.", hint: "Try again.", retry: true }),
  dismissed: () => new ConfabError({ code: "room-closed", message: "The server has ended the connection.", hint: "Join again.", retry: true }),
  blocked: () => new ConfabError({ code: "blocked", message: "A moderator has turned this off for you.", hint: "Raise your hand to ask for it." }),
  noPath: (reason: string) => new ConfabError({
    code: "media-failed", message: "Sound and picture do not get through.", retry: true, cause: reason,
    hint: "Still trying. Your network may block calls: another network, or the server's relay, would help.",
  }),
};
