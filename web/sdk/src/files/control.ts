// The control messages of lane 0, and the messages that travel through the server (docs/file-transfer.md, "Control" and
// "Through the server"). Reading is strict where it matters and passes over fields that a newer version may add. Pure.

import { unb64u } from "./bytes.js";
import { TransferError } from "./errors.js";
import { ENTRIES, readEntry, type Entry } from "./manifest.js";

export type Control =
  | { readonly t: "offer"; readonly root: string; readonly count: number; readonly total: number; readonly name: string; readonly preview?: string }
  | { readonly t: "entries"; readonly first: number; readonly entries: readonly Partial<Entry>[] }
  | { readonly t: "accept"; readonly files: "all" | readonly number[] }
  | { readonly t: "decline"; readonly reason: string }
  | { readonly t: "pause" }
  | { readonly t: "continue" }
  | { readonly t: "cancel"; readonly message: string }
  | { readonly t: "lanes"; readonly n: number }
  | { readonly t: "verified"; readonly file: number }
  | { readonly t: "done"; readonly root: string }
  | { readonly t: "error"; readonly code: string; readonly message: string }
  | { readonly t: "changed"; readonly file: number; readonly message: string }
  | { readonly t: "swarm"; readonly secret: string; readonly stripe: number; readonly of: number; readonly peers: readonly string[] };

export type Mode = "link" | "code" | "open" | "swarm";

/** Through the server, opener to other and back. */
export type Opening =
  | { readonly t: "hello"; readonly v: 1; readonly fingerprint: string; readonly commit: string; readonly modes: readonly Mode[]; readonly share?: string }
  | { readonly t: "hello"; readonly v: 1; readonly fingerprint: string; readonly nonce: string; readonly mode: Mode; readonly share?: string }
  | { readonly t: "prove"; readonly nonce?: string; readonly mac: string }
  | { readonly t: "offer" | "answer"; readonly lane: number; readonly sdp: string }
  | { readonly t: "candidate"; readonly lane: number; readonly candidate: string; readonly mid: string }
  | { readonly t: "end"; readonly code: string; readonly message: string };

/** Most lanes of a transfer at a time. */
export const LANES = 8;
/** Most characters of a text message. */
const TEXT = 64 << 10;

type Fields = Record<string, unknown>;

/** A control message as it came; null for a type that this version does not know. */
export function readControl(text: string): Control | null {
  const m = object(text);
  switch (m["t"]) {
    case "offer": {
      const count = int(m, "count", ENTRIES);
      if (count === 0) throw bad("an empty offer");
      return { t: "offer", root: hash(m, "root"), count, total: int(m, "total"), name: str(m, "name", 255), ...preview(m["preview"]) };
    }
    case "entries":
      if (!Array.isArray(m["entries"]) || m["entries"].length === 0) throw bad("entries");
      return { t: "entries", first: int(m, "first", ENTRIES), entries: m["entries"].map(readEntry) };
    case "accept": {
      const files = m["files"];
      if (files === "all") return { t: "accept", files };
      if (!Array.isArray(files) || files.length > ENTRIES || !files.every((f) => Number.isSafeInteger(f) && f >= 0 && f < ENTRIES)) throw bad("files");
      return { t: "accept", files: files as number[] };
    }
    case "decline":
      return { t: "decline", reason: loose(m, "reason") };
    case "pause":
    case "continue":
      return { t: m["t"] };
    case "cancel":
      return { t: "cancel", message: loose(m, "message") };
    case "lanes":
      return { t: "lanes", n: atLeast(1, int(m, "n", LANES), "n") };
    case "verified":
      return { t: "verified", file: int(m, "file", ENTRIES - 1) };
    case "done":
      return { t: "done", root: hash(m, "root") };
    case "error":
      return { t: "error", code: loose(m, "code"), message: loose(m, "message") };
    case "changed":
      return { t: "changed", file: int(m, "file", ENTRIES - 1), message: loose(m, "message") };
    case "swarm": {
      const peers = m["peers"];
      if (!Array.isArray(peers) || peers.length > 64 || !peers.every((p) => typeof p === "string" && p !== "" && p.length <= 32)) throw bad("peers");
      const of = atLeast(1, int(m, "of", 64), "of");
      const secret = str(m, "secret", 22);
      if (unb64u(secret)?.length !== 16) throw bad("secret");
      return { t: "swarm", secret, stripe: int(m, "stripe", of - 1), of, peers: peers as string[] };
    }
    default:
      return null;
  }
}

