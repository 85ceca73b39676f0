// The regular looks at a running call: loudness ten times a second, links every two seconds. What it finds it keeps; its
// owner reads and redraws.

import type { Level } from "./levels.js";
import { amplitude, listen, silent } from "./levels.js";
import { link, noLink, report, type Report } from "./linkstats.js";
import type { Speaker } from "./protocol.gen.js";
import type { Router } from "./router.js";
import type { LinkState } from "./types.js";

/** Milliseconds. */
const LEVELS = 100;
const LINKS = 2_000;
/** Milliseconds for which the server's word on who speaks is good. */
const FRESH = 1_000;

export class Meter {
  private readonly levels = new Map<string, Level>();
  private readonly links = new Map<string, LinkState>();
  private reports = new Map<RTCPeerConnection, Report>();
  private speakers: { at: number; by: ReadonlyMap<string, number> } = { at: -Infinity, by: new Map() };
  private levelTimer: ReturnType<typeof setInterval> | undefined;
  private linkTimer: ReturnType<typeof setInterval> | undefined;
  private self = "";
  private ownLevel = 0;
  private reading = false;

  constructor(
    private readonly router: Router,
    private readonly now: () => number,
    private readonly onChange: () => void,
  ) {}

  start(): void {
    this.stop();
    this.levelTimer = setInterval(() => this.hear(), LEVELS);
    this.linkTimer = setInterval(() => void this.read(), LINKS);
  }

  stop(): void {
    clearInterval(this.levelTimer);
    clearInterval(this.linkTimer);
    this.levels.clear();
    this.links.clear();
    this.reports.clear();
  }

  level(participant: string): Level {
    return this.levels.get(participant) ?? silent;
  }

  /** Of a person: their own connection's, or the server's. */
  link(participant: string): LinkState {
    return this.links.get(participant) ?? this.links.get("sfu") ?? noLink;
  }

  all(): readonly LinkState[] {
    return [...this.links.values()];
  }

  /** Somebody left. */
  forget(participant: string): void {
    this.levels.delete(participant);
    this.links.delete(participant);
  }

  /** Loudness of our own microphone, 0..1 linear. */
  own(self: string, amplitude: number): void {
    this.self = self;
    this.ownLevel = amplitude;
  }

  /** What the SFU says, of people we may not receive too. */
  heard(speakers: readonly Speaker[]): void {
    this.speakers = { at: this.now(), by: new Map(speakers.map((s) => [s.participant, amplitude(s.level)])) };
  }

  /** Reads the links now: a connection came or went. */
  async read(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      const reports = new Map<RTCPeerConnection, Report>();
      const links = new Map<string, LinkState>();
      for (const { peer, pc } of this.router.connections()) {
        if (pc.connectionState !== "connected") continue;
        const r = report(await pc.getStats());
        reports.set(pc, r);
        links.set(peer, link(r, this.reports.get(pc) ?? null, peer === "sfu"));
      }
      this.reports = reports;
      // While two paths live, the one that the route names is what there is to say.
      const sfu = this.router.state()?.transport === "sfu";
      if (sfu && links.has("sfu")) for (const id of links.keys()) if (id !== "sfu") links.delete(id);
      if (!sfu && links.size > 1) links.delete("sfu");
      this.links.clear();
      for (const [id, l] of links) this.links.set(id, l);
      this.onChange();
    } finally {
      this.reading = false;
    }
  }

  private hear(): void {
    const now = this.now();
    const loud = new Map<string, number>();
    if (now - this.speakers.at < FRESH) for (const [id, a] of this.speakers.by) loud.set(id, a);
    if (this.self !== "") loud.set(this.self, this.ownLevel);
    for (const { key, track } of this.router.inbound()) {
      if (key.source !== "microphone") continue;
      const a = track.receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
      loud.set(key.participant, Math.max(a, loud.get(key.participant) ?? 0));
    }
    let changed = false;
    for (const id of new Set([...this.levels.keys(), ...loud.keys()])) {
      const before = this.level(id);
      const next = listen(before, loud.get(id) ?? 0, now);
      this.levels.set(id, next);
      changed ||= before.level !== next.level || before.speaking !== next.speaking;
    }
    if (changed) this.onChange();
  }
}
