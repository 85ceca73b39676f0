// Where media goes and comes from: holds the paths, follows the server's route, and switches make before break. The old
// path is kept until route-done, whatever the new one does; what is shown moves to the new path person by person, as its
// media is decoded (switcher.ts), inside MediaStreams that never change.

import type { Counters } from "./counters.js";
import { counters, delivered } from "./counters.js";
import { Mesh } from "./mesh.js";
import type { Connection, Inbound, Path, PathHost } from "./path.js";
import { Sfu } from "./sfu.js";
import type { Platform } from "./platform.js";
import type { ClientMessage, Participant, PeerSignal, RouteState, SFUAnswer, SFUOffer, Slot, Source } from "./protocol.gen.js";
import { needed } from "./slots.js";
import type { Change, Key } from "./switcher.js";
import { Switcher } from "./switcher.js";
import type { DataMessage, PersonStreams, TrackSource } from "./types.js";

/** Milliseconds between looks at what has been decoded, while something is awaited. */
const LOOK = 100;
/** The same after LONG: a person whose camera says "on" and sends nothing should not cost ten getStats a second for ever. */
const LOOK_LATER = 1_000;
const LONG = 10_000;
/** Milliseconds after which a connected path is ready even if somebody's media has not come: they may have no way to send. */
const SETTLE = 6_000;

export interface RouterOptions {
  readonly platform: Platform;
  self(): string;
  rtc(): RTCConfiguration;
  send(m: ClientMessage): boolean;
  track(source: TrackSource): MediaStreamTrack | null;
  readonly slots: { pairs: number; audio: number };
  /** Streams or the route changed. */
  onChange(): void;
  /** A connection came or went. */
  onLinks(): void;
  onData(m: DataMessage): void;
  /** There is no path, and the server has been told. */
  onFailed(reason: string): void;
}

export class Router {
  private readonly paths: Path[] = [];
  private prepared: Sfu | null = null;
  private route: RouteState | null = null;
  private back = false;
  private people: readonly Participant[] = [];
  private wants = 0;
  private revision = 0;
  private readonly switcher = new Switcher<Inbound>();
  private readonly streams = new Map<string, PersonStreams>();
  /** Of reused slots, by track: what had been decoded when they were reassigned, null until read, and when that was. */
  private readonly reused = new Map<string, { base: Counters | null; at: number }>();
  private readyFor: number | null = null;
  private connectedAt: number | null = null;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private lookingSince = 0;
  private readonly host: PathHost & { nextRevision(): number };

  constructor(private readonly o: RouterOptions) {
    this.host = {
      platform: o.platform,
      self: o.self,
      rtc: o.rtc,
      send: o.send,
      track: o.track,
      onTrack: (path, key, inbound, dirty) => this.onTrack(path, key, inbound, dirty),
      onTrackGone: (path, key) => this.apply(this.switcher.withdraw(key, path.generation)),
      onConnection: () => this.onConnection(),
      onFailed: (path, reason) => this.onFailed(path, reason),
      onData: o.onData,
      nextRevision: () => ++this.revision,
    };
  }

  /** An offer for join, so that the SFU can answer in the same round trip. */
  prepare(): Promise<SFUOffer> {
    this.prepared?.close();
    this.prepared = new Sfu(this.host, this.o.slots);
    return this.prepared.prepare();
  }

  /** The first route after a join; back: others may have connections to us from before this page was reloaded. */
  begin(route: RouteState, people: readonly Participant[], answer: SFUAnswer | null, back: boolean): void {
    this.people = people;
    this.back = back;
    const p = this.prepared;
    this.prepared = null;
    if (p !== null && answer !== null && route.transport === "sfu") {
      p.generation = route.generation;
      this.paths.push(p);
      p.accept(answer);
      this.use(route, p);
    } else {
      // Peer to peer, or no answer: a fresh connection later costs less than candidates that have grown stale.
      p?.close();
      this.follow(route, false);
    }
    this.back = false;
  }

  /** Builds the path of a route, beside the present one; anew: the SFU that we are connected to is not there any more. */
  follow(route: RouteState, anew: boolean): void {
    if (route.generation === this.route?.generation) return;
    const old = this.current();
    if (old instanceof Mesh || anew) old?.retire();
    const alive = route.transport === "sfu" && !anew ? this.paths.find((p) => p instanceof Sfu) : undefined;
    if (alive !== undefined) {
      // The connection to the SFU was not closed yet: the room came back to it.
      this.switcher.rename(alive.generation, route.generation);
      alive.generation = route.generation;
      this.use(route, alive);
      return;
    }
    const path = route.transport === "sfu" ? new Sfu(this.host, this.o.slots) : new Mesh(this.host, route.generation, this.back);
    path.generation = route.generation;
    this.paths.push(path);
    this.use(route, path);
    if (path instanceof Sfu) path.connect();
  }

