// The carriers beside WebSocket: where frames begin and end, whatever the pieces, and the order of POSTs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader, LengthReader, withLength } from "../src/carriers/frames.js";
import { sse } from "../src/carriers/sse.js";
import { webtransport } from "../src/carriers/webtransport.js";
import { FakePlatform } from "./fake.js";

const turn = (): Promise<void> => new Promise((r) => setTimeout(r, 5));

test("events are read whatever the pieces they come in", () => {
  const text = ": hello\n\nevent: open\ndata: /x\n\ndata: {\"a\":1}\r\n\r\nid: 7\ndata:two\ndata: lines\n\nevent: nothing\n\ndata: [1]\n\n";
  const want = [["open", "/x"], ["message", '{"a":1}'], ["message", "two\nlines"], ["message", "[1]"]];
  for (let size = 1; size < text.length; size++) {
    const r = new EventReader();
    const got = [];
    for (let i = 0; i < text.length; i += size) got.push(...r.push(text.slice(i, i + size)));
    assert.deepEqual(got.map((e) => [e.event, e.data]), want, `in pieces of ${size}`);
  }
  assert.throws(() => new EventReader().push("x".repeat(17 << 20)));
});

test("frames with a length are read whatever the pieces they come in", () => {
  const frames = ["", "{}", '{"text":"Zoë 🎉"}', "x".repeat(70_000)];
  const bytes = new Uint8Array(frames.flatMap((f) => [...withLength(f)]));
  for (const size of [1, 3, 4, 5, 1_000, bytes.length]) {
    const r = new LengthReader();
    const got: string[] = [];
    for (let i = 0; i < bytes.length; i += size) got.push(...r.push(bytes.subarray(i, i + size)));
    assert.deepEqual(got, frames, `in pieces of ${size}`);
  }
  assert.throws(() => new LengthReader().push(new Uint8Array([255, 255, 255, 255])));
});

/** A server of events and POSTs. */
class Office extends FakePlatform {
  readonly requests: { method: string; path: string; body: string; answer: (status: number) => void }[] = [];
  events: ReadableStreamDefaultController<Uint8Array> | null = null;
  override fetch(url: string, o: RequestInit = {}): Promise<Response> {
    const path = new URL(url).pathname;
    if ((o.method ?? "GET") === "GET") {
      return Promise.resolve(new Response(new ReadableStream({ start: (c) => void (this.events = c) }), { headers: { "Content-Type": "text/event-stream" } }));
    }
    return new Promise((resolve) => {
      this.requests.push({ method: o.method ?? "", path, body: String(o.body ?? ""), answer: (status) => resolve(new Response(null, { status })) });
    });
  }
  say(text: string): void {
    this.events?.enqueue(new TextEncoder().encode(text));
  }
}

test("events and POSTs: open, frames, one request at a time, the code at the end", async () => {
  const office = new Office();
  const told: string[] = [];
  const c = sse(office, "https://meet.example/api/v1/", { open: () => told.push("open"), frame: (f) => told.push(String(f)), closed: (code) => told.push(`closed ${code}`) });
  await turn();
  assert.equal(c.send("too early"), false);
  office.say("event: open\ndata: /api/v1/signaling/s3cret\n\n");
  await turn();
  for (const text of ["one", "two", "three"]) assert.equal(c.send(text), true);
  assert.deepEqual(office.requests.map((r) => [r.method, r.path, r.body]), [["POST", "/api/v1/signaling/s3cret", "one"]]);
  office.requests[0]?.answer(204);
  await turn();
  assert.deepEqual(office.requests.map((r) => r.body), ["one", "two\nthree"]);
  office.requests[1]?.answer(204);
  office.say('data: {"type":"pong"}\n\nevent: close\ndata: 4001\n\ndata: late\n\n');
  await turn();
  assert.deepEqual(told, ["open", '{"type":"pong"}', "closed 4001"]);
  assert.equal(c.send("too late"), false);
});

test("a POST that fails ends the connection; so does the end of the stream", async () => {
  for (const fail of [(o: Office) => o.requests[0]?.answer(410), (o: Office) => o.events?.close()]) {
    const office = new Office();
    const told: string[] = [];
    const c = sse(office, "https://meet.example/api/v1/", { open: () => told.push("open"), frame: () => undefined, closed: (code) => told.push(`closed ${code}`) });
    await turn();
    office.say("event: open\ndata: /p\n\n");
    await turn();
    c.send("one");
    fail(office);
    await turn();
    assert.deepEqual(told, ["open", "closed null"]);
  }
});

test("only a page that goes says so", async () => {
  const office = new Office();
  const c = sse(office, "https://meet.example/api/v1/", { open: () => undefined, frame: () => undefined, closed: () => assert.fail("told after close") });
  await turn();
  office.say("event: open\ndata: /p\n\n");
  await turn();
  c.close(true);
  await turn();
  assert.deepEqual(office.requests.map((r) => [r.method, r.path]), [["DELETE", "/p"]]);
  const other = new Office();
  const d = sse(other, "https://meet.example/api/v1/", { open: () => undefined, frame: () => undefined, closed: () => assert.fail("told after close") });
  await turn();
  other.say("event: open\ndata: /p\n\n");
  await turn();
  d.close();
  await turn();
  assert.equal(other.requests.length, 0, "a connection that is given up is no goodbye");
});

/** A session whose far end a test holds. */
function quic() {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  let finish: (info: WebTransportCloseInfo) => void = () => undefined;
  const closed = new Promise<WebTransportCloseInfo>((r) => (finish = r));
  const given: { url: string; o: WebTransportOptions }[] = [];
  const closes: WebTransportCloseInfo[] = [];
  const world = Object.assign(new FakePlatform(), {
    webTransport: (url: string, o: WebTransportOptions) => {
      given.push({ url, o });
      return {
        ready: Promise.resolve(), closed, close: (i: WebTransportCloseInfo) => closes.push(i),
        createBidirectionalStream: () => Promise.resolve({ writable: there.writable, readable: back.readable }),
      } as unknown as WebTransport;
    },
  });
  return { world, given, closes, out: there.readable.getReader(), writer: back.writable.getWriter(), finish };
}

test("WebTransport: frames both ways on one stream, and the code at the end", async () => {
  const q = quic();
  const told: string[] = [];
  const c = webtransport(q.world, { url: "https://meet.example:4433/wt", hashes: [btoa("hash")] }, {
    open: () => told.push("open"), frame: (f) => told.push(String(f)), closed: (code) => told.push(`closed ${code}`),
  });
  await turn();
  assert.deepEqual([q.given[0]?.url, q.given[0]?.o.serverCertificateHashes?.length], ["https://meet.example:4433/wt", 1]);
  assert.equal(c.send("hello"), true);
  const { value } = await q.out.read();
  assert.deepEqual(new LengthReader().push(value ?? new Uint8Array()), ["hello"]);
  await q.writer.write(withLength('{"type":"pong"}'));
  q.finish({ closeCode: 4002, reason: "" });
  await q.writer.close();
  await turn();
  assert.deepEqual(told, ["open", '{"type":"pong"}', "closed 4002"]);
});

test("WebTransport: a page that goes says so", async () => {
  const q = quic();
  const c = webtransport(q.world, { url: "https://meet.example/wt" }, { open: () => undefined, frame: () => undefined, closed: () => assert.fail("told after close") });
  await turn();
  c.close(true);
  assert.deepEqual(q.closes.map((i) => i.closeCode), [1001]);
});
