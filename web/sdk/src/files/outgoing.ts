// One content on its way to one person: offers it, answers what is asked for, and comes back after every loss as long as the
// person is in the room.

import { Bitmap, bit } from "./bitmap.js";
import type { Control } from "./control.js";
import { TransferError } from "./errors.js";
import type { Keys } from "./handshake.js";
import { Link } from "./link.js";
import { blocks, firstBlocks, pages } from "./manifest.js";
import { Provider } from "./provider.js";
import type { Route } from "./route.js";
import type { Content } from "./source.js";
import { Meter, over, type FileProgress, type TransferPhase, type TransferState } from "./state.js";
import { BLOCK, type Frame } from "./wire.js";

/** Milliseconds that a lost connection has to come back on the same transfer, before a new one is opened. */
const AGAIN = 8_000;
/** Milliseconds before the n-th new transfer to somebody. */
const BACK_OFF = [500, 1_000, 2_000, 4_000, 8_000, 15_000] as const;
/** New transfers in a row that were not even answered, before giving up. */
const UNANSWERED = 4;
/** Milliseconds that an offer may wait for an answer. */
const OFFER = 10 * 60_000;
/** Milliseconds that the other side has to close, when all is done. */
const GOODBYE = 5_000;

export interface OutgoingHost {
  link(peer: string, keys: Keys, on: ConstructorParameters<typeof Link>[5]): Link;
  present(peer: string): boolean;
  keys(): Keys;
  /** A wrong proof, or none after a guess could be tested. */
  wrong(): void;
  changed(o: Outgoing): void;
  /** Who takes part in the swarm may be another now. */
  swarm(): void;
  now(): number;
}

export class Outgoing {
  phase: TransferPhase = "connecting";
  accepted = false;
  private link: Link | null = null;
  private provider: Provider | null = null;
  private readonly has: Bitmap;
  private readonly files: FileProgress["state"][];
  private chosen: "all" | ReadonlySet<number> = "all";
  private readonly pauses = { us: false, them: false };
  private swarmed: Control | null = null;
  private error: TransferError | null = null;
  private spoken = "";
  private proven = false;
  private path: Route | null = null;
  private tries = 0;
  private unanswered = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly meter = new Meter();
  private before = 0;

  constructor(
    readonly id: string,
    readonly group: string,
    readonly peer: { readonly id: string; readonly name: string },
    readonly content: Content,
    private readonly shown: { readonly name: string; readonly preview: string },
    private readonly host: OutgoingHost,
  ) {
    this.has = new Bitmap(firstBlocks(content.entries).total);
    this.files = content.entries.map(() => "waiting");
    this.connect();
  }

  /** Bytes of files that went out to this person. */
  get uploaded(): number {
    return this.before + (this.provider?.sent ?? 0);
  }

  /** The person is in the room and has, or will have, blocks for others. */
  get seeding(): boolean {
    return this.accepted && (this.phase === "done" || !over(this.phase)) && this.host.present(this.peer.id);
  }

  /** A control message, if there is a way. */
  tell(c: Control): void {
    if (c.t === "swarm") this.swarmed = c;
    this.link?.control(c);
  }

  pause(on: boolean): void {
    if (over(this.phase) || !this.accepted) return;
    this.pauses.us = on;
    this.tell({ t: on ? "pause" : "continue" });
    this.settle();
  }

  cancel(): void {
    if (over(this.phase)) return;
    this.tell({ t: "cancel", message: "" });
    this.finish("cancelled", null);
    this.link?.close("cancelled", "the sender has cancelled");
  }

  /** The person has left the room. */
  gone(): void {
    if (over(this.phase)) return;
    this.finish("gone", null);
    this.link?.stop();
  }

  /** We have another seat: nobody knows the transfers of the old one. */
  restart(): void {
    if (over(this.phase)) return;
    this.link?.stop();
    this.anew();
  }

  /** A file is not what it was. */
  fileChanged(file: number, e: TransferError): void {
    if (this.files[file] === "failed" || over(this.phase)) return;
    this.files[file] = "failed";
    this.error = e;
    this.tell({ t: "changed", file, message: e.message });
    this.host.changed(this);
  }

  look(): void {
    this.meter.look(this.host.now(), this.bytes());
    void this.link?.route().then((r) => (this.path = r ?? this.path), () => undefined);
  }

  state(): TransferState {
    const { entries } = this.content;
    const total = entries.reduce((n, e, i) => n + (this.wanted(i) ? e.size : 0), 0);
    const bytes = this.phase === "done" ? total : this.bytes();
    return {
      id: this.id, group: this.group, direction: "out", peer: this.peer, phase: this.phase, root: this.content.root, name: this.shown.name, preview: this.shown.preview, entries,
      total, bytes, files: this.progress(), speed: this.meter.speed, left: this.meter.left(total - bytes), route: this.path,
      lanes: this.link?.lanes.size ?? 0, spoken: this.spoken, proven: this.proven, pausedBy: this.pauses.us ? "us" : this.pauses.them ? "them" : null, error: this.error,
    };
  }

  private wanted(file: number): boolean {
    return this.chosen === "all" || this.chosen.has(file);
  }

  private bytes(): number {
    return this.progress().reduce((n, f) => n + f.bytes, 0);
  }

  private progress(): FileProgress[] {
    let g = 0;
    return this.content.entries.map((e, i) => {
      const [from, n] = [g, blocks(e.size)];
      g += n;
      if (!this.wanted(i)) return { bytes: 0, state: "skipped" };
      const state = this.files[i] ?? "waiting";
      if (state === "verified") return { bytes: e.size, state };
      let bytes = 0;
      for (let b = 0; b < n; b++) if (this.has.has(from + b)) bytes += Math.min(BLOCK, e.size - b * BLOCK);
      return { bytes, state };
    });
  }

