// What carries frames of the signaling protocol to the server and back. One of three, all alike from here on: WebSocket,
// WebTransport, or a stream of events with POSTs beside it. docs/carriers.md has the wire of each.

export type CarrierKind = "websocket" | "webtransport" | "sse";

/** What a carrier tells. Nothing more comes after closed, or after close() was called. */
export interface CarrierEars {
  /** Frames may be sent. */
  open(): void;
  /** One frame of the server: a message or an array of them, as text. */
  frame(text: unknown): void;
  /** It is over; code is that of protocol.Close…, or null if nobody said. Told at most once, also when it never opened. */
  closed(code: number | null): void;
}

export interface Carrier {
  readonly kind: CarrierKind;
  /** False if it is not open. */
  send(text: string): boolean;
  /** Ends it without a word to the ears. away: the page goes, so the server need not wait long. */
  close(away?: boolean): void;
}
