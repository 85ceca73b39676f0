// One content that somebody sends us: the offer, our answer, and the receiving, over whatever connections come and go.

import type { Control } from "./control.js";
import { TransferError, transferError } from "./errors.js";
import type { Link } from "./link.js";
import { blocks, type Entry } from "./manifest.js";
import { Provider } from "./provider.js";
import { Receiver } from "./receiver.js";
import type { Route } from "./route.js";
import { Meter, over, type FileProgress, type TransferPhase, type TransferState } from "./state.js";
import type { Store } from "./store.js";
import { BLOCK, type Frame } from "./wire.js";

export interface Offer {
  readonly root: string;
  readonly name: string;
  /** A small picture, as a data: URL; "" if there is none. */
  readonly preview: string;
  readonly entries: readonly Entry[];
}

export interface IncomingHost {
  store(o: Offer): Store;
  changed(i: Incoming): void;
  done(i: Incoming): void;
  /** Other receivers: who they are, and the secret that proves it. */
  swarm(i: Incoming): void;
  now(): number;
}

export class Incoming {
  phase: TransferPhase = "offered";
  /** What the sender's swarm message said last; null and empty without a swarm. */
  secret: string | null = null;
  swarmPeers: readonly string[] = [];
  private link: Link | null = null;
  private receiver: Receiver | null = null;
  private store: Store | null = null;
  private readonly swarm = new Map<Link, Provider>();
  private accepted: "all" | readonly number[] | null = null;
  private readonly files: FileProgress["state"][];
  private readonly pauses = { us: false, them: false };
  private error: TransferError | null = null;
  private spoken = "";
  private proven = false;
  private path: Route | null = null;
  private lanes = 1;
  private readonly meter = new Meter();

  constructor(readonly id: string, public peer: { readonly id: string; readonly name: string }, readonly offer: Offer, private readonly host: IncomingHost) {
    this.files = offer.entries.map(() => "waiting");
  }

  /** The sender is connected, for the first time or again; the offer was made anew. */
  attach(link: Link, peer: { readonly id: string; readonly name: string }, spoken: string, proven: boolean): void {
    if (this.link !== null && this.link !== link) {
      this.receiver?.detach(this.link);
      this.link.close("gone", "the transfer goes on by another connection");
    }
    [this.link, this.peer, this.spoken, this.proven] = [link, peer, spoken, proven];
    if (this.phase === "done") return this.sayDone();
    if (this.phase === "declined" || this.phase === "cancelled") return void link.control({ t: "decline", reason: "" });
    if (this.accepted !== null && !over(this.phase)) {
      link.control({ t: "accept", files: this.accepted });
      if (this.pauses.us) link.control({ t: "pause" });
      if (this.lanes > 1) link.control({ t: "lanes", n: this.lanes });
      this.receiver?.attach(link, true);
    }
    this.settle();
  }

  /** Control has another lane: what matters is said again. */
  again(link: Link): void {
    if (link === this.link) this.attach(link, this.peer, this.spoken, this.proven);
  }

  async accept(files: "all" | readonly number[] = "all"): Promise<void> {
    if (this.phase !== "offered") return;
    this.accepted = files;
    if (files !== "all") this.offer.entries.forEach((_, i) => !files.includes(i) && (this.files[i] = "skipped"));
    this.phase = "starting";
    this.host.changed(this);
    try {
      const store = (this.store = this.host.store(this.offer));
      const receiver = (this.receiver = new Receiver(this.offer.entries, store, {
        verified: (file) => this.verified(file),
        done: () => this.done(),
        failed: (e) => this.fail(e),
        blame: (link, e) => this.blame(link, e),
        lanes: (link, n) => {
          this.lanes = n;
          link.control({ t: "lanes", n });
        },
      }, () => this.host.now()));
      // Accepted only when there is a place for it.
      await receiver.start(files);
      if (over(this.phase)) return;
      this.phase = "going";
      const { link } = this;
      if (link !== null) {
        link.control({ t: "accept", files });
        receiver.attach(link, true);
      }
      this.settle();
    } catch (cause) {
      this.fail(transferError(cause, "permission"));
    }
  }

