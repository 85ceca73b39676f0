// Call: a seat in a room, and everything that is said and shown there. It puts the parts together: the session (what the
// server told us), signaling (the socket), the router (where media goes), the meter (how it goes), and what we send.

import { ConfabError } from "./errors.js";
import { MaxPayload, payloadSize } from "./frames.js";
import { LocalMedia, sources } from "./local.js";
import { connection as connectionStats, inbound, outbound, report, worst } from "./linkstats.js";
import { amplitudeMeter } from "./loudness.js";
import { Meter } from "./meter.js";
import { connection, keep, people, person } from "./people.js";
import { browser, type Platform } from "./platform.js";
import type { ClientMessage, ICEServer, Participant, SFUOffer, View } from "./protocol.gen.js";
import { MaxSide, MaxWants } from "./protocol.gen.js";
import { Router } from "./router.js";
import type { Effect, Session } from "./session.js";
import { noSession, receive, say, skip } from "./session.js";
import { Signaling } from "./signaling.js";
import type {
  CallEvents, CallOptions, CallPhase, CallState, CallStats, ChatEntry, ConnectionState, InboundStats, OutboundStats, PersonState,
  TrackSource, ViewWant,
} from "./types.js";
import { socketURL } from "./wire.js";

/** Failed attempts after which a first join gives up; it takes some seconds. */
const FIRST_ATTEMPTS = 4;
/** Milliseconds between views sent: a window being dragged should not flood. */
const VIEW_PACE = 200;
/** Milliseconds that leave waits for the server's goodbye. */
const GOODBYE = 1_000;
/** Slots of the first offer. More are negotiated when people come. */
const SLOTS = { pairs: 4, audio: 2 };

export class Call extends EventTarget {
  private now: CallState;
  private session: Session = noSession;
  private phase: CallPhase = "idle";
  private error: ConfabError | null = null;
  private live = false;
  private drainingUntil: number | null = null;
  private ice: RTCIceServer[] = [];
  private iceTimer: ReturnType<typeof setTimeout> | undefined;
  private view: View = { wants: [] };
  private viewSent = "";
  private stateSent = "";
  private viewTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly platform: Platform;
  private readonly local: LocalMedia;
  private readonly router: Router;
  private readonly meter: Meter;
  private ownMeter: { stop(): void } | null = null;
  private signaling: Signaling | null = null;
  private stop = new AbortController();
  private settleJoin: { resolve: () => void; reject: (e: ConfabError) => void } | null = null;
  private goodbye: (() => void) | null = null;
  private ownStreams: PersonState["streams"] = { camera: null, microphone: null, screen: null };
  private scheduled = false;
  private toTell: (() => void)[] = [];

  constructor(
    private readonly o: CallOptions,
    platform?: Platform,
  ) {
    super();
    this.platform = platform ?? browser();
    this.local = new LocalMedia((source) => void this.deviceGone(source));
    this.router = new Router({
      platform: this.platform,
      self: () => this.session.self ?? "",
      rtc: () => ({ iceServers: this.ice, iceTransportPolicy: o.iceTransportPolicy ?? "all", bundlePolicy: "max-bundle" }),
      send: (m) => this.signaling?.send(m) ?? false,
      track: (source) => this.local.track(source),
      slots: o.slots ?? SLOTS,
      onChange: () => this.changed(),
      onLinks: () => void this.meter.read(),
      onData: (m) => this.emit("data", m),
      onFailed: (reason) => this.noPath(reason),
    });
    this.meter = new Meter(this.router, this.platform.now, () => this.changed());
    for (const [source, track] of [["microphone", o.microphone], ["camera", o.camera]] as const) {
      if (track !== null && track !== undefined) this.setLocal(source, track);
    }
    this.now = {
      phase: "idle", room: o.room, self: null, people: [], chat: [], error: null,
      connection: {
        route: null, switching: false, signaling: "offline", path: "none", protocol: null, rttMs: null, since: this.platform.now(),
        drainingUntil: null,
      },
    };
  }

  /** The present snapshot; "change" tells of the next. */
  get state(): CallState {
    return this.now;
  }

