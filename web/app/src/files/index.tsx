// The part of the app that is about files, as it is loaded in one piece.

export { DropTarget } from "./give.js";
export { CallFiles, FilesPanel } from "./panel.js";
export { SendScreen } from "./send.js";
