import assert from "node:assert/strict";
import { test } from "node:test";
import type { Candidate, Description } from "../src/protocol.gen.js";
import type { Negotiation, NegotiationStep } from "../src/negotiation.js";
import { negotiation, onCandidate, onDescription, ufrags } from "../src/negotiation.js";

const description = (type: "offer" | "answer", ufrag: string): Description => ({ type, sdp: `v=0\r\nm=audio\r\na=ice-ufrag:${ufrag}\r\n` });
const candidate = (usernameFragment: string): Candidate => ({ candidate: "candidate:1", sdpMLineIndex: 0, usernameFragment });

test("the peer whose id is greater is polite", () => {
  assert.equal(negotiation("b", "a").polite, true);
  assert.equal(negotiation("a", "b").polite, false);
});

type Step = [input: Description | Candidate, state: RTCSignalingState, want: string[]];
const table: [name: string, self: string, steps: Step[]][] = [
  ["an offer is answered", "a", [[description("offer", "u"), "stable", ["answer"]]]],
  ["glare: the polite side gives its offer up", "z", [[description("offer", "u"), "have-local-offer", ["answer"]]]],
  ["glare: the impolite side goes on", "a", [[description("offer", "u"), "have-local-offer", []], [description("answer", "v"), "have-local-offer", ["accept"]]]],
  ["an answer that nobody waits for is late", "a", [[description("answer", "u"), "stable", []]]],
  ["candidates of an ignored offer are not added", "a", [
    [description("offer", "theirs"), "have-local-offer", []],
    [candidate("theirs"), "have-local-offer", []],
    [description("answer", "real"), "have-local-offer", ["accept"]],
    [candidate("real"), "stable", ["add"]],
  ]],
  ["a candidate that overtakes its description waits", "a", [
    [candidate("u"), "stable", []],
    [description("offer", "u"), "stable", ["answer", "add"]],
  ]],
  ["candidates of before an ICE restart are not added", "a", [
    [description("offer", "old"), "stable", ["answer"]],
    [description("offer", "new"), "stable", ["answer"]],
    [candidate("old"), "stable", []],
    [candidate("new"), "stable", ["add"]],
  ]],
  ["a candidate without ufrag belongs to what is there", "a", [
    [candidate(""), "stable", []],
    [description("offer", "u"), "stable", ["answer", "add"]],
    [candidate(""), "stable", ["add"]],
  ]],
  ["the end of candidates is no candidate", "a", [
    [description("offer", "u"), "stable", ["answer"]],
    [{ candidate: "", sdpMLineIndex: 0 }, "stable", []],
  ]],
];

for (const [name, self, steps] of table) {
  test(`negotiation: ${name}`, () => {
    let n: Negotiation = negotiation(self, "m");
    for (const [input, state, want] of steps) {
      let did: NegotiationStep[];
      [n, did] = "sdp" in input ? onDescription(n, state, input) : onCandidate(n, input);
      assert.deepEqual(did.map((s) => s.do), want);
    }
  });
}

test("early candidates are bounded", () => {
  let n = negotiation("a", "b");
  for (let i = 0; i < 1000; i++) [n] = onCandidate(n, candidate(`u${i}`));
  assert.equal(n.early.length, 64);
  assert.equal(n.early.at(-1)?.usernameFragment, "u999");
});

test("ufrags are read once each", () => {
  assert.deepEqual(ufrags("a=ice-ufrag:x/+1\r\na=ice-pwd:p\r\nm=video\r\na=ice-ufrag:x/+1\r\n"), ["x/+1"]);
});

// Two peers that both offer, and every order of delivery: they always end with the impolite one's offer answered.
test("glare ends the same way in every order", () => {
  for (const first of ["a", "b"] as const) {
    const peers = { a: peer("a", "b"), b: peer("b", "a") };
    const queue: { to: "a" | "b"; d: Description }[] = [];
    for (const id of ["a", "b"] as const) queue.push({ to: id === "a" ? "b" : "a", d: peers[id].offer() });
    if (first === "b") queue.reverse();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const reply = peers[next.to].take(next.d);
      if (reply !== null) queue.push({ to: next.to === "a" ? "b" : "a", d: reply });
    }
    assert.deepEqual([peers.a.state, peers.b.state], ["stable", "stable"]);
    assert.deepEqual([peers.a.remote, peers.b.remote], ["answer-b", "offer-a"]);
  }
});

function peer(self: string, other: string) {
  let n = negotiation(self, other);
  return {
    state: "stable" as RTCSignalingState,
    remote: "",
    offer(): Description {
      this.state = "have-local-offer";
      return description("offer", `offer-${self}`);
    },
    take(d: Description): Description | null {
      let steps: NegotiationStep[];
      [n, steps] = onDescription(n, this.state, d);
      let reply: Description | null = null;
      for (const s of steps) {
        this.state = "stable";
        if (s.do === "answer") reply = description("answer", `answer-${self}`);
        if (s.do !== "add") this.remote = ufrags(s.do === "answer" ? s.offer.sdp : s.answer.sdp)[0] ?? "";
      }
      return reply;
    },
  };
}
