// Files on this page: what is being prepared, sent and received, as signals that components draw; and what a person wants done,
// as methods. One desk per room, in a call or on the page /send.

import { caller, Files, over, type Item, type Keys, type Seat, type Tasks, type TransferState } from "@confab/sdk/files";
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { nameOf, preview } from "./items.js";
import { save, saveTo } from "./save.js";
import { words } from "./words.js";

declare const FILES_WORKER: string;

/** What is being read before it can be offered. */
export interface Preparing {
  readonly name: string;
  readonly done: number;
  readonly total: number;
}

/** The worker of this page: one for all desks. */
let worker: Tasks | null = null;

export function tasks(): Tasks {
  return (worker ??= caller(new Worker(FILES_WORKER, { type: "module" })));
}

export class Desk {
  readonly rows = signal<readonly TransferState[]>([]);
  readonly preparing = signal<Preparing | null>(null);
  /** What did not work, in a line. */
  readonly problem = signal("");
  /** For screen readers, each new value is read once. */
  readonly said = signal("");
  /** The short code opens nothing any more. */
  readonly spent = signal(false);
  /** Where each received transfer is written when it is done, if the person has chosen. */
  private readonly folders = new Map<string, FileSystemDirectoryHandle>();
  readonly busy: ReadonlySignal<boolean>;
  readonly files: Files;
  private stop: AbortController | null = null;
  private readonly effects: (() => void)[] = [];

  constructor(seat: Seat, keys: () => Keys) {
    this.files = new Files(seat, { keys, tasks: tasks(), accepted });
    this.busy = computed(() => this.preparing.value !== null || this.rows.value.some((r) => !over(r.phase)));
    this.files.addEventListener("change", (e) => (this.rows.value = e.detail));
    this.files.addEventListener("offer", (e) => this.tell(words.live.offer(e.detail.peer.name, e.detail.name)));
    this.files.addEventListener("ended", (e) => this.ended(e.detail));
    this.files.addEventListener("spent", () => (this.spent.value = true));
    this.effects.push(effect(() => keepAwake(this.busy.value)), effect(() => warn(this.busy.value)));
  }

  /** Reads and offers: to some, or (null) to everybody who is here or comes. Resolves to the drop, null if it came to nothing. */
  async send(items: readonly Item[], to: readonly string[] | null): Promise<string | null> {
    if (items.length === 0) return null;
    const name = nameOf(items);
    this.stop?.abort();
    const stop = (this.stop = new AbortController());
    this.problem.value = "";
    this.preparing.value = { name, done: 0, total: 0 };
    try {
      const picture = await preview(items);
      const content = await this.files.prepare(items, (done, total) => {
        if (this.stop === stop) this.preparing.value = { name, done, total };
      }, stop.signal);
      return this.files.send(content, name, to, picture);
    } catch (cause) {
      if (!stop.signal.aborted) this.fault(cause);
      return null;
    } finally {
      if (this.stop === stop) this.preparing.value = null;
    }
  }

  stopPreparing(): void {
    this.stop?.abort();
  }

  /** folder: where the person wants it; otherwise it is downloaded when it is done. */
  async accept(id: string, folder: FileSystemDirectoryHandle | null = null): Promise<void> {
    if (folder !== null) this.folders.set(id, folder);
    if ("Notification" in globalThis && Notification.permission === "default") void Notification.requestPermission().catch(() => undefined);
    await this.files.accept(id);
  }

  async save(t: TransferState, folder: FileSystemDirectoryHandle | null = null): Promise<void> {
    try {
      const file = (i: number): Promise<Blob> => this.files.file(t.id, i);
      if (folder === null) await save(t, file, (b) => tasks().crc({ file: b }));
      else await saveTo(t, folder, file);
    } catch (cause) {
      this.fault(cause);
    }
  }

  fault(cause: unknown): void {
    this.problem.value = words.error(cause);
  }

  close(): void {
    this.stop?.abort();
    this.files.close();
    for (const end of this.effects) end();
    keepAwake(false);
    warn(false);
  }

  private ended(t: TransferState): void {
    if (t.phase === "done" && t.direction === "in" && t.entries.some((e) => e.inline === undefined)) void this.save(t, this.folders.get(t.id) ?? null);
    const text = t.phase === "done" ? words.live.done(t.direction, t.name, t.peer.name) : t.phase === "failed" ? words.live.failed(t.name) : "";
    if (text !== "") this.tell(text);
  }

  /** Somebody who looks elsewhere is told, if the person has allowed it. */
  private tell(text: string): void {
    this.said.value = text;
    if (!document.hidden || !("Notification" in globalThis) || Notification.permission !== "granted") return;
    try {
      new Notification(text, { icon: "/icon.svg", tag: "confab-files" });
    } catch {
      // Phones show notifications of service workers alone.
    }
  }
}

/** What was accepted in this tab: a reload goes on without asking again. */
const ACCEPTED = "confab:accepted";
const accepted = {
  get: (root: string) => readAccepted()[root] ?? null,
  set: (root: string, files: "all" | readonly number[] | null) => {
    const all = readAccepted();
    if (files === null) delete all[root];
    else all[root] = files;
    try {
      sessionStorage.setItem(ACCEPTED, JSON.stringify(all));
    } catch {
      // Refused: a reload asks again.
    }
  },
};

function readAccepted(): Record<string, "all" | readonly number[]> {
  try {
    return JSON.parse(sessionStorage.getItem(ACCEPTED) ?? "{}") as Record<string, "all" | readonly number[]>;
  } catch {
    return {};
  }
}

let lock: Promise<WakeLockSentinel | null> | null = null;

/** The screen stays on while something is on its way; a phone that sleeps drops its connections. */
function keepAwake(on: boolean): void {
  if (on === (lock !== null) || !("wakeLock" in navigator)) return;
  if (on) lock = navigator.wakeLock.request("screen").catch(() => null);
  else {
    void lock?.then((l) => l?.release());
    lock = null;
  }
}

function leaving(e: BeforeUnloadEvent): void {
  e.preventDefault();
}

/** Closing the page ends what it sends: the browser asks first. */
function warn(on: boolean): void {
  if (on) addEventListener("beforeunload", leaving);
  else removeEventListener("beforeunload", leaving);
}

