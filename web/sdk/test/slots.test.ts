import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraEncodings, preferredCodecs } from "../src/encodings.js";
import { counters, delivered } from "../src/counters.js";
import { decodeFrame, payloadSize } from "../src/frames.js";
import { assign, mediaMids, needed, noSlots } from "../src/slots.js";

test("a slots message moves what it names and nothing else", () => {
  const [one, first] = assign(noSlots, [
    { mid: "3", participant: "ann", source: "camera" },
    { mid: "2", participant: "ann", source: "microphone" },
  ]);
  assert.deepEqual(first.map((m) => [m.mid, m.gone, m.now?.participant, m.dirty]), [["3", null, "ann", false], ["2", null, "ann", false]]);
  const [two, second] = assign(one, [{ mid: "3", participant: "bob", source: "camera" }]);
  assert.deepEqual(second, [{ mid: "3", gone: { participant: "ann", source: "camera" }, now: { participant: "bob", source: "camera" }, dirty: true }]);
  const [three, third] = assign(two, [{ mid: "3", participant: "bob", source: "camera", paused: "muted" }]);
  assert.deepEqual(third, []);
  assert.equal(three.get("3")?.paused, true);
  const [, last] = assign(three, [{ mid: "3" }]);
  assert.deepEqual(last, [{ mid: "3", gone: { participant: "bob", source: "camera" }, now: null, dirty: true }]);
});

const rooms: [name: string, have: [number, number], room: [people: number, screens: number, wants: number], want: [number, number]][] = [
  ["a small room fits", [4, 2], [3, 0, 3], [4, 2]],
  ["the fifth gets a pair", [4, 2], [5, 0, 0], [8, 2]],
  ["a screen needs one too", [4, 2], [4, 1, 0], [8, 2]],
  ["a large room shows what is wanted", [8, 2], [40, 0, 16], [16, 6]],
  ["and never more than fits in an offer", [8, 2], [200, 1, 60], [25, 6]],
  ["slots are never given back", [12, 4], [1, 0, 0], [12, 4]],
];
for (const [name, [pairs, audio], [people, screens, visibleWants], want] of rooms) {
  test(`slots: ${name}`, () => {
    const n = needed({ pairs, audio }, { people, screens, visibleWants });
    assert.deepEqual([n.pairs, n.audio], want);
  });
}

test("mids are read by m-line, without the data channel's", () => {
  const sdp = "v=0\r\nm=audio 9 X 1\r\na=mid:0\r\nm=application 9 X 2\r\na=mid:5\r\nm=video 9 X 3\r\na=mid:v\r\n";
  assert.deepEqual(mediaMids(sdp), ["0", "v"]);
});

test("a small camera sends two sizes, and none of them is lost", () => {
  const sizes = (w?: number, h?: number): string => cameraEncodings(w, h).filter((e) => e.active).map((e) => `${e.rid}/${e.scaleResolutionDownBy}`).join(" ");
  assert.equal(sizes(1280, 720), "q/4 h/2 f/1");
  assert.equal(sizes(720, 1280), "q/4 h/2 f/1");
  assert.equal(sizes(undefined, undefined), "q/4 h/2 f/1");
  assert.equal(sizes(640, 360), "q/2 h/1");
  assert.deepEqual(cameraEncodings(640, 360).map((e) => e.rid), ["q", "h", "f"]);
});

test("VP8 comes first, and the profiles nobody sends are left out", () => {
  const codec = (mimeType: string, sdpFmtpLine?: string): { mimeType: string; sdpFmtpLine?: string } => ({ mimeType, ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }) });
  const got = preferredCodecs([
    codec("video/H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    codec("video/H264", "packetization-mode=0;profile-level-id=42e01f"),
    codec("video/H264", "packetization-mode=1;profile-level-id=640c1f"),
    codec("video/rtx"), codec("video/VP9", "profile-id=2"), codec("video/VP9", "profile-id=0"), codec("video/AV1", "profile=1"),
    codec("video/AV1", "level-idx=5;profile=0;tier=0"), codec("video/VP8"),
  ]);
  assert.deepEqual(got.map((c) => c.mimeType), ["video/VP8", "video/VP9", "video/H264", "video/AV1", "video/rtx"]);
});

test("only decoded media of this very source counts", () => {
  const report = new Map<string, unknown>([
    ["a", { type: "inbound-rtp", kind: "audio", trackIdentifier: "ta", packetsReceived: 3 }],
    ["v", { type: "inbound-rtp", kind: "video", trackIdentifier: "tv", packetsReceived: 90, framesDecoded: 0 }],
    ["o", { type: "outbound-rtp", kind: "video", packetsSent: 9 }],
  ]);
  const c = counters(report);
  assert.deepEqual([...c.keys()], ["ta", "tv"]);
  const a = c.get("ta");
  const v = c.get("tv");
  assert.ok(a !== undefined && v !== undefined);
  assert.equal(delivered(a, null), true);
  assert.equal(delivered(v, null), false, "packets are no picture");
  const base = { ...v, frames: 50, keyframes: 2 };
  assert.equal(delivered({ ...base, frames: 60 }, { base, ms: 500 }), false, "still the one before");
  assert.equal(delivered({ ...base, frames: 61, keyframes: 3 }, { base, ms: 50 }), true);
  const blind = { ...base, keyframes: null };
  assert.equal(delivered({ ...blind, frames: 60 }, { base: blind, ms: 500 }), false);
  assert.equal(delivered({ ...blind, frames: 60 }, { base: blind, ms: 1500 }), true);
});

test("data frames say who sent them", () => {
  const frame = (flags: number, id: string, payload: string): ArrayBuffer =>
    new Uint8Array([flags, id.length, ...new TextEncoder().encode(id + payload)]).slice().buffer;
  assert.deepEqual(decodeFrame(frame(1, "ann", "grüß")), { from: "ann", data: "grüß" });
  const raw = decodeFrame(frame(0, "ann", "xyz"));
  assert.deepEqual([raw?.from, raw?.data instanceof ArrayBuffer ? [...new Uint8Array(raw.data)] : null], ["ann", [120, 121, 122]]);
  assert.deepEqual(decodeFrame(frame(1, "ann", "")), { from: "ann", data: "" });
  for (const bad of [[], [1], [1, 0], [0, 5, 65, 66]]) assert.equal(decodeFrame(new Uint8Array(bad).buffer), null, String(bad));
  assert.equal(payloadSize("ü"), 2);
  assert.equal(payloadSize(new ArrayBuffer(9)), 9);
});
