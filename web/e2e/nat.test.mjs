// Two homes behind symmetric NATs, in network namespaces: hole punching cannot work there, the relay must.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Browser, scratch, sleep, startServer } from './harness.mjs';

const netns = resolve(import.meta.dirname, '../../scripts/netns');
const prefix = `cf${process.pid}`;
const origin = 'http://203.0.113.1:8080';

async function homes(t, kind, args, body) {
  execFileSync(netns, ['up', prefix, kind]);
  t.after(() => execFileSync(netns, ['down', prefix]));
  const dir = await scratch(t);
  const server = await startServer(['--listen=203.0.113.1:8080', '--udp=203.0.113.1:3478', '--public-ip=203.0.113.1', ...args], [netns, 'exec', prefix, 'wan']);
  const up = [];
  try {
    for (const home of ['a', 'b']) {
      const script = join(dir, `chromium-${home}`);
      await writeFile(script, `#!/bin/sh\nexec ${netns} exec ${prefix} ${home} /usr/bin/chromium "$@"\n`);
      await chmod(script, 0o755);
      up.push(await Browser.chromium({ executablePath: script, args: [`--unsafely-treat-insecure-origin-as-secure=${origin}`] }));
    }
    await body({ origin, log: server.log }, ...up);
  } catch (e) {
    e.message += `\n--- server log ---\n${server.log().slice(-6_000)}`;
    throw e;
  } finally {
    await Promise.allSettled(up.map((b) => b.close()));
    await server.stop();
  }
}

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
