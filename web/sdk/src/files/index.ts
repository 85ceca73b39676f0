// @confab/sdk/files: files from peer to peer, loaded when they are needed. files.ts is the one class that matters;
// docs/file-transfer.md says what travels.

export { Files, type Accepted, type FilesEvents, type FilesOptions, type Seat, type SeatEars } from "./files.js";
export { TransferError, type TransferCode } from "./errors.js";
export type { Group } from "./cpace.js";
export type { Keys } from "./handshake.js";
export type { Entry } from "./manifest.js";
export type { Route } from "./route.js";
export type { Content, Item } from "./source.js";
export { over, type FileProgress, type TransferPhase, type TransferState } from "./state.js";
export { caller, type Tasks } from "./tasks.js";
export { b64u, random, unb64u } from "./bytes.js";
export { zip } from "./zip.js";
export { makeCode, readCode } from "./codes.js";
