// Draws a message: the tree of markdown.ts as elements. Text stays text; nothing is ever set as HTML.

import type { ComponentChildren } from "preact";
import { markdown, type Block, type Inline } from "../pure/markdown.js";

export function Markdown({ text }: { text: string }) {
  return <div class="message-text" dir="auto">{markdown(text).map(block)}</div>;
}

function block(b: Block, i: number): ComponentChildren {
  switch (b.kind) {
    case "paragraph": return <p key={i}>{b.of.map(inline)}</p>;
    case "code": return <pre key={i} tabIndex={0}><code>{b.text}</code></pre>;
    case "quote": return <blockquote key={i}>{b.of.map(block)}</blockquote>;
    case "list": {
      const items = b.items.map((of, n) => <li key={n}>{of.map(inline)}</li>);
      return b.start === null ? <ul key={i}>{items}</ul> : <ol key={i} start={b.start}>{items}</ol>;
    }
  }
}

function inline(x: Inline, i: number): ComponentChildren {
  switch (x.kind) {
    case "text": return x.text;
    case "code": return <code key={i}>{x.text}</code>;
    case "bold": return <strong key={i}>{x.of.map(inline)}</strong>;
    case "italic": return <em key={i}>{x.of.map(inline)}</em>;
    case "link": return <a key={i} href={x.href} title={x.href} target="_blank" rel="noopener noreferrer nofollow">{x.text}</a>;
  }
}
