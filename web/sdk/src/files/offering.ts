// An offer as it comes in: a head, and pages of entries, until all are there and their root is right.

import type { Control } from "./control.js";
import { TransferError } from "./errors.js";
import type { Offer } from "./incoming.js";
import { contentRoot, type Entry } from "./manifest.js";
import { safeNames } from "./paths.js";

/** Milliseconds in which all entries must come. */
const ENTRIES = 60_000;

export class Offering {
  private head: Extract<Control, { t: "offer" }> | null = null;
  private entries: Entry[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private late = false;

  /** The whole offer, when this message completes it; null before. Rejects with a TransferError. */
  async take(c: Extract<Control, { t: "offer" | "entries" }>): Promise<Offer | null> {
    if (c.t === "offer") {
      this.stop();
      this.timer = setTimeout(() => (this.late = true), ENTRIES);
      [this.head, this.entries, this.late] = [c, [], false];
      return null;
    }
    const { head } = this;
    if (this.late) throw new TransferError("timeout", "the list of files took too long");
    if (head === null || c.first !== this.entries.length || c.first + c.entries.length > head.count) {
      throw new TransferError("bad-message", "the list of files is not in order");
    }
    this.entries.push(...(c.entries as readonly Entry[])); // read by readControl: whole
    if (this.entries.length < head.count) return null;
    this.stop();
    this.head = null;
    const { entries } = this;
    if (entries.reduce((n, e) => n + e.size, 0) !== head.total) throw new TransferError("bad-message", "the sizes do not add up");
    if ((await contentRoot(entries)) !== head.root) throw new TransferError("bad-message", "the list of files is not what its hash says");
    // Hashed as they came; written as names that every system can have, each once.
    const names = safeNames(entries.map((e) => e.path));
    if (names === null) throw new TransferError("bad-message", "a path leads out of the folder, or is no path");
    return { root: head.root, name: head.name, preview: head.preview ?? "", entries: entries.map((e, i) => ({ ...e, path: names[i] ?? "" })) };
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
