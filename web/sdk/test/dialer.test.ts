// Which carrier: started together, remembered, and the detour only where WebSocket is blocked.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { CarrierKind } from "../src/carriers/carrier.js";
import { Dialer } from "../src/carriers/dialer.js";
import { clock, FakePlatform, FakeTab, pass } from "./fake.js";

beforeEach(clock);
afterEach(() => mock.timers.reset());

/** What an attempt told, and its carrier. */
function dial(d: Dialer) {
  const told: string[] = [];
  const carrier = d.dial({ open: () => told.push(`open ${carrier.kind}`), frame: (f) => told.push(`frame ${String(f)}`), closed: (code) => told.push(`closed ${code}`) });
  return { told, carrier };
}

const remembers = (tab: FakeTab): CarrierKind | undefined =>
  (JSON.parse(tab.local.items.get("confab:carrier") ?? "{}") as Record<string, { kind: CarrierKind }>)["https://meet.example"]?.kind;

test("a WebSocket carries frames, and its code is told once", async () => {
  const world = new FakePlatform();
  const { told, carrier } = dial(new Dialer(world, undefined));
  assert.equal(carrier.send("too early"), false);
  world.last.open();
  assert.equal(carrier.send('{"type":"ping"}'), true);
  world.last.onmessage?.({ data: "hello" });
  world.last.lose(4001);
  await pass();
  assert.deepEqual(told, ["open websocket", "frame hello", "closed 4001"]);
});

test("what was closed tells nothing more", async () => {
  const world = new FakePlatform();
  const { told, carrier } = dial(new Dialer(world, undefined));
  world.last.open();
  carrier.close();
  world.last.lose(4000);
  await pass();
  assert.deepEqual(told, ["open websocket"]);
});

test("the winner is remembered, for a while", async () => {
  const world = new FakePlatform();
  const d = new Dialer(world, undefined);
  d.won("websocket");
  assert.equal(remembers(world.tab), "websocket");
  await pass();
  mock.timers.setTime(Date.now() + 8 * 86_400_000);
  d.won("sse");
  assert.equal(remembers(world.tab), "sse");
});

test("a server that is down is not taken for one that is blocked", async () => {
  const world = new FakePlatform();
  const d = new Dialer(world, undefined);
  for (let i = 0; i < 4; i++) {
    dial(d);
    world.last.lose();
    await pass();
  }
  assert.equal(world.sockets.length, 4);
});

test("where the server answers but no WebSocket opens, twice, another way is taken", async () => {
  const world = new FakePlatform();
  world.answers.set("/api/v1/transports", { transports: [{ type: "sse", url: "/api/v1/session" }] });
  const d = new Dialer(world, undefined);
  for (let i = 0; i < 2; i++) {
    dial(d);
    world.last.lose();
    await pass();
  }
  dial(d);
  await pass();
  assert.equal(world.sockets.length, 2, "no third WebSocket");
});

test("one that opened and was lost is no sign of that", async () => {
  const world = new FakePlatform();
  world.answers.set("/api/v1/transports", { transports: [{ type: "sse", url: "/api/v1/session" }] });
  const d = new Dialer(world, undefined);
  for (let i = 0; i < 4; i++) {
    dial(d);
    world.last.open();
    world.last.lose();
    await pass();
  }
  assert.equal(world.sockets.length, 4);
});

/** A browser with WebTransport that never opens; counts who was started when. */
function withQuic(tab = new FakeTab()) {
  const started: string[] = [];
  const world = Object.assign(new FakePlatform(tab), {
    webTransport: (url: string) => {
      started.push(url);
      const never = new Promise<never>(() => undefined);
      return { ready: never, closed: never, close: () => started.push("closed") } as unknown as WebTransport;
    },
  });
  world.answers.set("/api/v1/transports", { transports: [{ type: "webtransport", url: "https://meet.example/wt" }] });
  return { world, started };
}

test("a WebSocket that opens at once has no rival", async () => {
  const { world, started } = withQuic();
  const { told } = dial(new Dialer(world, undefined));
  world.last.open();
  await pass(1_000);
  assert.deepEqual([told, started], [["open websocket"], []]);
});

test("one that is slow has one; the loser is closed", async () => {
  const { world, started } = withQuic();
  const { told } = dial(new Dialer(world, undefined));
  await pass(350);
  assert.deepEqual(started, ["https://meet.example/wt"]);
  world.last.open();
  await pass();
  assert.deepEqual([told, started], [["open websocket"], ["https://meet.example/wt", "closed"]]);
});

test("one that fails is followed at once", async () => {
  const { world, started } = withQuic();
  const { told } = dial(new Dialer(world, undefined));
  world.last.lose();
  await pass();
  assert.deepEqual([told, started], [[], ["https://meet.example/wt"]]);
});

test("who won last time comes first", async () => {
  const tab = new FakeTab();
  const { world, started } = withQuic(tab);
  new Dialer(world, undefined).won("webtransport");
  dial(new Dialer(world, undefined));
  await pass();
  assert.deepEqual([started.length, world.sockets.length], [1, 0]);
  await pass(350);
  assert.equal(world.sockets.length, 1);
});
