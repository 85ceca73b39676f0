// Files: everything that this page sends and receives, in one room. It opens a transfer to each who should get something,
// answers those that others open, introduces the receivers of one content to each other, and shows it all as snapshots.

import { Emitter } from "../emitter.js";
import { b64u, random, unb64u, type Bytes } from "./bytes.js";
import { TransferError } from "./errors.js";
import type { Keys, Outcome } from "./handshake.js";
import { Incoming, type Offer } from "./incoming.js";
import { forget, olderThan } from "./keep.js";
import { Link, type LinkEvents } from "./link.js";
import { Offering } from "./offering.js";
import { Outgoing } from "./outgoing.js";
import { prepare, type Content, type Item } from "./source.js";
import { over, type TransferState } from "./state.js";
import { PrivateStore, type Store } from "./store.js";
import type { Tasks } from "./tasks.js";

/** What transfers need of the room that they happen in. */
export interface Seat {
  /** Participant id; "" while not in the room. */
  self(): string;
  people(): readonly { readonly id: string; readonly name: string }[];
  rtc(): RTCConfiguration;
  peer(c: RTCConfiguration): RTCPeerConnection;
  send(m: { to: string; transfer: string; open?: boolean; data: string }): void;
  /** Returns what ends it. */
  listen(on: SeatEars): () => void;
}

export interface SeatEars {
  message(m: { from: string; transfer: string; open?: boolean; data: string }): void;
  /** Somebody came or went, or our own seat is another. */
  people(): void;
}

export interface FilesOptions {
  /** What both sides prove themselves with. */
  keys(): Keys;
  readonly tasks: Tasks;
  /** Default: a container in the origin private file system. */
  readonly store?: (key: string) => Store;
  /** What was accepted before the page was reloaded, by content root. */
  readonly accepted?: Accepted;
  now?(): number;
}

export interface Accepted {
  get(root: string): "all" | readonly number[] | null;
  set(root: string, files: "all" | readonly number[] | null): void;
}

export interface FilesEvents {
  /** states() has news. At most some times a second. */
  change: readonly TransferState[];
  /** Somebody offers something. */
  offer: TransferState;
  /** A transfer is done, or failed. */
  ended: TransferState;
  /** The code was guessed wrong too often: it opens nothing any more. */
  spent: null;
}

/** Transfers and offers at a time. */
const MOST = 16;
/** Guesses of a code. */
const GUESSES = 3;
/** Milliseconds between snapshots, and between measurements. */
const PACE = 100;
const LOOK = 500;
/** Milliseconds before a lost connection with another receiver is made anew, and their openings that are kept. */
const REJOIN = 2_000;
const EARLY = 16;
/** Milliseconds that an unfinished content is kept. */
const KEEP = 7 * 86_400_000;

interface Drop {
  readonly id: string;
  readonly content: Content;
  readonly name: string;
  readonly preview: string;
  /** Null: everybody who is, or comes, here. */
  readonly to: ReadonlySet<string> | null;
  readonly outs: Map<string, Outgoing>;
  readonly secret: Bytes;
  members: string;
  open: boolean;
}

export class Files extends Emitter<FilesEvents> {
  private readonly drops = new Map<string, Drop>();
  private readonly ins: Incoming[] = [];
  private readonly links = new Map<string, Link>();
  private readonly told = new Set<string>();
  /** Openings of swarms that we have not heard of yet. */
  private early: Parameters<SeatEars["message"]>[0][] = [];
  private count = 0;
  private wrong = 0;
  private self: string;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly ticker: ReturnType<typeof setInterval>;
  private readonly deaf: () => void;

  constructor(private readonly seat: Seat, private readonly o: FilesOptions) {
    super();
    this.self = seat.self();
    this.deaf = seat.listen({ message: (m) => this.message(m), people: () => this.people() });
    this.ticker = setInterval(() => this.look(), LOOK);
    if (o.store === undefined) void this.tidy();
  }

  states(): readonly TransferState[] {
    return [...[...this.drops.values()].flatMap((d) => [...d.outs.values()].map((x) => x.state())), ...this.ins.map((i) => i.state())];
  }

