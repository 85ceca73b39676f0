import test from 'node:test';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { binary, Browser, Person, scratch, startServer, withCall } from './harness.mjs';

const findings = async (page) => (await new AxeBuilder({ page }).analyze()).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);

test('two clicks from a link to a face, without a mouse, and axe finds nothing on any screen', { timeout: 150_000 }, () => withCall({}, async ({ server, chromium }) => {
  const page = await chromium.open();
  const ann = new Person('Ann', page);
  page.on('pageerror', (e) => ann.errors.push(String(e)));
  await page.goto(`${server.origin}/`);
  assert.deepEqual(await findings(page), [], 'home');
  await page.goto(`${server.origin}/r/door`);
  await page.getByRole('button', { name: /^join/i }).waitFor();
  assert.deepEqual(await findings(page), [], 'pre-join');
  const name = page.getByRole('textbox', { name: /name/i });
  await name.fill('Ann');
  await name.press('Enter');
  await ann.joined(0);
  assert.deepEqual(await findings(page), [], 'alone in the call');
  const bob = await chromium.person(server, 'door', 'Bob');
  await ann.joined(1);
  await bob.seesAndHears(1);
  await page.keyboard.press('c');
  assert.deepEqual(await findings(page), [], 'call with chat open');
  assert.deepEqual(ann.errors, []);
  assert.deepEqual(await page.evaluate(() => globalThis.__violations), []);
}));

test('permission denied and no camera are explained, and one can still join', { timeout: 120_000 }, async () => {
  const server = await startServer();
  try {
    const fake = '--use-fake-ui-for-media-stream';
    for (const [room, flags, words] of [
      ['denied', [`${fake}=deny`, '--use-fake-device-for-media-stream'], /allow|blocked|permission/i],
      ['no-device', [fake], /no camera or microphone found/i],
    ]) {
      const b = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', ...flags] });
      try {
        const page = await (await b.newContext()).newPage();
        await page.goto(`${server.origin}/r/${room}?name=Ann`);
        await page.getByText(words).first().waitFor({ timeout: 15_000 });
        assert.deepEqual(await findings(page), []);
        await page.getByRole('button', { name: /^join/i }).click();
        await new Person('Ann', page).joined(0);
      } finally {
        await b.close();
      }
    }
  } finally {
    await server.stop();
  }
});

test('a full room says so, and what to do', { timeout: 120_000 }, () => withCall({ args: ['--sfu=off'] }, async ({ server, chromium }) => {
  for (let i = 0; i < 4; i++) await (await chromium.person(server, 'full', `P${i}`, { mode: 'p2p' })).joined(i);
  const late = await chromium.person(server, 'full', 'Late', { mode: 'p2p' });
  await late.page.getByText(/full/i).first().waitFor({ timeout: 20_000 });
  assert.deepEqual(await findings(late.page), []);
}));

test('with --auth=token a minted token opens the door, and a wrong one is told what to do', { timeout: 120_000 }, async (t) => {
  const secret = join(await scratch(t), 'secret');
  await writeFile(secret, `${'0123456789abcdef'.repeat(3)}\n`, { mode: 0o600 });
  const token = execFileSync(binary, ['token', `--secret-file=${secret}`, '--room=guarded', '--name=Ann'], { encoding: 'utf8' }).trim();
  await withCall({ args: ['--auth=token', `--secret-file=${secret}`] }, async ({ server, chromium: c }) => {
    const ann = await c.person(server, 'guarded', 'Ann', {}, { hash: `#token=${token}` });
    await ann.joined(0);
    const eve = await c.person(server, 'guarded', 'Eve', {}, { hash: `#token=${token.slice(0, -4)}AAAA` });
    await eve.page.getByText(/link|token/i).first().waitFor({ timeout: 20_000 });
    assert.equal((await eve.state())?.phase === 'joined', false);
    assert.deepEqual(await findings(eve.page), []);
    await ann.joined(0);
  });
});

test('the page fits a phone, in both orientations', { timeout: 90_000 }, async () => {
  const server = await startServer();
  const b = await Browser.chromium();
  try {
    for (const viewport of [{ width: 390, height: 844 }, { width: 844, height: 390 }]) {
      const p = await b.person(server, 'phone', 'Ann', {}, { viewport, isMobile: true, hasTouch: true });
      await p.until('in the call', async () => (await p.state())?.phase === 'joined');
      const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `scrolls sideways by ${wide} px`);
      await p.leave();
    }
  } finally {
    await b.close();
    await server.stop();
  }
});
