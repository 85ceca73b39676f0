import assert from "node:assert/strict";
import { test } from "node:test";
import { corner, fit, grid, LANDSCAPE, pageSize, spread, stage, stripSize, type Rect, type Size } from "../src/pure/layout.js";

const desktop: Size = { width: 1256, height: 600 };
const phone: Size = { width: 374, height: 740 };
const o = { gap: 8, shape: LANDSCAPE, columns: 0 };

/** Tiles per row, read off the rectangles. */
function rows(rects: readonly Rect[]): number[] {
  const count = new Map<number, number>();
  for (const r of rects) count.set(r.y, (count.get(r.y) ?? 0) + 1);
  return [...count.entries()].sort((a, b) => a[0] - b[0]).map(([, n]) => n);
}

test("spread puts the larger rows first", () => {
  for (const [count, n, want] of [[7, 3, [3, 2, 2]], [6, 3, [2, 2, 2]], [5, 2, [3, 2]], [1, 1, [1]]] as const) {
    assert.deepEqual(spread(count, n), want);
  }
});

test("rows are balanced for the space", () => {
  for (const [count, area, want] of [
    [1, desktop, [1]], [2, desktop, [2]], [3, desktop, [2, 1]], [4, desktop, [2, 2]], [5, desktop, [3, 2]], [7, desktop, [3, 2, 2]],
    [9, desktop, [3, 3, 3]], [12, desktop, [4, 4, 4]], [25, desktop, [5, 5, 5, 5, 5]], [3, { width: 1600, height: 300 }, [3]],
  ] as const) {
    assert.deepEqual(rows(grid(count, area, o)), want, `${count} in ${area.width}x${area.height}`);
  }
});

test("tiles stay inside, apart, alike and of their shape", () => {
  for (const area of [desktop, phone, { width: 800, height: 300 }]) {
    for (let n = 1; n <= 30; n++) {
      const rects = grid(n, area, o);
      assert.equal(rects.length, n);
      for (const [i, r] of rects.entries()) {
        assert.ok(r.x >= 0 && r.y >= 0 && r.x + r.width <= area.width + 1 && r.y + r.height <= area.height + 1, `${n}: tile ${i} leaves the area`);
        assert.ok(Math.abs(r.width / r.height - 16 / 9) < 0.05, `${n}: shape ${r.width}x${r.height}`);
        for (const s of rects.slice(0, i)) {
          const apart = r.x >= s.x + s.width || s.x >= r.x + r.width || r.y >= s.y + s.height || s.y >= r.y + r.height;
          assert.ok(apart, `${n}: tiles ${rects.indexOf(s)} and ${i} overlap`);
        }
      }
    }
  }
});

test("no orphan where another split is nearly as large", () => {
  for (let n = 4; n <= 25; n++) {
    const split = rows(grid(n, desktop, o));
    assert.ok(split.at(-1) !== 1 || split.length === 1, `${n}: ${split}`);
  }
});

test("an upright phone has at most two columns", () => {
  for (let n = 1; n <= 10; n++) assert.ok(Math.max(...rows(grid(n, phone, { ...o, columns: 2 }))) <= 2);
});

test("an area without space has no tiles to show, and no error", () => {
  assert.equal(grid(0, desktop, o).length, 0);
  for (const r of grid(3, { width: 0, height: 0 }, o)) assert.equal(r.width, 0);
});

test("pages hold what stays large enough", () => {
  assert.equal(pageSize(desktop, o, 200, 25), 25);
  assert.equal(pageSize(desktop, o, 230, 25), 20);
  assert.equal(pageSize({ width: 100, height: 60 }, o, 200, 25), 1);
  assert.equal(pageSize(desktop, o, 10, 9), 9);
});

test("the stage leaves room for the strip, at the side or below", () => {
  const wide = stage(3, desktop, 8);
  assert.ok(wide.strip.every((r) => r.x >= wide.stage.width + 8 && r.y + r.height <= desktop.height));
  const tall = stage(3, phone, 8);
  assert.ok(tall.strip.every((r) => r.y >= tall.stage.height + 8 && r.x + r.width <= phone.width));
  assert.deepEqual(stage(0, desktop, 8).stage, { x: 0, y: 0, ...desktop });
});

test("as many as stripSize says do fit", () => {
  for (const area of [desktop, phone, { width: 844, height: 300 }]) {
    const n = stripSize(area, 8);
    for (const r of stage(n, area, 8).strip) {
      assert.ok(r.x >= 0 && r.y >= 0 && r.x + r.width <= area.width + 1 && r.y + r.height <= area.height + 1);
    }
  }
});

test("the corner is at the end of the line", () => {
  const right = corner(desktop, 16 / 9, 12, false);
  assert.equal(right.x + right.width + 12, desktop.width);
  assert.equal(corner(desktop, 16 / 9, 12, true).x, 12);
  assert.ok(corner(phone, 9 / 16, 12, false).height <= 140 * (4 / 3));
});

test("a picture fills its tile up to a fifth lost, then is shown whole", () => {
  for (const [picture, tile, want] of [
    [16 / 9, 16 / 9, "cover"], [16 / 9, (16 / 9) * 0.8, "cover"], [16 / 9, 4 / 3, "contain"], [9 / 16, 16 / 9, "contain"],
    [4 / 3, 16 / 9, "contain"], [0, 1, "cover"],
  ] as const) assert.equal(fit(picture, tile), want, `${picture} in ${tile}`);
});
