import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ClientMessage } from "../src/protocol.gen.js";
import { noSession, receive } from "../src/session.js";
import { decode, encode, serverURL } from "../src/wire.js";

const frames = join(process.env["CONFAB_SDK_TEST"] ?? ".", "../../../signaling/protocol/testdata/frames");
const read = (side: string): [string, string][] =>
  readdirSync(join(frames, side)).filter((f) => f.endsWith(".json")).map((f) => [f, readFileSync(join(frames, side, f), "utf8")]);

// The same files are decoded by the server's tests.
for (const [file, text] of read("server")) {
  test(`golden server frame ${file} is understood`, () => {
    for (const frame of each(text)) {
      const [m, ...more] = decode(frame);
      assert.ok(m !== undefined && typeof m !== "number" && more.length === 0, "unknown type");
      assert.doesNotThrow(() => receive({ ...noSession, self: "a" }, m, 0));
      assert.deepEqual(JSON.parse(JSON.stringify(m)), JSON.parse(frame));
    }
  });
}

for (const [file, text] of read("client")) {
  test(`golden client frame ${file} is what we would send`, () => {
    for (const frame of each(text)) {
      const o = JSON.parse(frame) as ClientMessage;
      assert.deepEqual(JSON.parse(encode(o)), o);
    }
  });
}

test("what is not a known message is left out, and its number still counts", () => {
  for (const bad of ["", "null", "[]", "[[]]", "7", '"joined"', "{", '{"type":7}', '{"type":"toString"}', '{"type":"__proto__"}']) {
    assert.deepEqual(decode(bad), [], bad);
  }
  assert.deepEqual(decode(new ArrayBuffer(4)), []);
  assert.deepEqual(decode('{"type":"from-the-future","seq":8}'), [8]);
  assert.deepEqual(decode('{"type":"from-the-future"}'), []);
});

test("a frame of several messages is taken in order", () => {
  assert.deepEqual(decode('[{"type":"pong"},null,{"type":"from-the-future","seq":8},{"type":"withheld","seq":9}]'), [{ type: "pong" }, 8, { type: "withheld", seq: 9 }]);
});

const urls: [string, string | undefined, string, string][] = [
  ["the page's own server", undefined, "https://meet.example/r/room?x=1#token=t", "wss://meet.example/ws"],
  ["plain http on a laptop", undefined, "http://localhost:8080/", "ws://localhost:8080/ws"],
  ["a server by http URL", "https://sfu.example", "https://page.example/", "wss://sfu.example/ws"],
  ["a server by ws URL with a prefix", "wss://sfu.example/confab/", "https://page.example/", "wss://sfu.example/confab/ws"],
];
for (const [name, server, page, want] of urls) test(`socket address: ${name}`, () => assert.equal(serverURL(server, page, "/ws", "ws"), want));

test("the same server over http", () => assert.equal(serverURL("wss://sfu.example/confab", "https://page.example/", "/api/v1/transports", "http"), "https://sfu.example/confab/api/v1/transports"));

/** A golden file is one frame, or one a line. */
function each(text: string): string[] {
  try {
    JSON.parse(text);
    return [text];
  } catch {
    return text.split("\n").filter((l) => l.trim() !== "");
  }
}
