import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Call } from "../src/call.js";
import { ConfabError } from "../src/errors.js";
import type { ServerMessage } from "../src/protocol.gen.js";
import type { CallOptions } from "../src/types.js";
import { clock, FakePlatform, FakeStream, joined, pass, track, who } from "./fake.js";

beforeEach(clock);
afterEach(() => mock.timers.reset());

type Seat = { call: Call; world: FakePlatform; say: (m: ServerMessage) => void };

async function seat(first: ServerMessage, o: Partial<CallOptions> = {}): Promise<Seat> {
  const world = new FakePlatform();
  const call = new Call({ room: "room", name: "me", microphone: track("audio"), camera: track("video"), ...o }, world);
  const done = call.join();
  await pass();
  world.last.open();
  await pass();
  world.last.say(first);
  await done;
  await pass();
  return { call, world, say: (m) => world.last.say(m) };
}

/** The far end of a peer-to-peer connection that we have offered. */
async function answered({ world, say }: Seat, i: number, peer: string, generation: number): Promise<void> {
  const pc = world.peers[i];
  assert.ok(pc !== undefined);
  const offer = world.sockets.flatMap((s) => s.of("signal")).find((m) => m.to === peer && m.generation === generation && m.description?.type === "offer");
  assert.ok(offer?.description !== undefined, "no offer was sent");
  say({ type: "signal", from: peer, generation, description: { ...offer.description, type: "answer" } });
  await pass();
  pc.become("connected");
  await pass();
}

const tracksOf = (s: MediaStream | null | undefined): number => (s as unknown as FakeStream | null)?.getTracks().length ?? 0;

test("join carries what we send and a prepared offer", async () => {
  const { call, world } = await seat(joined(["me"]));
  const [m] = world.last.of("join");
  assert.equal(world.last.url, "wss://meet.example/ws");
  assert.equal(world.last.protocol, "confab.v1");
  assert.deepEqual([m?.media.microphone, m?.media.camera, m?.media.screen], [true, true, false]);
  assert.deepEqual(Object.values(m?.offer?.tracks ?? {}), ["microphone", "camera"]);
  assert.deepEqual([m?.offer?.revision, m?.offer?.pairs?.length, m?.offer?.audio?.length], [1, 4, 2]);
  assert.equal(call.state.phase, "joined");
  assert.equal(world.open.length, 0, "peer to peer and alone: no connection is kept");
});

test("in mode p2p no offer is prepared", async () => {
  const { world } = await seat(joined(["me"]), { mode: "p2p" });
  assert.equal(world.peers.length, 0);
  assert.equal(world.last.of("join")[0]?.offer, undefined);
});

