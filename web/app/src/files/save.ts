// How received files get from the browser's private disk to where the person wants them: a download, a zip of a folder (by
// reference, no copy in memory), or a folder that the person has chosen, where the browser can.

import { zip, type Entry, type TransferState } from "@confab/sdk/files";

interface Picker {
  showDirectoryPicker?(o: { mode: "readwrite" }): Promise<FileSystemDirectoryHandle>;
}

export const canPickFolder = "showDirectoryPicker" in globalThis;

/** Null when the person closes the picker. */
export async function pickFolder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return (await (globalThis as Picker).showDirectoryPicker?.({ mode: "readwrite" })) ?? null;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") return null;
    throw cause;
  }
}

/** Milliseconds that a download may take to begin reading its link. */
const LINK = 60_000;

export function download(blob: Blob, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), LINK);
}

/** Indexes of what was accepted and is whole. */
export function whole(t: TransferState): number[] {
  return t.entries.flatMap((_, i) => (t.files[i]?.state === "verified" ? [i] : []));
}

/** One file as it is, several as a zip. */
export async function save(t: TransferState, file: (i: number) => Promise<Blob>, crc: (b: Blob) => Promise<number>): Promise<void> {
  const all = whole(t);
  const only = all.length === 1 ? t.entries[all[0] ?? 0] : undefined;
  if (only !== undefined && !only.path.endsWith("/")) return download(await file(all[0] ?? 0), last(only));
  const parts = await Promise.all(all.map(async (i) => {
    const e = t.entries[i]!;
    return { path: e.path, content: await file(i), ...(e.modified === undefined ? {} : { modified: e.modified }) };
  }));
  download(await zip(parts, crc), `${(t.name || "files").replaceAll("/", "_")}.zip`);
}

/** Into a folder, with its structure; what is there already gets a number. */
export async function saveTo(t: TransferState, folder: FileSystemDirectoryHandle, file: (i: number) => Promise<Blob>): Promise<void> {
  for (const i of whole(t)) {
    const e = t.entries[i]!;
    const parts = e.path.replace(/\/$/, "").split("/");
    let dir = folder;
    for (const p of e.path.endsWith("/") ? parts : parts.slice(0, -1)) dir = await dir.getDirectoryHandle(p, { create: true });
    if (e.path.endsWith("/")) continue;
    const target = await dir.getFileHandle(await free(dir, parts.at(-1) ?? "file"), { create: true });
    // Nothing is seen of it under its name until it is whole.
    await (await file(i)).stream().pipeTo(await target.createWritable());
  }
}

async function free(dir: FileSystemDirectoryHandle, name: string): Promise<string> {
  const dot = name.lastIndexOf(".");
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${stem} (${n})${end}`;
    try {
      await dir.getFileHandle(candidate);
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === "NotFoundError") return candidate;
      throw cause;
    }
  }
}

function last(e: Entry): string {
  return e.path.split("/").at(-1) ?? e.path;
}
