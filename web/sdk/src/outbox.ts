// What we have to say to the server that must arrive in the end, whatever sockets are lost meanwhile: what we send and show,
// what we want to see, what we wrote. Of the first two only the newest counts; a message of the chat is repeated until the
// server has it, which applies it once.

import type { ClientMessage, State, View } from "./protocol.gen.js";
import { MaxSide, MaxWants } from "./protocol.gen.js";
import type { ChatEntry, ViewWant } from "./types.js";

/** Milliseconds between views: a window being dragged should not flood. */
const VIEW_PACE = 200;
/** Milliseconds to wait, at least, after the server found us too fast. */
const SLOW_DOWN = 500;

export class Outbox {
  private view: View = { wants: [] };
  /** As the server has it; "" is unknown. */
  private viewSent = "";
  private stateSent = "";
  private viewTimer: ReturnType<typeof setTimeout> | undefined;
  private slowTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    /** True if it went out now. */
    private readonly send: (m: ClientMessage) => boolean,
    private readonly state: () => State,
  ) {}

  /** For join, which carries it. */
  stateForJoin(): State {
    const state = this.state();
    this.stateSent = JSON.stringify(state);
    return state;
  }

  tellState(): void {
    const state = this.state();
    const text = JSON.stringify(state);
    if (text !== this.stateSent && this.send({ type: "state", id: "state", ...state })) this.stateSent = text;
  }

  setView(wants: readonly ViewWant[]): void {
    const side = (n: number): number => Math.min(MaxSide, Math.max(0, Math.round(n)));
    this.view = {
      wants: wants.slice(0, MaxWants).map((w) => ({
        participant: w.participant, source: w.source, width: side(w.width), height: side(w.height),
        priority: Math.min(100, Math.max(0, Math.round(w.priority ?? 50))), visible: w.visible ?? true,
      })),
    };
    this.viewTimer ??= setTimeout(() => {
      this.viewTimer = undefined;
      this.tellView();
    }, VIEW_PACE);
  }

  tellChat(c: ChatEntry): void {
    const m: ClientMessage = { type: "chat", id: c.id, text: c.text };
    if (c.to !== null) m.to = c.to;
    this.send(m);
  }

  /** A seat was taken, or taken back: say what may have been said into a dying socket. */
  joined(resumed: boolean, chat: readonly ChatEntry[]): void {
    if (resumed) this.stateSent = "";
    this.viewSent = "";
    this.tellState();
    this.tellView();
    for (const c of chat) if (c.status === "pending") this.tellChat(c);
  }

  /** The server dropped something for being too fast. */
  tooFast(after: number): void {
    this.stateSent = this.viewSent = "";
    clearTimeout(this.slowTimer);
    this.slowTimer = setTimeout(() => {
      this.tellState();
      this.tellView();
    }, Math.max(after, SLOW_DOWN));
  }

  close(): void {
    clearTimeout(this.viewTimer);
    clearTimeout(this.slowTimer);
    this.viewTimer = undefined;
  }

  private tellView(): void {
    const text = JSON.stringify(this.view);
    if (text === this.viewSent || (this.viewSent === "" && this.view.wants.length === 0)) return;
    if (this.send({ type: "view", id: "view", ...this.view })) this.viewSent = text;
  }
}