  /** Hashes what is to be sent. */
  prepare(items: readonly Item[], progress: (done: number, total: number) => void, stop: AbortSignal): Promise<Content> {
    return prepare(items, this.o.tasks, progress, stop);
  }

  /** Offers a content to some, or (null) to everybody who is here or comes. Returns the drop's id. */
  send(content: Content, name: string, to: readonly string[] | null, preview = ""): string {
    const id = `out${++this.count}`;
    const drop: Drop = { id, content, name, preview, to: to === null ? null : new Set(to), outs: new Map(), secret: random(16), members: "", open: true };
    content.onChanged = (file, e) => {
      for (const x of drop.outs.values()) x.fileChanged(file, e);
    };
    this.drops.set(id, drop);
    this.people();
    this.changed();
    return id;
  }

  /** Nobody new gets it; who is getting it is cancelled. */
  withdraw(drop: string): void {
    const d = this.drops.get(drop);
    if (d === undefined) return;
    d.open = false;
    for (const x of d.outs.values()) x.cancel();
    this.changed();
  }

  accept(id: string, files: "all" | readonly number[] = "all"): Promise<void> {
    const i = this.in(id);
    if (i !== null) this.o.accepted?.set(i.offer.root, files);
    return i?.accept(files) ?? Promise.resolve();
  }

  decline(id: string): void {
    this.in(id)?.decline();
  }

  pause(id: string, on: boolean): void {
    this.in(id)?.pause(on);
    this.out(id)?.pause(on);
  }

  cancel(id: string): void {
    const i = this.in(id);
    if (i !== null) this.o.accepted?.set(i.offer.root, null);
    i?.cancel();
    this.out(id)?.cancel();
  }

  /** Of a received transfer that is done. */
  file(id: string, i: number): Promise<Blob> {
    return this.in(id)?.file(i) ?? Promise.reject(new TransferError("gone", "there is no such transfer"));
  }

  /** Bytes of files that this page has sent, over all receivers. */
  uploaded(drop: string): number {
    return [...(this.drops.get(drop)?.outs.values() ?? [])].reduce((n, x) => n + x.uploaded, 0);
  }

  /** The page or the call goes: others see a lost connection, and what was received stays. */
  close(): void {
    this.deaf();
    clearInterval(this.ticker);
    clearTimeout(this.timer);
    for (const i of this.ins) i.stop();
    for (const l of this.links.values()) l.stop();
  }

  private in(id: string): Incoming | null {
    return this.ins.find((i) => i.id === id) ?? null;
  }

  private out(id: string): Outgoing | null {
    for (const d of this.drops.values()) for (const x of d.outs.values()) if (x.id === id) return x;
    return null;
  }

  private people(): void {
    const self = this.seat.self();
    if (self === "") return; // on the way back
    const here = this.seat.people();
    const present = (id: string): boolean => here.some((p) => p.id === id);
    const moved = self !== this.self;
    this.self = self;
    for (const d of this.drops.values()) {
      for (const x of d.outs.values()) {
        if (!present(x.peer.id)) x.gone();
        else if (moved) x.restart();
      }
      for (const p of d.open ? here : []) {
        if (p.id !== self && !d.outs.has(p.id) && (d.to === null || d.to.has(p.id))) this.open(d, p);
      }
      this.swarm(d);
    }
    for (const i of this.ins) if (!present(i.peer.id)) i.senderGone();
    for (const [id, l] of this.links) {
      if (present(l.peer) && !moved) continue;
      if (l.opener && moved) continue; // its owner makes it anew
      l.stop();
      this.links.delete(id);
      for (const i of this.ins) i.leave(l);
    }
  }

  private open(d: Drop, p: { id: string; name: string }): void {
    // Who comes back after a reload is somebody new: the row of before says nothing that the new one does not.
    for (const [id, x] of d.outs) if (x.phase === "gone" && x.peer.name === p.name) d.outs.delete(id);
    if ([...this.drops.values()].flatMap((x) => [...x.outs.values()]).filter((x) => !over(x.phase)).length >= MOST) return;
    d.outs.set(p.id, new Outgoing(`${d.id}:${p.id}`, d.id, p, d.content, d, {
      link: (peer, keys, on) => this.link(b64u(random(16)), peer, true, keys, on),
      present: (id) => this.seat.people().some((x) => x.id === id),
      keys: () => (this.wrong >= GUESSES ? { ...this.o.keys(), code: undefined } : this.o.keys()),
      wrong: () => {
        if (++this.wrong === GUESSES) this.emit("spent", null);
      },
      changed: () => this.changed(),
      swarm: () => this.swarm(d),
      now: () => this.now(),
    }));
  }

