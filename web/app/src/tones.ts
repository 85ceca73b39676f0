// Three soft tones, made here rather than loaded: somebody came, somebody went, a hand went up.

import { prefs } from "./prefs.js";

type Tone = "joined" | "left" | "hand";

/** Two notes each, in hertz. Rising for a welcome, falling for a farewell. */
const notes: Record<Tone, readonly [number, number]> = { joined: [523, 659], left: [587, 440], hand: [784, 784] };

let context: AudioContext | null = null;

export function play(tone: Tone): void {
  if (!prefs.peek().tones || !("AudioContext" in globalThis)) return;
  context ??= new AudioContext();
  // Before the first click the browser keeps the context suspended: then the tone is not worth a later surprise.
  if (context.state !== "running") {
    void context.resume();
    return;
  }
  notes[tone].forEach((hertz, i) => note(context as AudioContext, hertz, i * 0.12));
}

function note(c: AudioContext, hertz: number, after: number): void {
  const start = c.currentTime + after;
  const oscillator = new OscillatorNode(c, { type: "sine", frequency: hertz });
  const gain = new GainNode(c, { gain: 0 });
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.06, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.28);
  oscillator.connect(gain).connect(c.destination);
  oscillator.onended = () => gain.disconnect();
  oscillator.start(start);
  oscillator.stop(start + 0.3);
}
