import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Key } from "../src/switcher.js";
import { Switcher } from "../src/switcher.js";

const cam: Key = { participant: "ann", source: "camera" };
const mic: Key = { participant: "ann", source: "microphone" };
const shown = (c: Change<string>[]): string => c.map((x) => `${x.from ?? "-"}>${x.to ?? "-"}`).join(" ");

// Columns: what happens, which track is shown instead of which.
type Step = [act: (s: Switcher<string>) => Change<string>[], want: string];
const offer = (g: number, track: string, dirty = false): Step[0] => (s) => s.offer(cam, g, track, dirty);
const flows = (g: number): Step[0] => (s) => s.flowing(cam, g);

const table: [name: string, steps: Step[]][] = [
  ["with nothing to lose, the first track is shown at once", [[offer(1, "p2p"), "->p2p"], [flows(1), ""]]],
  ["make before break, growing", [
    [offer(1, "p2p"), "->p2p"], [flows(1), ""], [offer(2, "sfu"), ""], [flows(2), "p2p>sfu"], [(s) => s.drop(1), ""],
  ]],
  ["and back", [[offer(2, "sfu"), "->sfu"], [flows(2), ""], [offer(3, "p2p"), ""], [flows(3), "sfu>p2p"], [(s) => s.drop(2), ""]]],
  ["the old path dies before the new one delivers: what there is", [[offer(1, "p2p"), "->p2p"], [flows(1), ""], [offer(2, "sfu"), ""], [(s) => s.drop(1), "p2p>sfu"]]],
  ["an old path that wakes up does not win back", [[offer(1, "p2p"), "->p2p"], [offer(2, "sfu"), ""], [flows(2), "p2p>sfu"], [flows(1), ""]]],
  ["a reused slot is not shown before it flows", [[offer(2, "slot", true), ""], [flows(2), "->slot"]]],
  ["a person who moves to another slot is not shown as somebody else", [
    [offer(2, "slot1"), "->slot1"], [flows(2), ""], [(s) => s.withdraw(cam, 2), "slot1>-"], [offer(2, "slot2", true), ""], [flows(2), "->slot2"],
  ]],
  ["the same track offered twice is one", [[offer(1, "p2p"), "->p2p"], [flows(1), ""], [offer(1, "p2p"), ""]]],
  ["a path that takes over another generation keeps what it shows", [
    [offer(2, "sfu"), "->sfu"], [flows(2), ""], [offer(3, "p2p"), ""], [(s) => (s.rename(2, 4), []), ""], [(s) => s.drop(3), ""], [flows(4), ""],
  ]],
  ["somebody who left has nothing", [[offer(1, "p2p"), "->p2p"], [(s) => s.forget("ann"), "p2p>-"]]],
  ["what never was can't flow", [[flows(9), ""], [(s) => s.withdraw(cam, 9), ""]]],
];

for (const [name, steps] of table) {
  test(`switcher: ${name}`, () => {
    const s = new Switcher<string>();
    for (const [act, want] of steps) assert.equal(shown(act(s)), want);
  });
}

test("each source is switched for itself", () => {
  const s = new Switcher<string>();
  s.offer(cam, 1, "c1", false);
  s.offer(mic, 1, "m1", false);
  s.offer(cam, 2, "c2", false);
  s.offer(mic, 2, "m2", false);
  assert.deepEqual(s.waiting(2).map((w) => w.track), ["c2", "m2"]);
  assert.equal(shown(s.flowing(mic, 2)), "m1>m2");
  assert.deepEqual(s.chosen().map((c) => c.track), ["c1", "m2"]);
  assert.equal(s.isFlowing(cam, 2), false);
  assert.equal(s.isFlowing(mic, 2), true);
});

// Whatever happens: what is shown was offered, is never a track of a dropped path, and flows if anything newer or equal flows.
test("any sequence keeps the promise", () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  for (let run = 0; run < 300; run++) {
    const s = new Switcher<string>();
    const model = new Map<number, { track: string; flowing: boolean }>();
    for (let i = 0; i < 40; i++) {
      const g = random(4);
      switch (random(4)) {
        case 0: {
          const track = `${g}:${random(2)}`;
          if (model.get(g)?.track !== track) model.set(g, { track, flowing: false });
          s.offer(cam, g, track, random(2) === 0);
          break;
        }
        case 1: {
          const o = model.get(g);
          if (o !== undefined) o.flowing = true;
          s.flowing(cam, g);
          break;
        }
        case 2:
          model.delete(g);
          s.withdraw(cam, g);
          break;
        case 3:
          model.delete(g);
          s.drop(g);
          break;
      }
      const now = s.chosen()[0]?.track ?? null;
      const best = [...model].filter(([, o]) => o.flowing).sort(([a], [b]) => b - a)[0]?.[1].track;
      if (best !== undefined) assert.equal(now, best);
      else if (now !== null) assert.ok([...model.values()].some((o) => o.track === now), "shows a track that is gone");
    }
  }
});
