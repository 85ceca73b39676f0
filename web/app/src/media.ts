// The person's own microphone and camera, from the preview to the end of the call: which are open, why not, how loud.

import { ConfabError, levelMeter, listDevices, openCamera, openMicrophone, watchDevices, type DeviceList } from "@confab/sdk";
import { batch, signal } from "@preact/signals";
import { prefs, setPrefs } from "./prefs.js";

export type DeviceKind = "microphone" | "camera";

/** off: closed on purpose; failed: wanted, see the error. */
export type DeviceStatus = "off" | "opening" | "open" | "failed";

export class LocalMedia {
  readonly microphone = signal<MediaStreamTrack | null>(null);
  readonly camera = signal<MediaStreamTrack | null>(null);
  /** Whether the person wants to be heard; the track stays open while muted, so that unmuting is instant. */
  readonly microphoneOn = signal(prefs.peek().microphoneOn);
  readonly status = { microphone: signal<DeviceStatus>("off"), camera: signal<DeviceStatus>("off") };
  readonly errors = { microphone: signal<ConfabError | null>(null), camera: signal<ConfabError | null>(null) };
  readonly devices = signal<DeviceList>({ microphones: [], cameras: [], speakers: [] });
  readonly level = signal(0);
  /** The camera's picture for our own eyes; one stream for good, so that a preview keeps its element. */
  readonly picture = new MediaStream();

  #facing: "user" | "environment" = "user";
  #end = new AbortController();
  #meter: { stop(): void } | null = null;
  #wanted = { microphone: 0, camera: 0 }; // newest request of each kind: an older one that ends later is dropped

  /** Opens what the person used last time. Never rejects: what went wrong is in errors. */
  async start(): Promise<void> {
    watchDevices((l) => (this.devices.value = l), this.#end.signal);
    const camera = prefs.peek().cameraOn ? this.open("camera") : Promise.resolve();
    await Promise.all([this.open("microphone"), camera]);
  }

  async open(kind: DeviceKind): Promise<void> {
    const request = ++this.#wanted[kind];
    this.status[kind].value = "opening";
    try {
      const device = prefs.peek()[kind] || undefined;
      const track = kind === "microphone" ? await openMicrophone({ device, signal: this.#end.signal })
        : await openCamera({ device, facing: this.#facing, signal: this.#end.signal });
      if (request !== this.#wanted[kind] || this.#end.signal.aborted) {
        track.stop();
        return;
      }
      this.#take(kind, track);
      // Labels of devices are told only after a permission.
      this.devices.value = await listDevices();
    } catch (cause) {
      if (request !== this.#wanted[kind] || this.#end.signal.aborted) return;
      batch(() => {
        this.#drop(kind);
        this.status[kind].value = "failed";
        this.errors[kind].value = cause instanceof ConfabError ? cause : new ConfabError({ code: "device-constraints", message: String(cause), cause });
      });
    }
  }

  /** Closes the device: its light goes out. */
  close(kind: DeviceKind): void {
    this.#wanted[kind]++;
    batch(() => {
      this.#drop(kind);
      this.status[kind].value = "off";
      this.errors[kind].value = null;
    });
  }

  async choose(kind: DeviceKind, device: string): Promise<void> {
    setPrefs({ [kind]: device });
    if (this.status[kind].peek() !== "off" || kind === "microphone") await this.open(kind);
  }

  /** The other side of a phone. */
  async flip(): Promise<void> {
    this.#facing = this.#facing === "user" ? "environment" : "user";
    setPrefs({ camera: "" });
    await this.open("camera");
  }

  get mirrored(): boolean {
    return this.#facing === "user";
  }

  setMicrophoneOn(on: boolean): void {
    this.microphoneOn.value = on;
    const track = this.microphone.peek();
    if (track) track.enabled = on;
  }

  /** Remembers what was on, for the next call. */
  remember(): void {
    setPrefs({ microphoneOn: this.microphoneOn.peek(), cameraOn: this.status.camera.peek() === "open" });
  }

  stop(): void {
    this.#end.abort();
    this.close("microphone");
    this.close("camera");
  }

  #take(kind: DeviceKind, track: MediaStreamTrack): void {
    batch(() => {
      this.#drop(kind);
      track.addEventListener("ended", () => this.#ended(kind, track), { signal: this.#end.signal });
      this.errors[kind].value = null;
      this.status[kind].value = "open";
      this[kind].value = track;
      if (kind === "camera") this.picture.addTrack(track);
      else {
        track.enabled = this.microphoneOn.peek();
        this.#meter = levelMeter(track, (l) => (this.level.value = l), this.#end.signal);
      }
    });
  }

  #drop(kind: DeviceKind): void {
    const track = this[kind].peek();
    if (kind === "microphone") {
      this.#meter?.stop();
      this.#meter = null;
      this.level.value = 0;
    } else for (const old of this.picture.getTracks()) this.picture.removeTrack(old);
    track?.stop();
    this[kind].value = null;
  }

  /** Unplugged: try what else there is, once. */
  #ended(kind: DeviceKind, track: MediaStreamTrack): void {
    if (this[kind].peek() === track) void this.open(kind);
  }
}
