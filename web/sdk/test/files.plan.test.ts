// The receiver's decisions, driven by hand: every block once, whatever is lost; stripes; windows; lanes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitmap } from "../src/files/bitmap.js";
import { LaneCount } from "../src/files/lanes.js";
import { Plan, type WholeBlock } from "../src/files/plan.js";
import { LaneWindow } from "../src/files/window.js";
import { BLOCK, CHUNK, type Range } from "../src/files/wire.js";

const MB = 1 << 20;
const payload = (r: Range): Uint8Array => new Uint8Array(r.length).fill((Math.floor(r.offset / CHUNK) % 250) + 1);

function generator(seed: number): (n: number) => number {
  return (n) => (seed = (seed * 48271) % 0x7fffffff) % n;
}

test("plan: every block comes whole and once, over lanes that die and answer in their own time", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const next = generator(seed);
    const sizes = [0, 1, CHUNK, 3 * MB + 5, MB, 700, 2 * MB].map((size) => ({ size }));
    const plan = new Plan(sizes, "all");
    plan.addPeer("a", null, 0);
    for (let f = 0; f < sizes.length; f++) plan.leavesKnown(f);
    let lanes: { id: number; owed: Range[] }[] = [{ id: 0, owed: [] }, { id: 1, owed: [] }];
    let made = 2;
    const whole: WholeBlock[] = [];
    for (let t = 0; !plan.done; t++) {
      assert.ok(t < 5_000, "it never ends");
      const lane = lanes[next(lanes.length)]!;
      const r = plan.next("a", lane.id, 4 * CHUNK - plan.outstanding("a", lane.id), t);
      if (r !== null) {
        assert.ok(r.length <= CHUNK && Math.floor(r.offset / BLOCK) === Math.floor((r.offset + r.length - 1) / BLOCK));
        lane.owed.push(r);
      }
      const owed = lane.owed.shift();
      if (owed !== undefined && next(3) > 0) {
        const l = plan.landed("a", lane.id, owed.file, owed.offset, payload(owed), t);
        assert.notEqual(l, null);
        if (l?.whole != null) whole.push(l.whole);
      } else if (owed !== undefined) lane.owed.unshift(owed);
      if (whole.length > 0 && next(2) === 0) plan.checked(whole.shift()!.global, next(10) > 0);
      if (next(40) === 0) {
        plan.removeLane("a", lane.id);
        lanes = [...lanes.filter((l) => l !== lane), { id: made++, owed: [] }];
      }
      if (next(200) === 0) {
        plan.removePeer("a");
        plan.addPeer("a", null, t);
        lanes = [{ id: made++, owed: [] }];
      }
    }
    assert.equal(plan.have.count, plan.total);
    assert.equal(plan.outstanding("a", lanes[0]!.id), 0);
  }
});

test("plan: a block's bytes are where they belong, behind the zero of its hash", () => {
  const plan = new Plan([{ size: MB + 10 }], "all");
  plan.addPeer("a", null, 0);
  assert.equal(plan.next("a", 0, MB, 0), null, "nothing is asked for before its hash is known");
  assert.deepEqual(plan.needsLeaves(4), [0]);
  plan.leavesKnown(0);
  const asked: Range[] = [];
  for (let r = plan.next("a", 0, MB, 0); r !== null && asked.length < 17; r = plan.next("a", 0, MB, 0)) asked.push(r);
  let block: WholeBlock | null = null;
  for (const r of asked.slice(0, 16)) block = plan.landed("a", 0, r.file, r.offset, payload(r), 1)?.whole ?? block;
  assert.equal(block?.bytes.length, MB + 1);
  assert.equal(block?.bytes[0], 0);
  for (let i = 0; i < 16; i++) assert.equal(block?.bytes[1 + i * CHUNK], i + 1);
});

test("plan: what nobody asked for is nothing, twice included", () => {
  const plan = new Plan([{ size: 100 }], "all");
  plan.addPeer("a", null, 0);
  assert.equal(plan.landed("a", 0, 0, 0, new Uint8Array(100), 0), null);
  assert.deepEqual(plan.next("a", 0, MB, 0), { file: 0, offset: 0, length: 100 });
  assert.equal(plan.landed("a", 1, 0, 0, new Uint8Array(100), 0), null, "another lane");
  assert.equal(plan.landed("a", 0, 0, 0, new Uint8Array(101), 0), null, "more than was asked for");
  assert.notEqual(plan.landed("a", 0, 0, 0, new Uint8Array(100), 0)?.whole, null);
  assert.equal(plan.landed("a", 0, 0, 0, new Uint8Array(100), 0), null, "again");
});

test("plan: only what was accepted is asked for, and a file that is given up no more", () => {
  const plan = new Plan([{ size: 10 }, { size: 20 }, { size: 30 }], [0, 2]);
  plan.addPeer("a", null, 0);
  assert.equal(plan.next("a", 0, MB, 0)?.file, 0);
  plan.giveUp(2);
  assert.equal(plan.next("a", 0, MB, 0), null);
  plan.landed("a", 0, 0, 0, new Uint8Array(10), 0);
  plan.checked(0, true);
  assert.equal(plan.done, true);
});

test("plan: what is open is bounded, however many lanes there are", () => {
  const plan = new Plan([{ size: 500 * MB }], "all");
  plan.addPeer("a", null, 0);
  plan.leavesKnown(0);
  let bytes = 0;
  for (let lane = 0; lane < 8; lane++) for (let r = plan.next("a", lane, 64 * MB, 0); r !== null; r = plan.next("a", lane, 64 * MB, 0)) bytes += r.length;
  assert.ok(bytes <= 33 * MB, `${bytes / MB} MiB`);
});

