import assert from "node:assert/strict";
import { test } from "node:test";
import * as chats from "../src/chat.js";
import type { Chat } from "../src/chat.js";
import { ConfabError } from "../src/errors.js";
import type { ChatMessage } from "../src/protocol.gen.js";
import type { ChatEntry } from "../src/types.js";

const said = (seq: number, from = "ann", more: Partial<ChatMessage> = {}): ChatMessage => ({ seq, id: `m${seq}`, from, name: from, text: `text ${seq}`, time: seq, ...more });
const mine = (id: string): ChatEntry => ({
  id, seq: null, line: null, from: "me", name: "me", to: null, text: "hi", time: 1, reply: null, edited: null, deleted: false, reactions: [],
  own: true, status: "pending", error: null,
});
const told = (...messages: ChatMessage[]): Chat => chats.snapshot(chats.noChat, { self: "me", seq: 20, chat: messages, more: false }, null);
const shown = (c: Chat): string[] => c.entries.map((e) => `${e.seq ?? e.id} ${e.status}`);

test("messages stand in the order of the log, whatever order they come in, and none twice", () => {
  let c = told(said(5), said(9));
  for (const m of [said(12), said(11), said(12), said(9)]) c = chats.heard(c, "me", m);
  assert.deepEqual(shown(c), ["5 sent", "9 sent", "11 sent", "12 sent"]);
});

test("a pending message is confirmed in its place, once; somebody else's of the same id is another", () => {
  let c = chats.write(told(), mine("c1"));
  c = chats.heard(c, "me", said(21, "ann", { id: "c1" }));
  assert.deepEqual(shown(c), ["21 sent", "c1 pending"]);
  c = chats.heard(c, "me", said(22, "me", { id: "c1" }));
  c = chats.heard(c, "me", said(22, "me", { id: "c1" }));
  assert.deepEqual(shown(c), ["21 sent", "22 sent"]);
});

test("an acknowledgement without its event settles the message too", () => {
  const c = chats.write(told(said(5), said(9)), mine("c1"));
  assert.deepEqual(shown(chats.acked(c, "c1", 7)), ["5 sent", "7 sent", "9 sent"]);
  assert.deepEqual(shown(chats.acked(c, "c1", 2)), ["5 sent", "9 sent"], "older than what is here: history brings it");
  assert.equal(chats.acked(c, "other", 7), c);
});

test("a refused message says why and can be sent again; others do not mind", () => {
  let c = chats.write(chats.write(told(), mine("c1")), mine("c2"));
  c = chats.failed(c, "c1", new ConfabError({ code: "forbidden", message: "no" }));
  assert.deepEqual(c.entries.map((e) => [e.id, e.status, e.error?.code]), [["c1", "failed", "forbidden"], ["c2", "pending", undefined]]);
  c = chats.write(c, { ...mine("c1"), status: "pending" });
  assert.deepEqual(shown(c), ["c2 pending", "c1 pending"]);
});

test("a snapshot keeps what is not confirmed, unless it is in it; under a new seat too", () => {
  const c = chats.write(chats.write(told(said(5)), mine("c1")), mine("c2"));
  const same = chats.snapshot(c, { self: "me", seq: 30, chat: [said(25, "me", { id: "c1" })], more: true }, null);
  assert.deepEqual(shown(same), ["25 sent", "c2 pending"]);
  assert.equal(same.more, true);
  const other = chats.snapshot(c, { self: "me2", seq: 30, chat: [said(25, "me", { id: "c1" })], more: false }, "me");
  assert.deepEqual(other.entries.map((e) => [e.id, e.from, e.status]), [["c1", "me", "sent"], ["c2", "me2", "pending"]]);
});

test("edit, take back and react show at once, and are undone when refused", () => {
  const start = told(said(5, "me"), said(6));
  let c = chats.change(start, { id: "1", do: "edit", message: 5, text: "better", time: 9 });
  c = chats.change(c, { id: "2", do: "react", message: 6, emoji: "👍", on: true, from: "me" });
  c = chats.change(c, { id: "3", do: "delete", message: 6 });
  assert.deepEqual(c.entries.map((e) => [e.text, e.edited, e.deleted]), [["better", 9, false], ["", null, true]]);
  c = chats.failed(c, "3", new ConfabError({ code: "forbidden", message: "no" }));
  assert.deepEqual(c.entries.map((e) => [e.text, e.reactions.length]), [["better", 0], ["text 6", 1]]);
  c = chats.failed(chats.failed(c, "1", new ConfabError({ code: "forbidden", message: "no" })), "2", new ConfabError({ code: "forbidden", message: "no" }));
  assert.deepEqual(c.entries, start.entries);
});

