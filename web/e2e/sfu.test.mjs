import test from 'node:test';
import assert from 'node:assert/strict';
import { Browser, withCall } from './harness.mjs';

test('two Chromium and a Firefox meet in the SFU, with AES-GCM', { timeout: 150_000 }, () => withCall({ firefox: true }, async ({ server, chromium, firefox }) => {
  const people = [
    await chromium.person(server, 'group', 'Ann', { mode: 'sfu' }),
    await chromium.person(server, 'group', 'Bob', { mode: 'sfu' }),
    await firefox.person(server, 'group', 'Fox', { mode: 'sfu' }),
  ];
  for (const p of people) await p.joined(2);
  for (const p of people) await p.seesAndHears(2, 40_000);
  const m = await people[0].media();
  assert.ok(m.ciphers.length > 0);
  for (const c of m.ciphers) assert.match(c, /GCM/);
  for (const p of people) {
    for (const path of (await p.media()).paths) assert.notEqual(path.local, 'relay', `${p.name}: ${JSON.stringify(path)}`);
  }
  const s = await people[0].state();
  assert.equal(s.connection.route, 'sfu');
  assert.equal(s.connection.path, 'server');
}));

test('five people in one room, browsers mixed; one leaves, the others go on', { timeout: 200_000 }, () => withCall({ firefox: true }, async ({ server, chromium, firefox }) => {
  const people = [];
  for (const name of ['Ann', 'Bob', 'Cem', 'Dora']) people.push(await chromium.person(server, 'five', name, { mode: 'sfu' }));
  people.push(await firefox.person(server, 'five', 'Fox', { mode: 'sfu' }));
  for (const p of people) await p.joined(4);
  for (const p of people) await p.seesAndHears(4, 60_000);
  await people[1].leave();
  for (const p of [people[0], people[2], people[4]]) {
    await p.joined(3);
    await p.seesAndHears(3, 40_000);
  }
}));

// Two Firefox windows, since the page of a background tab says that it is hidden, and is sent no video.
test('Firefox publishes and is seen by Firefox', { timeout: 150_000 }, () => withCall({ firefox: true }, async ({ server, firefox }) => {
  const second = await Browser.firefox();
  try {
    const a = await firefox.person(server, 'foxes', 'Fox', { mode: 'sfu' });
    const b = await second.person(server, 'foxes', 'Vix', { mode: 'sfu' });
    await a.joined(1);
    await a.seesAndHears(1, 40_000);
    await b.seesAndHears(1, 40_000);
  } finally {
    await second.close();
  }
}));
