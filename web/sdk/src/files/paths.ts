// Names that came over the network, made harmless: what climbs out of the folder is refused, what some system can't have as
// a name is changed. The same rules as transfer/content has, held to the same vectors (transfer/testdata/paths.json). Pure.

import { utf8 } from "./bytes.js";

/** Bytes of a path, and between two slashes. */
const PATH = 1024;
const COMPONENT = 255;
/** Names that Windows keeps for devices, with any extension. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$/i;
const CONTROL = /\p{Cc}/u;
/** What no Windows file may have in its name, and what makes the text beside it look different from what it is (UAX #9 §2). */
const UNSAFE = /[<>:"|?*\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/g;

/** Paths to save the entries of an offer at, in the same order; null if one of them is refused. */
export function safeNames(paths: readonly string[]): string[] | null {
  const names = new Names();
  const out: string[] = [];
  for (const p of paths) {
    const s = split(p);
    const name = s === null ? null : names.place(s.parts, s.folder);
    if (name === null || utf8(name).length > PATH) return null;
    out.push(name);
  }
  return out;
}

/** A path as a sender may offer it: what only looks like a drive's letter is changed. Null if others would refuse it. */
export function offerable(path: string): string | null {
  const p = path.normalize("NFC").replace(/^([a-z]):/i, "$1_");
  return split(p) === null ? null : p;
}

function split(path: string): { parts: string[]; folder: boolean } | null {
  if (!isWellFormed(path) || utf8(path).length > PATH || path.startsWith("/") || /^[a-z]:/i.test(path) || path.includes("\\")) return null;
  const whole = path.normalize("NFC");
  const folder = whole.endsWith("/");
  const parts = (folder ? whole.slice(0, -1) : whole).split("/").map(component);
  return parts.every((p) => p !== null) ? { parts, folder } : null;
}

function component(part: string): string | null {
  if (part === "" || part === "." || part === ".." || CONTROL.test(part)) return null;
  let name = part.replace(UNSAFE, "_");
  if (/[. ]$/.test(name)) name += "_";
  const stem = name.split(".", 1)[0] ?? "";
  const bare = stem.replace(/ +$/, "");
  if (RESERVED.test(bare)) name = `${bare}_${name.slice(stem.length)}`;
  return utf8(name).length > COMPONENT ? null : name;
}

/** Half a surrogate pair has no UTF-8. */
function isWellFormed(s: string): boolean {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(s);
}

/** Gives every file a name of its own, also where "A" and "a" are one: the second becomes "a (2)". */
class Names {
  /** By folded path. */
  private readonly taken = new Map<string, "file" | "folder">();
  /** Every folder: folded path as it was offered, and the name it has. */
  private readonly moved = new Map<string, string>();
  /** The number to try next for a folded path, so that many alike cost no more than few. */
  private readonly next = new Map<string, number>();

  place(parts: readonly string[], folder: boolean): string {
    let at = "";
    parts.forEach((part, i) => {
      at += i < parts.length - 1 || folder ? `${this.folder(at, part)}/` : this.free(at, part, "file");
    });
    return at;
  }

  private folder(at: string, name: string): string {
    const key = fold(at + name);
    const known = this.moved.get(key);
    if (known !== undefined) return known;
    const as = this.free(at, name, "folder");
    this.moved.set(key, as);
    return as;
  }

  /** The first name that nothing else has; a folder may share one with a folder. */
  private free(at: string, name: string, kind: "file" | "folder"): string {
    const key = fold(at + name);
    for (let as = name; ; as = numbered(name, this.next.get(key) ?? 2, kind === "folder")) {
      const has = this.taken.get(fold(at + as));
      if (has === undefined || (has === "folder" && kind === "folder")) {
        this.taken.set(fold(at + as), kind);
        return as;
      }
      this.next.set(key, Math.max(2, (this.next.get(key) ?? 0) + 1));
    }
  }
}

function fold(path: string): string {
  return path.toLowerCase();
}

/** With a number before the extension, shortened to what a component may have. */
function numbered(name: string, n: number, folder: boolean): string {
  const dot = name.lastIndexOf(".");
  const split = dot > 0 && !folder && utf8(name.slice(dot)).length <= 20;
  const end = ` (${n})${split ? name.slice(dot) : ""}`;
  const stem = [...(split ? name.slice(0, dot) : name)];
  while (utf8(stem.join("") + end).length > COMPONENT) stem.pop();
  return stem.join("") + end;
}
