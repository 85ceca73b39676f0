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

/** A server of events and POSTs, as docs/carriers.md has it. */
class Office extends FakePlatform {
  readonly requests: { method: string; path: string; body: string; answer: (status: number) => void; fail: () => void }[] = [];
  readonly asked: string[] = [];
  events: ReadableStreamDefaultController<Uint8Array> | null = null;
  gone = false;
  override fetch(url: string, o: RequestInit = {}): Promise<Response> {
    const { pathname: path, search } = new URL(url);
    const method = o.method ?? "GET";
    if (method === "POST" && path === "/api/v1/session") {
      const at = "/api/v1/session/s3cret";
      return Promise.resolve(Response.json({ events: `${at}/events`, messages: `${at}/messages`, session: at, ping: 15_000 }, { status: 201 }));
    }
    if (method === "GET") {
      this.asked.push(path + search);
      if (this.gone) return Promise.resolve(new Response(null, { status: 404 }));
      return Promise.resolve(new Response(new ReadableStream({ start: (c) => void (this.events = c) }), { headers: { "Content-Type": "text/event-stream" } }));
    }
    return new Promise((resolve, reject) => {
      this.requests.push({
        method, path, body: String(o.body ?? ""), answer: (status) => resolve(new Response(null, { status })), fail: () => reject(new TypeError("network")),
      });
    });
  }
  say(text: string): void {
    this.events?.enqueue(new TextEncoder().encode(text));
  }
}

function call(office: Office) {
  const told: string[] = [];
  const c = sse(office, "https://meet.example/api/v1/session", { open: () => told.push("open"), frame: (f) => told.push(String(f)), closed: (code) => told.push(`closed ${code}`) });
  return { c, told };
}

test("events and POSTs: open, batches one at a time, the code at the end", async () => {
  const office = new Office();
  const { c, told } = call(office);
  assert.equal(c.send("{}"), false, "too early");
  await turn();
  for (const text of ['{"n":1}', '{"n":2}', '{"n":3}']) assert.equal(c.send(text), true);
  const messages = "/api/v1/session/s3cret/messages";
  assert.deepEqual(office.requests.map((r) => [r.method, r.path, r.body]), [["POST", messages, '{"batch":1,"messages":[{"n":1}]}']]);
  office.requests[0]?.answer(200);
  await turn();
  assert.deepEqual(office.requests.slice(1).map((r) => r.body), ['{"batch":2,"messages":[{"n":2},{"n":3}]}']);
  office.requests[1]?.answer(200);
  office.say('id: e:1\ndata: {"type":"pong"}\n\nevent: close\nid: e:2\ndata: {"code":4001,"reason":"rejoin"}\n\nid: e:3\ndata: late\n\n');
  await turn();
  assert.deepEqual(told, ["open", '{"type":"pong"}', "closed 4001"]);
  assert.equal(c.send("{}"), false, "too late");
});

test("a batch is never larger than the server takes", async () => {
  const office = new Office();
  const { c } = call(office);
  await turn();
  c.send("{}");
  for (let i = 0; i < 100; i++) c.send(`{"n":${i}}`);
  const large = `{"text":"${"x".repeat(100_000)}"}`;
  for (let i = 0; i < 3; i++) c.send(large);
  const sizes: number[] = [];
  for (let i = 0; i < office.requests.length; i++) {
    const { messages } = JSON.parse(office.requests[i]?.body ?? "") as { messages: unknown[] };
    sizes.push(messages.length);
    assert.ok((office.requests[i]?.body.length ?? 0) < 256 << 10);
    office.requests[i]?.answer(200);
    await turn();
  }
  c.close();
  assert.deepEqual([sizes[0], sizes[1], sizes.reduce((a, b) => a + b)], [1, 64, 104]);
});

test("a POST that was lost is sent again under its number; one that is refused ends the connection", async () => {
  const office = new Office();
  const { c, told } = call(office);
  await turn();
  c.send("{}");
  office.requests[0]?.fail();
  await new Promise((r) => setTimeout(r, 250));
  assert.deepEqual(office.requests.map((r) => r.body), ['{"batch":1,"messages":[{}]}', '{"batch":1,"messages":[{}]}']);
  office.requests[1]?.answer(404);
  await turn();
  assert.deepEqual(told, ["open", "closed null"]);
});

test("a stream that is cut goes on after the last event; one that is gone ends the connection", async () => {
  const office = new Office();
  const { told } = call(office);
  await turn();
  office.say('id: e:41\ndata: {"a":1}\n\n');
  await turn();
  office.events?.close();
  await new Promise((r) => setTimeout(r, 250));
  assert.deepEqual(office.asked, ["/api/v1/session/s3cret/events", "/api/v1/session/s3cret/events?last-event-id=e%3A41"]);
  office.gone = true;
  office.events?.close();
  await new Promise((r) => setTimeout(r, 1_100));
  assert.deepEqual(told, ["open", '{"a":1}', "closed null"]);
});

test("only a page that goes says so", async () => {
  const office = new Office();
  const { c, told } = call(office);
  await turn();
  c.close(true);
  await turn();
  assert.deepEqual(office.requests.map((r) => [r.method, r.path]), [["DELETE", "/api/v1/session/s3cret"]]);
  const other = new Office();
  const d = call(other);
  await turn();
  d.c.close();
  await turn();
  assert.equal(other.requests.length, 0, "a connection that is given up is no goodbye");
  assert.deepEqual([told, d.told], [["open"], ["open"]], "nothing is told after close");
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
