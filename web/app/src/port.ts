// What the app needs of a call. The SDK's Call has it; so has the fake one of the development page.

import type { Call, CallEvents, CallOptions, RoomControls, Talk, TransferSeat } from "@confab/sdk";

/** Listeners as Call has them. */
export interface CallEars {
  addEventListener<K extends keyof CallEvents>(type: K, f: (e: CustomEvent<CallEvents[K]>) => void, o?: AddEventListenerOptions | boolean): void;
}

export type CallPort = CallEars & Pick<
  Call,
  | "state" | "join" | "leave" | "setMicrophone" | "setCamera" | "setMuted" | "shareScreen" | "stopScreen" | "raiseHand" | "setView"
  | "stats"
> & {
  readonly chat: Pick<Talk, keyof Talk>;
  readonly transfers: Pick<TransferSeat, keyof TransferSeat>;
  readonly room: Pick<RoomControls, "setAccess" | "setPassword" | "setPeople" | "setRole" | "mute" | "allow" | "remove" | "admit" | "end" | "record" | "invite">;
};

export type NewCall = (o: CallOptions) => CallPort;
