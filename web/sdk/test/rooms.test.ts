// What must survive: a cut connection, a reload, a seat that is gone. Whole calls against a fake browser, in mocked time.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Call } from "../src/call.js";
import type { ConfabError } from "../src/errors.js";
import type { ServerMessage } from "../src/protocol.gen.js";
import type { CallOptions } from "../src/types.js";
import { clock, FakePlatform, FakeTab, joined, pass, track, who } from "./fake.js";

beforeEach(clock);
afterEach(() => mock.timers.reset());

type Seat = { call: Call; world: FakePlatform; say: (m: ServerMessage | ServerMessage[]) => void };

function open(world: FakePlatform, o: Partial<CallOptions> = {}): { call: Call; done: Promise<void> } {
  const call = new Call({ room: "room", name: "me", microphone: track("audio"), camera: track("video"), ...o }, world);
  return { call, done: call.join() };
}

async function seat(first: ServerMessage = joined(["ann", "me"]), tab = new FakeTab(), o: Partial<CallOptions> = {}): Promise<Seat> {
  const world = new FakePlatform(tab);
  const { call, done } = open(world, o);
  await pass();
  world.last.open();
  await pass();
  world.last.say(first);
  await done;
  await pass();
  return { call, world, say: (m) => world.last.say(m) };
}

/** The page goes, and with it its locks. */
function unload({ world }: Seat): void {
  world.page.dispatchEvent(new Event("pagehide"));
  world.tab.locks.clear();
}

async function back(s: Seat, m?: ServerMessage): Promise<void> {
  s.world.last.lose();
  await pass(400);
  s.world.last.open();
  await pass();
  s.say(m ?? joined([], {}, { recovered: true }));
  await pass();
}

const texts = (s: Seat): string[] => s.world.last.of("chat").map((m) => m.text);

test("what is written offline goes out once, in order, when the connection is back", async () => {
  const s = await seat();
  s.world.last.lose();
  for (const text of ["one", "two", "three"]) s.call.chat.send(text);
  await pass();
  assert.deepEqual([s.call.state.talk.waiting, s.call.state.chat.map((c) => c.status)], [3, ["pending", "pending", "pending"]]);
  await pass(400);
  s.world.last.open();
  await pass();
  s.say(joined([], {}, { recovered: true }));
  await pass();
  assert.deepEqual(texts(s), ["one", "two", "three"]);
  for (const [i, m] of s.world.last.of("chat").entries()) {
    s.say([{ type: "chat-message", seq: 11 + i, id: m.id, from: "me", name: "me", text: m.text, time: 1 }, { type: "ack", id: m.id, seq: 11 + i }]);
  }
  await pass();
  assert.deepEqual([s.call.state.talk.waiting, s.call.state.chat.map((c) => c.status)], [0, ["sent", "sent", "sent"]]);
  await back(s);
  assert.deepEqual(texts(s), [], "what is safe is not sent again");
});

test("what was on its way is sent again under the same id", async () => {
  const s = await seat();
  const id = s.call.chat.send("are you there?");
  assert.deepEqual(s.world.last.of("chat").map((m) => m.id), [id]);
  await back(s);
  assert.deepEqual(s.world.last.of("chat").map((m) => m.id), [id]);
});

test("only so many are on their way at once", async () => {
  const s = await seat();
  for (let i = 0; i < 20; i++) s.call.chat.send(`${i}`);
  assert.equal(texts(s).length, 8);
  s.say({ type: "ack", id: s.world.last.of("chat")[0]?.id ?? "", seq: 11 });
  await pass();
  assert.equal(texts(s).length, 9);
});

test("of what we send and show only the newest waits", async () => {
  const s = await seat();
  s.world.last.lose();
  s.call.setMuted("microphone", true);
  s.call.raiseHand(true);
  s.call.setMuted("microphone", false);
  await pass(400);
  s.world.last.open();
  await pass();
  s.say(joined([], {}, { recovered: true }));
  await pass();
  assert.deepEqual(s.world.last.of("state").map((m) => [m.microphone, m.hand]), [[true, true]]);
});

test("a server that asks for patience gets it, and the message", async () => {
  const s = await seat();
  const id = s.call.chat.send("hello");
  s.say({ type: "error", id, code: "too-fast", message: "slower", retry: true, after: 1_000 });
  await pass(900);
  assert.deepEqual([texts(s).length, s.call.state.chat[0]?.status], [1, "pending"]);
  await pass(200);
  assert.deepEqual(s.world.last.of("chat").map((m) => m.id), [id, id]);
});

