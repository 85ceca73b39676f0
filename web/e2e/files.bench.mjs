// Goodput of a file between two pages in Chromium, over links of a given rate, delay and loss, beside a
// bare data-channel flood over the same link in the same run: with one connection, and with as many as the transfer used.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, startServer } from './harness.mjs';
import { generate, Party, until } from './files.harness.mjs';

const filebench = process.env.FILEBENCH; // scripts/bench files pages builds it
const seconds = Number(process.env.SECONDS ?? 15);
const origin = 'http://10.77.0.1:8080';

/** mbit, one-way delay in ms, loss as a share. */
const links = (process.argv[2] ?? '20/25/0,20/50/0,100/0/0,100/25/0,100/50/0,100/25/0.005,100/25/0.01').split(',').map((s) => {
  const [mbit, delay, loss] = s.split('/').map(Number);
  return { mbit, delay, loss };
});

async function withLink({ mbit, delay, loss }, body) {
  const link = spawn(filebench, ['--role=link', `--mbit=${mbit}`, `--delay=${delay}ms`, `--loss=${loss}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const dir = await mkdtemp(join(tmpdir(), 'confab-bench-'));
  const up = [];
  let server;
  try {
    const [names] = await once(link.stdout, 'data');
    const [a, b] = String(names).trim().split(' ');
    const within = (end) => ['ip', 'netns', 'exec', end === 'a' ? a : b];
    server = await startServer(['--listen=10.77.0.1:8080', '--udp=10.77.0.1:3478'], within('a'));
    for (const end of ['a', 'b']) {
      const script = join(dir, `chromium-${end}`);
      await writeFile(script, `#!/bin/sh\nexec ${within(end).join(' ')} /usr/bin/chromium "$@"\n`);
      await chmod(script, 0o755);
      up.push(await Browser.chromium({ executablePath: script, args: [`--unsafely-treat-insecure-origin-as-secure=${origin}`, '--disable-features=WebRtcHideLocalIpsWithMdns'] }));
    }
    return await body(dir, ...up);
  } finally {
    await Promise.allSettled(up.map((b) => b.close()));
    await server?.stop();
    const gone = once(link, 'exit');
    link.stdin.end();
    await gone;
    await rm(dir, { recursive: true, force: true });
  }
}

/** MB/s that n connections carry when a page sends as fast as bufferedAmount allows. */
async function flood(a, b, n) {
  const open = (page) => page.evaluate((n_) => {
    globalThis.flood = Array.from({ length: n_ }, () => ({ pc: new RTCPeerConnection(), candidates: [], got: 0 }));
    for (const f of globalThis.flood) {
      f.pc.onicecandidate = (e) => e.candidate && f.candidates.push(e.candidate.toJSON());
      f.pc.ondatachannel = (e) => { e.channel.onmessage = (m) => (f.got += m.data.byteLength); };
    }
  }, n);
  await Promise.all([open(a), open(b)]);
  for (let i = 0; i < n; i++) {
    const offer = await a.evaluate(async (k) => {
      const f = globalThis.flood[k];
      f.channel = f.pc.createDataChannel('flood');
      f.channel.bufferedAmountLowThreshold = 256 << 10;
      const chunk = new Uint8Array(64 << 10);
      const pump = () => { while (f.channel.readyState === 'open' && f.channel.bufferedAmount < 1 << 20) f.channel.send(chunk); };
      f.channel.onopen = pump;
      f.channel.onbufferedamountlow = pump;
      await f.pc.setLocalDescription();
      await new Promise((done) => (f.pc.iceGatheringState === 'complete' ? done() : (f.pc.onicegatheringstatechange = () => f.pc.iceGatheringState === 'complete' && done())));
      return f.pc.localDescription.sdp;
    }, i);
    const answer = await b.evaluate(async ([k, sdp]) => {
      const { pc } = globalThis.flood[k];
      await pc.setRemoteDescription({ type: 'offer', sdp });
      await pc.setLocalDescription();
      await new Promise((done) => (pc.iceGatheringState === 'complete' ? done() : (pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done())));
      return pc.localDescription.sdp;
    }, [i, offer]);
    await a.evaluate(([k, sdp]) => globalThis.flood[k].pc.setRemoteDescription({ type: 'answer', sdp }), [i, answer]);
  }
  const got = () => b.evaluate(() => globalThis.flood.reduce((s, f) => s + f.got, 0));
  await until('the flood', async () => (await got()) > 0);
  const t = Date.now();
  const from = await got();
  await new Promise((r) => setTimeout(r, seconds * 1000));
  const rate = ((await got()) - from) / (Date.now() - t) / 1000;
  for (const p of [a, b]) await p.evaluate(() => globalThis.flood.forEach((f) => f.pc.close()));
  return rate;
}

/** MB/s of a transfer: over all of the time, and in its third second; and the lanes at the end. */
async function transfer(a, b, file) {
  const ann = await Party.open(a, { origin });
  await ann.give(file);
  const bob = await Party.open(b, { origin }, await ann.link());
  await bob.press('Accept');
  const came = () => bob.evaluate(() => globalThis.confab.files.ins[0]?.receiver?.came ?? 0);
  await until('the first bytes', async () => (await came()) > 0);
  const t = Date.now();
  const at = [await came()];
  let lanes = 1;
  while (Date.now() - t < seconds * 1000) {
    await new Promise((r) => setTimeout(r, 1000 * at.length - (Date.now() - t)));
    at.push(await came());
    lanes = Math.max(lanes, (await bob.rows())[0]?.lanes ?? 0);
    if ((await bob.rows())[0]?.phase === 'done') break;
  }
  const mean = (at.at(-1) - at[0]) / (Date.now() - t) / 1000;
  const late = at.slice(Math.floor(at.length / 2));
  const settled = (late.at(-1) - late[0]) / (late.length - 1) / 1e6;
  await Promise.all([ann.page.close(), bob.page.close()]);
  return { mean, third: (at[3] - at[2]) / 1e6, settled, lanes };
}

console.log('link                         flood ×1   transfer  3rd second  2nd half  lanes   flood × lanes   transfer / flood');
for (const l of links) {
  await withLink(l, async (dir, a, b) => {
    const bytes = Math.min(1500e6, (l.mbit / 8) * 1e6 * (seconds + 5));
    const file = await generate(join(dir, 'a.bin'), Math.ceil(bytes));
    const [pa, pb] = [await a.open(), await b.open()];
    for (const p of [pa, pb]) await p.goto(`${origin}/send`);
    const one = await flood(pa, pb, 1);
    const t = await transfer(a, b, file);
    const many = t.lanes > 1 ? await flood(pa, pb, t.lanes) : one;
    const f = (n) => n.toFixed(2).padStart(8);
    console.log(`${`${l.mbit} Mbit/s, ${2 * l.delay} ms, ${l.loss * 100} % loss`.padEnd(28)}${f(one)}  ${f(t.mean)}    ${f(t.third)}  ${f(t.settled)}  ${String(t.lanes).padStart(5)}        ${f(many)}           ${f(t.settled / many)}`);
  }).catch((e) => console.log(`${JSON.stringify(l)}: ${e.message.slice(0, 400)}`));
}