  /** Tells the receivers of a drop of each other when they are others than before. */
  private swarm(d: Drop): void {
    const all = [...d.outs.values()].filter((x) => x.seeding);
    const peers = all.map((x) => x.peer.id);
    const members = all.map((x) => x.peer.id).join(" ");
    if (members === d.members || (all.length < 2 && d.members === "")) return;
    d.members = members;
    all.forEach((x, stripe) => x.tell({ t: "swarm", secret: b64u(d.secret), stripe, of: all.length, peers: peers.filter((p) => p !== x.peer.id) }));
  }

  private link(transfer: string, peer: string, opener: boolean, keys: Keys, on: LinkEvents): Link {
    const link = new Link(transfer, peer, opener, keys, {
      rtc: () => this.seat.rtc(),
      peer: (c) => this.seat.peer(c),
      say: (data, open) => this.seat.send({ to: peer, transfer, data, ...(open ? { open } : {}) }),
    }, { ...on, end: (e) => {
      this.links.delete(transfer);
      on.end(e);
    } });
    for (const [id, l] of this.links) if (l.ended) this.links.delete(id);
    this.links.set(transfer, link);
    return link;
  }

  private message(m: { from: string; transfer: string; open?: boolean; data: string }): void {
    const known = this.links.get(m.transfer);
    if (known !== undefined) return known.peer === m.from ? known.receive(m.data) : undefined;
    if (m.open !== true) return;
    if (m.data.includes('"modes":["swarm"]') && this.secrets().length === 0) {
      // The other receiver has heard of the swarm before us.
      this.early = [...this.early, m].slice(-EARLY);
      return;
    }
    const unfinished = [...this.links.values()].filter((l) => !l.ended && !l.opener).length;
    if (unfinished >= 2 * MOST) return; // a flood: who means it tries again
    this.answer(m.from, m.transfer).receive(m.data);
  }

  /** Somebody opens a transfer to us. */
  private answer(from: string, transfer: string): Link {
    const name = this.seat.people().find((p) => p.id === from)?.name ?? "";
    const secrets = this.secrets();
    let outcome: Outcome | null = null;
    let incoming: Incoming | null = null;
    const offering = new Offering();
    const link: Link = this.link(transfer, from, false, { ...this.o.keys(), ...(secrets.length > 0 ? { swarm: secrets } : {}) }, {
      proven: (o) => (outcome = o),
      up: () => {
        const { swarm } = outcome ?? {};
        if (swarm == null) incoming?.again(link);
        else this.ins.find((i) => i.secret === b64u(swarm))?.join(link);
      },
      down: () => {
        // Who has opened a connection of a swarm makes another.
        this.swarmOf(link)?.leave(link);
        incoming?.down(link);
      },
      lane: (id, open) => (this.swarmOf(link) ?? incoming)?.lane(link, id, open),
      frame: (lane, f) => {
        const s = this.swarmOf(link);
        if (s !== null) s.swarmFrame(link, lane, f);
        else incoming?.frame(link, lane, f);
      },
      control: (c) => {
        if (outcome?.mode === "swarm") return;
        if (c.t !== "offer" && c.t !== "entries") return incoming?.control(c);
        offering.take(c).then(
          (offer) => {
            if (offer !== null && !link.ended) incoming = this.offered(link, { id: from, name }, offer, outcome);
          },
          (e: TransferError) => link.close(e.code, e.message),
        );
      },
      end: (e) => {
        offering.stop();
        this.swarmOf(link)?.leave(link);
        incoming?.ended(link, e);
        if (outcome === null && e.code === "not-authentic") this.refusedProof(from, name, e);
      },
    });
    return link;
  }