test("a refused message fails with the reason, and can be sent again", async () => {
  const s = await seat();
  const id = s.call.chat.send("hello");
  s.say({ type: "error", id, code: "forbidden", message: "no chat for you", retry: false });
  await pass();
  assert.deepEqual([s.call.state.chat[0]?.status, s.call.state.chat[0]?.error?.code, s.call.state.talk.waiting], ["failed", "forbidden", 0]);
  s.call.chat.retry(id);
  await pass();
  assert.deepEqual([s.call.state.chat[0]?.status, texts(s).length], ["pending", 2]);
});

test("a reload takes the same seat, without a goodbye, and brings back what was not sent", async () => {
  const tab = new FakeTab();
  const first = await seat(joined(["ann", "me"]), tab);
  first.call.chat.send("on its way");
  unload(first);
  assert.equal(first.world.last.of("leave").length, 0);

  const world = new FakePlatform(tab);
  const { call, done } = open(world);
  await pass();
  world.last.open();
  await pass();
  assert.deepEqual(world.last.of("resume").map((m) => [m.session, m.epoch, m.seq]), [["s3cret", "", 0]]);
  world.last.say(joined(["ann", "me"], {}, { seq: 15, chat: [{ seq: 12, id: "x", from: "ann", name: "ann", text: "you missed this", time: 1 }] }));
  await done;
  await pass();
  assert.equal(call.state.self?.id, "me");
  assert.deepEqual(call.state.chat.map((c) => [c.text, c.status]), [["you missed this", "sent"], ["on its way", "pending"]]);
  assert.deepEqual(world.last.of("chat").map((m) => m.id), first.world.last.of("chat").map((m) => m.id));
  assert.equal(call.state.talk.unread, 1, "it came after what was read");
  assert.deepEqual(world.last.of("signal").map((m) => [m.to, m.description?.type]), [["ann", "offer"]], "who comes back starts, for the others do not know");
});

test("after a reload the server's word on the microphone holds, and ours on the camera", async () => {
  const tab = new FakeTab();
  unload(await seat(joined(["me"]), tab));
  const muted = joined(["me"]);
  muted.participants = [who("me", { media: { ...who("me").media, microphone: false, camera: false } })];
  const s = await seat(muted, tab);
  assert.deepEqual([s.call.state.self?.microphone, s.call.state.self?.camera], [false, true]);
  assert.deepEqual(s.world.last.of("state").map((m) => [m.microphone, m.camera]), [[false, true]]);
});

test("a reload that comes too late joins anew, and what was written goes on there", async () => {
  const tab = new FakeTab();
  const first = await seat(joined(["ann", "me"]), tab);
  const key = first.world.last.of("join")[0]?.key;
  first.call.chat.send("hello?");
  unload(first);
  const world = new FakePlatform(tab);
  const { call, done } = open(world);
  await pass();
  world.last.open();
  await pass();
  world.last.say({ type: "error", id: "resume", code: "session-expired", message: "too late", retry: true });
  await pass(500);
  world.last.open();
  await pass();
  const [join] = world.last.of("join");
  assert.ok(join?.key !== undefined && join.key !== key && join.key.length >= 22);
  world.last.say(joined(["ann", "me2"], {}, { self: "me2", session: "other" }));
  await done;
  await pass();
  assert.deepEqual(world.last.of("chat").map((m) => m.text), ["hello?"]);
  assert.deepEqual(call.state.chat.map((c) => [c.from, c.status]), [["me2", "pending"]]);
});

test("a join whose answer was lost is sent again with its key", async () => {
  const world = new FakePlatform();
  const { done } = open(world);
  await pass();
  world.last.open();
  await pass();
  const key = world.last.of("join")[0]?.key;
  world.last.lose();
  await pass(400);
  world.last.open();
  await pass();
  assert.equal(world.last.of("join")[0]?.key, key);
  world.last.say(joined(["me"]));
  await done;
});

test("a duplicated tab takes a seat of its own", async () => {
  const tab = new FakeTab();
  await seat(joined(["me"]), tab);
  const world = new FakePlatform(tab); // the first page still has its lock
  void open(world).done;
  await pass();
  world.last.open();
  await pass();
  assert.deepEqual([world.last.of("resume").length, world.last.of("join").length], [0, 1]);
});

test("another name is another visit", async () => {
  const tab = new FakeTab();
  unload(await seat(joined(["me"]), tab));
  const world = new FakePlatform(tab);
  void open(world, { name: "other" }).done;
  await pass();
  world.last.open();
  await pass();
  assert.equal(world.last.of("join").length, 1);
});