  private connect(): void {
    clearTimeout(this.timer);
    if (over(this.phase)) return;
    if (!this.host.present(this.peer.id)) return this.gone();
    this.before = this.uploaded;
    this.provider = null;
    const link: Link = this.host.link(this.peer.id, this.host.keys(), {
      proven: (o) => {
        [this.spoken, this.proven, this.unanswered] = [o.spoken, o.mode !== "open", 0];
        this.host.changed(this);
      },
      up: () => this.up(),
      down: () => this.down(),
      lane: (id, open) => {
        if (!open) this.provider?.laneGone(id);
      },
      control: (c) => this.control(c),
      frame: (lane, f) => this.frame(link, lane, f),
      end: (e) => this.ended(e),
    });
    this.link = link;
    this.provider = new Provider(this.content, link);
  }

  private up(): void {
    this.tries = 0;
    clearTimeout(this.timer);
    const { entries, root, total } = this.content;
    // A lane was lost with what was on it, or the page on the other side is another: all that matters is said again.
    this.tell({ t: "offer", root, count: entries.length, total, name: this.shown.name, ...(this.shown.preview === "" ? {} : { preview: this.shown.preview }) });
    for (const p of pages(entries)) this.tell({ t: "entries", ...p });
    if (this.pauses.us) this.tell({ t: "pause" });
    if (this.swarmed !== null) this.tell(this.swarmed);
    this.files.forEach((s, file) => s === "failed" && this.tell({ t: "changed", file, message: this.error?.message ?? "" }));
    if (!this.accepted) {
      this.phase = "offered";
      this.timer = setTimeout(() => {
        if (!this.accepted) this.fail(new TransferError("timeout", "the offer was not answered"));
      }, OFFER);
    }
    this.settle();
  }

  private down(): void {
    if (over(this.phase)) return;
    this.meter.reset();
    this.settle();
    this.link?.again();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.anew(), AGAIN);
  }

  /** A new transfer to the same person: the page there may be another one. */
  private anew(): void {
    this.link?.close("gone", "the connection is made anew");
    clearTimeout(this.timer);
    if (this.phase !== "offered" || this.accepted) this.phase = this.accepted ? "reconnecting" : "connecting";
    this.host.changed(this);
    this.timer = setTimeout(() => this.connect(), BACK_OFF[Math.min(this.tries++, BACK_OFF.length - 1)]);
  }

  private control(c: Control): void {
    switch (c.t) {
      case "accept":
        this.chosen = c.files === "all" ? "all" : new Set(c.files);
        this.accepted = true;
        clearTimeout(this.timer);
        this.settle();
        return this.host.swarm();
      case "decline":
        this.finish("declined", null);
        return this.link?.close("done", "");
      case "pause":
      case "continue":
        this.pauses.them = c.t === "pause";
        return this.settle();
      case "cancel":
        this.finish("cancelled", null);
        return this.link?.close("done", "");
      case "lanes":
        return this.link?.setLanes(c.n);
      case "verified":
        if (this.files[c.file] === "waiting") this.files[c.file] = "verified";
        return this.host.changed(this);
      case "done": {
        if (c.root !== this.content.root || !this.accepted) return;
        this.tell({ t: "done", root: c.root });
        this.finish("done", null);
        const { link } = this;
        this.timer = setTimeout(() => link?.close("done", ""), GOODBYE);
        return;
      }
      case "error":
        return this.fail(new TransferError(c.code === "no-space" || c.code === "permission" ? c.code : "gone", c.message));
      default:
        return; // what only the sender says
    }
  }

  private frame(link: Link, lane: number, f: Frame): void {
    if (f.t === "have") {
      const first = firstBlocks(this.content.entries).first[f.file];
      const n = blocks(this.content.entries[f.file]?.size ?? 0);
      for (let i = 0; first !== undefined && i < f.bits.length * 8 && f.first + i < n; i++) if (bit(f.bits, i)) this.has.add(first + f.first + i);
      return;
    }
    if (!this.accepted) return; // nothing is given before somebody has said yes
    try {
      this.provider?.receive(lane, f);
    } catch (cause) {
      if (!(cause instanceof TransferError)) throw cause;
      this.fail(cause);
      link.close(cause.code, cause.message);
    }
  }

  private ended(e: TransferError): void {
    if (this.link?.guessed === true) this.host.wrong();
    if (over(this.phase)) return;
    if (["not-authentic", "fingerprint", "unsupported", "bad-message", "too-much", "bad-block"].includes(e.code)) return this.fail(e);
    if (e.code === "cancelled") return this.finish("cancelled", null);
    if (e.code === "timeout" && ++this.unanswered >= UNANSWERED) return this.fail(e);
    this.anew();
  }

  private fail(e: TransferError): void {
    if (over(this.phase)) return;
    this.finish("failed", e);
    this.link?.close(e.code, e.message);
  }

  private finish(phase: TransferPhase, e: TransferError | null): void {
    clearTimeout(this.timer);
    this.phase = phase;
    this.error = e ?? this.error;
    this.host.changed(this);
    this.host.swarm();
  }

  private settle(): void {
    if (over(this.phase)) return;
    if (this.accepted) this.phase = this.link?.open !== true ? "reconnecting" : this.pauses.us || this.pauses.them ? "paused" : "going";
    if (this.provider !== null) this.provider.paused = this.pauses.us; // who pauses on the other side asks for nothing
    this.host.changed(this);
  }
}