/** A message through the server; null for a type that this version does not know. */
export function readOpening(text: string): Opening | null {
  const m = object(text);
  switch (m["t"]) {
    case "hello": {
      if (m["v"] !== 1) throw new TransferError("unsupported", "the other side speaks another version of the transfer; reload or update");
      const head = { t: "hello", v: 1, fingerprint: str(m, "fingerprint", 128), ...opt(m, "share", 64) } as const;
      if (m["commit"] === undefined) return { ...head, nonce: str(m, "nonce", 64), mode: mode(m["mode"]) };
      if (!Array.isArray(m["modes"]) || m["modes"].length > 8) throw bad("modes");
      return { ...head, commit: str(m, "commit", 64), modes: m["modes"].filter(isMode) };
    }
    case "prove":
      return { t: "prove", mac: str(m, "mac", 64), ...opt(m, "nonce", 64) };
    case "offer":
    case "answer":
      return { t: m["t"], lane: int(m, "lane", 1 << 16), sdp: str(m, "sdp", 32 << 10) };
    case "candidate":
      return { t: "candidate", lane: int(m, "lane", 1 << 16), candidate: str(m, "candidate", 1024), mid: loose(m, "mid") };
    case "end":
      return { t: "end", code: loose(m, "code"), message: loose(m, "message") };
    default:
      return null;
  }
}

function isMode(v: unknown): v is Mode {
  return v === "link" || v === "code" || v === "open" || v === "swarm";
}

function mode(v: unknown): Mode {
  if (!isMode(v)) throw bad("mode");
  return v;
}

function object(text: string): Fields {
  if (text.length > TEXT) throw bad("too long");
  let v: unknown;
  try {
    v = JSON.parse(text);
  } catch {
    throw bad("no JSON");
  }
  if (typeof v !== "object" || v === null || Array.isArray(v)) throw bad("no object");
  return v as Fields;
}

function str(m: Fields, k: string, most: number): string {
  const v = m[k];
  if (typeof v !== "string" || v.length > most) throw bad(k);
  return v;
}

function hash(m: Fields, k: string): string {
  const v = str(m, k, 43);
  if (unb64u(v)?.length !== 32) throw bad(k);
  return v;
}

function atLeast(least: number, n: number, k: string): number {
  if (n < least) throw bad(k);
  return n;
}

/** Of what is only shown: cut, and "" when it is missing. */
function loose(m: Fields, k: string): string {
  const v = m[k];
  return typeof v === "string" ? v.slice(0, 1024) : "";
}

function opt<K extends string>(m: Fields, k: K, most: number): { [P in K]?: string } {
  return m[k] === undefined ? {} : ({ [k]: str(m, k, most) } as { [P in K]?: string });
}

/** A picture that is none, or too large, is left out: it is only shown. */
function preview(v: unknown): { preview?: string } {
  return typeof v === "string" && v.length <= 24 << 10 && /^data:image\/(jpeg|png|webp);base64,[A-Za-z0-9+/=]+$/.test(v) ? { preview: v } : {};
}

function int(m: Fields, k: string, most = Number.MAX_SAFE_INTEGER): number {
  const v = m[k];
  if (typeof v !== "number" || !Number.isSafeInteger(v) || v < 0 || v > most) throw bad(k);
  return v;
}

function bad(what: string): TransferError {
  return new TransferError("bad-message", `a message of the other side is not as it should be (${what})`);
}
