import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionState } from "@confab/sdk";
import { line, quality } from "../src/pure/line.js";
import { group, isEmoji } from "../src/pure/message.js";
import { arrange } from "../src/pure/pages.js";
import { initials, tint } from "../src/pure/person.js";
import { inviteLink, readAddress, readEntered, ROOM_NAME, slug, suggestRoom } from "../src/pure/room.js";
import { givable, mayMute, mayRemove } from "../src/pure/roles.js";
import { actionFor, readKeys, rebind, STANDARD } from "../src/pure/shortcuts.js";
import { en } from "../src/texts/en.js";

const origin = "https://meet.example";

test("what is typed or pasted as a room", () => {
  for (const [text, want] of [
    ["team", { kind: "room", room: "team", search: "", hash: "" }],
    ["  Café Müller, 3rd ", { kind: "room", room: "cafe-muller-3rd", search: "", hash: "" }],
    ["https://meet.example/r/team?mode=sfu#token=x", { kind: "room", room: "team", search: "?mode=sfu", hash: "#token=x" }],
    ["meet.example/r/Team", { kind: "room", room: "team", search: "", hash: "" }],
    ["https://other.example/r/team", { kind: "elsewhere", href: "https://other.example/r/team", host: "other.example" }],
    ["https://meet.example/about", { kind: "unusable" }],
    ["https://meet.example/r/a b", { kind: "unusable" }],
    ["!!!", { kind: "unusable" }],
    ["", { kind: "unusable" }],
  ] as const) assert.deepEqual(readEntered(text, origin), want, text);
});

test("every slug and suggestion is a room's name", () => {
  for (const text of ["Ünïcödé", "x".repeat(200), "a--b", "-a-", "日本", "a_b", "x".repeat(63) + " y"]) {
    const s = slug(text);
    assert.ok(s === "" || ROOM_NAME.test(s), `${text}: ${s}`);
  }
  for (const x of [0, 0.5, 0.999999]) assert.match(suggestRoom(() => x), ROOM_NAME);
});

test("the address of a room", () => {
  assert.deepEqual(readAddress(`${origin}/r/team?mode=p2p&relay=1&name=Ann&autojoin=1#token=abc.def`), {
    room: "team", mode: "p2p", relay: true, name: "Ann", autojoin: true, token: "abc.def",
  });
  assert.deepEqual(readAddress(`${origin}/r/team?mode=odd`), { room: "team", mode: "auto", relay: false, name: "", autojoin: false, token: "" });
  for (const path of ["/", "/r/", "/r/Team", "/r/a/b"]) assert.equal(readAddress(origin + path), null, path);
  assert.equal(inviteLink({ room: "team", mode: "auto" }, origin), `${origin}/r/team`);
  assert.equal(inviteLink({ room: "team", mode: "sfu" }, origin), `${origin}/r/team?mode=sfu`);
});

test("the loudest come to the first page, and nobody else moves", () => {
  const here = (spoke: Record<string, number>) => ["a", "b", "c", "d", "e"].map((id) => ({ id, at: spoke[id] ?? 0 }));
  const now = 100_000;
  for (const [what, before, spoke, want] of [
    ["all new", [], {}, "abcde"],
    ["all fit or are silent", ["a", "b", "c", "d", "e"], { a: now }, "abcde"],
    ["e speaks and takes the place of the quietest", ["a", "b", "c", "d", "e"], { a: 50_000, b: 90_000, e: now }, "abedc"],
    ["c has only just been quiet", ["a", "b", "c", "d", "e"], { a: now, b: now - 1000, c: now - 3000, e: now }, "abcde"],
    ["it was long ago", ["a", "b", "c", "d", "e"], { e: now - 10_000 }, "abcde"],
    ["somebody left", ["x", "a", "b", "c", "d", "e"], {}, "abcde"],
  ] as const) assert.equal(arrange(before, here(spoke), 3, now).join(""), want, what);
});

test("keys", () => {
  const press = (key: string, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more });
  for (const [e, target, want] of [
    [press("m"), "other", "microphone"], [press("M"), "control", "microphone"], [press("m"), "text", null], [press("c", { ctrlKey: true }), "other", null],
    [press("v", { repeat: true }), "other", null], [press(" ", { repeat: true }), "other", "talk"], [press(" "), "control", null], [press("x"), "other", null],
  ] as const) assert.equal(actionFor(STANDARD, e, target), want, `${JSON.stringify(e)} in ${target}`);
  assert.deepEqual(rebind(STANDARD, "camera", "M"), { taken: "microphone" });
  assert.deepEqual(rebind(STANDARD, "camera", "K"), { ...STANDARD, camera: "k" });
  assert.deepEqual(readKeys({ camera: "k", chat: 5, hand: "Enter" }), { ...STANDARD, camera: "k" });
  assert.deepEqual(readKeys({ camera: "m" }), STANDARD, "two actions on one key");
  assert.deepEqual(readKeys(null), STANDARD);
});