  /** It never came to an offer. */
  refuse(e: TransferError): void {
    this.finish("failed", e);
  }

  decline(reason = ""): void {
    if (this.phase !== "offered") return;
    this.link?.control({ t: "decline", reason });
    this.finish("declined", null);
  }

  pause(on: boolean): void {
    if (over(this.phase) || this.accepted === null) return;
    this.pauses.us = on;
    this.link?.control({ t: on ? "pause" : "continue" });
    this.settle();
  }

  cancel(): void {
    if (over(this.phase)) return;
    if (this.phase === "offered") return this.decline();
    this.link?.control({ t: "cancel", message: "" });
    this.finish("cancelled", null);
    this.link?.close("cancelled", "the receiver has cancelled");
    void this.store?.discard().catch(() => undefined);
  }

  control(c: Control): void {
    switch (c.t) {
      case "pause":
      case "continue":
        this.pauses.them = c.t === "pause";
        return this.settle();
      case "cancel":
        this.finish("cancelled", null);
        return void this.store?.discard().catch(() => undefined);
      case "changed":
        if (this.files[c.file] === undefined || this.files[c.file] === "verified") return;
        this.files[c.file] = "failed";
        this.error = new TransferError("changed", c.message);
        this.receiver?.giveUp(c.file);
        return this.host.changed(this);
      case "swarm":
        this.receiver?.setStripe(c.stripe, c.of);
        [this.secret, this.swarmPeers] = [c.secret, c.peers];
        return this.host.swarm(this);
      case "done":
        // Both have said it: nothing is on its way any more.
        return this.phase === "done" ? this.link?.close("done", "") : undefined;
      case "error":
        return this.fail(new TransferError("gone", c.message));
      default:
        return; // what only a receiver says
    }
  }

  frame(link: Link, lane: number, f: Frame): void {
    this.receiver?.receive(link, lane, f);
  }

  lane(link: Link, id: number, open: boolean): void {
    this.receiver?.lane(link, id, open);
  }

  /** The sender can't be reached for now. */
  down(link: Link): void {
    if (link !== this.link) return;
    this.meter.reset();
    this.settle();
  }

  /** The link has ended. The transfer has not, unless the sender said so: it may come back by another. */
  ended(link: Link, e: TransferError): void {
    this.receiver?.detach(link);
    if (link !== this.link) return;
    this.link = null;
    if (over(this.phase)) return;
    if (e.code === "cancelled") return this.finish("cancelled", e);
    if (this.accepted === null) return this.finish("gone", e);
    if (["bad-message", "too-much", "fingerprint"].includes(e.code)) return this.fail(e);
    this.settle();
  }

  /** The sender has left the room; another offer of the same content goes on where this one is. */
  senderGone(): void {
    if (over(this.phase)) return;
    this.link?.stop();
    this.link = null;
    if (this.accepted === null) return this.finish("gone", null);
    this.settle();
  }

  /** A connection with another receiver of the same content. */
  join(link: Link): void {
    if (this.receiver === null || this.swarm.has(link)) return;
    this.swarm.set(link, new Provider(this.receiver, link));
    this.receiver.attach(link, false);
  }

  swarmFrame(link: Link, lane: number, f: Frame): void {
    const provider = this.swarm.get(link);
    try {
      if (f.t === "request" || f.t === "hashes?" || f.t === "cancel") provider?.receive(lane, f);
      else if (this.phase !== "done") this.receiver?.receive(link, lane, f);
    } catch (cause) {
      const e = transferError(cause, "bad-message");
      link.close(e.code, e.message);
      this.leave(link);
    }
  }

  leave(link: Link): void {
    this.swarm.delete(link);
    this.receiver?.detach(link);
  }

