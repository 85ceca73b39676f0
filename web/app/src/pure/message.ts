// What a chat message looks like: its parts, and which messages stand together. Pure.

export type Part =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "code"; text: string }
  | { kind: "block"; text: string };

/** Splits a message into text, links, `code` and ```blocks```. Nothing is lost or added but the back-ticks. */
export function parts(message: string): Part[] {
  const out: Part[] = [];
  const pattern = /```(?:[a-z0-9+#-]*\n)?([\s\S]+?)\n?```|`([^`\n]+)`|\bhttps?:\/\/[^\s<>"]+/giu;
  let from = 0;
  for (const m of message.matchAll(pattern)) {
    if (m.index > from) out.push({ kind: "text", text: message.slice(from, m.index) });
    from = m.index + m[0].length;
    if (m[1] !== undefined) out.push({ kind: "block", text: m[1] });
    else if (m[2] !== undefined) out.push({ kind: "code", text: m[2] });
    else {
      const text = trimLink(m[0]);
      out.push(URL.canParse(text) ? { kind: "link", text, href: new URL(text).href } : { kind: "text", text });
      from = m.index + text.length;
    }
  }
  if (from < message.length) out.push({ kind: "text", text: message.slice(from) });
  return out;
}

/** A full stop after a link ends the sentence, and a bracket closes what was opened before the link. */
function trimLink(link: string): string {
  let text = link.replace(/[.,;:!?'"]+$/, "");
  while (text.endsWith(")") && text.split(")").length > text.split("(").length) text = text.slice(0, -1);
  return text;
}

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
}

/** Groups messages of one person within one minute of the clock. */
export function group<M extends Said>(messages: readonly M[]): M[][] {
  const groups: M[][] = [];
  for (const m of messages) {
    const last = groups.at(-1)?.at(-1);
    const together = last && last.from === m.from && last.to === m.to && Math.floor(last.time / 60_000) === Math.floor(m.time / 60_000);
    if (together) groups.at(-1)?.push(m);
    else groups.push([m]);
  }
  return groups;
}