  /** Everybody receives by this generation: older paths may go. */
  done(generation: number): void {
    if (this.route?.generation === generation) this.route = { ...this.route, done: true };
    for (const p of this.paths.filter((x) => x.generation < generation)) {
      p.close();
      this.paths.splice(this.paths.indexOf(p), 1);
      this.apply(this.switcher.drop(p.generation));
    }
    this.o.onChange();
  }

  roster(people: readonly Participant[]): void {
    this.people = people;
    for (const id of [...this.streams.keys()]) {
      if (people.some((p) => p.id === id)) continue;
      this.apply(this.switcher.forget(id));
      this.streams.delete(id);
    }
    const current = this.current();
    for (const p of this.paths) {
      // An older mesh loses people and gains none: newcomers use the new path alone.
      if (p === current) p.roster(people);
      else p.roster(people.filter((x) => x.id === this.o.self() || p.connections().some((c) => c.peer === x.id)));
    }
    this.fit();
    this.look();
  }

  /** How many videos the view wants to see at once. */
  view(visible: number): void {
    this.wants = visible;
    this.fit();
  }

  signal(s: PeerSignal): void {
    for (const p of this.paths) if (p instanceof Mesh) p.receive(s);
  }

  answer(a: SFUAnswer): void {
    this.sfu()?.accept(a);
  }

  refused(revision: number, after: number | null, reason: string): void {
    this.sfu()?.refused(revision, after, reason);
  }

  slots(s: readonly Slot[]): void {
    this.sfu()?.slots(s);
    this.look();
  }

  /** The track of a source changed; rejects if the browser refuses it. */
  async update(source: TrackSource): Promise<void> {
    await Promise.all([...this.paths, ...(this.prepared === null ? [] : [this.prepared])].map((p) => p.update(source)));
  }

  resumed(): void {
    for (const p of this.paths) p.resumed();
    if (this.readyFor !== null && this.route?.done === false) this.o.send({ type: "route-ready", id: this.routeId(), generation: this.readyFor });
  }

  configure(): void {
    for (const p of this.paths) p.configure(this.o.rtc());
  }

  send(data: string | ArrayBuffer, lossy: boolean, to: string | null): boolean {
    // While the route is not done, somebody may not hear the new path yet: the old one still reaches everybody it reached.
    const byAge = [...this.paths].sort((a, b) => a.generation - b.generation);
    return byAge.some((p) => p.connected() && p.send(data, lossy, to));
  }

  current(): Path | null {
    return this.paths.find((p) => p.generation === this.route?.generation) ?? null;
  }

  connections(): readonly Connection[] {
    return this.paths.flatMap((p) => p.connections());
  }

  state(): RouteState | null {
    return this.route;
  }

  streamsOf(participant: string): PersonStreams {
    return this.streams.get(participant) ?? noStreams;
  }

  /** What is shown now, with the connection that brings it. */
  inbound(): { key: Key; track: Inbound }[] {
    return this.switcher.chosen();
  }

  close(): void {
    clearTimeout(this.looking);
    this.looking = undefined;
    this.prepared?.close();
    this.prepared = null;
    for (const p of this.paths.splice(0)) {
      p.close();
      this.apply(this.switcher.drop(p.generation));
    }
    this.streams.clear();
    this.reused.clear();
    this.route = null;
    this.readyFor = null;
    this.people = [];
  }

  /** The newest: an older one beside it is of a server that is gone. */
  private sfu(): Sfu | undefined {
    return this.paths.filter((p): p is Sfu => p instanceof Sfu).at(-1);
  }

  private use(route: RouteState, path: Path): void {
    this.route = route;
    this.readyFor = null;
    this.connectedAt = null;
    path.roster(this.people);
    this.fit();
    if (route.done) this.done(route.generation);
    this.onConnection();
  }

  private fit(): void {
    const others = this.people.filter((p) => p.id !== this.o.self());
    const screens = others.filter((p) => p.media.screen).length;
    const sfu = this.sfu();
    sfu?.grow(needed(sfu.size(), { people: others.length, screens, visibleWants: this.wants }));
  }

  private onTrack(path: Path, key: Key, inbound: Inbound, dirty: boolean): void {
    this.reused.delete(inbound.track.id);
    if (dirty) this.mark(inbound);
    this.apply(this.switcher.offer(key, path.generation, inbound, dirty));
    this.lookingSince = this.o.platform.now();
    this.look();
  }

  private onConnection(): void {
    const path = this.current();
    if (path?.connected() === true) this.connectedAt ??= this.o.platform.now();
    this.lookingSince = this.o.platform.now();
    this.look();
    this.o.onLinks();
    this.o.onChange();
  }

