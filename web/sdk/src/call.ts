// Call: a seat in a room, and everything that is said and shown there. It puts the parts together: the session (what the
// server told us), signaling (what carries it), the visit (what outlives the page), the outbox (what the server must get), the
// router (where media goes), the meter (how it goes), and what we send.

import * as chats from "./chat.js";
import { RoomControls, Talk, type Desk } from "./commands.js";
import { MediaControls } from "./controls.js";
import { ConfabError, local as failure } from "./errors.js";
import * as hello from "./hello.js";
import { IceServers } from "./ice.js";
import { Meter } from "./meter.js";
import { Outbox, type Logged } from "./outbox.js";
import { Own, type Cause } from "./own.js";
import { browser, store, type Platform } from "./platform.js";
import type { ClientMessage, Participant } from "./protocol.gen.js";
import { Router } from "./router.js";
import { TransferSeat } from "./seat.js";
import { noSession, receive, skip, type Effect, type Session } from "./session.js";
import { Signaling } from "./signaling.js";
import { knock, nothing, person, snapshot } from "./snapshot.js";
import { Teller } from "./teller.js";
import type { CallOptions, CallPhase, CallState } from "./types.js";
import { Viewer } from "./viewer.js";
import { held, place, VisitBook, type Visit } from "./visit.js";
import { serverURL } from "./wire.js";

/** Failed attempts after which a first join gives up: seconds, one over the last resort included. Then, milliseconds that leave waits for a goodbye. */
const FIRST_ATTEMPTS = 5;
const GOODBYE = 1_000;
/** Slots of the first offer. More are negotiated when people come. */
const SLOTS = { pairs: 4, audio: 2 };

export class Call extends MediaControls {
  /** What is said: send, edit, react, older messages. */
  readonly chat: Talk;
  /** Who may what, for who may say so; and invites. */
  readonly room: RoomControls;
  /** For file transfers: what they need of the room. */
  readonly transfers: TransferSeat;
  private readonly teller: Teller;
  private session: Session = noSession;
  private phase: CallPhase = "idle";
  private error: ConfabError | null = null;
  private live = false;
  private attended = false;
  private drainingUntil: number | null = null;
  private readonly ice = new IceServers(() => this.signaling?.send({ type: "credentials", id: "credentials" }));
  protected readonly platform: Platform;
  protected readonly own: Own;
  protected readonly router: Router;
  private readonly meter: Meter;
  private readonly outbox: Outbox;
  protected readonly viewer: Viewer;
  private readonly book: VisitBook;
  private visit: Visit | null = null;
  private signaling: Signaling | null = null;
  private stop = new AbortController();
  private settleJoin: { resolve: () => void; reject: (e: ConfabError) => void } | null = null;
  private goodbye: (() => void) | null = null;

  constructor(
    private readonly o: CallOptions,
    platform?: Platform,
  ) {
    super();
    const p = (this.platform = platform ?? browser());
    const send = (m: ClientMessage): boolean => this.signaling?.send(m) ?? false;
    this.outbox = new Outbox(p.keep, send, () => p.now());
    this.viewer = new Viewer(send);
    this.book = new VisitBook(p, place(serverURL(o.server, p.location, "/", "http"), o.room), o.keep ?? true);
    this.own = new Own({
      stream: () => p.stream(),
      self: () => this.self(),
      log: (state) => void this.log({ type: "state", id: p.secret(), ...state }),
      pending: () => this.outbox.hasState(),
      update: (source) => this.router.update(source),
      onChange: () => this.teller.changed(),
      onLevel: (a) => this.meter.own(this.session.self ?? "", a),
      onSilenced: (sources, hold) => this.teller.later("silenced", () => ({ sources, hold })), onError: (e) => this.emit("error", e),
    });
    const desk: Desk = {
      now: () => p.now(),
      id: () => p.secret(),
      self: () => this.session.self ?? "",
      name: () => this.self()?.name ?? o.name,
      on: () => this.phase === "joined" || this.phase === "reconnecting",
      chat: () => this.session.chat,
      setChat: (chat) => this.setChat(chat),
      log: (m) => this.log(m),
      send,
      onError: (e) => this.emit("error", e),
    };
    this.chat = new Talk(desk);
    this.room = new RoomControls(desk);
    const self = (): string => this.session.self ?? "";
    const rtc = (): RTCConfiguration => ({ iceServers: this.ice.list(), iceTransportPolicy: o.iceTransportPolicy ?? "all", bundlePolicy: "max-bundle" });
    this.transfers = new TransferSeat({ self, rtc, send, peer: p.peer, participants: () => this.session.participants });
    this.router = new Router({ platform: p, self, rtc, send,
      track: (source) => this.own.local.track(source),
      slots: o.slots ?? SLOTS,
      onChange: () => this.teller.changed(), onLinks: () => void this.meter.read(),
      onData: (m) => this.emit("data", m), onFailed: (reason) => this.emit("error", failure.noPath(reason)),
    });
    this.meter = new Meter(this.router, p.now, () => this.teller.changed());
    for (const [source, track] of [["microphone", o.microphone], ["camera", o.camera]] as const) {
      if (track !== null && track !== undefined) this.own.put(source, track);
    }
    this.teller = new Teller(nothing(o.room, p.now()), (before) => this.snapshot(before), (type, detail) => this.emit(type, detail));
  }

