import test from 'node:test';
import assert from 'node:assert/strict';
import { withCall, sleep } from './harness.mjs';

for (const mode of ['p2p', 'sfu']) {
  test(`screen share with ${mode}: the others see it, and see it end`, { timeout: 150_000 }, () => withCall({}, async ({ server, chromium }) => {
    const ann = await chromium.person(server, 'share', 'Ann', { mode });
    const bob = await chromium.person(server, 'share', 'Bob', { mode });
    await ann.joined(1);
    await ann.seesAndHears(1);
    await bob.seesAndHears(1);
    await ann.page.keyboard.press('s');
    await bob.until('sees the screen', () => bob.evaluate(() => {
      const p = globalThis.confab.call.state.people[0];
      return p.screen && p.streams.screen && p.streams.screen.getVideoTracks().some((t) => t.readyState === 'live' && !t.muted);
    }), 30_000);
    await bob.seesAndHears(1);
    await bob.until('two pictures move', async () => {
      const a = (await bob.media()).videos;
      await sleep(500);
      const b = (await bob.media()).videos;
      return b.filter((x) => x.frames > (a.find((y) => y.id === x.id)?.frames ?? 0)).length >= 2;
    }, 30_000);
    await ann.page.keyboard.press('s');
    await bob.until('the screen is gone', async () => !(await bob.state()).people[0].screen);
  }));
}

test('chat arrives, in order, and late joiners find it', { timeout: 120_000 }, () => withCall({}, async ({ server, chromium }) => {
  const ann = await chromium.person(server, 'talk', 'Ann');
  const bob = await chromium.person(server, 'talk', 'Bob');
  await ann.joined(1);
  for (let i = 0; i < 5; i++) await ann.evaluate((n) => globalThis.confab.call.chat.send(`message ${n} <b>not bold</b>`), i);
  const said = async (p) => (await p.state())?.chat.filter((m) => m.line === null) ?? [];
  await bob.until('five messages', async () => (await said(bob)).length === 5);
  assert.deepEqual((await said(bob)).map((m) => m.text), [0, 1, 2, 3, 4].map((n) => `message ${n} <b>not bold</b>`));
  const cem = await chromium.person(server, 'talk', 'Cem');
  await cem.until('the history', async () => (await said(cem)).length === 5);
}));

for (const mode of ['p2p', 'sfu']) {
  test(`a cut socket disturbs nobody (${mode})`, { timeout: 150_000 }, () => withCall({}, async ({ server, chromium }) => {
    const ann = await chromium.person(server, 'cut', 'Ann', { mode });
    const bob = await chromium.person(server, 'cut', 'Bob', { mode });
    await ann.joined(1);
    await ann.seesAndHears(1);
    await bob.seesAndHears(1);
    const self = (await ann.state()).self.id;
    const seen = await bob.evaluate(() => {
      globalThis.__left = 0;
      const call = globalThis.confab.call;
      call.addEventListener('change', () => { if (call.state.people.length === 0) globalThis.__left++; });
      return call.state.people[0].id;
    });
    assert.equal(seen, self);
    const before = (await ann.media()).frames;
    await ann.evaluate(() => globalThis.__sockets.at(-1).close(4999, 'cut by the test'));
    await ann.until('back', async () => (await ann.state()).connection.signaling === 'connected' && (await ann.evaluate(() => globalThis.__sockets.length)) > 1);
    assert.equal((await ann.state()).self.id, self, 'the seat is the same');
    assert.ok((await ann.media()).frames > before, 'media went on');
    await ann.seesAndHears(1);
    assert.equal(await bob.evaluate(() => globalThis.__left), 0, 'nobody saw a leave');
    await ann.evaluate(() => globalThis.confab.call.chat.send('still here'));
    await bob.until('the message', async () => (await bob.state()).chat.some((m) => m.text === 'still here'));
  }));
}

test('muting shows at the other side, and silences', { timeout: 120_000 }, () => withCall({}, async ({ server, chromium }) => {
  const ann = await chromium.person(server, 'mute', 'Ann', { mode: 'sfu' });
  const bob = await chromium.person(server, 'mute', 'Bob', { mode: 'sfu' });
  await ann.joined(1);
  await bob.seesAndHears(1);
  await ann.page.keyboard.press('m');
  await bob.until('Ann is muted', async () => !(await bob.state()).people[0].microphone);
  await sleep(1_000);
  const a = (await bob.media()).audio;
  await sleep(1_500);
  const b = (await bob.media()).audio;
  assert.ok(b - a < 0.001, `energy ${b - a} while muted`);
  await ann.page.keyboard.press('m');
  await bob.seesAndHears(1);
}));
