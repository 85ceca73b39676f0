// Loudness of a local track, through an AudioContext that all meters share: browsers allow few.

import { loudness } from "./levels.js";

/** Milliseconds between values. */
const PACE = 100;

let shared: AudioContext | null = null;
let users = 0;

/** Loudness 0..1 as people hear it (50 dB), ten values a second until stop() or the signal. Silent before a first click. */
export function levelMeter(track: MediaStreamTrack, onLevel: (level: number) => void, signal?: AbortSignal): { stop(): void } {
  return amplitudeMeter(track, (a) => onLevel(loudness(a)), signal);
}

/** The same as linear amplitude (root mean square), 0..1. */
export function amplitudeMeter(track: MediaStreamTrack, onLevel: (amplitude: number) => void, signal?: AbortSignal): { stop(): void } {
  if (globalThis.AudioContext === undefined || signal?.aborted === true) return { stop: () => undefined };
  const context = (shared ??= new AudioContext());
  users++;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // A context made before the first click is suspended; it may start at any later one.
    if (context.state === "suspended") void context.resume().catch(() => undefined);
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const s of samples) sum += s * s;
    onLevel(Math.min(1, Math.sqrt(sum / samples.length)));
  }, PACE);
  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    source.disconnect();
    if (--users > 0) return;
    shared = null;
    void context.close();
  };
  signal?.addEventListener("abort", stop, { once: true });
  return { stop };
}