  /** The seat that this tab may still have in a room, after a reload: then join takes it back. */
  static held(o: Pick<CallOptions, "server" | "room">): { name: string } | null {
    const where = place(serverURL(o.server, globalThis.location.href, "/", "http"), o.room);
    return held({ session: store(() => sessionStorage), now: Date.now }, where);
  }

  /** The present snapshot; "change" tells of the next. */
  get state(): CallState {
    return this.teller.now;
  }

  /** Resolves when joined; rejects with a ConfabError, and phase failed, when refused. After an end, joins anew. */
  join(): Promise<void> {
    if (!["idle", "left", "failed"].includes(this.phase)) {
      return Promise.reject(failure.alreadyOn());
    }
    this.session = noSession;
    this.error = null;
    this.drainingUntil = null;
    this.phase = "joining";
    this.stop = new AbortController();
    this.teller.changed();
    return new Promise((resolve, reject) => {
      this.settleJoin = { resolve, reject };
      void this.enter(this.stop.signal);
    });
  }

  /** Gives the seat up. Resolves when the server knows, or after a second. */
  async leave(): Promise<void> {
    const s = this.signaling;
    if (["idle", "left", "failed"].includes(this.phase)) return;
    if (s?.sendAnyway({ type: "leave" }) === true && this.phase !== "joining") {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GOODBYE);
        this.goodbye = () => [clearTimeout(timer), resolve()];
      });
    }
    this.end(null);
  }

  private async enter(stopped: AbortSignal): Promise<void> {
    const visit = await this.book.open(this.o.name);
    const kept = await this.outbox.load(visit.id);
    if (stopped.aborted) return;
    this.visit = visit;
    let { chat } = this.session;
    for (const e of hello.written(kept, this.o.name)) chat = chats.write(chat, e);
    this.session = { ...this.session, chat };
    const s = new Signaling({
      server: this.o.server,
      platform: this.platform,
      hello: () => this.hello(visit),
      onMessage: (m) => this.step(receive(this.session, m, this.platform.now())),
      onUnknownEvent: (seq) => this.step(skip(this.session, seq)),
      onLive: (live) => this.socket(live),
      onAttemptFailed: (n) => this.attemptFailed(n),
      onRejoin: () => this.rejoin(),
      onStay: () => this.dismissed(),
    });
    this.signaling = s;
    // The page may come back, as a reload: the seat is remembered, and the server holds it for some seconds.
    this.platform.page.addEventListener("pagehide", (e) => {
      this.book.remember(this.session.chat.read);
      if (!(e as PageTransitionEvent).persisted) s.close(true);
    }, { signal: stopped });
    s.start();
  }

  private async hello(visit: Visit): Promise<ClientMessage> {
    const back = hello.resume(this.session, visit);
    if (back !== null) return back;
    const m = hello.join(this.o, visit, this.own.stateForJoin());
    // Without an offer the join still works; the connection is then offered afterwards.
    const offer = this.o.mode === "p2p" || this.o.mode === "files" ? null : await this.router.prepare().catch(() => null);
    return offer === null ? m : { ...m, offer };
  }

  private step([next, effects]: [Session, Effect[]]): void {
    const before = this.session;
    this.session = next;
    for (const e of effects) this.perform(e);
    if (next.participants !== before.participants) {
      if (this.phase === "joined") this.router.roster(next.participants);
      this.transfers.moved();
    }
    this.teller.changed();
  }

  private perform(e: Effect): void {
    switch (e.do) {
      case "joined":
        return this.joined(e);
      case "waiting":
        this.phase = this.phase === "joining" ? "waiting" : this.phase;
        this.attended = e.moderators;
        return;
      case "acked":
        this.outbox.done(e.id);
        return void this.room.settle(e.id, null);
      case "ice":
        this.ice.set(e.servers, e.ttl);
        return this.router.configure();
      case "came":
        return this.tell("participant-joined", e.participant);
      case "gone":
        this.tell("participant-left", e.participant);
        this.quiet();
        return this.meter.forget(e.participant.id);
      case "updated":
        return e.participant.id === this.session.self ? this.own.follow(e.participant, { by: e.by }) : this.updated(e.before, e.participant);
      case "route":
        if (this.o.mode !== "files") this.router.follow(e.route, e.reason === "restarted");
        return this.teller.later("route", () => this.teller.now.connection);
      case "route-done":
        this.router.done(e.generation);
        return this.teller.later("route", () => this.teller.now.connection);
      case "chat":
        return this.emit("chat", e.entry);
      case "typing":
        return void setTimeout(() => this.quiet(), chats.TYPING + 50);
      case "emote":
        return this.emit("emote", { from: e.from, emoji: e.emoji });
      case "knocked":
        return this.teller.later("knock", () => knock(e.knock));
      case "invite":
        return void this.room.settle(e.invite.id, e.invite);
      case "signal":
        return this.router.signal(e.signal);
      case "transfer":
        return this.transfers.heard(e.transfer) || e.transfer.open !== true ? undefined : void this.emit("transfer", null);
      case "answer":
        return this.router.answer(e.answer);
      case "slots":
        return this.router.slots(e.slots);
      case "speakers":
        return this.meter.heard(e.speakers);
      case "recording":
        return this.emit("recording", e);
      case "draining":
        return void (this.drainingUntil = this.platform.now() + e.ms);
      case "refused":
        return this.refused(e.id, e.error);
      case "resync":
        return this.signaling?.restart();
      case "rejoin":
        return this.rejoin();
      case "ended":
        return this.goodbye !== null ? this.goodbye() : this.end(e.error);
    }
  }

  private joined(e: Extract<Effect, { do: "joined" }>): void {
    const { route, participants, self, secret, hold, seq } = this.session;
    const visit = this.visit;
    if (visit === null || self === null) return;
    const back = visit.seat?.self === self; // after a reload, the same seat
    if (!e.resumed) {
      const again = back || this.session.former !== null;
      this.session = { ...this.session, chat: { ...this.session.chat, read: again ? Math.min(visit.read, seq) : seq } };
    }
    visit.seat = { self, secret, hold, at: this.platform.now() };
    this.book.remember(this.session.chat.read);
    this.phase = "joined";
    if (e.resumed) {
      this.router.resumed();
    } else if (route !== null) {
      if (this.o.mode !== "files") {
        this.meter.start();
        this.own.listen(true);
        this.router.begin(route, participants, e.answer, back);
      }
      this.teller.later("joined", () => this.teller.now);
    }
    if (!e.recovered && (e.resumed || back)) this.follow("snapshot");
    this.outbox.joined();
    this.viewer.joined();
    this.own.tell(); // what changed while the join was on its way
    this.settleJoin?.resolve();
    this.settleJoin = null;
  }

  private socket(live: boolean): void {
    this.live = live;
    if (!live) {
      this.outbox.lost();
      this.session = { ...this.session, chat: { ...this.session.chat, loading: false } };
    }
    if (!live && this.phase === "joined") this.phase = "reconnecting";
    this.teller.changed();
  }

  private attemptFailed(n: number): void {
    if ((this.phase !== "joining" && this.phase !== "waiting") || n + 1 < FIRST_ATTEMPTS) return;
    this.end(failure.unreachable());
  }

  /** The seat was not held long enough: take a new one, and build media anew. What was written goes on there. */
  private rejoin(): void {
    const visit = this.visit;
    if (visit === null) return;
    const former = this.session.self ?? visit.seat?.self ?? null;
    visit.seat = null;
    visit.key = this.platform.secret();
    this.book.remember(this.session.chat.read);
    this.router.close();
    this.meter.stop();
    this.signaling?.forget();
    this.outbox.expired();
    this.room.settleAll(failure.seatLost());
    this.session = { ...noSession, former, chat: { ...this.session.chat, changes: [] } };
    if (this.phase === "joined") this.phase = "reconnecting";
    this.signaling?.restart();
  }

  private refused(id: string, error: ConfabError): void {
    if (id === "ping") return; // an answer is all it was for
    if (this.session.self === null) {
      if ((this.phase === "reconnecting" || this.visit?.seat != null) && error.retry) {
        this.signaling?.delay(error.after);
        return this.signaling?.restart();
      }
      return this.end(error);
    }
    const [what, revision] = id.split(":");
    if (what === "offer") return this.router.refused(Number(revision), error.retry ? Math.max(error.after, 1_000) : null, error.message);
    if (what === "signal" || what === "transfer" || what === "route" || what === "credentials") return; // the peer is leaving, or we were too fast: negotiation repeats itself
    if (what === "history") return this.setChat({ ...this.session.chat, loading: false });
    if (error.code === "too-fast" && what === "view") return this.viewer.tooFast(error.after);
    if (error.code === "slow-client") return; // the connection goes, and resume follows
    const state = this.outbox.isState(id);
    const outcome = this.outbox.refused(id, error);
    if (outcome === "later") return;
    const said = this.session.chat.written.some((w) => w.id === id);
    if (outcome === "failed") this.setChat(chats.failed(this.session.chat, id, error));
    if (state) this.follow("refused");
    if (!said && !this.room.settle(id, error)) this.emit("error", error);
  }

  /** What we send is as the server says. */
  private follow(cause: Cause): void {
    const own = this.self();
    if (own !== undefined) this.own.follow(own, cause);
  }

  protected selfId(): string {
    return this.session.self ?? "";
  }

  private self(): Participant | undefined {
    return this.session.participants.find((p) => p.id === this.session.self);
  }

  /** The server closed for good. Its last message said why, unless it was lost. */
  private dismissed(): void {
    if (this.goodbye !== null) return this.goodbye();
    this.end(failure.dismissed());
  }

  private updated(before: Participant, p: Participant): void {
    if (!before.media.hand && p.media.hand) this.tell("hand-raised", p);
    if (!before.media.screen && p.media.screen) this.tell("screen-started", p);
    if (before.media.screen && !p.media.screen) this.tell("screen-stopped", p);
  }

  private log(m: Logged): boolean {
    const ok = this.outbox.add(m);
    this.teller.changed();
    return ok;
  }

  private setChat(chat: Session["chat"]): void {
    if (chat.read > this.session.chat.read) this.book.remember(chat.read);
    this.session = { ...this.session, chat };
    this.teller.changed();
  }

  /** Forgets who has stopped writing. */
  private quiet(): void {
    const present = (id: string): boolean => this.session.participants.some((p) => p.id === id);
    this.setChat(chats.still(this.session.chat, present, this.platform.now()));
  }

  private end(error: ConfabError | null): void {
    this.stop.abort();
    this.signaling?.close();
    this.signaling = null;
    this.goodbye = null;
    this.live = false;
    this.router.close();
    this.meter.stop();
    this.own.listen(false);
    this.ice.close();
    this.viewer.close();
    // Who could not be reached may still hold the seat; who sits in another tab goes on there.
    if (error?.code === "unreachable" || error?.code === "replaced") this.outbox.close();
    else this.outbox.clear();
    if (error?.code !== "unreachable") this.book.forget();
    this.visit = null;
    this.room.settleAll(error ?? failure.notJoined());
    const wasJoining = this.phase === "joining" || this.phase === "waiting";
    this.phase = error === null || !wasJoining ? "left" : "failed";
    this.error = error;
    this.teller.later("ended", () => this.teller.now);
    this.teller.changed();
    if (error !== null) this.settleJoin?.reject(error);
    else this.settleJoin?.resolve();
    this.settleJoin = null;
  }

  private tell(type: "participant-joined" | "participant-left" | "hand-raised" | "screen-started" | "screen-stopped", p: Participant): void {
    if (p.id === this.session.self) return;
    const last = this.teller.now.people.find((x) => x.id === p.id) ?? person(undefined, p, this.router.streamsOf(p.id), this.meter.level(p.id), this.meter.link(p.id));
    this.teller.later(type, () => this.teller.now.people.find((x) => x.id === p.id) ?? last);
  }

  private snapshot(before: CallState): CallState {
    const { router, meter, platform } = this;
    const { local } = this.own;
    return snapshot(before, {
      now: platform.now(),
      room: this.o.room,
      phase: this.phase,
      error: this.error,
      session: this.session,
      attended: this.attended,
      waiting: this.outbox.size,
      carrier: this.signaling?.kind ?? null,
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
