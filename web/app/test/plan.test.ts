import assert from "node:assert/strict";
import { test } from "node:test";
import { fitting, plan, type PlanInput, type Wanted } from "../src/call/plan.js";

const cam = (id: string, own = false): Wanted => ({ key: `${id}:camera`, own, screen: false });
const screen = (id: string, own = false): Wanted => ({ key: `${id}:screen`, own, screen: true });

function input(tiles: Wanted[], more: Partial<PlanInput> = {}): PlanInput {
  return {
    tiles, order: tiles.filter((t) => !t.own || t.screen).map((t) => t.key), area: { width: 1256, height: 600 }, view: "grid", pinned: null,
    speaker: null, page: 0, ratios: new Map(), rtl: false, ...more,
  };
}

/** "key role" of every tile that is seen. */
function roles(i: PlanInput): string[] {
  return [...plan(i).places].map(([key, p]) => `${key} ${p.role}`).sort();
}

const me = cam("me", true);
const crowd = (n: number) => [me, ...Array.from({ length: n - 1 }, (_, i) => cam(`p${i}`))];

test("who stands where", () => {
  for (const [what, i, want] of [
    ["alone", input([me]), ["me:camera full"]],
    ["two", input([me, cam("a")]), ["a:camera full", "me:camera corner"]],
    ["three", input([me, cam("a"), cam("b")]), ["a:camera grid", "b:camera grid", "me:camera grid"]],
    ["a screen wins the stage", input([me, cam("a"), screen("a")]), ["a:camera strip", "a:screen stage", "me:camera strip"]],
    ["another's screen before the own", input([me, screen("me", true), cam("a"), screen("a")]),
      ["a:camera strip", "a:screen stage", "me:camera strip", "me:screen strip"]],
    ["a pin wins over a screen", input([me, cam("a"), screen("a")], { pinned: "a:camera" }), ["a:camera stage", "a:screen strip", "me:camera strip"]],
    ["a pin on somebody who left", input([me, cam("a"), cam("b")], { pinned: "x:camera" }), ["a:camera grid", "b:camera grid", "me:camera grid"]],
    ["the other one pinned, of two", input([me, cam("a")], { pinned: "a:camera" }), ["a:camera stage", "me:camera corner"]],
    ["speaker view", input([me, cam("a"), cam("b")], { view: "speaker", speaker: "b:camera" }), ["a:camera strip", "b:camera stage", "me:camera strip"]],
    ["speaker view before a word", input([me, cam("a"), cam("b")], { view: "speaker" }), ["a:camera stage", "b:camera strip", "me:camera strip"]],
    ["nobody yet", input([]), []],
    ["no space yet", input([me], { area: { width: 0, height: 0 } }), []],
  ] as const) assert.deepEqual(roles(i), want, what);
});

test("pages show everybody once, and the own tile on each", () => {
  const tiles = crowd(60);
  const seen: string[] = [];
  const pages = plan(input(tiles)).pages;
  assert.ok(pages > 1);
  for (let page = 0; page < pages; page++) {
    const p = plan(input(tiles, { page }));
    assert.equal(p.page, page);
    assert.ok(p.places.has("me:camera"));
    seen.push(...[...p.places.keys()].filter((k) => k !== "me:camera"));
  }
  assert.equal(new Set(seen).size, 59);
  assert.equal(seen.length, 59);
});

test("a page that is no longer there is the last one", () => {
  const p = plan(input(crowd(60), { page: 99 }));
  assert.equal(p.page, p.pages - 1);
});

test("pictures held upright make an upright grid on a phone", () => {
  const area = { width: 374, height: 740 };
  const tiles = crowd(4);
  const shape = (ratio: number) => {
    const place = plan(input(tiles, { area, ratios: new Map(tiles.map((t) => [t.key, ratio])) })).places.get("p0:camera");
    return place ? place.rect.width / place.rect.height : 0;
  };
  assert.ok(shape(9 / 16) < 1.1);
  assert.ok(shape(16 / 9) > 1.4);
});

test("a screen is always whole", () => {
  const place = { rect: { x: 0, y: 0, width: 160, height: 90 }, role: "stage" as const };
  assert.equal(fitting(place, true, 16 / 9), "contain");
  assert.equal(fitting(place, false, 16 / 9), "cover");
});
