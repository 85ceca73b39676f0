// Two homes behind symmetric NATs, in network namespaces: hole punching cannot work there, the relay must.
import test from 'node:test';
import assert from 'node:assert/strict';
import { homes, sleep } from './harness.mjs';

test('symmetric NATs: without the relay there is no call', { timeout: 150_000 }, (t) => homes(t, 'symmetric', ['--turn=off', '--sfu=off'], async (server, a, b) => {
  const ann = await a.person(server, 'nat', 'Ann');
  const bob = await b.person(server, 'nat', 'Bob');
  await ann.joined(1);
  await sleep(20_000);
  assert.equal((await ann.media()).frames, 0);
  assert.equal((await bob.media()).frames, 0);
  assert.equal((await ann.state()).people.length, 1, 'they are still in the room, and told');
}));

test('symmetric NATs: with the relay there is', { timeout: 150_000 }, (t) => homes(t, 'symmetric', ['--sfu=off'], async (server, a, b) => {
  const ann = await a.person(server, 'nat', 'Ann');
  const bob = await b.person(server, 'nat', 'Bob');
  await ann.joined(1);
  await ann.seesAndHears(1, 40_000);
  await bob.seesAndHears(1, 40_000);
  await ann.until('says that it is relayed', async () => (await ann.state()).connection.path === 'relayed');
}));

test('symmetric NATs, no relay: the SFU takes over when peer to peer fails', { timeout: 150_000 }, (t) => homes(t, 'symmetric', ['--turn=off'], async (server, a, b) => {
  const ann = await a.person(server, 'nat', 'Ann');
  const bob = await b.person(server, 'nat', 'Bob');
  await ann.joined(1);
  await ann.route('sfu');
  await ann.seesAndHears(1, 40_000);
  await bob.seesAndHears(1, 40_000);
}));

test('behind a symmetric NAT the SFU is reached directly, though the relay is at hand', { timeout: 150_000 }, (t) => homes(t, 'symmetric', [], async (server, a, b) => {
  const ann = await a.person(server, 'nat', 'Ann', { mode: 'sfu' });
  const bob = await b.person(server, 'nat', 'Bob', { mode: 'sfu' });
  await ann.joined(1);
  await ann.seesAndHears(1, 40_000);
  await bob.seesAndHears(1, 40_000);
  for (const p of [ann, bob]) {
    for (const path of (await p.media()).paths) assert.notEqual(path.local, 'relay', JSON.stringify(path));
  }
}));

test('cone NATs meet directly', { timeout: 150_000 }, (t) => homes(t, 'cone', [], async (server, a, b) => {
  const ann = await a.person(server, 'nat', 'Ann');
  const bob = await b.person(server, 'nat', 'Bob');
  await ann.joined(1);
  await ann.seesAndHears(1, 40_000);
  await bob.seesAndHears(1, 40_000);
  await ann.until('says that it is direct', async () => (await ann.state()).connection.path === 'direct');
}));