test("the answer in joined opens the SFU, with the relay's credentials", async () => {
  const { world, call } = await seat(joined(["ann", "me"], { transport: "sfu", generation: 4 }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  const [pc] = world.peers;
  assert.equal(world.peers.length, 1);
  assert.deepEqual([pc?.localDescription?.type, pc?.remoteDescription?.type], ["offer", "answer"]);
  assert.deepEqual(pc?.config.iceServers?.map((s) => s.urls), [["turn:relay.example?transport=tcp"]]);
  pc?.become("connected");
  world.last.say({ type: "slots", slots: [{ mid: "3", participant: "ann", source: "camera" }] });
  await pass();
  assert.equal(tracksOf(call.state.people[0]?.streams.camera), 1);
});

test("the later joiner offers, the earlier one waits", async () => {
  const late = await seat(joined(["ann", "me"]));
  assert.deepEqual(late.world.last.of("signal").map((m) => [m.to, m.generation, m.description?.type]), [["ann", 1, "offer"]]);
  const early = await seat(joined(["me"]));
  early.say({ type: "participant-joined", seq: 11, participant: who("ann") });
  await pass(500);
  assert.equal(early.world.last.of("signal").length, 0);
  early.say({ type: "signal", from: "ann", generation: 1, description: { type: "offer", sdp: "v=0\r\nm=audio 9 X 1\r\na=mid:0\r\na=ice-ufrag:x\r\nm=video 9 X 1\r\na=mid:1\r\n", tracks: { 0: "microphone", 1: "camera" } } });
  await pass();
  const [answer] = early.world.last.of("signal");
  assert.deepEqual([answer?.description?.type, Object.values(answer?.description?.tracks ?? {})], ["answer", ["microphone", "camera"]]);
  assert.deepEqual(early.world.open[0]?.transceivers.map((t) => [t.direction, t.sender.track?.kind]), [["sendrecv", "audio"], ["sendrecv", "video"]]);
});

test("a signal of another generation is ignored", async () => {
  const s = await seat(joined(["me"]));
  s.say({ type: "participant-joined", seq: 11, participant: who("ann") });
  s.say({ type: "signal", from: "ann", generation: 9, description: { type: "offer", sdp: "v=0\r\n" } });
  await pass();
  assert.equal(s.world.last.of("signal").length, 0);
});

test("p2p to SFU: the old path is seen until the new one delivers, and closed at route-done only", async () => {
  const s = await seat(joined(["ann", "me"]));
  await answered(s, 1, "ann", 1);
  const old = s.world.peers[1];
  old?.deliver("0", "1");
  await pass(300);
  const streams = s.call.state.people[0]?.streams;
  const before = (streams?.camera as unknown as FakeStream).getTracks()[0];
  assert.equal(before, old?.transceivers[1]?.receiver.track);

  s.say({ type: "participant-joined", seq: 11, participant: who("bob") });
  s.say({ type: "route", seq: 12, route: { transport: "sfu", generation: 2, done: false }, reason: "grew" });
  await pass();
  assert.equal(s.call.state.connection.switching, true);
  const [offer] = s.world.last.of("sfu-offer");
  assert.deepEqual(Object.values(offer?.tracks ?? {}), ["microphone", "camera"]);
  const sfu = s.world.open.at(-1);
  assert.equal(sfu?.transceivers[0]?.sender.track, old?.transceivers[0]?.sender.track, "both paths send the same track");
  s.say({ type: "sfu-answer", revision: offer?.revision ?? 0, sdp: "v=0\r\n" });
  await pass();
  sfu?.become("connected");
  const [p0, p1] = offer?.pairs ?? [];
  assert.ok(p0 !== undefined && p1 !== undefined);
  s.say({ type: "slots", slots: [
    { mid: p0.audio, participant: "ann", source: "microphone" }, { mid: p0.video, participant: "ann", source: "camera" },
    { mid: p1.audio, participant: "bob", source: "microphone" }, { mid: p1.video, participant: "bob", source: "camera" },
  ] });
  await pass(300);
  const shown = (): unknown => (s.call.state.people[0]?.streams.camera as unknown as FakeStream).getTracks()[0];
  assert.equal(shown(), before, "nothing was decoded from the SFU yet");

  sfu?.deliver(p0.video, p0.audio);
  await pass(300);
  assert.equal(shown(), sfu?.transceivers.find((t) => t.mid === p0.video)?.receiver.track);
  assert.equal(s.call.state.people[0]?.streams.camera, streams?.camera, "the MediaStream is the same");
  assert.equal(tracksOf(streams?.camera), 1);
  assert.equal(s.world.last.of("route-ready").length, 0, "bob is still awaited");

  sfu?.deliver(p1.video, p1.audio);
  await pass(300);
  assert.deepEqual(s.world.last.of("route-ready").map((m) => m.generation), [2]);
  await pass(2000);
  assert.equal(old?.closed, false, "others may still need what we send");
  s.say({ type: "route-done", seq: 13, generation: 2 });
  await pass();
  assert.equal(old?.closed, true);
  assert.equal(s.call.state.connection.switching, false);
  assert.equal(tracksOf(streams?.camera), 1);
});

test("SFU to p2p: the same, the other way round", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu", generation: 2 }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  const sfu = s.world.peers[0];
  sfu?.become("connected");
  s.say({ type: "slots", slots: [{ mid: "2", participant: "ann", source: "microphone" }, { mid: "3", participant: "ann", source: "camera" }] });
  await pass();
  sfu?.deliver("2", "3");
  await pass(300);
  const stream = s.call.state.people[0]?.streams.camera;
  s.say({ type: "route", seq: 11, route: { transport: "p2p", generation: 3, done: false }, reason: "shrank" });
  await pass();
  await answered(s, 1, "ann", 3);
  await pass(500);
  assert.equal((stream as unknown as FakeStream).getTracks()[0], sfu?.transceivers[3]?.receiver.track);
  s.world.peers[1]?.deliver("0", "1");
  await pass(300);
  assert.equal((stream as unknown as FakeStream).getTracks()[0], s.world.peers[1]?.transceivers[1]?.receiver.track);
  assert.deepEqual(s.world.last.of("route-ready").map((m) => m.generation), [3]);
  assert.equal(sfu?.closed, false);
  s.say({ type: "route-done", seq: 12, generation: 3 });
  await pass();
  assert.deepEqual(s.world.open, [s.world.peers[1]]);
});

test("a room that grows again before the switch back was done keeps its SFU connection", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu", generation: 2 }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  s.world.peers[0]?.become("connected");
  s.say({ type: "route", seq: 11, route: { transport: "p2p", generation: 3, done: false }, reason: "shrank" });
  s.say({ type: "route", seq: 12, route: { transport: "sfu", generation: 4, done: false }, reason: "grew" });
  s.say({ type: "route-done", seq: 13, generation: 4 });
  await pass();
  assert.deepEqual(s.world.open, [s.world.peers[0]]);
});

