// Cameras, microphones and screens: opening them, listing them, and saying clearly why it did not work.

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
  signal?: AbortSignal;
}

/** Lists what there is; labels are empty before the first permission. Rejects with a ConfabError. */
export declare function listDevices(): Promise<DeviceList>;

/** Calls back at once and whenever devices come or go, until the signal aborts. */
export declare function watchDevices(onChange: (l: DeviceList) => void, signal: AbortSignal): void;

/** Opens a microphone with echo cancellation, noise suppression and gain control. Rejects with a ConfabError. */
export declare function openMicrophone(o?: OpenOptions): Promise<MediaStreamTrack>;

/** Opens a camera at up to 1280x720, 30 fps. Rejects with a ConfabError. */
export declare function openCamera(o?: OpenOptions & { facing?: "user" | "environment" }): Promise<MediaStreamTrack>;

/** Asks for a screen, window or tab, with its sound where the browser offers that. Rejects with share-cancelled when the person closes the picker. */
export declare function openScreen(): Promise<MediaStream>;

/** State of the permission without asking for it; "unknown" where the browser does not tell. */
export declare function permission(kind: "camera" | "microphone"): Promise<PermissionState | "unknown">;

/** Turns what getUserMedia and getDisplayMedia throw into a coded error. */
export declare function deviceError(cause: unknown, kind: "microphone" | "camera" | "screen"): ConfabError;

/** Loudness of a track, 0..1, at ten values a second until stop() or the signal. */
export declare function levelMeter(track: MediaStreamTrack, onLevel: (level: number) => void, signal?: AbortSignal): { stop(): void };