test("emoji stand alone or not", () => {
  for (const [text, want] of [["🎉", true], ["👍🏽 👍", true], ["🇳🇴", true], ["👨‍👩‍👧", true], ["1", false], ["ok 🎉", false], ["", false]] as const) {
    assert.equal(isEmoji(text), want, text);
  }
});

test("messages of one person in one minute stand together", () => {
  const say = (from: string, seconds: number, to: string | null = null) => ({ from, to, time: seconds * 1000, line: null });
  assert.deepEqual(group([say("a", 1), say("a", 59), say("a", 61), say("b", 62), say("b", 63, "a")]).map((g) => g.length), [2, 1, 1, 1]);
  assert.deepEqual(group([]), []);
});

test("initials and tints", () => {
  for (const [name, want] of [["Amara Okafor", "AO"], ["ingrid", "I"], ["Anna-Maria Schneider-Hoffmann", "AH"], ["  ", "?"], ["李 雷", "李雷"], ["🎉", "?"]] as const) {
    assert.equal(initials(name), want, name);
  }
  assert.equal(tint("Amara", 8), tint("Amara", 8));
});

test("the connection line tells the truth", () => {
  const now = 100_000;
  const base: ConnectionState = {
    route: "p2p", switching: false, signaling: "connected", carrier: "websocket", path: "direct", protocol: "udp", rttMs: 12, since: now - 60_000, drainingUntil: null,
  };
  const f = { ms: (n: number) => `${n} ms`, seconds: (n: number) => `${Math.floor(n)} s` };
  for (const [what, change, others, online, want] of [
    ["direct", {}, 1, true, "direct · 12 ms"],
    ["server", { path: "server", rttMs: 40 }, 2, true, "via server · 40 ms"],
    ["relayed over TLS", { path: "relayed", rttMs: 80, protocol: "tls" }, 1, true, "relayed · 80 ms · your network blocks UDP, using TLS"],
    ["at first, a relay over TCP blames nobody", { path: "relayed", protocol: "tcp", since: now - 2000 }, 1, true, "relayed · 12 ms"],
    ["no round trip known", { rttMs: null }, 1, true, "direct"],
    ["alone", { path: "none" }, 0, true, "ready"],
    ["not yet", { path: "none" }, 1, true, "connecting…"],
    ["a short cut is not worth a word", { signaling: "reconnecting", since: now - 1000 }, 1, true, "direct · 12 ms"],
    ["a longer one is", { signaling: "reconnecting", since: now - 3200 }, 1, true, "reconnecting… 3 s"],
    ["offline", {}, 1, false, en.connection.offline],
  ] as const) assert.equal(line({ ...base, ...change }, others, 0, online, now, en.connection, f).text, want, what);
});

test("what waits is said to be kept", () => {
  const c: ConnectionState = {
    route: "sfu", switching: false, signaling: "reconnecting", carrier: "sse", path: "server", protocol: "udp", rttMs: 9, since: 1_000, drainingUntil: null,
  };
  const f = { ms: (n: number) => `${n} ms`, seconds: (n: number) => `${Math.floor(n)} s` };
  assert.equal(line(c, 1, 2, true, 5_000, en.connection, f).text, "reconnecting… 4 s, what you type is kept");
  assert.equal(line(c, 1, 2, false, 5_000, en.connection, f).text, en.connection.offlineKept);
  assert.equal(line({ ...c, signaling: "connected" }, 1, 0, true, 5_000, en.connection, f).text, "via server · 9 ms · your network blocks WebSockets");
});

test("what a role is offered", () => {
  assert.deepEqual([mayMute("moderator", "moderator"), mayMute("moderator", "host"), mayMute("member", "viewer"), mayMute(undefined, "viewer")], [true, false, false, false]);
  assert.deepEqual([mayRemove("moderator", "member"), mayRemove("moderator", "moderator"), mayRemove("host", "host"), mayRemove("member", "viewer")], [true, false, true, false]);
  assert.deepEqual(givable("moderator"), ["viewer", "member", "moderator"]);
  assert.deepEqual(givable("member"), []);
});

test("the dot", () => {
  const l = { path: "direct" as const, protocol: "udp" as const, rttMs: 20, loss: 0 };
  assert.equal(quality(true, l), "good");
  assert.equal(quality(true, { ...l, loss: 0.1 }), "weak");
  assert.equal(quality(true, { ...l, rttMs: 900 }), "weak");
  assert.equal(quality(true, { ...l, path: "none" }), "lost");
  assert.equal(quality(false, l), "lost");
});
