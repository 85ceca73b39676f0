import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../src/backoff.js";

const table: [name: string, attempt: number, random: number, want: number][] = [
  ["the first retry may come at once", 0, 0, 0],
  ["the first retry waits at most 400 ms", 0, 0.999999, 399],
  ["the bound doubles", 3, 0.5, 1600],
  ["the bound is capped", 10, 0.5, 4000],
  ["no attempt number overflows", 1e9, 0.999999, 7999],
];

for (const [name, attempt, random, want] of table) {
  test(`backoff: ${name}`, () => assert.equal(backoff(attempt, random), want));
}