  private onFailed(path: Path, reason: string): void {
    if (path !== this.current()) return;
    this.o.send({ type: "route-failed", id: this.routeId(), generation: path.generation, reason: reason.slice(0, 200) });
    this.o.onFailed(reason);
  }

  private apply(changes: readonly Change<Inbound>[]): void {
    for (const c of changes) {
      const stream = this.stream(c.key, c.to !== null);
      if (stream === null) continue;
      // Add first: an element that has no track at all for a moment goes black. Chromium takes two tracks of one id for the
      // same one and would not add the second; the id is the sender's and may repeat on its next connection.
      if (c.to !== null) stream.addTrack(c.to.track);
      if (c.from !== null && c.from.track !== c.to?.track) stream.removeTrack(c.from.track);
      if (c.to !== null) stream.addTrack(c.to.track);
    }
    if (changes.length > 0) this.o.onChange();
  }

  private stream(key: Key, create: boolean): MediaStream | null {
    const kind = streamOf[key.source];
    const have = this.streams.get(key.participant) ?? noStreams;
    const stream = have[kind];
    if (stream !== null || !create) return stream;
    const made = this.o.platform.stream();
    this.streams.set(key.participant, { ...have, [kind]: made });
    return made;
  }

  /** Watches for decoded media while some is awaited. */
  private look(): void {
    if (this.looking !== undefined || this.route === null) return;
    const waiting = this.paths.flatMap((p) => this.switcher.waiting(p.generation));
    const undecided = this.readyFor !== this.route.generation && !this.route.done;
    if (waiting.length === 0 && !undecided) return;
    const late = this.o.platform.now() - this.lookingSince > LONG;
    this.looking = setTimeout(() => {
      void this.see().then(() => {
        this.looking = undefined;
        this.look();
      });
    }, late ? LOOK_LATER : LOOK);
  }

  private async see(): Promise<void> {
    for (const p of [...this.paths]) {
      const waiting = this.switcher.waiting(p.generation);
      if (waiting.length === 0) continue;
      for (const pc of new Set(waiting.map((w) => w.track.pc))) {
        const now = counters(await pc.getStats());
        for (const { key, track } of waiting) {
          const n = track.pc === pc ? now.get(track.track.id) : undefined;
          if (n !== undefined && this.arrived(track, n)) this.apply(this.switcher.flowing(key, p.generation));
        }
      }
    }
    this.settle();
  }

  /** Notes what a reused slot has decoded so far, which was of somebody else. */
  private mark(inbound: Inbound): void {
    const mark: { base: Counters | null; at: number } = { base: null, at: this.o.platform.now() };
    this.reused.set(inbound.track.id, mark);
    void inbound.pc.getStats().then((report) => {
      mark.base = counters(report).get(inbound.track.id) ?? nothing;
    });
  }

  private arrived(inbound: Inbound, now: Counters): boolean {
    const mark = this.reused.get(inbound.track.id);
    if (mark === undefined) return delivered(now, null);
    return mark.base !== null && delivered(now, { base: mark.base, ms: this.o.platform.now() - mark.at });
  }

  /** Reports the route ready, once, when all that is worth waiting for flows. */
  private settle(): void {
    const path = this.current();
    const r = this.route;
    if (path === null || r === null || r.done || this.readyFor === r.generation || !path.connected()) return;
    this.connectedAt ??= this.o.platform.now();
    const patient = this.o.platform.now() - this.connectedAt < SETTLE;
    if (patient && this.awaited(path).some((k) => !this.switcher.isFlowing(k, r.generation))) return;
    this.readyFor = r.generation;
    this.o.send({ type: "route-ready", id: this.routeId(), generation: r.generation });
  }

  /** Each report is one of its own: a command of an id that the log has is not applied again. */
  private routeId(): string {
    return `route:${this.o.platform.secret()}`;
  }

  private awaited(path: Path): Key[] {
    const keys: Key[] = [];
    for (const p of this.people) {
      if (p.id === this.o.self() || !p.online) continue;
      const on: [Source, boolean][] = [
        ["microphone", p.media.microphone], ["camera", p.media.camera], ["screen", p.media.screen], ["screen-audio", p.media.screenAudio],
      ];
      for (const [source, sends] of on) if (sends) keys.push({ participant: p.id, source });
    }
    return path instanceof Sfu ? keys.filter((k) => path.expects(k)) : keys;
  }
}

const nothing: Counters = { kind: "video", packets: 0, frames: 0, keyframes: 0 };

const noStreams: PersonStreams = { camera: null, microphone: null, screen: null };

const streamOf: Record<Source, keyof PersonStreams> = {
  camera: "camera", microphone: "microphone", screen: "screen", "screen-audio": "screen",
};