test("a confirmed change stays when its command is acknowledged", () => {
  let c = chats.change(told(said(5, "me")), { id: "1", do: "edit", message: 5, text: "better", time: 9 });
  c = chats.acked(chats.edited(c, { seq: 21, message: 5, text: "better", time: 10 }), "1", 21);
  assert.deepEqual(c.entries.map((e) => [e.text, e.edited]), [["better", 10]]);
  assert.deepEqual(c.changes, []);
});

test("reactions are counted by person", () => {
  let c = told(said(5));
  for (const [from, on] of [["a", true], ["b", true], ["a", true], ["a", false]] as const) c = chats.reacted(c, { seq: 1, message: 5, from, emoji: "🎉", on });
  assert.deepEqual(c.entries[0]?.reactions, [{ emoji: "🎉", from: ["b"] }]);
  c = chats.reacted(c, { seq: 1, message: 5, from: "b", emoji: "🎉", on: false });
  assert.deepEqual(c.entries[0]?.reactions, []);
});

test("what is taken back has neither text nor reactions", () => {
  const c = chats.deleted(told(said(5, "ann", { reactions: [{ emoji: "👍", from: ["b"] }] })), { seq: 21, message: 5, by: "ann" });
  assert.deepEqual(c.entries.map((e) => [e.text, e.deleted, e.reactions.length]), [["", true, 0]]);
});

test("older pages go before, without doubles", () => {
  let c: Chat = { ...told(said(5), said(6)), more: true, loading: true };
  c = chats.older(c, "me", { messages: [said(3), said(4), said(5)], more: true });
  assert.deepEqual(shown(c), ["3 sent", "4 sent", "5 sent", "6 sent"]);
  assert.deepEqual([c.more, c.loading], [true, false]);
});

test("unread counts messages of others that came after what was read", () => {
  let c: Chat = { ...told(said(5)), read: 5 };
  c = chats.heard(c, "me", said(21));
  c = chats.heard(c, "me", said(22, "me"));
  c = chats.line(c, "joined", 23, { id: "bob", name: "bob" }, "me", 1);
  c = chats.heard(c, "me", said(24));
  assert.equal(chats.unread(c), 2);
  assert.equal(chats.unread(chats.deleted(c, { seq: 25, message: 24, by: "ann" })), 1);
  assert.equal(chats.unread(chats.read(c)), 0);
});

test("who writes is forgotten when the message comes, when the person goes, and after a while", () => {
  let c = chats.typing(chats.typing(told(), { from: "ann", on: true }, 1000), { from: "bob", to: "me", on: true }, 1000);
  assert.deepEqual(c.typing.map((t) => [t.from, t.direct]), [["ann", false], ["bob", true]]);
  assert.deepEqual(chats.heard(c, "me", said(21)).typing.map((t) => t.from), ["bob"]);
  assert.deepEqual(chats.still(c, (id) => id === "ann", 1000).typing.map((t) => t.from), ["ann"]);
  assert.deepEqual(chats.still(c, () => true, 1000 + chats.TYPING).typing, []);
  c = chats.typing(c, { from: "ann", on: false }, 1100);
  assert.deepEqual(c.typing.map((t) => t.from), ["bob"]);
});

test("messages that did not change stay the same object", () => {
  const c = told(said(5), said(6));
  const next = chats.reacted(c, { seq: 21, message: 6, from: "a", emoji: "🎉", on: true });
  assert.equal(next.entries[0], c.entries[0]);
  assert.notEqual(next.entries[1], c.entries[1]);
});

test("only so many are kept, and the rest can be asked for", () => {
  let c = told();
  for (let i = 1; i <= 2_001; i++) c = chats.heard(c, "me", said(i));
  assert.deepEqual([c.entries.length, c.entries[0]?.seq, c.more], [2_000, 2, true]);
});
