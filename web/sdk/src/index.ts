// @confab/sdk: calls from a browser. See README.md for how to embed, call.ts for the one class that matters.

export { Call } from "./call.js";
export { ConfabError } from "./errors.js";
export type { ErrorCode, LocalCode } from "./errors.js";
export { deviceError, listDevices, openCamera, openMicrophone, openScreen, permission, watchDevices } from "./devices.js";
export type { Device, DeviceKind, DeviceList, OpenOptions } from "./devices.js";
export { levelMeter } from "./loudness.js";
export type {
  CallEvents, CallMode, CallOptions, CallPhase, CallState, CallStats, ChatEntry, ConnectionState, ConnectionStats, DataMessage,
  InboundStats, LinkProtocol, LinkState, OutboundStats, PathKind, PersonState, PersonStreams, TrackSource, ViewWant,
} from "./types.js";
