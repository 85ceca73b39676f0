// Join time: from the click on "Join" to the first decoded frame of the other person, in Chromium on loopback.
// Printed as p50 and p99 for peer to peer and for the SFU. Run by scripts/bench join.
import { Browser, Person, startServer } from './harness.mjs';

const runs = Number(process.argv[2] ?? 20);
const percentile = (xs, p) => [...xs].sort((a, b) => a - b)[Math.min(xs.length - 1, Math.ceil(xs.length * p) - 1)];

// Runs in the page: notes the click, then looks every 5 ms for a decoded frame.
const stopwatch = () => {
  addEventListener('click', (e) => {
    if (globalThis.__joined !== undefined || !e.target.closest('button[type=submit]')) return;
    const start = performance.now();
    globalThis.__joined = new Promise((done) => {
      const look = async () => {
        for (const pc of globalThis.__pcs ?? []) {
          const stats = pc.connectionState === 'closed' ? [] : await pc.getStats();
          for (const [, s] of stats.entries()) {
            if (s.type === 'inbound-rtp' && s.kind === 'video' && s.framesDecoded > 0) return done(performance.now() - start);
          }
        }
        setTimeout(look, 5);
      };
      look();
    });
  }, true);
};

const server = await startServer();
const browser = await Browser.chromium();
try {
  for (const mode of ['p2p', 'sfu']) {
    const ann = await browser.person(server, `bench-${mode}`, 'Ann', { mode });
    await ann.joined(0);
    const times = [];
    for (let i = 0; i < runs; i++) {
      const page = await browser.open({ init: stopwatch });
      const bob = new Person('Bob', page);
      await page.goto(`${server.origin}/r/bench-${mode}?name=Bob&mode=${mode}`);
      await page.locator("button[type=submit]").click();
      times.push(await bob.until('a first frame', () => page.evaluate(() => globalThis.__joined), 30_000));
      await bob.leave();
      await ann.joined(0);
    }
    console.log(`join ${mode}: p50 ${percentile(times, 0.5).toFixed(0)} ms, p99 ${percentile(times, 0.99).toFixed(0)} ms over ${runs} joins`);
    await ann.leave();
  }
} finally {
  await browser.close();
  await server.stop();
}
