// From an error to what a person reads: the catalogue first, the server's own words for codes that it does not know.

import { ConfabError } from "@confab/sdk";
import type { ErrorText } from "./texts/en.js";
import { t } from "./texts/index.js";

export function errorText(cause: unknown): ErrorText {
  if (!(cause instanceof ConfabError)) return t.errors.generic;
  const known = t.errors.codes[cause.code];
  if (known) return known;
  return { title: cause.message || t.errors.generic.title, advice: cause.hint || t.errors.generic.advice };
}

export type BrowserKind = "chromium" | "firefox" | "safari" | "ios" | "android";

/** Which browser's switches to describe. Feature detection cannot tell where a button is; this alone reads the agent. */
export function browserKind(agent: string): BrowserKind {
  if (/iPhone|iPad/.test(agent)) return "ios";
  if (/Android/.test(agent)) return "android";
  if (/Firefox\//.test(agent)) return "firefox";
  if (/Chrome\/|Chromium\//.test(agent)) return "chromium";
  return "safari";
}

/** What a call cannot do without. */
export function supported(): boolean {
  return "RTCPeerConnection" in globalThis && "RTCRtpTransceiver" in globalThis && "WebSocket" in globalThis
    && "ResizeObserver" in globalThis && typeof HTMLDialogElement === "function";
}
