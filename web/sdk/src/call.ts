// Call: a seat in a room, and everything that is said and shown there. It puts the parts together: the session (what the
// server told us), signaling (the socket), the router (where media goes), the meter (how it goes), and what we send.

import { diagnostics } from "./diagnostics.js";
import { Emitter } from "./emitter.js";
import { ConfabError } from "./errors.js";
import { MaxPayload, payloadSize } from "./frames.js";
import { IceServers } from "./ice.js";
import { LocalMedia } from "./local.js";
import { amplitudeMeter } from "./loudness.js";
import { Meter } from "./meter.js";
import { Outbox } from "./outbox.js";
import { browser, type Platform } from "./platform.js";
import type { ClientMessage, Participant, SFUOffer } from "./protocol.gen.js";
import { Router } from "./router.js";
import type { Effect, Session } from "./session.js";
import { noSession, receive, say, skip } from "./session.js";
import { Signaling } from "./signaling.js";
import { nothing, person, snapshot } from "./snapshot.js";
import type {
  CallEvents, CallOptions, CallPhase, CallState, CallStats, ChatEntry, TrackSource, ViewWant,
} from "./types.js";
import { socketURL } from "./wire.js";

/** Failed attempts after which a first join gives up; it takes some seconds. */
const FIRST_ATTEMPTS = 4;
/** Milliseconds that leave waits for the server's goodbye. */
const GOODBYE = 1_000;
/** Slots of the first offer. More are negotiated when people come. */
const SLOTS = { pairs: 4, audio: 2 };

export class Call extends Emitter<CallEvents> {
  private now: CallState;
  private session: Session = noSession;
  private phase: CallPhase = "idle";
  private error: ConfabError | null = null;
  private live = false;
  private drainingUntil: number | null = null;
  private readonly ice = new IceServers(() => this.signaling?.send({ type: "credentials", id: "credentials" }));
  private readonly platform: Platform;
  private readonly local: LocalMedia;
  private readonly router: Router;
  private readonly meter: Meter;
  private readonly outbox: Outbox;
  private ownMeter: { stop(): void } | null = null;
  private signaling: Signaling | null = null;
  private stop = new AbortController();
  private settleJoin: { resolve: () => void; reject: (e: ConfabError) => void } | null = null;
  private goodbye: (() => void) | null = null;
  private scheduled = false;
  private toTell: (() => void)[] = [];

  constructor(
    private readonly o: CallOptions,
    platform?: Platform,
  ) {
    super();
    this.platform = platform ?? browser();
    this.local = new LocalMedia(() => this.platform.stream(), (source) => void this.deviceGone(source));
    this.outbox = new Outbox((m) => this.signaling?.send(m) ?? false, () => this.local.state());
    this.router = new Router({
      platform: this.platform,
      self: () => this.session.self ?? "",
      rtc: () => ({ iceServers: this.ice.list(), iceTransportPolicy: o.iceTransportPolicy ?? "all", bundlePolicy: "max-bundle" }),
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
    this.now = nothing(o.room, this.platform.now());
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
    await this.replace("microphone", track);
  }

  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    await this.replace("camera", track);
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
    this.outbox.setView(wants);
    this.router.view(wants.filter((w) => (w.visible ?? true) && w.participant !== this.session.self).length);
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

  stats(): Promise<CallStats> {
    return diagnostics(this.router, this.local, this.platform.now());
  }

  private async hello(): Promise<ClientMessage> {
    const { self, secret, epoch, seq } = this.session;
    if (self !== null) return { type: "resume", id: "resume", session: secret, epoch, seq };
    const m: ClientMessage = { type: "join", id: "join", room: this.o.room, name: this.o.name, media: this.outbox.stateForJoin() };
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
        this.ice.set(e.servers, e.ttl);
        return this.router.configure();
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
    this.outbox.joined(resumed, this.session.chat);
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
    if (error.code === "too-fast" && (what === "state" || what === "view")) return this.outbox.tooFast(error.after);
    if (error.code === "slow-client") return; // the socket goes, and resume follows
    this.emit("error", error);
  }

  private updated(before: Participant, p: Participant): void {
    if (p.id === this.session.self) return;
    if (!before.media.hand && p.media.hand) this.tell("hand-raised", p);
    if (!before.media.screen && p.media.screen) this.tell("screen-started", p);
    if (before.media.screen && !p.media.screen) this.tell("screen-stopped", p);
  }

  private async replace(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    this.setLocal(source, track);
    this.tellState();
    await this.router.update(source);
  }

  private setLocal(source: TrackSource, track: MediaStreamTrack | null): void {
    const before = this.local.track(source);
    this.local.set(source, track);
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
    await this.replace(source, null);
    if (source === "screen-audio") return;
    this.emit("error", new ConfabError({
      code: "device-not-found",
      message: source === "camera" ? "The camera was disconnected." : "The microphone was disconnected.",
      hint: "Plug it in again or choose another one.",
    }));
  }

  private tellState(): void {
    this.outbox.tellState();
    this.changed();
  }

  private say(c: ChatEntry): void {
    this.session = say(this.session, c);
    if (c.status === "pending") this.outbox.tellChat(c); // or at the next joined
    this.changed();
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
    this.ice.close();
    this.outbox.close();
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
    const last = this.now.people.find((x) => x.id === p.id) ?? person(undefined, p, this.router.streamsOf(p.id), this.meter.level(p.id), this.meter.link(p.id));
    this.later(type, () => this.now.people.find((x) => x.id === p.id) ?? last);
  }

  /** Tells once the snapshot that shows it is in place. */
  private later<K extends keyof CallEvents>(type: K, detail: () => CallEvents[K]): void {
    this.toTell.push(() => this.emit(type, detail()));
    this.changed();
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
    const { router, meter, local, platform } = this;
    return snapshot(this.now, {
      now: platform.now(),
      room: this.o.room,
      phase: this.phase,
      error: this.error,
      session: this.session,
      signaling: this.live ? "connected" : this.signaling !== null && platform.online() ? "reconnecting" : "offline",
      drainingUntil: this.drainingUntil,
      route: router.state(),
      links: meter.all(),
      media: local.state(),
      ownStreams: local.streams,
      streams: (id) => router.streamsOf(id),
      level: (id) => meter.level(id),
      link: (id) => meter.link(id),
    });
  }
}
