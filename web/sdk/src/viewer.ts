// What we want to see, said to the server at a pace it can bear. Only the newest wish counts.

import type { ClientMessage, View } from "./protocol.gen.js";
import { MaxSide, MaxWants } from "./protocol.gen.js";
import type { ViewWant } from "./types.js";

/** Milliseconds between views: a window being dragged should not flood. */
const VIEW_PACE = 200;
/** Milliseconds to wait, at least, after the server found us too fast. */
const SLOW_DOWN = 500;

export class Viewer {
  private view: View = { wants: [] };
  /** As the server has it; "" is unknown. */
  private sent = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private slow: ReturnType<typeof setTimeout> | undefined;

  constructor(
    /** True if it went out now. */
    private readonly send: (m: ClientMessage) => boolean,
  ) {}

  set(wants: readonly ViewWant[]): void {
    const side = (n: number): number => Math.min(MaxSide, Math.max(0, Math.round(n)));
    this.view = {
      wants: wants.slice(0, MaxWants).map((w) => ({
        participant: w.participant, source: w.source, width: side(w.width), height: side(w.height),
        priority: Math.min(100, Math.max(0, Math.round(w.priority ?? 50))), visible: w.visible ?? true,
      })),
    };
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.tell();
    }, VIEW_PACE);
  }

  /** A seat was taken, or taken back: the view may have been said into a dying socket. */
  joined(): void {
    this.sent = "";
    this.tell();
  }

  /** The server dropped it for being too fast. */
  tooFast(after: number): void {
    this.sent = "";
    clearTimeout(this.slow);
    this.slow = setTimeout(() => this.tell(), Math.max(after, SLOW_DOWN));
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.slow);
    this.timer = undefined;
  }

  private tell(): void {
    const text = JSON.stringify(this.view);
    if (text === this.sent || (this.sent === "" && this.view.wants.length === 0)) return;
    if (this.send({ type: "view", id: "view", ...this.view })) this.sent = text;
  }
}
