// What ends a transfer, or a file of it: stable codes for programs, and a sentence for logs. Words for people are the app's.

export type TransferCode =
  // as they travel: docs/file-transfer.md, "error" and "end"
  | "no-space" | "permission" | "changed" | "gone" | "bad-block" | "bad-message" | "too-much" | "timeout" | "fingerprint" | "not-authentic"
  // of this side
  | "cancelled" | "declined" | "not-found" | "no-path" | "in-use" | "unsupported" | "refused";

export class TransferError extends Error {
  override readonly name = "TransferError";

  constructor(readonly code: TransferCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Any cause as a TransferError; what the browser throws by name becomes a code. */
export function transferError(cause: unknown, otherwise: TransferCode): TransferError {
  if (cause instanceof TransferError) return cause;
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : "";
  const byName: Record<string, TransferCode> = {
    QuotaExceededError: "no-space", NotAllowedError: "permission", SecurityError: "permission", NotReadableError: "changed",
    NotFoundError: "changed", NoModificationAllowedError: "in-use", InvalidStateError: "in-use",
  };
  return new TransferError(byName[name] ?? otherwise, cause instanceof Error ? cause.message : String(cause), { cause });
}
