// Which messages of the chat are shown large, and which stand together. What is in one: markdown.ts. Pure.

/** True for a message of a few emoji and nothing else: it is shown large. */
export function isEmoji(message: string): boolean {
  const trimmed = message.trim();
  return trimmed.length <= 24 && emoji.test(trimmed);
}

// Pictographs and flags, and what joins or colours them.
const emoji = /^(?:(?:\p{Extended_Pictographic}|[\u{1f1e6}-\u{1f1ff}]{2})[\u200d\ufe0f\u{1f3fb}-\u{1f3ff}]*\s*)+$/u;

export interface Said {
  from: string;
  to: string | null;
  time: number;
  /** Not null: a line about somebody, which stands alone. */
  line: string | null;
}

/** Groups messages of one person within one minute of the clock. */
export function group<M extends Said>(messages: readonly M[]): M[][] {
  const groups: M[][] = [];
  for (const m of messages) {
    const last = groups.at(-1)?.at(-1);
    const together = last && last.line === null && m.line === null && last.from === m.from && last.to === m.to && Math.floor(last.time / 60_000) === Math.floor(m.time / 60_000);
    if (together) groups.at(-1)?.push(m);
    else groups.push([m]);
  }
  return groups;
}
