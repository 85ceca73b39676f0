import test from 'node:test';
import assert from 'node:assert/strict';
import { withCall } from './harness.mjs';

test('two Chromium call each other directly', { timeout: 120_000 }, () => withCall({}, async ({ server, chromium }) => {
  const ann = await chromium.person(server, 'two', 'Ann');
  const bob = await chromium.person(server, 'two', 'Bob');
  await Promise.all([ann.joined(1), bob.joined(1)]);
  await ann.seesAndHears(1);
  await bob.seesAndHears(1);
  const s = await ann.state();
  assert.equal(s.connection.route, 'p2p');
  assert.equal(s.connection.path, 'direct');
  assert.deepEqual((await ann.evaluate(() => globalThis.__violations)), []);
  assert.deepEqual(ann.errors, []);
  assert.deepEqual(bob.errors, []);
}));

test('Chromium and Firefox call each other directly', { timeout: 120_000 }, () => withCall({ firefox: true }, async ({ server, chromium, firefox }) => {
  const ann = await chromium.person(server, 'mixed', 'Ann');
  const fox = await firefox.person(server, 'mixed', 'Fox');
  await Promise.all([ann.joined(1), fox.joined(1)]);
  await ann.seesAndHears(1);
  await fox.seesAndHears(1);
  assert.equal((await fox.state()).connection.path, 'direct');
}));

test('with the SFU off, three make a mesh', { timeout: 120_000 }, () => withCall({ args: ['--sfu=off'] }, async ({ server, chromium }) => {
  const people = [];
  for (const name of ['Ann', 'Bob', 'Cem']) people.push(await chromium.person(server, 'mesh', name));
  for (const p of people) await p.joined(2);
  for (const p of people) await p.seesAndHears(2, 40_000);
  assert.equal((await people[0].state()).connection.route, 'p2p');
}));