test("a camera that never comes does not hold the switch for ever", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu", generation: 2, done: false }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  s.world.peers[0]?.become("connected");
  await pass(3000);
  assert.equal(s.world.last.of("route-ready").length, 0);
  await pass(5000);
  assert.equal(s.world.last.of("route-ready").length, 1);
});

test("peer to peer that can't connect is reported, and retried", async () => {
  const s = await seat(joined(["ann", "me"]));
  const errors: string[] = [];
  s.call.addEventListener("error", (e) => errors.push(e.detail.code));
  const offer = s.world.last.of("signal")[0]?.description;
  assert.ok(offer !== undefined);
  s.say({ type: "signal", from: "ann", generation: 1, description: { ...offer, type: "answer" } });
  await pass(9_900);
  assert.equal(s.world.last.of("route-failed").length, 0);
  await pass(200);
  assert.deepEqual(s.world.last.of("route-failed").map((m) => m.generation), [1]);
  assert.equal(s.world.peers[1]?.restarts, 1);
  assert.deepEqual(errors, ["media-failed"]);
});

test("an SFU that can't be reached is reported before the server gives the old route up", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu", generation: 2, done: false }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  await pass(7_900);
  assert.equal(s.world.last.of("route-failed").length, 0);
  await pass(200);
  assert.deepEqual(s.world.last.of("route-failed").map((m) => m.generation), [2]);
  assert.equal(s.world.peers[0]?.restarts, 1);
});

test("a broken connection restarts ICE", async () => {
  const s = await seat(joined(["ann", "me"]));
  await answered(s, 1, "ann", 1);
  const pc = s.world.peers[1];
  pc?.become("disconnected");
  await pass(1_000);
  assert.equal(pc?.restarts, 0, "it may heal");
  await pass(1_100);
  assert.equal(pc?.restarts, 1);
  assert.equal(s.world.last.of("signal").filter((m) => m.description?.type === "offer").length, 2);
});

test("the SFU connection restarts ICE by offering again", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu" }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  s.world.peers[0]?.become("connected");
  s.world.peers[0]?.become("failed");
  await pass();
  assert.equal(s.world.peers[0]?.restarts, 1);
  assert.deepEqual(s.world.last.of("sfu-offer").map((m) => m.revision), [2]);
});

test("a lost socket: resume from the last event, signals wait, an offer without answer is repeated", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu" }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  s.world.peers[0]?.become("connected");
  s.say({ type: "participant-updated", seq: 11, participant: who("ann") });
  s.world.peers[0]?.become("failed");
  await pass();
  const before = s.world.last;
  before.lose();
  await pass();
  assert.equal(s.call.state.phase, "reconnecting");
  assert.equal(s.call.state.connection.signaling, "reconnecting");
  const id = s.call.chat.send("are you there?");
  await pass(199);
  assert.equal(s.world.sockets.length, 1, "full jitter: half of 400 ms, with this luck");
  await pass(50);
  assert.equal(s.world.sockets.length, 2);
  s.world.last.open();
  await pass();
  assert.deepEqual(s.world.last.sent, [{ type: "resume", id: "resume", session: "s3cret", epoch: "e1", seq: 11 }]);
  s.say(joined([], {}, { recovered: true, seq: 11 }));
  await pass();
  assert.deepEqual([s.call.state.phase, s.call.state.people.length], ["joined", 1]);
  assert.deepEqual(s.world.last.of("sfu-offer").map((m) => m.revision), [2]);
  assert.deepEqual(s.world.last.of("chat").map((m) => [m.id, m.text]), [[id, "are you there?"]]);
  assert.equal(s.world.peers[0]?.closed, false, "media did not notice");
});

test("back-off grows, and a network that comes back is not kept waiting", async () => {
  const s = await seat(joined(["me"]));
  s.world.luck = 0.99;
  for (let i = 0; i < 6; i++) {
    s.world.last.lose();
    await pass(8_000);
    assert.equal(s.world.sockets.length, i + 2);
  }
  s.world.last.lose();
  await pass(100);
  assert.equal(s.world.sockets.length, 7);
  s.world.page.dispatchEvent(new Event("online"));
  await pass();
  assert.equal(s.world.sockets.length, 8);
});

