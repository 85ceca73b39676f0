// What file transfers need of the call that they happen in: who is here, the ICE servers, and a way through the server. The
// transfers themselves are a part of their own (files/), which a page loads when it needs it.

import type { ClientMessage, Participant, PeerTransfer } from "./protocol.gen.js";

export interface SeatHost {
  /** Participant id; "" while not in the room. */
  self(): string;
  participants(): readonly Participant[];
  rtc(): RTCConfiguration;
  peer(c: RTCConfiguration): RTCPeerConnection;
  send(m: ClientMessage): boolean;
}

export interface SeatListener {
  message(m: PeerTransfer): void;
  people(): void;
}

/** Messages that are kept until somebody listens. */
const EARLY = 64;

export class TransferSeat {
  private readonly ears = new Set<SeatListener>();
  /** Came before anybody listened: who is loading the part that does hears it then. Of a few transfers, the newest. */
  private early: PeerTransfer[] = [];

  constructor(private readonly host: SeatHost) {}

  self(): string {
    return this.host.self();
  }

  people(): readonly { readonly id: string; readonly name: string }[] {
    return this.host.participants().filter((p) => p.kind === "person" && p.id !== this.host.self());
  }

  rtc(): RTCConfiguration {
    return this.host.rtc();
  }

  peer(c: RTCConfiguration): RTCPeerConnection {
    return this.host.peer(c);
  }

  send(m: { to: string; transfer: string; open?: boolean; data: string }): void {
    this.host.send({ type: "transfer", id: "transfer", ...m });
  }

  /** Returns what ends it. */
  listen(on: SeatListener): () => void {
    this.ears.add(on);
    queueMicrotask(() => {
      for (const m of this.early.splice(0)) if (this.ears.has(on)) on.message(m);
    });
    return () => this.ears.delete(on);
  }

  /** Somebody came or went, or our seat is another. */
  moved(): void {
    for (const e of this.ears) e.people();
  }

  /** True if somebody listens already. */
  heard(m: PeerTransfer): boolean {
    if (this.ears.size === 0) this.early = [...this.early, m].slice(-EARLY);
    for (const e of this.ears) e.message(m);
    return this.ears.size > 0;
  }
}
