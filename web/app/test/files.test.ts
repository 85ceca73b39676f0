// The handshake of file transfers: CPace by the vectors of its draft, and both sides against each other, with everything that a
// dishonest server could try in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, unhex, utf8, type Bytes } from "../../sdk/src/files/bytes.js";
import { makeCode, readCode, words } from "../../sdk/src/files/codes.js";
import type { Opening } from "../../sdk/src/files/control.js";
import { agree, generatorString, share } from "../../sdk/src/files/cpace.js";
import { Answerer, Opener, type Keys } from "../../sdk/src/files/handshake.js";
import { fingerprintOf } from "../../sdk/src/files/secure.js";
import { zip } from "../../sdk/src/files/zip.js";
import { crc32 } from "../../sdk/src/files/crc.js";
import { group } from "../src/files/curve.js";
import { nameOf } from "../src/files/items.js";
import { device } from "../src/files/visit.js";

const b = (s: string): Bytes => unhex(s.replaceAll(" ", "")) as Bytes;

// draft-irtf-cfrg-cpace, appendix B.3: CPace with ristretto255 and SHA-512.
const draft = {
  prs: utf8("Password"), ci: b("6f630b425f726573706f6e6465720b415f696e69746961746f72"), sid: b("7e4b4791d6a8ef019b936c79fb7f2c57"),
  ya: b("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08"), Ya: b("d40fb265a7abeaee7939d91a585fe59f7053f982c296ec413c624c669308f87a"),
  yb: b("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d"), Yb: b("08bcf6e9777a9c313a3db6daa510f2d398403319c2341bd506a92e672eb7e307"),
  isk: "4c5469a16b2364c4b944ebc1a79e51d1674ad47db26e8718154f59faebfaa52d8346f30aa58377117eb20d527f2cbc5c76381f7fd372e89df8239f87f2e02ed1",
};
const fixed = (scalar: Uint8Array) => ({ ...group, scalar: () => scalar });

test("CPace: shares and key of the draft", async () => {
  assert.equal(generatorString(draft.prs, draft.ci, draft.sid).length, 172);
  const a = await share(fixed(draft.ya), draft.prs, draft.ci, draft.sid, new Uint8Array(64));
  const bob = await share(fixed(draft.yb), draft.prs, draft.ci, draft.sid, new Uint8Array(64));
  assert.equal(hex(a.public), hex(draft.Ya));
  assert.equal(hex(bob.public), hex(draft.Yb));
  const said = [{ share: draft.Ya, data: utf8("ADa") }, { share: draft.Yb, data: utf8("ADb") }] as const;
  assert.equal(hex(await agree(group, a, draft.Yb, draft.sid, ...said)), draft.isk);
  assert.equal(hex(await agree(group, bob, draft.Ya, draft.sid, ...said)), draft.isk);
});

test("CPace: what is no element, or the neutral one, ends the run", async () => {
  const own = await share(group, utf8("x"), utf8("y"), utf8("z"), crypto.getRandomValues(new Uint8Array(64)));
  for (const bad of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31), new Uint8Array(0)]) {
    await assert.rejects(agree(group, own, bad, utf8("z"), { share: own.public }, { share: bad }), { code: "not-authentic" });
  }
});

const FA = Array.from({ length: 32 }, () => "AA").join(":");
const FB = Array.from({ length: 32 }, () => "BB").join(":");
const link = new Uint8Array(16).fill(7);

/** Runs both sides; between sees and may change what travels. */
async function run(keysA: Keys, keysB: Keys, between: (m: Opening, from: "A" | "B") => Opening = (m) => m) {
  const toB: Opening[] = [];
  const toA: Opening[] = [];
  const A = new Opener("t".repeat(22), keysA, FA, (m) => toB.push(between(m, "A")));
  const B = new Answerer("t".repeat(22), keysB, FB, (m) => toA.push(between(m, "B")));
  await A.start();
  while (toA.length > 0 || toB.length > 0) {
    for (const m of toB.splice(0)) await B.receive(m);
    for (const m of toA.splice(0)) await A.receive(m);
  }
  return { A, B };
}

const code = (c: string): Keys => ({ code: c, group: () => Promise.resolve(group) });

test("handshake: link, code, swarm and call, each with the digits and fingerprints of the other", async () => {
  for (const [mode, a, bob] of [
    ["link", { link, ...code("1-a-b") }, { link }], ["code", { link, ...code("1-A-b") }, code("1-a-B")],
    ["swarm", { swarm: [link] }, { swarm: [new Uint8Array(16), link], open: true }], ["open", { open: true }, { open: true }],
  ] as const) {
    const { A, B } = await run(a, bob);
    assert.equal(A.outcome?.mode, mode);
    assert.equal(A.outcome?.fingerprint, FB);
    assert.equal(B.outcome?.fingerprint, FA);
    assert.match(A.outcome?.spoken ?? "", /^\d{6}$/);
    assert.equal(A.outcome?.spoken, B.outcome?.spoken);
    assert.equal(A.guessed, false);
    if (mode === "swarm") assert.deepEqual(B.outcome?.swarm, link);
  }
});

