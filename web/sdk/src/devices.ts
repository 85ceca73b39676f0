// Cameras, microphones and screens: opening them, listing them, and saying clearly why it did not work.

import type { ErrorInit, LocalCode } from "./errors.js";
import { ConfabError } from "./errors.js";

export interface DeviceList {
  readonly microphones: readonly Device[];
  readonly cameras: readonly Device[];
  readonly speakers: readonly Device[];
}

export interface Device {
  readonly id: string;
  /** Empty until permission was given once. */
  readonly label: string;
  /** Of the physical thing: a headset's microphone and speaker share it. */
  readonly group: string;
}

export interface OpenOptions {
  /** Device id; absent or gone: the browser's choice. */
  device?: string;
  /** A device opened after the signal aborted is closed again, and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What a device is wanted for; it words the errors. */
export type DeviceKind = "microphone" | "camera" | "screen";

/** Lists what there is; labels are empty before the first permission. Rejects with a ConfabError. */
export async function listDevices(): Promise<DeviceList> {
  const all = await mediaDevices("camera").enumerateDevices();
  const of = (kind: MediaDeviceKind): Device[] =>
    // Before permission, browsers list one nameless device of each kind without an id: nothing to choose.
    all.filter((d) => d.kind === kind && d.deviceId !== "").map((d) => ({ id: d.deviceId, label: d.label, group: d.groupId }));
  return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") };
}

/** Calls back at once and whenever devices come or go, until the signal aborts. Without devices to list, it is silent. */
export function watchDevices(onChange: (l: DeviceList) => void, signal: AbortSignal): void {
  const look = (): void => {
    listDevices().then(
      (l) => {
        if (!signal.aborted) onChange(l);
      },
      () => undefined, // an insecure page has none; opening one says so
    );
  };
  look();
  globalThis.navigator?.mediaDevices?.addEventListener("devicechange", look, { signal });
}

/** Opens a microphone with echo cancellation, noise suppression and gain control. Rejects with a ConfabError. */
export async function openMicrophone(o: OpenOptions = {}): Promise<MediaStreamTrack> {
  const audio: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (o.device !== undefined) audio.deviceId = { ideal: o.device };
  return open({ audio }, "microphone", o.signal);
}

/** Opens a camera at up to 1280x720, 30 fps. Rejects with a ConfabError. */
export async function openCamera(o: OpenOptions & { facing?: "user" | "environment" } = {}): Promise<MediaStreamTrack> {
  const video: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
  if (o.device !== undefined) video.deviceId = { ideal: o.device };
  if (o.facing !== undefined) video.facingMode = { ideal: o.facing };
  return open({ video }, "camera", o.signal);
}

/**
 * Asks for a screen, window or tab, with its sound where the browser offers that. Rejects with a ConfabError; its code is
 * share-cancelled when the person closed the picker. Must be called from a click.
 */
export async function openScreen(): Promise<MediaStream> {
  const devices = mediaDevices("screen");
  if (typeof devices.getDisplayMedia !== "function") {
    throw new ConfabError({ code: "unsupported-browser", message: "This browser cannot share a screen.", hint: "Use a computer, with Chrome, Edge, Firefox or Safari." });
  }
  try {
    return await devices.getDisplayMedia({
      // Text moves little: resolution matters more than frames.
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (e) {
    throw deviceError(e, "screen");
  }
}

/** State of the permission without asking for it; "unknown" where the browser does not tell. */
export async function permission(kind: "camera" | "microphone"): Promise<PermissionState | "unknown"> {
  try {
    return (await navigator.permissions.query({ name: kind as PermissionName })).state;
  } catch {
    return "unknown"; // Firefox before 131, and Safari in places, know no such permission
  }
}

const noun: Record<DeviceKind, string> = { microphone: "microphone", camera: "camera", screen: "screen" };

/** Turns what getUserMedia and getDisplayMedia throw into a coded error (Media Capture and Streams §10.2). */
export function deviceError(cause: unknown, kind: DeviceKind): ConfabError {
  if (cause instanceof ConfabError) return cause;
  const name = property(cause, "name");
  const message = property(cause, "message");
  const [code, text, hint] = explain(name, message, kind);
  const init: ErrorInit = { code, message: text, hint, retry: code !== "unsupported-browser" && code !== "insecure-context", cause };
  return new ConfabError(init);
}

function explain(name: string, message: string, kind: DeviceKind): [LocalCode, string, string] {
  const the = noun[kind];
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      if (/by system/i.test(message)) {
        return ["permission-denied", `The system does not let this browser use the ${the}.`, "Allow it in the system's privacy settings, then try again."];
      }
      if (kind === "screen") return ["share-cancelled", "Nothing was shared.", ""];
      if (/dismissed/i.test(message)) return ["permission-dismissed", `The question about the ${the} was closed.`, "Try again and choose Allow."];
      return ["permission-denied", `This page may not use the ${the}.`, "Allow it in the browser's address bar, then try again."];
    case "NotFoundError":
    case "DevicesNotFoundError":
      return ["device-not-found", `There is no ${the}.`, "Plug one in, or go on without."];
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return ["device-busy", `The ${the} does not start.`, "Another program may be using it: close that and try again."];
    case "OverconstrainedError":
    case "ConstraintNotSatisfiedError":
      return ["device-constraints", `No ${the} can do what was asked.`, "Choose another device."];
    case "SecurityError":
      return ["permission-denied", `The ${the} is forbidden on this page.`, "The page that embeds this one must allow it."];
    case "InvalidStateError":
      return ["share-cancelled", "Nothing was shared.", "Press the button once more."];
    default:
      return ["device-busy", `The ${the} could not be opened.`, message];
  }
}

async function open(c: MediaStreamConstraints, kind: "microphone" | "camera", signal?: AbortSignal): Promise<MediaStreamTrack> {
  signal?.throwIfAborted();
  let stream: MediaStream;
  try {
    stream = await mediaDevices(kind).getUserMedia(c);
  } catch (e) {
    throw deviceError(e, kind);
  }
  const track = stream.getTracks()[0];
  if (signal?.aborted === true) track?.stop();
  signal?.throwIfAborted();
  if (track === undefined) throw deviceError({ name: "NotFoundError" }, kind);
  return track;
}

function mediaDevices(kind: DeviceKind): MediaDevices {
  const devices = globalThis.navigator?.mediaDevices as MediaDevices | undefined;
  if (devices !== undefined) return devices;
  throw globalThis.isSecureContext === false
    ? new ConfabError({
        code: "insecure-context",
        message: `Browsers give the ${noun[kind]} only to pages on https or localhost.`,
        hint: "Open this page by https.",
      })
    : new ConfabError({ code: "unsupported-browser", message: "This browser cannot make calls.", hint: "Use a recent Chrome, Edge, Firefox or Safari." });
}

function property(of: unknown, name: "name" | "message"): string {
  const v: unknown = typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
  return typeof v === "string" ? v : "";
}
