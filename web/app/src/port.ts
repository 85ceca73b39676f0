// What the app needs of a call. The SDK's Call has it; so has the fake one of the development page.

import type { Call, CallOptions } from "@confab/sdk";

export type CallPort = Pick<
  Call,
  | "state" | "join" | "leave" | "setMicrophone" | "setCamera" | "setMuted" | "shareScreen" | "stopScreen" | "raiseHand" | "setView"
  | "sendChat" | "retryChat" | "stats" | "addEventListener" | "removeEventListener"
>;

export type NewCall = (o: CallOptions) => CallPort;