  get swarmLinks(): readonly Link[] {
    return [...this.swarm.keys()];
  }

  /** The sender, for now. */
  get sender(): Link | null {
    return this.link;
  }

  get decided(): "all" | readonly number[] | null {
    return this.accepted;
  }

  /** A file's content; only when all is there. */
  async file(i: number): Promise<Blob> {
    const e = this.offer.entries[i];
    if (this.store === null || e === undefined) throw new TransferError("gone", "the file is not here");
    const at = this.offer.entries.slice(0, i).reduce((n, x) => n + x.size, 0);
    return (await this.store.blob()).slice(at, at + e.size, e.type ?? "");
  }

  look(): void {
    this.meter.look(this.host.now(), this.receiver?.bytes ?? 0);
    void this.link?.route().then((r) => (this.path = r ?? this.path), () => undefined);
  }

  state(): TransferState {
    const { entries, root, name } = this.offer;
    const total = entries.reduce((n, e, i) => n + (this.files[i] === "skipped" ? 0 : e.size), 0);
    const bytes = this.phase === "done" ? total : (this.receiver?.bytes ?? 0);
    return {
      id: this.id, group: root, direction: "in", peer: this.peer, phase: this.phase, root, name, preview: this.offer.preview, entries, total, bytes, files: this.progress(),
      speed: this.meter.speed, left: this.meter.left(total - bytes), route: this.path, lanes: this.link?.lanes.size ?? 0, spoken: this.spoken,
      proven: this.proven, pausedBy: this.pauses.us ? "us" : this.pauses.them ? "them" : null, error: this.error,
    };
  }

  /** The page goes: what is there stays for another time. */
  stop(): void {
    this.receiver?.stop();
    if (this.phase !== "done") void this.store?.close().catch(() => undefined);
  }

  private progress(): FileProgress[] {
    const plan = this.receiver?.plan;
    return this.offer.entries.map((e, i) => {
      const state = this.files[i] ?? "waiting";
      if (state === "verified") return { bytes: e.size, state };
      let bytes = 0;
      if (plan != null) for (let b = 0; b < blocks(e.size); b++) if (plan.have.has(plan.global(i, b))) bytes += Math.min(BLOCK, e.size - b * BLOCK);
      return { bytes, state };
    });
  }

  private verified(file: number): void {
    this.files[file] = "verified";
    this.link?.control({ t: "verified", file });
    this.host.changed(this);
  }

  private done(): void {
    if (over(this.phase)) return;
    this.finish("done", null);
    this.sayDone();
    this.host.done(this);
  }

  private sayDone(): void {
    this.files.forEach((s, file) => s === "verified" && this.link?.control({ t: "verified", file }));
    this.link?.control({ t: "done", root: this.offer.root });
  }

  private blame(link: Link, e: TransferError): void {
    link.close(e.code, e.message);
    this.swarm.delete(link);
    this.receiver?.detach(link);
    if (link === this.link) this.fail(e);
  }

  private fail(e: TransferError): void {
    if (over(this.phase)) return;
    if (this.link !== null && !this.link.control({ t: "error", code: e.code, message: e.message })) this.link.close(e.code, e.message);
    this.finish("failed", e);
    void this.store?.close().catch(() => undefined);
  }

  private finish(phase: TransferPhase, e: TransferError | null): void {
    this.phase = phase;
    this.error = e ?? this.error;
    if (phase !== "done") this.receiver?.stop();
    this.host.changed(this);
  }

  private settle(): void {
    if (over(this.phase) || this.accepted === null || this.phase === "starting") return this.host.changed(this);
    this.phase = this.link?.open !== true ? "reconnecting" : this.pauses.us || this.pauses.them ? "paused" : "going";
    if (this.receiver !== null) this.receiver.paused = this.pauses.us || this.pauses.them;
    this.host.changed(this);
  }
}
