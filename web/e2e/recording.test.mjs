// A recording: the button, the sign that everybody sees, the way through the server and back, and files that other programs play.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binary, scratch, sleep, withCall } from './harness.mjs';

const run = promisify(execFile);
const press = (p, name) => p.until(`a button "${name}"`, () => p.evaluate((n) => {
  const b = [...document.querySelectorAll('button, [role^=menuitem]')].find((x) => x.checkVisibility() && (x.getAttribute('aria-label') ?? x.textContent).trim() === n);
  b?.click();
  return b !== undefined;
}, name));
const sign = (p, on) => p.until(`the sign ${on ? 'is there' : 'is gone'}`, () => p.evaluate((want) => (document.querySelector('.line .recording')?.textContent === 'Recording') === want, on), 30_000);

test('a call between two is recorded, and everybody knows', { timeout: 180_000 }, async (t) => {
  const dir = await scratch(t);
  await withCall({ args: [`--record-dir=${dir}`] }, async ({ server, chromium }) => {
    const ann = await chromium.person(server, 'taped', 'Ann');
    await ann.joined(0);
    const bob = await chromium.person(server, 'taped', 'Bob');
    await ann.joined(1);
    await bob.joined(1);
    await ann.route('p2p');
    assert.equal((await bob.state()).recording, null);
    // Bob may not: he keeps no order here.
    assert.equal(await bob.evaluate(() => globalThis.confab.call.room.record(true).then(() => 'done', (e) => e.code)), 'forbidden');
    await press(ann, 'More');
    await press(ann, 'Room…');
    await press(ann, 'Record the room');
    for (const p of [ann, bob]) {
      await sign(p, true);
      await p.route('sfu');
      await p.seesAndHears(1);
    }
    const cem = await chromium.person(server, 'taped', 'Cem');
    await cem.joined(2);
    await sign(cem, true);
    assert.deepEqual(await bob.evaluate(() => globalThis.__violations), []);
    await sleep(4000); // something to play
    await cem.leave();
    await press(ann, 'Stop recording');
    for (const p of [ann, bob]) {
      await sign(p, false);
      await p.route('p2p');
    }
    const folders = await readdir(dir);
    assert.equal(folders.length, 1);
    assert.match(folders[0], /^taped-\d{8}T\d{6}Z$/);
    const [found] = JSON.parse((await run(binary, ['record', 'list', '--json', dir])).stdout);
    assert.equal(found.ended, true);
    assert.deepEqual(found.tracks.filter((x) => x.name === 'Ann').map((x) => x.source).sort(), ['camera', 'microphone']);
    assert.deepEqual(found.tracks.filter((x) => x.name === 'Bob').map((x) => x.source).sort(), ['camera', 'microphone']);
    const out = join(dir, 'out.mkv');
    await run(binary, ['record', 'compose', join(dir, folders[0]), out]);
    const { streams } = JSON.parse((await run('ffprobe', ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', out])).stdout);
    for (const [kind, least] of [['video', 40], ['audio', 100]]) {
      const of = streams.filter((s) => s.codec_type === kind);
      assert.ok(of.length >= 2, `${of.length} streams of ${kind}`);
      for (const name of ['Ann', 'Bob']) {
        const s = of.find((x) => x.tags?.title?.startsWith(name));
        assert.ok(Number(s?.nb_read_frames) >= least, `${name}'s ${kind} has ${s?.nb_read_frames} frames`);
      }
    }
    // Every frame decodes.
    assert.equal((await run('ffmpeg', ['-v', 'error', '-i', out, '-map', '0', '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'null', '-'])).stderr, '');
  });
});

test('what was recorded when the server was killed plays', { timeout: 120_000 }, async (t) => {
  const dir = await scratch(t);
  await withCall({ args: [`--record-dir=${dir}`] }, async ({ server, chromium }) => {
    const ann = await chromium.person(server, 'killed', 'Ann', { mode: 'sfu' });
    await ann.joined(0);
    assert.equal(await ann.evaluate(() => globalThis.confab.call.room.record(true).then(() => 'done', (e) => e.code)), 'done');
    await sign(ann, true);
    const tracks = async () => JSON.parse((await run(binary, ['record', 'list', '--json', dir])).stdout)[0]?.tracks ?? [];
    await ann.until('two tracks', async () => (await tracks()).length === 2);
    await sleep(3000); // something to play
    await server.kill();
    const [found] = JSON.parse((await run(binary, ['record', 'list', '--json', dir])).stdout);
    assert.equal(found.ended, false);
    const out = join(dir, 'out.mkv');
    await run(binary, ['record', 'compose', join(dir, found.name), out]);
    const { streams } = JSON.parse((await run('ffprobe', ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', out])).stdout);
    for (const [kind, least] of [['video', 20], ['audio', 60]]) {
      const s = streams.find((x) => x.codec_type === kind);
      assert.ok(Number(s?.nb_read_frames) >= least, `${kind} has ${s?.nb_read_frames} frames`);
    }
  });
});