test("a silent server is asked, then left", async () => {
  const s = await seat(joined(["me"]));
  await pass(10_100);
  assert.equal(s.world.last.of("ping").length, 1);
  s.say({ type: "pong" });
  await pass(10_100);
  assert.equal(s.world.last.of("ping").length, 2);
  const dead = s.world.last;
  await pass(6_300);
  assert.equal(dead.closed, true);
  assert.equal(s.world.sockets.length, 2);
});

test("a socket that never confirms is given up", async () => {
  const s = await seat(joined(["me"]));
  s.world.last.lose();
  await pass(300);
  s.world.last.open();
  await pass(10_500);
  assert.equal(s.world.sockets.length, 3);
});

test("a seat that was not held is taken anew, and media with it", async () => {
  const s = await seat(joined(["ann", "me"]));
  await answered(s, 1, "ann", 1);
  s.world.last.lose();
  await pass(400);
  s.world.last.open();
  await pass();
  s.say({ type: "error", id: "resume", code: "session-expired", message: "too late", retry: true });
  await pass(500);
  assert.equal(s.world.peers[1]?.closed, true);
  s.world.last.open();
  await pass();
  assert.equal(s.world.last.of("join").length, 1);
  s.say(joined(["ann", "me2"], {}, { self: "me2", seq: 30 }));
  await pass();
  assert.deepEqual([s.call.state.phase, s.call.state.self?.id], ["joined", "me2"]);
  assert.deepEqual(s.world.last.of("signal").map((m) => m.to), ["ann"]);
});

test("a session taken over ends here", async () => {
  const s = await seat(joined(["me"]));
  s.say({ type: "error", code: "replaced", message: "Another tab took over.", retry: false });
  await pass(20_000);
  assert.deepEqual([s.call.state.phase, s.call.state.error?.code], ["left", "replaced"]);
  assert.equal(s.world.sockets.length, 1);
});

test("a refused join rejects with the server's words", async () => {
  const world = new FakePlatform();
  const call = new Call({ room: "room", name: "me" }, world);
  const done = call.join();
  await pass();
  world.last.open();
  await pass();
  world.last.say({ type: "error", id: "join", code: "room-full", message: "The room is full.", hint: "Try later.", retry: true });
  await assert.rejects(done, (e) => e instanceof ConfabError && e.code === "room-full" && e.hint === "Try later.");
  await pass();
  assert.equal(call.state.phase, "failed");
  await pass(20_000);
  assert.equal(world.sockets.length, 1);
});

test("a server that is not there is unreachable, after a few attempts", async () => {
  const world = new FakePlatform();
  const call = new Call({ room: "room", name: "me" }, world);
  let code = "";
  call.join().catch((e: unknown) => (code = e instanceof ConfabError ? e.code : "?"));
  for (let i = 0; i < 5; i++) {
    await pass(5_000);
    world.last.lose();
  }
  await pass();
  assert.equal(code, "unreachable");
  assert.equal(world.sockets.length, 5);
});

test("credentials are refreshed before they expire", async () => {
  const s = await seat(joined(["ann", "me"], {}, { iceTtl: 100 }));
  for (let i = 0; i < 9; i++) {
    await pass(9_000);
    s.say({ type: "pong" });
  }
  assert.equal(s.world.last.of("credentials").length, 1);
  s.say({ type: "credentials", iceServers: [{ urls: ["turn:new.example"] }], iceTtl: 600 });
  await pass();
  assert.deepEqual(s.world.open[0]?.config.iceServers?.map((x) => x.urls), [["turn:new.example"]]);
});

test("a camera turned off and on is no negotiation, and shows at once", async () => {
  const s = await seat(joined(["ann", "me"]));
  await answered(s, 1, "ann", 1);
  const signals = s.world.last.of("signal").length;
  await s.call.setCamera(null);
  await pass();
  assert.equal(s.call.state.self?.camera, false);
  assert.equal(s.world.peers[1]?.transceivers[1]?.sender.track, null);
  const again = track("video");
  await s.call.setCamera(again);
  s.call.setMuted("microphone", true);
  await pass();
  assert.equal(s.world.peers[1]?.transceivers[1]?.sender.track, again);
  assert.deepEqual(s.world.last.of("state").map((m) => [m.microphone, m.camera]), [[true, false], [true, true], [false, true]]);
  assert.equal(s.world.last.of("signal").length, signals);
  const other = track("audio");
  await s.call.setMicrophone(other);
  assert.equal(other.enabled, false, "muted stays muted with another microphone");
});