test("who has left is forgotten", async () => {
  const tab = new FakeTab();
  const s = await seat(joined(["me"]), tab);
  s.call.chat.send("unsent");
  void s.call.leave();
  await pass(1_100);
  assert.deepEqual([tab.session.items.size, tab.locks.size], [0, 0]);
  const world = new FakePlatform(tab);
  const { call } = open(world);
  await pass();
  world.last.open();
  await pass();
  assert.deepEqual([world.last.of("join").length, call.state.chat.length], [1, 0]);
});

for (const [name, code, hello] of [["4000: resume", 4000, "resume"], ["4001: join again", 4001, "join"], ["no word: resume", undefined, "resume"]] as const) {
  test(`the server closes with ${name}`, async () => {
    const s = await seat();
    s.world.last.lose(code);
    await pass(500);
    s.world.last.open();
    await pass();
    assert.deepEqual(s.world.last.sent.map((m) => m.type), [hello]);
  });
}

test("the server closes with 4002: stay away", async () => {
  const s = await seat();
  s.world.last.lose(4002);
  await pass(20_000);
  assert.deepEqual([s.world.sockets.length, s.call.state.phase, s.call.state.error?.code], [1, "left", "room-closed"]);
});

test("the lobby: knock, wait, come in", async () => {
  const world = new FakePlatform();
  const { call, done } = open(world);
  await pass();
  world.last.open();
  await pass();
  world.last.say({ type: "waiting", id: "join", moderators: true });
  await pass(9_000);
  assert.deepEqual([call.state.phase, call.state.lobby.attended], ["waiting", true]);
  await pass(5_000);
  assert.equal(world.sockets.length, 1, "waiting is no reason to give up");
  world.last.say({ type: "pong" });
  world.last.say(joined(["ann", "me"]));
  await done;
  await pass();
  assert.equal(call.state.phase, "joined");
});

test("the lobby: not let in", async () => {
  const world = new FakePlatform();
  const { call, done } = open(world);
  await pass();
  world.last.open();
  await pass();
  world.last.say({ type: "waiting", id: "join", moderators: false });
  world.last.say({ type: "error", id: "join", code: "refused", message: "not today", retry: false });
  await assert.rejects(done, (e: ConfabError) => e.code === "refused");
  await pass();
  assert.equal(call.state.phase, "failed");
});

test("who moderates sees who knocks", async () => {
  const s = await seat();
  const heard: string[] = [];
  s.call.addEventListener("knock", (e) => heard.push(e.detail.name));
  s.say({ type: "knocks", knocks: [{ id: "k1", name: "Eve", since: 1 }], more: 2 });
  await pass();
  assert.deepEqual([heard, s.call.state.lobby.knocks.map((k) => k.id), s.call.state.lobby.more], [["Eve"], ["k1"], 2]);
  s.call.room.admit("k1", true);
  assert.deepEqual(s.world.last.of("admit").map((m) => [m.knock, m.allow]), [["k1", true]]);
});

test("a moderator's act resolves when it is safe, and rejects with the reason", async () => {
  const s = await seat();
  const done = s.call.room.mute("ann", ["microphone"], true);
  const [m] = s.world.last.of("mute");
  assert.deepEqual([m?.target, m?.sources, m?.hold], ["ann", ["microphone"], true]);
  s.say({ type: "ack", id: m?.id ?? "", seq: 11 });
  await done;
  const refused = s.call.room.remove("ann", 60);
  s.say({ type: "error", id: s.world.last.of("remove")[0]?.id ?? "", code: "forbidden", message: "not you", retry: false });
  await assert.rejects(refused, (e: ConfabError) => e.code === "forbidden");
  const invite = s.call.room.invite("member", 3600, 1);
  s.say({ type: "invite", id: s.world.last.of("invite")[0]?.id ?? "", token: "t0ken", expires: 9 });
  assert.equal((await invite).token, "t0ken");
});

test("who ends the room for all has done so when it is over", async () => {
  const s = await seat();
  const done = s.call.room.end();
  const other = s.call.room.setAccess("locked");
  s.say({ type: "room-ended", seq: 11, by: "me" });
  await done;
  await assert.rejects(other, (e: ConfabError) => e.code === "room-ended");
  await pass();
  assert.deepEqual([s.call.state.phase, s.call.state.error?.code], ["left", "room-ended"]);
});