test("plan: four receivers take each block from the sender once, and the rest from each other", () => {
  const N = 4;
  const blocks = 40;
  const plans = Array.from({ length: N }, () => new Plan([{ size: blocks * MB }], "all"));
  let now = 0;
  plans.forEach((p, i) => {
    p.leavesKnown(0);
    p.addPeer("sender", null, now);
    p.setStripe(i, N);
    plans.forEach((_, k) => k !== i && p.addPeer(`r${k}`, new Bitmap(blocks), now));
  });
  let sent = 0;
  for (; !plans.every((p) => p.done); now += 50) {
    assert.ok(now < 60_000, "it never ends");
    plans.forEach((p, i) => {
      for (const from of ["sender", ...plans.map((_, k) => `r${k}`).filter((n) => n !== `r${i}`)]) {
        for (let r = p.next(from, 0, 2 * MB - p.outstanding(from, 0), now); r !== null; r = p.next(from, 0, 2 * MB - p.outstanding(from, 0), now)) {
          if (from === "sender") sent += r.length;
          const l = p.landed(from, 0, r.file, r.offset, new Uint8Array(r.length), now);
          if (l?.whole == null) continue;
          p.checked(l.whole.global, true);
          const { global } = l.whole;
          plans.forEach((q, k) => k !== i && q.heard(`r${i}`, [global], now));
        }
      }
    });
  }
  assert.ok(sent <= 1.1 * blocks * MB, `${sent / MB} MiB left the sender for ${blocks} MiB`);
});

test("plan: a receiver whose neighbours bring nothing asks the sender for all", () => {
  const plan = new Plan([{ size: 8 * MB }], "all");
  plan.leavesKnown(0);
  plan.addPeer("sender", null, 0);
  plan.addPeer("r1", new Bitmap(8), 0);
  plan.setStripe(0, 2);
  const blocks = new Set<number>();
  for (let now = 0; now < 5_000; now += 100) {
    for (let r = plan.next("sender", 0, MB, now); r !== null; r = plan.next("sender", 0, MB, now)) {
      blocks.add(Math.floor(r.offset / BLOCK));
      const l = plan.landed("sender", 0, 0, r.offset, new Uint8Array(r.length), now);
      if (l?.whole != null) plan.checked(l.whole.global, true);
    }
    if (now < 1_000) assert.ok([...blocks].every((b) => b % 2 === 0), "first its own stripe");
  }
  assert.equal(plan.done, true);
});

/** A path with a queue: what is asked for comes at its rate, and no earlier than a round trip. */
function simulate(w: LaneWindow, rate: number, rtt: number, ms: number): { mean: number; queue: number } {
  w.tripOfPath(rtt);
  let busy = 0;
  let got = 0;
  let out = 0;
  let queue = 0;
  const coming: { at: number; asked: number; bytes: number }[] = [];
  for (let now = 0; now < ms; now++) {
    while (coming[0] !== undefined && coming[0].at <= now) {
      const c = coming.shift()!;
      out -= c.bytes;
      got += c.bytes;
      w.got(now, c.bytes, now - c.asked);
    }
    while (w.size - out >= CHUNK) {
      const start = Math.max(busy, now + rtt);
      queue = Math.max(queue, start - now - rtt);
      busy = start + CHUNK / rate;
      coming.push({ at: busy, asked: now, bytes: CHUNK });
      out += CHUNK;
    }
  }
  return { mean: got / ms, queue };
}

test("window: fills a path of 20 Mbit/s and 50 ms from the start, and leaves its queue short", () => {
  const w = new LaneWindow(() => false);
  const { mean, queue } = simulate(w, 2_500, 50, 3_000);
  assert.ok(mean > 0.9 * 2_500, `${mean} of 2500 bytes a millisecond`);
  assert.ok(queue < 120, `${queue} ms of queue`);
  assert.ok(w.size <= 512 << 10);
});

test("window: grows to what a long fat path holds", () => {
  const w = new LaneWindow(() => false);
  simulate(w, 12_500, 100, 5_000);
  assert.ok(w.size > 12_500 * 100, `${w.size} bytes for a path of ${12_500 * 100}`);
  assert.ok(w.size < 4 * 12_500 * 100);
});

test("window: shrinks when the path gets slower", () => {
  const w = new LaneWindow(() => false);
  simulate(w, 12_500, 100, 5_000);
  const before = w.size;
  simulate(w, 1_000, 100, 20_000);
  assert.ok(w.size < before / 2, `${before} to ${w.size}`);
});

test("lanes: added while they bring something, dropped when they do not", () => {
  const run = (worth: (n: number) => number, full = false): number => {
    const c = new LaneCount(8);
    let bytes = 0;
    for (let now = 0; now < 36_000; now += 250) {
      bytes += 250 * worth(c.n);
      c.look(now, bytes, c.n, full);
    }
    return c.n;
  };
  assert.equal(run((n) => 1_000 * Math.min(n, 4)), 4, "four are worth it, the fifth is not");
  assert.equal(run((n) => 1_000 + n), 1, "more of them bring nothing");
  assert.equal(run((n) => 1_000 * n), 8, "never more than eight");
  assert.equal(run((n) => 1_000 * n, true), 1, "none on a path that is full");
});
