// WHIP and WHEP with clients that others wrote.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { build } from 'esbuild';
import { withCall, sleep, startServer } from './harness.mjs';

const bundle = (contents) => build({ stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, write: false, format: 'iife', target: 'es2022', logLevel: 'silent' })
  .then((r) => r.outputFiles[0].text);

// A page of a foreign origin, as an encoder's page would be: WHIP and WHEP must answer across the origins that are allowed.
async function page(t, script) {
  const s = createServer((q, r) => {
    r.setHeader('content-type', q.url === '/x.js' ? 'text/javascript' : 'text/html');
    r.end(q.url === '/x.js' ? script : '<!doctype html><title>client</title><video autoplay muted playsinline></video><script src="/x.js"></script>');
  }).listen(0, '127.0.0.1');
  await once(s, 'listening');
  t.after(() => s.close());
  return `http://127.0.0.1:${s.address().port}/`;
}

test('a WHIP client publishes into a call, a WHEP player watches it', { timeout: 180_000 }, async (t) => {
  const url = await page(t, await bundle(`
    import { WHIPClient } from '@eyevinn/whip-web-client';
    import { WebRTCPlayer } from '@eyevinn/webrtc-player';
    globalThis.publish = async (endpoint) => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
      globalThis.client = new WHIPClient({ endpoint, opts: { debug: true } });
      await client.setIceServersFromEndpoint();
      await client.ingest(stream);
    };
    globalThis.watch = async (endpoint) => {
      globalThis.player = new WebRTCPlayer({ video: document.querySelector('video'), type: 'whep', statsTypeFilter: '^inbound-rtp' });
      await player.load(new URL(endpoint));
    };`));
  await withCall({ args: [`--origin=${new URL(url).origin}`] }, (call) => studio(url, call));
});

async function studio(url, { server, chromium }) {
  const ann = await chromium.person(server, 'studio', 'Ann');
  await ann.joined(0);

  const encoder = await chromium.open();
  await encoder.goto(url);
  await encoder.evaluate((e) => globalThis.publish(e), `${server.origin}/whip/studio`);
  const s = await ann.joined(1);
  assert.equal(s.people[0].kind, 'ingest');
  await ann.route('sfu');
  await ann.seesAndHears(1, 40_000);

  const viewer = await chromium.open();
  await viewer.goto(url);
  await viewer.evaluate((e) => globalThis.watch(e), `${server.origin}/whep/studio`);
  const decoded = () => viewer.evaluate(() => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames);
  const end = Date.now() + 40_000;
  while ((await decoded()) < 10 && Date.now() < end) await sleep(200);
  assert.ok((await decoded()) >= 10, `the viewer decoded ${await decoded()} frames`);
  await ann.joined(1);

  await encoder.evaluate(() => globalThis.client.destroy());
  await ann.joined(0);
}

test('WHIP and WHEP refuse with a reason', { timeout: 60_000 }, async () => {
  const server = await startServer();
  try {
    const ask = (path, options) => fetch(server.origin + path, options);
    const bad = await ask('/whip/room', { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: 'not sdp' });
    assert.equal(bad.status, 400);
    assert.match(await bad.text(), /sdp/i);
    const type = await ask('/whip/room', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'v=0' });
    assert.equal(type.status, 415);
    const foreign = await ask('/whip/room', { method: 'OPTIONS', headers: { origin: 'http://evil.example' } });
    assert.equal(foreign.status, 403);
    assert.match(await foreign.text(), /origin/);
    const gone = await ask('/whip/room/no-such-resource', { method: 'DELETE' });
    assert.equal(gone.status, 404);
  } finally {
    await server.stop();
  }
});