  private secrets(): Bytes[] {
    return this.ins.flatMap((i) => unb64u(i.secret ?? "") ?? []).filter((s) => s.length > 0);
  }

  private swarmOf(link: Link): Incoming | null {
    return this.ins.find((i) => i.swarmLinks.includes(link)) ?? null;
  }

  private offered(link: Link, peer: { id: string; name: string }, offer: Offer, o: Outcome | null): Incoming | null {
    let i = this.ins.find((x) => x.offer.root === offer.root && (x.phase === "done" || !over(x.phase))) ?? null;
    const fresh = i === null;
    if (i === null) {
      if (this.ins.filter((x) => !over(x.phase)).length >= MOST) {
        link.control({ t: "decline", reason: "too many transfers at once" });
        return null;
      }
      i = new Incoming(`in${++this.count}`, peer, offer, {
        store: (x) => this.store(x),
        changed: () => this.changed(),
        done: (x) => this.o.accepted?.set(x.offer.root, null),
        swarm: (x) => this.join(x),
        now: () => this.now(),
      });
      this.ins.push(i);
    }
    i.attach(link, peer, o?.spoken ?? "", o !== null && o.mode !== "open");
    const before = this.o.accepted?.get(offer.root) ?? null;
    if (fresh && before !== null) void i.accept(before);
    else if (fresh) this.emit("offer", i.state());
    this.changed();
    return i;
  }

  /** Somebody tried, and does not know what we know; or we have the wrong link. */
  private refusedProof(id: string, name: string, e: TransferError): void {
    const offer: Offer = { root: "", name: "", preview: "", entries: [] };
    const i = new Incoming(`in${++this.count}`, { id, name }, offer, {
      store: (x) => this.store(x), changed: () => this.changed(), done: () => undefined, swarm: () => undefined, now: () => this.now(),
    });
    i.refuse(e);
    if (!this.ins.some((x) => x.offer.root === "" && x.peer.id === id)) this.ins.push(i);
    this.changed();
  }

  /** Connects with the other receivers of a content: who has the lower id opens. */
  private join(i: Incoming): void {
    const key = unb64u(i.secret ?? "");
    if (key === null || (over(i.phase) && i.phase !== "done")) return;
    const live = [...this.links.values()].filter((l) => !l.ended && l.opener && l.purpose === i);
    for (const peer of i.swarmPeers) {
      if (peer <= this.seat.self() || live.some((l) => l.peer === peer) || !this.seat.people().some((p) => p.id === peer)) continue;
      const gone = (): void => {
        i.leave(link);
        link.stop();
        setTimeout(() => this.join(i), REJOIN);
      };
      const link: Link = this.link(b64u(random(16)), peer, true, { swarm: [key] }, {
        proven: () => undefined,
        up: () => i.join(link),
        down: gone,
        lane: (id, open) => i.lane(link, id, open),
        control: () => undefined,
        frame: (lane, f) => i.swarmFrame(link, lane, f),
        end: gone,
      });
      link.purpose = i;
    }
    for (const m of this.early.splice(0)) this.message(m);
  }

  private store(o: Offer): Store {
    // A single file is known by its own hash: sent again under another name, it goes on where it was.
    const key = o.entries.length === 1 ? `f${o.entries[0]?.root ?? ""}` : o.root;
    return this.o.store?.(key) ?? new PrivateStore(this.o.tasks, key);
  }

  private changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const states = this.states();
      this.emit("change", states);
      for (const s of states) {
        if (!over(s.phase) || this.told.has(s.id)) continue;
        this.told.add(s.id);
        this.emit("ended", s);
      }
    }, PACE);
  }

  private look(): void {
    const outs = [...this.drops.values()].flatMap((d) => [...d.outs.values()]);
    const live = [...outs, ...this.ins].filter((x) => !over(x.phase));
    for (const x of live) x.look();
    if (live.length > 0) this.changed();
  }

  private now(): number {
    return this.o.now?.() ?? performance.now();
  }

  private async tidy(): Promise<void> {
    for (const key of await olderThan(Date.now() - KEEP)) {
      await this.o.tasks.discard({ key }).catch(() => forget(key));
    }
  }
}
