// @confab/sdk: calls from a browser. See README.md for how to embed, call.ts for the one class that matters.

export { Call } from "./call.js";
export { ConfabError } from "./errors.js";
export type { ErrorCode, LocalCode } from "./errors.js";
export { deviceError, listDevices, openCamera, openMicrophone, openScreen, permission, watchDevices } from "./devices.js";
export type { Device, DeviceKind, DeviceList, OpenOptions } from "./devices.js";
export { levelMeter } from "./loudness.js";
export type { RoomControls, Talk } from "./commands.js";
export type { TransferSeat } from "./seat.js";
export { MaxChat, MaxPassword, MinPassword, MaxUses } from "./protocol.gen.js";
export type { Invite, Settings } from "./protocol.gen.js";
export type {
  Access, CallEvents, CallMode, CallOptions, CallPhase, CallState, CallStats, CarrierKind, ChatEntry, ConnectionState, ConnectionStats, DataMessage,
  Grant, InboundStats, KnockState, Line, LinkProtocol, LinkState, LobbyState, OutboundStats, PathKind, PersonState, PersonStreams, Role,
  TalkState, TrackSource, TypingState, ViewWant,
} from "./types.js";