test("handshake: another secret proves nothing, and a tested guess of the code is counted", async () => {
  const wrong = new Uint8Array(16);
  await assert.rejects(run({ link }, { link: wrong }), { code: "not-authentic" });
  await assert.rejects(run({ swarm: [link] }, { swarm: [wrong] }), { code: "not-authentic" });
  await assert.rejects(run({ link }, {}), { code: "not-authentic" });
  await assert.rejects(run({ open: true }, { link }), { code: "not-authentic" }, "who has a link takes nothing less");
  const A = new Opener("t".repeat(22), code("1-a-b"), FA, (m) => sent.push(m));
  const sent: Opening[] = [];
  await A.start();
  const answers: Opening[] = [];
  const B = new Answerer("t".repeat(22), code("1-a-c"), FB, (m) => answers.push(m));
  await B.receive(sent[0]!);
  await A.receive(answers[0]!);
  assert.equal(A.guessed, true);
  await assert.rejects(B.receive(sent[1]!), { code: "not-authentic" });
});

test("handshake: a server that changes anything is found out", async () => {
  const EVIL = Array.from({ length: 32 }, () => "EE").join(":");
  const changes: [string, (m: Opening, from: "A" | "B") => Opening][] = [
    ["A's certificate", (m, from) => (m.t === "hello" && from === "A" ? { ...m, fingerprint: EVIL } : m)],
    ["B's certificate", (m, from) => (m.t === "hello" && from === "B" ? { ...m, fingerprint: EVIL } : m)],
    ["B's nonce", (m, from) => (m.t === "hello" && "nonce" in m && from === "B" ? { ...m, nonce: "AAAAAAAAAAAAAAAAAAAAAA" } : m)],
    ["A's nonce", (m, from) => (m.t === "prove" && from === "A" ? { ...m, nonce: "AAAAAAAAAAAAAAAAAAAAAA" } : m)],
    ["A's proof", (m, from) => (m.t === "prove" && from === "A" ? { ...m, mac: "" } : m)],
    ["B's proof", (m, from) => (m.t === "prove" && from === "B" ? { ...m, mac: "" } : m)],
    ["the mode", (m, from) => (m.t === "hello" && "modes" in m && from === "A" ? { ...m, modes: ["open"] } : m)],
  ];
  for (const [what, change] of changes) await assert.rejects(run({ link }, { link, open: true }, change), { code: "not-authentic" }, what);
  // Where there is no secret, the digits differ.
  const { A, B } = await run({ open: true }, { open: true }, changes[0]![1]);
  assert.notEqual(A.outcome?.spoken, B.outcome?.spoken);
});

test("handshake: an SDP has one fingerprint, of SHA-256", () => {
  const line = `a=fingerprint:sha-256 ${FA}\r\n`;
  assert.equal(fingerprintOf(`v=0\r\n${line}`), FA);
  assert.equal(fingerprintOf(line.toLowerCase() + line), FA);
  assert.equal(fingerprintOf(`${line}a=fingerprint:sha-256 ${FB}\r\n`), null, "two certificates");
  assert.equal(fingerprintOf(`${line}a=fingerprint:sha-1 AA\r\n`), null, "a weaker one beside it");
  assert.equal(fingerprintOf("v=0\r\n"), null);
});

test("codes: 256 words, each once; read as people type them", () => {
  assert.equal(words.length, 256);
  assert.equal(new Set(words).size, 256);
  const made = makeCode(Uint8Array.of(0, 255, 0xff, 0xff, 0xff, 0xff));
  assert.match(made.code, /^\d{5}-acid-violin$/);
  assert.deepEqual(readCode(` ${made.code.toUpperCase().replaceAll("-", " ")} `), made);
  for (const bad of ["", "1234-a-b", "12345-apple", "12345-apple-river-x", "drop-12345"]) assert.equal(readCode(bad), null);
});

test("zip: what the table of contents says is where it says", async () => {
  const made = await zip([{ path: "a/ä.txt", content: new Blob(["hello"]), modified: 0 }, { path: "empty/", content: new Blob([]) }], crc32);
  const v = new DataView(await made.arrayBuffer());
  assert.equal(v.getUint32(v.byteLength - 22, true), 0x06054b50);
  const end64 = Number(v.getBigUint64(v.byteLength - 22 - 20 + 8, true));
  assert.equal(v.getUint32(end64, true), 0x06064b50);
  const directory = Number(v.getBigUint64(end64 + 48, true));
  assert.equal(v.getUint32(directory, true), 0x02014b50);
  assert.equal(v.getUint32(directory + 16, true), 0x3610a686, "CRC-32 of hello");
});

test("files: what it is called, and who we are", () => {
  assert.equal(nameOf([{ path: "photos/1.jpg", file: new Blob([]) }]), "photos");
  assert.equal(nameOf([{ text: " one\ntwo" }]), "one");
  assert.equal(device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Linux");
});
