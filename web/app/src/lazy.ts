// The part of the app that sends and receives files. It is loaded when somebody needs it: a call begins without.

import { signal } from "@preact/signals";

export type FilesPart = typeof import("./files/index.js");

/** Null until it is there. */
export const filesPart = signal<FilesPart | null>(null);
/** It could not be loaded; the next need tries again. */
export const filesMissing = signal(false);

let loading = false;

export function needFiles(): void {
  if (loading || filesPart.peek() !== null) return;
  loading = true;
  filesMissing.value = false;
  import("./files/index.js")
    .then((m) => (filesPart.value = m), () => (filesMissing.value = true))
    .finally(() => (loading = false));
}