test("turned off by a moderator is off, and held is held", async () => {
  const s = await seat();
  const told: unknown[] = [];
  s.call.addEventListener("silenced", (e) => told.push([e.detail.sources, e.detail.hold]));
  s.call.addEventListener("error", (e) => told.push(e.detail.code));
  const off = (blocked?: ["microphone"]): ServerMessage => ({
    type: "participant-updated", seq: blocked === undefined ? 11 : 13, by: "ann",
    participant: who("me", { media: { ...who("me").media, microphone: false }, ...(blocked === undefined ? {} : { blocked }) }),
  });
  s.say(off());
  await pass();
  assert.deepEqual([s.call.state.self?.microphone, s.world.last.of("state").length], [false, 0], "the server knows");
  s.call.setMuted("microphone", false);
  await pass();
  const [m] = s.world.last.of("state");
  assert.equal(m?.microphone, true);
  s.say([{ type: "participant-updated", seq: 12, participant: who("me") }, { type: "ack", id: m?.id ?? "", seq: 12 }, off(["microphone"])]);
  await pass();
  s.call.setMuted("microphone", false);
  await pass();
  assert.equal(s.call.state.self?.microphone, false);
  assert.deepEqual(told, [[["microphone"], false], [["microphone"], true], "blocked"]);
});

test("a state that the server refuses is as the server says", async () => {
  const s = await seat();
  s.call.setMuted("camera", true);
  await pass();
  s.say({ type: "participant-updated", seq: 11, participant: who("me", { media: { ...who("me").media, camera: false } }) });
  s.say({ type: "ack", id: s.world.last.of("state")[0]?.id ?? "", seq: 11 });
  s.call.setMuted("camera", false);
  await pass();
  s.say({ type: "error", id: s.world.last.of("state")[1]?.id ?? "", code: "forbidden", message: "no camera", retry: false });
  await pass(5_000);
  assert.deepEqual([s.call.state.self?.camera, s.world.last.of("state").length], [false, 2]);
});

test("somebody who has reloaded offers from a new page: the old connection goes", async () => {
  const s = await seat(joined(["me"]));
  s.say({ type: "participant-joined", seq: 11, participant: who("ann") });
  const offer = (session: string, more = ""): ServerMessage => ({
    type: "signal", from: "ann", generation: 1,
    description: { type: "offer", sdp: `v=0\r\no=- ${session} 2 IN IP4 127.0.0.1\r\nm=audio 9 X 1\r\na=mid:0\r\na=ice-ufrag:${session}\r\n${more}`, tracks: { 0: "microphone" } },
  });
  s.say(offer("111"));
  await pass();
  s.say(offer("111"));
  await pass();
  assert.equal(s.world.open.length, 1, "another offer of the same page");
  const before = s.world.open[0];
  s.say(offer("222"));
  await pass();
  assert.deepEqual([before?.closed, s.world.open.length], [true, 1]);
  assert.equal(s.world.last.of("signal").filter((m) => m.description?.type === "answer").length, 3);
  s.say(offer("222", "a=x-confab-for:somebody-else\r\n"));
  await pass();
  assert.equal(s.world.last.of("signal").filter((m) => m.description?.type === "answer").length, 3, "meant for the page before ours");
});

test("an SFU that was started anew is connected to anew", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu" }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  s.world.peers[0]?.become("connected");
  s.say({ type: "route", seq: 11, route: { transport: "sfu", generation: 2, done: false }, reason: "restarted" });
  await pass();
  assert.equal(s.world.peers.length, 2);
  assert.equal(s.world.last.of("sfu-offer").length, 1);
  s.world.peers[0]?.become("failed");
  await pass(9_000);
  assert.equal(s.world.peers[0]?.restarts, 0, "nobody mends the old one");
  s.say({ type: "route-done", seq: 12, generation: 2 });
  await pass();
  assert.deepEqual(s.world.open, [s.world.peers[1]]);
});

test("typing is told now and then, and older messages once at a time", async () => {
  const s = await seat(joined(["ann", "me"], {}, { more: true, chat: [{ seq: 9, id: "x", from: "ann", name: "ann", text: "hi", time: 1 }] }));
  for (let i = 0; i < 10; i++) {
    s.call.chat.typing(true);
    await pass(500);
  }
  assert.equal(s.world.last.of("typing").length, 2);
  s.call.chat.older();
  s.call.chat.older();
  assert.deepEqual(s.world.last.of("history").map((m) => m.before), [9]);
  s.say({ type: "history", id: "history", messages: [{ seq: 8, id: "w", from: "ann", name: "ann", text: "before", time: 1 }], more: false });
  await pass();
  assert.deepEqual([s.call.state.chat.map((c) => c.text), s.call.state.talk.more], [["before", "hi"], false]);
  s.say({ type: "typing", from: "ann", on: true });
  await pass(100);
  assert.deepEqual(s.call.state.talk.typing.map((t) => t.name), ["ann"]);
  await pass(6_100);
  assert.deepEqual(s.call.state.talk.typing, []);
});
