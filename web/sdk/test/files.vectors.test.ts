// What the Go side does too, held to the vectors that both read: transfer/testdata.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { b64u, hex, unb64u, unhex, type Bytes } from "../src/files/bytes.js";
import { readControl } from "../src/files/control.js";
import { contentRoot, readEntry } from "../src/files/manifest.js";
import { leaf, root } from "../src/files/merkle.js";
import { offerable, safeNames } from "../src/files/paths.js";
import { decode, encode, type Frame } from "../src/files/wire.js";

const read = (name: string): unknown => JSON.parse(readFileSync(join(process.env["CONFAB_SDK_TEST"] ?? ".", "../../../transfer/testdata", name), "utf8"));

test("files: paths of offers become the names of the vectors, or are refused with them", () => {
  for (const v of read("paths.json") as { paths: string[]; names: string[] | null }[]) assert.deepEqual(safeNames(v.paths), v.names, JSON.stringify(v.paths).slice(0, 100));
});

test("files: what a sender offers is nothing that a receiver refuses", () => {
  for (const p of ["c:evil", "a:b.txt", "Ä.txt".normalize("NFD"), "x/y z."]) {
    const o = offerable(p);
    assert.notEqual(o, null);
    assert.notEqual(safeNames([o ?? ""]), null, p);
  }
  assert.equal(offerable("../x"), null);
});

test("files: trees have the roots of the vectors", async () => {
  const v = read("merkle.json") as {
    files: { size: number; leaves: string[]; root: string }[];
    trees: { count: number; root: string }[];
    contents: { entries: object[]; root: string }[];
  };
  for (const f of v.files) {
    const leaves = new Uint8Array(f.leaves.flatMap((l) => [...(unb64u(l) ?? [])]));
    assert.equal(b64u(await root(leaves)), f.root, `file of ${f.size} bytes`);
  }
  assert.ok(v.trees.length > 10);
  for (const c of v.contents) {
    if (c.entries.some((e) => "stream" in e)) continue; // a browser receives no streams
    assert.equal(await contentRoot(c.entries.map(readEntry)), c.root);
  }
});

test("files: a block has the leaf of RFC 9162", async () => {
  // SHA-256(0x00), the hash of an empty entry of Certificate Transparency.
  assert.equal(hex(await leaf(new Uint8Array())), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
});

test("files: binary messages are read and written as in the vectors", () => {
  let read_ = 0;
  for (const v of (read("frames.json") as { binary: { hex: string; type: string; is: Record<string, unknown> | null }[] }).binary) {
    const bytes = unhex(v.hex) as Bytes;
    if (v.is === null) {
      assert.throws(() => decode(bytes.buffer), { code: "bad-message" }, v.hex.slice(0, 60));
      continue;
    }
    const f = decode(bytes.buffer);
    read_++;
    assert.equal(f.t, v.type === "ask" ? "hashes?" : v.type);
    assert.equal(f.file, v.is["File"]);
    for (const [ours, theirs] of [["offset", "Offset"], ["length", "Length"], ["first", "First"], ["count", "Count"]] as const) {
      if (theirs in v.is) assert.equal((f as unknown as Record<string, unknown>)[ours], v.is[theirs], v.hex);
    }
    assert.equal(hex(encode(f)), v.hex);
  }
  assert.ok(read_ >= 8);
});

test("files: control messages are taken and refused as in the vectors", () => {
  for (const v of (read("frames.json") as { control: { text: string; ok: boolean; skip?: boolean }[] }).control) {
    if (v.text.includes('"stream":true') || v.text.includes('"ended"')) continue; // a browser receives no streams
    if (v.ok) assert.notEqual(readControl(v.text), null, v.text);
    else if (v.skip === true) assert.equal(readControl(v.text), null, v.text);
    else assert.throws(() => readControl(v.text), { code: "bad-message" }, v.text);
  }
});

test("files: no bytes make the decoder do anything but read them or refuse them", () => {
  let seed = 1;
  const next = (n: number): number => (seed = (seed * 48271) % 0x7fffffff) % n;
  for (let i = 0; i < 20_000; i++) {
    const b = Uint8Array.from({ length: next(60) }, (_, k) => (k === 0 ? next(8) : next(4) === 0 ? next(256) : 0));
    let f: Frame;
    try {
      f = decode(b.buffer as ArrayBuffer);
    } catch (e) {
      assert.equal((e as { code?: string }).code, "bad-message");
      continue;
    }
    assert.equal(hex(encode(f)), hex(b));
  }
});
