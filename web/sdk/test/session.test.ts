import assert from "node:assert/strict";
import { test } from "node:test";
import type { Participant, ServerMessage } from "../src/protocol.gen.js";
import type { Effect, Session } from "../src/session.js";
import { noSession, receive as step, skip } from "../src/session.js";

const receive = (s: Session, m: ServerMessage): [Session, Effect[]] => step(s, m, 5000);

const who = (id: string, more: Partial<Participant> = {}): Participant => ({
  id, name: id, online: true, kind: "person", role: "member", media: { microphone: true, camera: true, screen: false, screenAudio: false, hand: false }, ...more,
});
const joined = (more: Partial<Extract<ServerMessage, { type: "joined" }>> = {}): ServerMessage => ({
  type: "joined", self: "me", session: "s3cret", room: "r", mode: "auto", epoch: "e1", seq: 10, recovered: false,
  route: { transport: "p2p", generation: 1, done: true }, participants: [who("ann"), who("me")], chat: [], more: false, grants: [],
  settings: { access: "open", password: false, people: 50 }, iceServers: [], iceTtl: 600,
  resumeWindow: 30, server: "test", ...more,
});
const did = (effects: Effect[]): string[] => effects.map((e) => (e.do === "came" || e.do === "gone" || e.do === "updated" ? `${e.do} ${e.participant.id}` : e.do));

function run(s: Session, ...messages: ServerMessage[]): [Session, string[]] {
  const all: string[] = [];
  for (const m of messages) {
    const [next, effects] = receive(s, m);
    s = next;
    all.push(...did(effects));
  }
  return [s, all];
}

const table: [name: string, messages: ServerMessage[], want: string[], seq: number][] = [
  ["events follow by one", [{ type: "participant-joined", seq: 11, participant: who("bob") }, { type: "participant-left", seq: 12, id: "ann", reason: "left" }], ["came bob", "gone ann"], 12],
  ["an event known already is dropped", [{ type: "participant-joined", seq: 10, participant: who("bob") }], [], 10],
  ["a hole asks to come back, and is not skipped", [{ type: "route-done", seq: 12, generation: 1 }], ["resync"], 10],
  ["a withheld event counts", [{ type: "withheld", seq: 11 }, { type: "route-done", seq: 12, generation: 1 }], ["route-done"], 12],
  ["notices do not count", [{ type: "slots", slots: [] }, { type: "speakers", speakers: [] }, { type: "pong" }], ["slots", "speakers"], 10],
  ["recovered: keep, and take the events that follow", [joined({ recovered: true, participants: [] }), { type: "participant-joined", seq: 11, participant: who("bob") }], ["ice", "joined", "came bob"], 11],
  ["not recovered: the difference is told", [joined({ seq: 40, participants: [who("me"), who("bob")], route: { transport: "sfu", generation: 3, done: false } })], ["ice", "joined", "gone ann", "updated me", "came bob", "route"], 40],
  ["another epoch is never recovered", [joined({ recovered: true, epoch: "e2", seq: 3 })], ["ice", "joined", "updated ann", "updated me", "route-done"], 3],
  ["an expired session joins again", [{ type: "error", code: "session-expired", message: "late", retry: true }], ["rejoin"], 10],
  ["a session taken over is over", [{ type: "error", code: "replaced", message: "elsewhere", retry: false }], ["ended"], 10],
  ["an acknowledgement is told", [{ type: "ack", id: "c1", seq: 0 }], ["acked"], 10],
  ["settings, grants and changes of messages count", [
    { type: "settings", seq: 11, settings: { access: "locked", password: true, people: 9 } }, { type: "granted", seq: 12, role: "moderator", grants: [] },
    { type: "chat-edited", seq: 13, message: 3, text: "x", time: 1 }, { type: "chat-deleted", seq: 14, message: 3, by: "ann" },
    { type: "chat-reacted", seq: 15, message: 3, from: "ann", emoji: "👍", on: true },
  ], [], 15],
  ["who knocks is told once", [{ type: "knocks", knocks: [{ id: "k", name: "Eve", since: 1 }] }, { type: "knocks", knocks: [{ id: "k", name: "Eve", since: 1 }] }], ["knocked"], 10],
  ["the end of the room is the end", [{ type: "room-ended", seq: 11 }], ["ended"], 11],
  ["removed is the end", [{ type: "left", reason: "removed" }], ["ended"], 10],
];

for (const [name, messages, want, seq] of table) {
  test(`session: ${name}`, () => {
    const [start] = receive(noSession, joined());
    const [s, effects] = run(start, ...messages);
    assert.deepEqual(effects, want);
    assert.equal(s.seq, seq);
  });
}

test("an event of a later version counts", () => {
  const [start] = receive(noSession, joined());
  assert.equal(skip(start, 11)[0].seq, 11);
  assert.deepEqual(did(skip(start, 13)[1]), ["resync"]);
});

test("an ending has words", () => {
  for (const reason of ["replaced", "removed", "banned", "refused", "room-ended", "room-closed"] as const) {
    const [, effects] = receive(noSession, { type: "left", reason });
    const e = effects[0];
    assert.ok(e?.do === "ended" && e.error?.code === reason && e.error.message !== "");
  }
  const [, effects] = receive(noSession, { type: "left", reason: "left" });
  assert.deepEqual(effects, [{ do: "ended", error: null }]);
  assert.deepEqual(receive(noSession, { type: "left", reason: "server-stopped" })[1], [], "it will be back");
});
