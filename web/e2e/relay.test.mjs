import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { withCall, scratch } from './harness.mjs';

function certificate(dir) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')], { stdio: 'ignore' });
  return [`--tls-cert=${join(dir, 'cert.pem')}`, `--tls-key=${join(dir, 'key.pem')}`];
}

for (const protocol of ['udp', 'tcp', 'tls']) {
  for (const mode of ['p2p', 'sfu']) {
    test(`relay only over ${protocol.toUpperCase()}, ${mode}`, { timeout: 120_000 }, async (t) => {
      const args = protocol === 'tls' ? certificate(await scratch(t)) : [];
      await withCall({ args }, async ({ server, chromium }) => {
        const ann = await chromium.person(server, 'relayed', 'Ann', { mode, relay: '1', only: protocol });
        const bob = await chromium.person(server, 'relayed', 'Bob', { mode, relay: '1', only: protocol });
        await ann.joined(1);
        await ann.seesAndHears(1, 40_000);
        await bob.seesAndHears(1, 40_000);
        const paths = (await ann.media()).paths;
        assert.ok(paths.length > 0);
        for (const p of paths) {
          assert.equal(p.local, 'relay', JSON.stringify(paths));
          assert.equal(p.protocol, protocol, JSON.stringify(paths));
        }
      });
    });
  }
}

test('Firefox through the relay only', { timeout: 120_000 }, () => withCall({ firefox: true }, async ({ server, chromium, firefox }) => {
  const fox = await firefox.person(server, 'relayed', 'Fox', { mode: 'p2p', relay: '1', only: 'udp' });
  const ann = await chromium.person(server, 'relayed', 'Ann', { mode: 'p2p', relay: '1', only: 'tcp' });
  await fox.joined(1);
  await fox.seesAndHears(1, 40_000);
  await ann.seesAndHears(1, 40_000);
}));