  /** Resolves when joined; rejects with a ConfabError, and phase failed, when refused. After an end, joins anew. */
  join(): Promise<void> {
    if (this.signaling !== null) return Promise.reject(new ConfabError({ code: "out-of-state", message: "This call is already on." }));
    this.session = noSession;
    this.error = null;
    this.drainingUntil = null;
    this.phase = "joining";
    this.stop = new AbortController();
    this.platform.page.addEventListener("pagehide", () => this.signaling?.send({ type: "leave" }), { signal: this.stop.signal });
    const s = new Signaling({
      url: socketURL(this.o.server, this.platform.location),
      platform: this.platform,
      hello: () => this.hello(),
      onMessage: (m) => this.step(receive(this.session, m)),
      onUnknownEvent: (seq) => this.step(skip(this.session, seq)),
      onLive: (live) => this.socket(live),
      onAttemptFailed: (n) => this.attemptFailed(n),
    });
    this.signaling = s;
    this.changed();
    return new Promise((resolve, reject) => {
      this.settleJoin = { resolve, reject };
      s.start();
    });
  }

  /** Gives the seat up. Resolves when the server knows, or after a second. */
  async leave(): Promise<void> {
    const s = this.signaling;
    if (s === null) return;
    if (s.send({ type: "leave" })) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GOODBYE);
        this.goodbye = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.end(null);
  }

  /** Sends this track from now on, or nothing. The old track is not stopped: it is the caller's. */
  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.send1("microphone", track);
  }

  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    await this.send1("camera", track);
  }

  /** Mutes without giving the device up: the track stays, disabled. No effect without a track. */
  setMuted(source: TrackSource, muted: boolean): void {
    this.local.mute(source, muted);
    this.tellState();
  }

  /** Shares the first video and audio track of the stream; ends by itself when the video track ends. */
  async shareScreen(stream: MediaStream): Promise<void> {
    this.setLocal("screen", stream.getVideoTracks()[0] ?? null);
    this.setLocal("screen-audio", stream.getAudioTracks()[0] ?? null);
    this.tellState();
    await Promise.all([this.router.update("screen"), this.router.update("screen-audio")]);
  }

  /** Stops sharing, and stops the tracks that were shared. */
  async stopScreen(): Promise<void> {
    const tracks = [this.local.track("screen"), this.local.track("screen-audio")];
    this.setLocal("screen", null);
    this.setLocal("screen-audio", null);
    this.tellState();
    await Promise.all([this.router.update("screen"), this.router.update("screen-audio")]);
    for (const t of tracks) t?.stop();
  }

  raiseHand(up: boolean): void {
    this.local.raise(up);
    this.tellState();
  }

  /** Replaces the previous wishes. Cheap to call often: it is sent at most a few times a second, and only if it changed. */
  setView(wants: readonly ViewWant[]): void {
    const side = (n: number): number => Math.min(MaxSide, Math.max(0, Math.round(n)));
    this.view = {
      wants: wants.slice(0, MaxWants).map((w) => ({
        participant: w.participant, source: w.source, width: side(w.width), height: side(w.height),
        priority: Math.min(100, Math.max(0, Math.round(w.priority ?? 50))), visible: w.visible ?? true,
      })),
    };
    this.router.view(this.view.wants.filter((w) => w.visible && w.participant !== this.session.self).length);
    this.viewTimer ??= setTimeout(() => {
      this.viewTimer = undefined;
      this.tellView();
    }, VIEW_PACE);
  }

  /** Appends a pending entry to state.chat and returns its id. */
  sendChat(text: string, to?: string): string {
    const id = Array.from({ length: 3 }, () => Math.floor(this.platform.random() * 2 ** 32).toString(36)).join("");
    const on = this.signaling !== null;
    this.say({
      id, from: this.session.self ?? "", name: this.o.name, to: to ?? null, text, time: this.platform.now(),
      own: true,
      status: on ? "pending" : "failed",
      error: on ? null : new ConfabError({ code: "not-joined", message: "You are not in the call.", hint: "Join again.", retry: true }),
    });
    return id;
  }

  retryChat(id: string): void {
    const c = this.session.chat.find((e) => e.id === id && e.own && e.status === "failed");
    if (c !== undefined) this.say({ ...c, status: "pending", error: null });
  }

  /**
   * To everybody, or to one person (peer to peer only); at most 60 KiB. Lossy: may be lost, never waits. False: somebody has
   * no open channel yet, or it is full.
   */
  send(data: string | ArrayBuffer, o: { lossy?: boolean; to?: string } = {}): boolean {
    if (payloadSize(data) > MaxPayload) throw new ConfabError({ code: "too-large", message: `A message may have ${MaxPayload} bytes.` });
    return this.router.send(data, o.lossy ?? false, o.to ?? null);
  }

  async stats(): Promise<CallStats> {
    const owner = new Map<string, Pick<InboundStats, "participant" | "source">>();
    for (const { key, track } of this.router.inbound()) owner.set(track.track.id, key);
    const connections = [];
    const received: InboundStats[] = [];
    const sent: OutboundStats[] = [];
    for (const { peer, pc } of this.router.connections()) {
      const r = report(await pc.getStats());
      connections.push(connectionStats(peer, pc.connectionState, r));
      received.push(...inbound(peer, r, owner));
      for (const sender of pc.getSenders()) {
        const source = sources.find((x) => sender.track !== null && this.local.track(x) === sender.track);
        if (source !== undefined) sent.push(...outbound(peer, source, report(await sender.getStats())));
      }
    }
    return { time: this.platform.now(), connections, inbound: received, outbound: sent };
  }

  override addEventListener<K extends keyof CallEvents>(
    type: K, f: ((e: CustomEvent<CallEvents[K]>) => void) | null, o?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(type: string, f: EventListenerOrEventListenerObject | null, o?: AddEventListenerOptions | boolean): void;
  override addEventListener(type: string, f: unknown, o?: AddEventListenerOptions | boolean): void {
    super.addEventListener(type, f as EventListener | null, o);
  }

  override removeEventListener<K extends keyof CallEvents>(
    type: K, f: ((e: CustomEvent<CallEvents[K]>) => void) | null, o?: EventListenerOptions | boolean,
  ): void;
  override removeEventListener(type: string, f: EventListenerOrEventListenerObject | null, o?: EventListenerOptions | boolean): void;
  override removeEventListener(type: string, f: unknown, o?: EventListenerOptions | boolean): void {
    super.removeEventListener(type, f as EventListener | null, o);
  }

  private async hello(): Promise<ClientMessage> {
    const { self, secret, epoch, seq } = this.session;
    if (self !== null) return { type: "resume", id: "resume", session: secret, epoch, seq };
    const media = this.local.state();
    this.stateSent = JSON.stringify(media);
    const m: ClientMessage = { type: "join", id: "join", room: this.o.room, name: this.o.name, media };
    if (this.o.token !== undefined) m.token = this.o.token;
    if (this.o.mode !== undefined) m.mode = this.o.mode;
    if (this.o.mode !== "p2p") {
      // Without an offer the join still works; the connection is then offered afterwards.
      const offer: SFUOffer | null = await this.router.prepare().catch(() => null);
      if (offer !== null) m.offer = offer;
    }
    return m;
  }

  private step([next, effects]: [Session, Effect[]]): void {
    const before = this.session;
    this.session = next;
    for (const e of effects) this.perform(e);
    if (next.participants !== before.participants && this.phase === "joined") this.router.roster(next.participants);
    this.changed();
  }

  private perform(e: Effect): void {
    switch (e.do) {
      case "joined":
        return this.joined(e.resumed, e.answer);
      case "ice":
        return this.credentials(e.servers, e.ttl);
      case "came":
        return this.tell("participant-joined", e.participant);
      case "gone":
        this.tell("participant-left", e.participant);
        return this.meter.forget(e.participant.id);
      case "updated":
        return this.updated(e.before, e.participant);
      case "route":
        this.router.follow(e.route);
        return this.later("route", () => this.now.connection);
      case "route-done":
        this.router.done(e.generation);
        return this.later("route", () => this.now.connection);
      case "chat":
        return this.emit("chat", e.entry);
      case "signal":
        return this.router.signal(e.signal);
      case "answer":
        return this.router.answer(e.answer);
      case "slots":
        return this.router.slots(e.slots);
      case "speakers":
        return this.meter.heard(e.speakers);
      case "draining":
        this.drainingUntil = this.platform.now() + e.ms;
        return;
      case "refused":
        return this.refused(e.id, e.error);
      case "resync":
        return this.signaling?.restart();
      case "rejoin":
        return this.rejoin();
      case "ended":
        if (this.goodbye !== null) this.goodbye();
        else this.end(e.error);
        return;
    }
  }

  private joined(resumed: boolean, answer: Extract<Effect, { do: "joined" }>["answer"]): void {
    const { route, participants, self } = this.session;
    this.phase = "joined";
    if (resumed) {
      this.router.resumed();
    } else if (route !== null && self !== null) {
      this.meter.start();
      this.listenToSelf();
      this.router.begin(route, participants, answer);
      this.later("joined", () => this.now);
    }
    // Everything that may have been said into a dying socket: the server applies each once.
    if (resumed) this.stateSent = "";
    this.tellState();
    this.viewSent = "";
    this.tellView();
    for (const c of this.session.chat) if (c.status === "pending") this.tellChat(c);
    this.settleJoin?.resolve();
    this.settleJoin = null;
  }

  private socket(live: boolean): void {
    this.live = live;
    if (!live && this.phase === "joined") this.phase = "reconnecting";
    this.changed();
  }

  private attemptFailed(n: number): void {
    if (this.phase !== "joining" || n + 1 < FIRST_ATTEMPTS) return;
    this.end(new ConfabError({
      code: "unreachable", message: "The server does not answer.", hint: "Check your connection and try again.", retry: true,
    }));
  }

  /** The seat was not held long enough: take a new one, and build media anew. */
  private rejoin(): void {
    this.router.close();
    this.meter.stop();
    this.signaling?.forget();
    this.session = { ...noSession, chat: this.session.chat.filter((c) => c.own && c.status === "pending") };
    if (this.phase === "joined") this.phase = "reconnecting";
    this.signaling?.restart();
  }

  private refused(id: string, error: ConfabError): void {
    if (this.phase === "joining" || (this.phase === "reconnecting" && this.session.self === null)) {
      if (this.phase === "reconnecting" && error.retry) {
        this.signaling?.delay(error.after);
        return this.signaling?.restart();
      }
      return this.end(error);
    }
    const [what, revision] = id.split(":");
    if (what === "offer") return this.router.refused(Number(revision), error.retry ? Math.max(error.after, 1_000) : null, error.message);
    if (what === "signal" || what === "route" || what === "credentials") return; // the peer is leaving, or we were too fast: negotiation repeats itself
    if (error.code === "too-fast" && (what === "state" || what === "view")) {
      this.stateSent = this.viewSent = "";
      setTimeout(() => {
        this.tellState();
        this.tellView();
      }, Math.max(error.after, 500));
      return;
    }
    if (error.code === "slow-client") return; // the socket goes, and resume follows
    this.emit("error", error);
  }

  private updated(before: Participant, p: Participant): void {
    if (p.id === this.session.self) return;
    if (!before.media.hand && p.media.hand) this.tell("hand-raised", p);
    if (!before.media.screen && p.media.screen) this.tell("screen-started", p);
    if (before.media.screen && !p.media.screen) this.tell("screen-stopped", p);
  }

  private credentials(servers: readonly ICEServer[], ttl: number): void {
    this.ice = servers.map((s) => ({ ...s }));
    this.router.configure();
    clearTimeout(this.iceTimer);
    // At four fifths, so that a refusal leaves time for another try.
    if (ttl > 0) this.iceTimer = setTimeout(() => this.signaling?.send({ type: "credentials", id: "credentials" }), Math.max(10, ttl * 0.8) * 1000);
  }

  private async send1(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    this.setLocal(source, track);
    this.tellState();
    await this.router.update(source);
  }

  private setLocal(source: TrackSource, track: MediaStreamTrack | null): void {
    const before = this.local.track(source);
    this.local.set(source, track);
    const kind = source === "screen-audio" ? null : source; // our own sound is not played back to us
    if (kind !== null && before !== track) {
      const stream = this.ownStreams[kind] ?? this.platform.stream();
      if (before !== null) stream.removeTrack(before);
      if (track !== null) stream.addTrack(track);
      this.ownStreams = { ...this.ownStreams, [kind]: stream };
    }
    if (source === "microphone" && before !== track) this.listenToSelf();
  }

  private listenToSelf(): void {
    const track = this.local.track("microphone");
    this.ownMeter?.stop();
    const on = this.phase === "joined" || this.phase === "reconnecting";
    this.ownMeter = track === null || !on ? null : amplitudeMeter(track, (a) => this.meter.own(this.session.self ?? "", a));
  }

  private async deviceGone(source: TrackSource): Promise<void> {
    if (source === "screen") return this.stopScreen();
    await this.send1(source, null);
    if (source === "screen-audio") return;
    this.emit("error", new ConfabError({
      code: "device-not-found",
      message: source === "camera" ? "The camera was disconnected." : "The microphone was disconnected.",
      hint: "Plug it in again or choose another one.",
    }));
  }

  private tellState(): void {
    const state = this.local.state();
    const text = JSON.stringify(state);
    if (text !== this.stateSent && this.signaling?.send({ type: "state", id: "state", ...state }) === true) this.stateSent = text;
    this.changed();
  }

  private tellView(): void {
    const text = JSON.stringify(this.view);
    if (text === this.viewSent || (this.viewSent === "" && this.view.wants.length === 0)) return;
    if (this.signaling?.send({ type: "view", id: "view", ...this.view }) === true) this.viewSent = text;
  }

  private say(c: ChatEntry): void {
    this.session = say(this.session, c);
    if (c.status === "pending") this.tellChat(c); // or at the next joined
    this.changed();
  }

  private tellChat(c: ChatEntry): void {
    const m: ClientMessage = { type: "chat", id: c.id, text: c.text };
    if (c.to !== null) m.to = c.to;
    this.signaling?.send(m);
  }

  private noPath(reason: string): void {
    this.emit("error", new ConfabError({
      code: "media-failed", message: "Sound and picture do not get through.", retry: true, cause: reason,
      hint: "Still trying. Your network may block calls: another network, or the server's relay, would help.",
    }));
  }

  private end(error: ConfabError | null): void {
    this.stop.abort();
    this.signaling?.close();
    this.signaling = null;
    this.goodbye = null;
    this.live = false;
    this.router.close();
    this.meter.stop();
    this.ownMeter?.stop();
    this.ownMeter = null;
    clearTimeout(this.iceTimer);
    clearTimeout(this.viewTimer);
    this.viewTimer = undefined;
    const wasJoining = this.phase === "joining";
    this.phase = error === null || !wasJoining ? "left" : "failed";
    this.error = error;
    this.later("ended", () => this.now);
    this.changed();
    if (error !== null) this.settleJoin?.reject(error);
    else this.settleJoin?.resolve();
    this.settleJoin = null;
  }

  private tell(type: "participant-joined" | "participant-left" | "hand-raised" | "screen-started" | "screen-stopped", p: Participant): void {
    if (p.id === this.session.self) return;
    const last = this.now.people.find((x) => x.id === p.id) ?? this.person(undefined, p);
    this.later(type, () => this.now.people.find((x) => x.id === p.id) ?? last);
  }

  /** Tells once the snapshot that shows it is in place. */
  private later<K extends keyof CallEvents>(type: K, detail: () => CallEvents[K]): void {
    this.toTell.push(() => this.emit(type, detail()));
    this.changed();
  }

  private emit<K extends keyof CallEvents>(type: K, detail: CallEvents[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Makes the next snapshot at the end of this task's microtasks: one for all that changes together. */
  private changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      const before = this.now;
      this.now = this.snapshot();
      if (this.now !== before) this.emit("change", this.now);
      for (const tell of this.toTell.splice(0)) tell();
    });
  }

  private snapshot(): CallState {
    const before = this.now;
    const { self, participants, chat } = this.session;
    const own = participants.find((p) => p.id === self);
    const next: CallState = {
      phase: this.phase,
      room: this.o.room,
      self: own === undefined ? null : this.self(own),
      people: people(
        before.people,
        participants.filter((p) => p !== own).map((p) => this.person(before.people.find((x) => x.id === p.id), p)),
      ),
      chat,
      connection: this.connection(),
      error: this.error,
    };
    return keep(before, next);
  }

  private person(before: PersonState | undefined, p: Participant): PersonState {
    return person(before, p, this.router.streamsOf(p.id), this.meter.level(p.id), this.meter.link(p.id));
  }

  /** Ourselves: what we have just done shows at once, whatever the server has heard of it. */
  private self(p: Participant): PersonState {
    const links = worst(this.meter.all());
    const mine = { ...p, online: this.live, media: this.local.state() };
    return person(this.now.self ?? undefined, mine, this.ownStreams, this.meter.level(p.id), links);
  }

  private connection(): ConnectionState {
    const route = this.router.state();
    const { path, protocol, rttMs } = worst(this.meter.all());
    const signaling = this.signaling === null ? "offline" : this.live ? "connected" : this.platform.online() ? "reconnecting" : "offline";
    return connection(
      this.now.connection,
      { route: route?.transport ?? null, switching: route !== null && !route.done, signaling, path, protocol, rttMs, drainingUntil: this.drainingUntil },
      this.platform.now(),
    );
  }
}
