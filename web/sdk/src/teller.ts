// When the application is told: once for all that changes together, at the end of the task's microtasks, and of moments only
// after the snapshot that shows them is in place.

import type { CallEvents, CallState } from "./types.js";

export class Teller {
  private scheduled = false;
  private moments: (() => void)[] = [];

  constructor(
    public now: CallState,
    /** The next snapshot: the one before itself, if nothing changed. */
    private readonly next: (before: CallState) => CallState,
    private readonly emit: <K extends keyof CallEvents>(type: K, detail: CallEvents[K]) => void,
  ) {}

  changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      const before = this.now;
      this.now = this.next(before);
      if (this.now !== before) this.emit("change", this.now);
      for (const tell of this.moments.splice(0)) tell();
    });
  }

  /** Tells once the snapshot that shows it is in place. */
  later<K extends keyof CallEvents>(type: K, detail: () => CallEvents[K]): void {
    this.moments.push(() => this.emit(type, detail()));
    this.changed();
  }
}
