import test from 'node:test';
import assert from 'node:assert/strict';
import { withCall, sleep } from './harness.mjs';

// On a loaded machine with two cores a browser itself skips frames; the bound says "no one was cut off", the printed
// figure says how good it was.
const worstGap = 1_500;

test('a third person turns the call into a group call and back, and nobody is cut off', { timeout: 240_000 }, (t) => withCall({}, async ({ server, chromium }) => {
  const ann = await chromium.person(server, 'grow', 'Ann');
  const bob = await chromium.person(server, 'grow', 'Bob');
  await ann.joined(1);
  await ann.seesAndHears(1);
  await bob.seesAndHears(1);
  await ann.route('p2p');

  const stop = await ann.gap((await ann.state()).people[0].id);
  await sleep(1_000);
  const cem = await chromium.person(server, 'grow', 'Cem');
  for (const p of [ann, bob, cem]) await p.joined(2);
  for (const p of [ann, bob, cem]) await p.route('sfu');
  for (const p of [ann, bob, cem]) await p.seesAndHears(2, 40_000);
  const up = await stop();
  t.diagnostic(`P2P to SFU: longest time without a frame ${up.max} ms over ${up.frames} frames`);
  assert.ok(up.frames > 20, `frames ${up.frames}`);
  assert.ok(up.max < worstGap, `gap ${up.max} ms`);

  const back = await ann.gap((await ann.state()).people.find((p) => p.name === 'Bob').id);
  await cem.leave();
  await ann.joined(1);
  await ann.route('p2p');
  await bob.route('p2p');
  await ann.seesAndHears(1, 40_000);
  await bob.seesAndHears(1, 40_000);
  const down = await back();
  t.diagnostic(`SFU to P2P: longest time without a frame ${down.max} ms over ${down.frames} frames`);
  assert.ok(down.max < worstGap, `gap ${down.max} ms`);
}));
