// What the app shows of transfers: immutable snapshots.

import type { TransferError } from "./errors.js";
import type { Entry } from "./manifest.js";
import type { Route } from "./route.js";

/**
 * preparing → connecting → offered → going ⇄ paused → done, and from anywhere declined, cancelled, failed or gone.
 * "reconnecting" goes on by itself when the other side can be reached again; "gone" is somebody who left the room.
 */
export type TransferPhase =
  | "connecting" | "offered" | "starting" | "going" | "paused" | "reconnecting" | "done" | "declined" | "cancelled" | "failed" | "gone";

export interface TransferState {
  /** Of this row, in this page. */
  readonly id: string;
  /** Of the drop that it belongs to, when it is sent; the content root when it is received. */
  readonly group: string;
  readonly direction: "in" | "out";
  readonly peer: { readonly id: string; readonly name: string };
  readonly phase: TransferPhase;
  /** Content root: names what is sent. */
  readonly root: string;
  /** Of the whole: the one file's, or what the sender calls it. */
  readonly name: string;
  /** A small picture of it, as a data: URL; "" if there is none. */
  readonly preview: string;
  readonly entries: readonly Entry[];
  /** Bytes of what was accepted. */
  readonly total: number;
  /** Bytes that are checked and there. */
  readonly bytes: number;
  /** Bytes of each file that are there, and whether it is whole and checked; same order as entries. */
  readonly files: readonly FileProgress[];
  /** Bytes a second, over the last seconds. */
  readonly speed: number;
  /** Seconds; null when nobody can say. */
  readonly left: number | null;
  readonly route: Route | null;
  readonly lanes: number;
  /** Six digits that both sides see, unless somebody is between them; "" before. */
  readonly spoken: string;
  /** Proven by a secret that the server does not know. */
  readonly proven: boolean;
  readonly pausedBy: "us" | "them" | null;
  readonly error: TransferError | null;
}

export interface FileProgress {
  readonly bytes: number;
  readonly state: "waiting" | "verified" | "failed" | "skipped";
}

/** Has it an end? */
export function over(p: TransferPhase): boolean {
  return p === "done" || p === "declined" || p === "cancelled" || p === "failed" || p === "gone";
}

/** Bytes a second and seconds left, of the last few seconds. Time in milliseconds is an argument. */
export class Meter {
  private samples: { at: number; bytes: number }[] = [];

  /** Of how much is there now. */
  look(now: number, bytes: number): void {
    const last = this.samples.at(-1);
    if (last !== undefined && now - last.at < 200) return;
    this.samples = [...this.samples.filter((s) => now - s.at < 4_000), { at: now, bytes }];
  }

  get speed(): number {
    const [a, b] = [this.samples[0], this.samples.at(-1)];
    return a === undefined || b === undefined || b.at === a.at ? 0 : Math.max(0, ((b.bytes - a.bytes) / (b.at - a.at)) * 1000);
  }

  left(missing: number): number | null {
    const { speed } = this;
    return speed > 0 ? Math.ceil(missing / speed) : null;
  }

  reset(): void {
    this.samples = [];
  }
}
