// The Markdown that the chat understands (docs/chat.md): bold, italic, code, blocks of code, quotes, lists, links. A message
// becomes a tree of these and of text, nothing else: there is no HTML in it to be escaped, and no address but http, https and
// mailto. What is not understood is shown as it was written. Pure.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "bold" | "italic"; of: Inline[] };

export type Block =
  | { kind: "paragraph"; of: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "quote"; of: Block[] }
  | { kind: "list"; start: number | null; items: Inline[][] };

/** Quotes in quotes and bold in italic, at most: deeper is text. */
const DEEP = 3;

export function markdown(message: string): Block[] {
  const out: Block[] = [];
  // Blocks of code first: nothing in them means anything.
  const fence = /^```[^\S\n]*[a-z0-9+#.-]*[^\S\n]*\n([^]*?)\n?^```[^\S\n]*$/gimu;
  let from = 0;
  for (const m of message.matchAll(fence)) {
    out.push(...blocks(message.slice(from, m.index), 0));
    out.push({ kind: "code", text: m[1] ?? "" });
    from = m.index + m[0].length;
  }
  out.push(...blocks(message.slice(from), 0));
  return out;
}

function blocks(text: string, depth: number): Block[] {
  const out: Block[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; ) {
    const quote = depth < DEEP ? run(lines, i, /^>[ \t]?(.*)$/) : [];
    const list = quote.length > 0 ? [] : run(lines, i, /^ {0,3}[-*•][ \t]+(\S.*)$/);
    const numbered = quote.length + list.length > 0 ? [] : run(lines, i, /^ {0,3}\d{1,9}[.)][ \t]+(\S.*)$/);
    if (quote.length > 0) out.push({ kind: "quote", of: blocks(quote.join("\n"), depth + 1) });
    else if (list.length > 0) out.push({ kind: "list", start: null, items: list.map((l) => inline(l)) });
    else if (numbered.length > 0) out.push({ kind: "list", start: Number.parseInt(lines[i] ?? "1", 10), items: numbered.map((l) => inline(l)) });
    const taken = quote.length + list.length + numbered.length;
    if (taken > 0) {
      i += taken;
      continue;
    }
    const first = i;
    do i++;
    while (i < lines.length && !/^(?:>| {0,3}[-*•][ \t]+\S| {0,3}\d{1,9}[.)][ \t]+\S)/.test(lines[i] ?? ""));
    const paragraph = lines.slice(first, i).join("\n").replace(/^\n+|\s+$/g, "");
    if (paragraph !== "") out.push({ kind: "paragraph", of: inline(paragraph) });
  }
  return out;
}

/** What pattern captures, of the lines that follow each other from i on. */
function run(lines: readonly string[], i: number, pattern: RegExp): string[] {
  const out: string[] = [];
  for (; i < lines.length; i++) {
    const m = pattern.exec(lines[i] ?? "");
    if (m === null) break;
    out.push(m[1] ?? "");
  }
  return out;
}

const tokens = new RegExp(
  [
    /`([^`\n]+)`/, // 1: code
    /\[([^\]\n]{1,300})\]\(([^()\s]{1,2000})\)/, // 2, 3: link with a text
    /\b((?:https?:\/\/|mailto:)[^\s<>"]+)/, // 4: address
    /\*\*(?=\S)((?:(?!\*\*)[^\n])*?\S)\*\*/, // 5: bold
    /(?<![\p{L}\p{N}*])\*(?=[^\s*])([^*\n]*?[^\s*])\*(?![\p{L}\p{N}*])/u, // 6: italic
    /(?<![\p{L}\p{N}_])_(?=[^\s_])([^_\n]*?[^\s_])_(?![\p{L}\p{N}_])/u, // 7: the same
  ].map((r) => r.source).join("|"),
  "giu",
);

function inline(text: string, depth = 0): Inline[] {
  const out: Inline[] = [];
  let from = 0;
  const upTo = (i: number): void => {
    if (i > from) out.push({ kind: "text", text: text.slice(from, i) });
  };
  for (const m of text.matchAll(tokens)) {
    const token = understood(m, depth);
    if (token === null) continue;
    upTo(m.index);
    out.push(token.is);
    from = m.index + token.length;
  }
  upTo(text.length);
  return out;
}

function understood(m: RegExpMatchArray, depth: number): { is: Inline; length: number } | null {
  const whole = m[0].length;
  if (m[1] !== undefined) return { is: { kind: "code", text: m[1] }, length: whole };
  if (m[2] !== undefined && m[3] !== undefined) {
    const href = safe(m[3]);
    return href === null ? null : { is: { kind: "link", text: m[2], href }, length: whole };
  }
  if (m[4] !== undefined) {
    const text = trimLink(m[4]);
    const href = safe(text);
    return href === null ? null : { is: { kind: "link", text, href }, length: text.length };
  }
  if (depth >= DEEP) return null;
  if (m[5] !== undefined) return { is: { kind: "bold", of: inline(m[5], depth + 1) }, length: whole };
  const italic = m[6] ?? m[7];
  if (italic !== undefined) return { is: { kind: "italic", of: inline(italic, depth + 1) }, length: whole };
  return null;
}

/** The address as a browser would take it, if it is one that a person may be sent to; null otherwise. */
export function safe(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** A full stop after a link ends the sentence, and a bracket closes what was opened before the link. */
function trimLink(link: string): string {
  let text = link.replace(/[.,;:!?'"*_]+$/, "");
  while (text.endsWith(")") && text.split(")").length > text.split("(").length) text = text.slice(0, -1);
  return text;
}
