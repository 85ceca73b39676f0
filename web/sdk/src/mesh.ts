// The peer-to-peer path: a connection to each other person of the room.

import type { Connection, Path, PathHost } from "./path.js";
import { Peer } from "./peer.js";
import type { Participant, PeerSignal } from "./protocol.gen.js";
import type { TrackSource } from "./types.js";

export class Mesh implements Path {
  readonly transport = "p2p";
  private readonly peers = new Map<string, Peer>();
  private online = new Map<string, boolean>();

  constructor(
    private readonly host: PathHost,
    public generation: number,
    /** This page was reloaded: whoever was here may have a connection to the page before, and does not know. We start. */
    private readonly back = false,
  ) {}

  roster(all: readonly Participant[]): void {
    const self = this.host.self();
    const mine = all.findIndex((p) => p.id === self);
    const others = all.filter((p) => p.id !== self && p.kind === "person");
    for (const [id, peer] of this.peers) {
      if (others.some((p) => p.id === id)) continue;
      peer.close();
      this.peers.delete(id);
    }
    for (const p of others) {
      const known = this.peers.get(p.id);
      // Whoever joined later knows of both and starts.
      if (known === undefined) this.peers.set(p.id, new Peer(this.host, this, p.id, mine > all.indexOf(p) || this.back));
      else if (p.online && this.online.get(p.id) === false) known.resumed();
    }
    this.online = new Map(others.map((p) => [p.id, p.online]));
  }

  receive(s: PeerSignal): void {
    if (s.generation !== this.generation) return;
    const peer = this.peers.get(s.from);
    if (peer === undefined || s.description === undefined) return peer?.receive(s);
    switch (peer.meant(s.description)) {
      case "for us":
        return peer.receive(s);
      case "for the page before":
        return;
      case "from a new page": {
        // The other side has reloaded its page, and offers from a connection that ours knows nothing of.
        peer.close();
        const fresh = new Peer(this.host, this, s.from, false);
        this.peers.set(s.from, fresh);
        return fresh.receive(s);
      }
    }
  }

  async update(source: TrackSource): Promise<void> {
    await Promise.all([...this.peers.values()].map((p) => p.update(source)));
  }

  resumed(): void {
    for (const p of this.peers.values()) p.resumed();
  }

  configure(c: RTCConfiguration): void {
    for (const p of this.peers.values()) p.pc.setConfiguration(c);
  }

  connections(): readonly Connection[] {
    return [...this.peers.values()].map((p) => ({ peer: p.id, pc: p.pc }));
  }

  connected(): boolean {
    return [...this.peers.values()].every((p) => p.pc.connectionState === "connected" || this.online.get(p.id) === false);
  }

  send(data: string | ArrayBuffer, lossy: boolean, to: string | null): boolean {
    if (to !== null) return this.peers.get(to)?.send(data, lossy) ?? false;
    let all = true;
    for (const p of this.peers.values()) all = p.send(data, lossy) && all;
    return all;
  }

  /** A newer route is being built: go on carrying, but do not complain. */
  retire(): void {
    for (const p of this.peers.values()) p.retire();
  }

  close(): void {
    for (const p of this.peers.values()) p.close();
    this.peers.clear();
  }
}
