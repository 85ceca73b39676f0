// What this browser remembers of the person: one object, in local storage where there is one.

import { effect, signal } from "@preact/signals";
import { readKeys, STANDARD, type Keys } from "./pure/shortcuts.js";

export interface Prefs {
  name: string;
  microphone: string; // device id, "" for the browser's choice
  camera: string;
  speaker: string;
  microphoneOn: boolean; // as it was when last joining
  cameraOn: boolean;
  mirror: boolean;
  tones: boolean;
  theme: "auto" | "light" | "dark";
  layout: "grid" | "speaker";
  keys: Keys;
  recent: string[]; // rooms, newest first
}

const KEY = "confab";
const initial: Prefs = {
  name: "", microphone: "", camera: "", speaker: "", microphoneOn: true, cameraOn: true, mirror: true, tones: true,
  theme: "auto", layout: "grid", keys: STANDARD, recent: [],
};

function load(): Prefs {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof stored !== "object" || stored === null) return initial;
    const known = Object.fromEntries(
      Object.entries(stored).filter(([k, v]) => k in initial && typeof v === typeof initial[k as keyof Prefs]),
    );
    const merged: Prefs = { ...initial, ...known };
    return { ...merged, keys: readKeys(merged.keys), recent: Array.isArray(merged.recent) ? merged.recent.filter((r) => typeof r === "string") : [] };
  } catch {
    return initial; // storage is refused or holds something else: start fresh
  }
}

export const prefs = signal<Prefs>(load());

effect(() => {
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs.value));
  } catch {
    // Private windows may refuse storage; the person's choices then live as long as the page.
  }
});

export function setPrefs(change: Partial<Prefs>): void {
  prefs.value = { ...prefs.peek(), ...change };
}

export function rememberRoom(room: string): void {
  setPrefs({ recent: [room, ...prefs.peek().recent.filter((r) => r !== room)].slice(0, 5) });
}
