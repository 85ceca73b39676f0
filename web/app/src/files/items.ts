// What a person gives to be sent, as items: dropped, pasted, or chosen; folders with what is in them.

import type { Item } from "@confab/sdk/files";

/** Of an input; folders keep their structure. */
export function chosen(files: Iterable<File>): Item[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath, file }));
}

/** Of a drop or a paste. What is not a file is text: a link, or words. */
export async function given(data: DataTransfer): Promise<Item[]> {
  // All entries first: the list is empty after the first await.
  const entries = [...data.items].filter((i) => i.kind === "file").map((i) => ({ entry: i.webkitGetAsEntry?.() ?? null, file: i.getAsFile() }));
  const text = data.getData("text/uri-list").trim() || data.getData("text/plain");
  if (entries.length === 0) return text.trim() === "" ? [] : [{ text }];
  const out: Item[] = [];
  for (const { entry, file } of entries) {
    if (entry !== null && entry.isDirectory) await walk(entry as FileSystemDirectoryEntry, out);
    else if (file !== null) out.push({ path: file.name, file });
  }
  return out;
}

async function walk(dir: FileSystemDirectoryEntry, out: Item[]): Promise<void> {
  const reader = dir.createReader();
  const path = dir.fullPath.replace(/^\//, "");
  let empty = true;
  for (;;) {
    // A hundred at a time, until none is left.
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) break;
    empty = false;
    for (const e of some) {
      if (e.isDirectory) await walk(e as FileSystemDirectoryEntry, out);
      else {
        const file = await new Promise<File>((done, fail) => (e as FileSystemFileEntry).file(done, fail));
        out.push({ path: `${path}/${file.name}`, file });
      }
    }
  }
  if (empty) out.push({ folder: path });
}

/** Pixels of the longer side of a preview, and characters that it may have as a link. */
const PREVIEW = { side: 160, most: 24_000 };

/** A small picture of the first picture among the items, as a data: URL; "" if there is none. */
export async function preview(items: readonly Item[]): Promise<string> {
  const first = items.find((i) => "file" in i && /^image\/(jpeg|png|webp|gif|avif|bmp)$/.test(i.file.type));
  if (first === undefined || !("file" in first)) return "";
  try {
    const picture = await createImageBitmap(first.file);
    const scale = Math.min(1, PREVIEW.side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale))];
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const url = canvas.toDataURL("image/jpeg", 0.7);
    return url.length <= PREVIEW.most ? url : "";
  } catch {
    return ""; // not a picture after all
  }
}

/** What to call all of it: the file, the folder, or the first of them. */
export function nameOf(items: readonly Item[]): string {
  const first = items[0];
  if (first === undefined) return "";
  if ("text" in first) return first.text.trim().split("\n")[0]?.slice(0, 80) ?? "";
  const path = "folder" in first ? first.folder : first.path;
  return path.split("/")[0] ?? path;
}
