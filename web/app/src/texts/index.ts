// The language that is spoken. English is the only one so far; another is one more entry here.

import { en, type Texts } from "./en.js";

const languages: Record<string, Texts> = { en };

function choose(wanted: readonly string[]): Texts {
  for (const tag of wanted) {
    const texts = languages[tag.split("-")[0] ?? ""];
    if (texts) return texts;
  }
  return en;
}

export const t: Texts = choose(globalThis.navigator?.languages ?? []);

/** Numbers and dates follow the person's region, even where the words are English. */
const region = globalThis.navigator?.language ?? "en";

const clockFormat = new Intl.DateTimeFormat(region, { hour: "numeric", minute: "2-digit" });
const milliseconds = new Intl.NumberFormat(region, { style: "unit", unit: "millisecond", maximumFractionDigits: 0 });
const seconds = new Intl.NumberFormat(region, { style: "unit", unit: "second", maximumFractionDigits: 0 });
const minutes = new Intl.NumberFormat(region, { style: "unit", unit: "minute", unitDisplay: "long" });
const hours = new Intl.NumberFormat(region, { style: "unit", unit: "hour", unitDisplay: "long" });
const longSeconds = new Intl.NumberFormat(region, { style: "unit", unit: "second", unitDisplay: "long", maximumFractionDigits: 0 });

export const format = {
  clock: (ms: number) => clockFormat.format(ms),
  ms: (ms: number) => milliseconds.format(Math.round(ms)),
  seconds: (s: number) => seconds.format(Math.floor(s)),
  duration(ms: number): string {
    const all = Math.max(1, Math.round(ms / 1000));
    if (all < 60) return longSeconds.format(all);
    const m = Math.round(all / 60);
    if (m < 60) return minutes.format(m);
    return `${hours.format(Math.floor(m / 60))} ${m % 60 === 0 ? "" : minutes.format(m % 60)}`.trim();
  },
};
