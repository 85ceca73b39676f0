import assert from "node:assert/strict";
import { test } from "node:test";
import { type ComponentChildren, isValidElement, type VNode } from "preact";
import { Markdown } from "../src/call/markdown.js";

/** The elements that a message becomes, as text: tag[href](children). */
function draw(x: ComponentChildren): string {
  if (Array.isArray(x)) return x.map(draw).join("");
  if (!isValidElement(x)) return typeof x === "string" || typeof x === "number" ? String(x) : "";
  const v = x as VNode<Record<string, unknown> & { children?: ComponentChildren }>;
  if (typeof v.type === "function") return draw((v.type as (p: unknown) => ComponentChildren)(v.props));
  for (const [name, value] of Object.entries(v.props)) {
    assert.ok(allowed[v.type as string]?.includes(name) === true, `<${v.type as string} ${name}>`);
    if (name === "href" || name === "title") assert.match(String(value), /^(?:https?:\/\/|mailto:)/);
    if (name === "rel") assert.match(String(value), /\bnoopener\b/);
  }
  const href = v.props["href"] === undefined ? "" : `[${String(v.props["href"])}]`;
  const start = v.props["start"] === undefined ? "" : `${String(v.props["start"])}`;
  return `${v.type as string}${start}${href}(${draw(v.props.children)})`;
}

/** All that may ever come out: elements and their attributes. */
const allowed: Record<string, string[]> = {
  div: ["class", "dir", "children"], p: ["children"], pre: ["tabIndex", "children"], code: ["children"], blockquote: ["children"],
  ul: ["children"], ol: ["start", "children"], li: ["children"], strong: ["children"], em: ["children"],
  a: ["href", "title", "target", "rel", "children"],
};

const drawn = (text: string): string => draw(Markdown({ text })).replace(/^div\(([^]*)\)$/, "$1");

const table: [text: string, want: string][] = [
  ["plain", "p(plain)"],
  ["two\nlines", "p(two\nlines)"],
  ["see https://a.example/x?y=1.", "p(see a[https://a.example/x?y=1](https://a.example/x?y=1).)"],
  ["(https://a.example/b_(c))", "p((a[https://a.example/b_(c)](https://a.example/b_(c))))"],
  ["[the plan](https://a.example/p), or mailto:ann@a.example", "p(a[https://a.example/p](the plan), or a[mailto:ann@a.example](mailto:ann@a.example))"],
  ["run `go test` now", "p(run code(go test) now)"],
  ["**bold** and *italic* and _too_", "p(strong(bold) and em(italic) and em(too))"],
  ["**bold *and* more**", "p(strong(bold em(and) more))"],
  ["2 * 3 * 4, snake_case_name, a**b", "p(2 * 3 * 4, snake_case_name, a**b)"],
  ["**not closed", "p(**not closed)"],
  ["```go\nx := **1**\n```", "pre(code(x := **1**))"],
  ["before\n```\nx\n```\nafter", "p(before)pre(code(x))p(after)"],
  ["```never closed", "p(```never closed)"],
  ["> said\n> twice\nanswer", "blockquote(p(said\ntwice))p(answer)"],
  ["> > deep", "blockquote(blockquote(p(deep)))"],
  ["- one\n- **two**\n\nend", "ul(li(one)li(strong(two)))p(end)"],
  ["3. three\n4. four", "ol3(li(three)li(four))"],
  ["`https://a.example`", "p(code(https://a.example))"],
  ["1.5 is no list, -1 neither", "p(1.5 is no list, -1 neither)"],
];
for (const [text, want] of table) test(`markdown: ${JSON.stringify(text)}`, () => assert.equal(drawn(text), want));

// What has got through elsewhere. None may become an element or an address; draw() refuses what is not on its list.
const corpus = [
  "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
  "<a href=javascript:alert(1)>x</a>", "<details open ontoggle=alert(1)>", "<math><mtext></p><style><img src=x onerror=alert(1)>",
  "\"><script>alert(1)</script>", "'-alert(1)-'", "{{constructor.constructor('alert(1)')()}}", "${alert(1)}", "&lt;script&gt;alert(1)&lt;/script&gt;",
  "javascript:alert(1)", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))", "[x](java\tscript:alert(1))",
  "[x](\u0001javascript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](%6aavascript:alert(1))", "[x](vbscript:msgbox(1))",
  "[x](data:text/html,<script>alert(1)</script>)", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](blob:https://a.example/1)", "[x](file:///etc/passwd)",
  "[x](//evil.example)", "[x](/r/room)", "[x](about:blank)", "[x](view-source:https://a.example)", "[x](intent://x#Intent;end)",
  "![x](https://a.example/x.png)", "[![x](x)](javascript:alert(1))", "[x]: javascript:alert(1)", "<https://a.example\"onmouseover=alert(1)>",
  "https://a.example/\"onmouseover=\"alert(1)", "https://a.example/<script>", "https://a.example/'><img src=x>", "http://[::1", "https://", "mailto:",
  "`<b>`", "```\n<script>\n```", "```<script>\n</script>\n```", "> <script>", "- <img src=x onerror=alert(1)>", "**<b onclick=alert(1)>**",
  "_<script>_", "\u202ehttps://moc.elpmaxe", "<!--<img src=--><img src=x onerror=alert(1)//>", "<object data=javascript:alert(1)>",
  "<base href=//evil.example>", "<meta http-equiv=refresh content=0;url=javascript:alert(1)>", "<form action=javascript:alert(1)><button>",
  "<x contenteditable onblur=alert(1)>", "__proto__", "constructor", "[__proto__](https://a.example)",
];
for (const text of corpus) {
  test(`harmless: ${JSON.stringify(text)}`, () => {
    const out = drawn(text);
    for (const [, href] of out.matchAll(/a\[([^\]]*)\]/g)) assert.match(href ?? "", /^(?:https?:\/\/|mailto:)/);
  });
}

test("whatever is put together of these is harmless too", { timeout: 60_000 }, () => {
  const pieces = [...corpus, ...table.map(([text]) => text), "**", "*", "_", "`", "```", "\n", "> ", "- ", "[", "](", ")", "a", " "];
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let i = 0; i < 2_000; i++) drawn(Array.from({ length: 1 + random(12) }, () => pieces[random(pieces.length)]).join(""));
  // The longest message of one mark: what grew exponentially would never end.
  for (const piece of ["*", "**a", "_a", "[", "[a](", "`", "> ", "- ", "```\n", "https://", "mailto:a", "(", "**a*", "1. "]) {
    drawn(piece.repeat(Math.ceil(4_000 / piece.length)));
  }
});