test("sharing a screen on the SFU adds its m-lines", async () => {
  const s = await seat(joined(["ann", "me"], { transport: "sfu" }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  const stream = new FakeStream();
  const screen = track("video");
  stream.addTrack(screen as never);
  stream.addTrack(track("audio") as never);
  await s.call.shareScreen(stream as unknown as MediaStream);
  await pass();
  const offers = s.world.last.of("sfu-offer");
  assert.deepEqual(Object.values(offers.at(-1)?.tracks ?? {}).sort(), ["camera", "microphone", "screen", "screen-audio"]);
  assert.equal(offers.length, 1, "one offer for both");
  assert.equal(s.call.state.self?.screen, true);
  s.say({ type: "sfu-answer", revision: offers[0]?.revision ?? 0, sdp: "v=0\r\n" });
  screen.dispatchEvent(new Event("ended")); // the browser's own "stop sharing"
  await pass();
  assert.equal(s.call.state.self?.screen, false);
  assert.equal(s.world.last.of("state").at(-1)?.screen, false);
});

test("a view is paced, rounded, and not repeated", async () => {
  const s = await seat(joined(["ann", "me"]));
  const want = { participant: "ann", source: "camera" as const, width: 640.4, height: 99_999, priority: 500 };
  s.call.setView([]);
  s.call.setView([{ ...want, width: 1 }]);
  s.call.setView([want]);
  await pass(250);
  s.call.setView([want]);
  await pass(250);
  assert.deepEqual(s.world.last.of("view").map((m) => m.wants), [[{ participant: "ann", source: "camera", width: 640, height: 16384, priority: 100, visible: true }]]);
});

test("a room that outgrows its slots gets more, in one offer at a time", async () => {
  const s = await seat(joined(["a", "b", "c", "me"], { transport: "sfu" }, { answer: { revision: 1, sdp: "v=0\r\n" } }));
  let seq = 10;
  for (const id of ["d", "e", "f", "g", "h", "i"]) {
    s.say({ type: "participant-joined", seq: ++seq, participant: who(id) });
    await pass();
  }
  const [offer, ...more] = s.world.last.of("sfu-offer");
  assert.deepEqual([offer?.pairs?.length, more.length], [8, 0]);
  s.say({ type: "sfu-answer", revision: offer?.revision ?? 0, sdp: "v=0\r\n" });
  await pass();
  assert.deepEqual(s.world.last.of("sfu-offer").map((m) => m.pairs?.length), [8, 12]);
});

test("snapshots keep what did not change", async () => {
  const s = await seat(joined(["ann", "bob", "me"]));
  const [ann, bob] = s.call.state.people;
  s.say({ type: "participant-updated", seq: 11, participant: who("bob", { online: false }) });
  await pass();
  assert.equal(s.call.state.people[0], ann);
  assert.notEqual(s.call.state.people[1], bob);
  assert.equal(s.call.state.people[1]?.online, false);
});

test("moments are told once the state shows them, and not for those already there", async () => {
  const s = await seat(joined(["ann", "me"]));
  const told: string[] = [];
  for (const type of ["participant-joined", "participant-left", "hand-raised", "screen-started"] as const) {
    s.call.addEventListener(type, (e) => told.push(`${type} ${e.detail.name} of ${s.call.state.people.length}`));
  }
  s.say({ type: "participant-joined", seq: 11, participant: who("bob") });
  s.say({ type: "participant-updated", seq: 12, participant: who("bob", { media: { ...who("bob").media, hand: true, screen: true } }) });
  await pass();
  s.say({ type: "participant-left", seq: 13, id: "bob", reason: "left" });
  await pass();
  assert.deepEqual(told, ["participant-joined bob of 2", "hand-raised bob of 2", "screen-started bob of 2", "participant-left bob of 1"]);
});

test("leave waits for the goodbye, not for ever, and the same call can join again", async () => {
  const s = await seat(joined(["ann", "me"]));
  const done = s.call.leave();
  await pass();
  assert.equal(s.world.last.of("leave").length, 1);
  await pass(1_100);
  await done;
  await pass();
  assert.equal(s.call.state.phase, "left");
  assert.equal(s.world.open.length, 0);
  const again = s.call.join();
  await pass();
  s.world.last.open();
  await pass();
  s.say(joined(["me"]));
  await again;
});
