import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { generate, hashOf, memory, Party, until } from './files.harness.mjs';
import { scratch, sleep, withCall } from './harness.mjs';

const MB = 1_000_000;

test('a file goes straight to whoever has the link, and is verified on both sides', { timeout: 120_000 }, async (t) => {
  const dir = await scratch(t);
  const file = await generate(join(dir, 'film.bin'), 30 * MB);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(file);
    const bob = await Party.open(chromium, server, await ann.link());
    const saved = bob.download(join(dir, 'out'));
    const offered = await bob.phase('offered');
    assert.equal(offered.total, 30 * MB);
    await bob.press('Accept');
    const going = await bob.phase('going');
    const [there, here] = [await bob.phase('done'), await ann.phase('done')];
    assert.equal((await saved).name, 'film.bin');
    assert.equal(await hashOf(join(dir, 'out')), await hashOf(file));
    assert.equal(there.verified + here.verified, 2);
    assert.match(going.spoken, /^\d{6}$/);
    assert.equal(there.spoken, here.spoken, 'both sides see one security number');
    assert.ok(there.proven && here.proven);
    assert.equal(there.route.kind, 'lan');
    assert.ok((await ann.uploaded()) < 32 * MB);
    for (const p of [ann, bob]) {
      assert.deepEqual(p.errors, []);
      assert.deepEqual(await p.evaluate(() => globalThis.__violations), []);
    }
    assert.ok(!server.log().includes((await ann.link()).split('#')[1]), 'the server never saw the secret');
  });
});

test('a code does what the link does; three wrong guesses end it', { timeout: 120_000 }, async (t) => {
  const file = await generate(join(await scratch(t), 'a.bin'), 2 * MB);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(file);
    const code = await ann.code();
    const enter = async (text) => {
      const p = await Party.open(chromium, server);
      await p.page.fill('#code', text);
      await p.press('Receive');
      return p;
    };
    const bob = await enter(code.replaceAll('-', ' ').toUpperCase());
    await bob.press('Accept');
    await bob.phase('done');
    assert.equal(await bob.hash(), await hashOf(file));
    for (let i = 0; i < 3; i++) {
      const eve = await enter(code.replace(/-\w+$/, '-wrong'));
      assert.match((await eve.phase('failed')).error, /^not-authentic/);
      await eve.page.close();
    }
    await until('the code is given up', () => ann.evaluate(() => document.querySelector('.share [role=alert]') !== null));
    const late = await enter(code);
    assert.match((await late.phase('failed')).error, /^not-authentic/);
    const cem = await Party.open(chromium, server, await ann.link());
    await cem.phase('offered');
  });
});

test('a wrong link gets nothing, a decline ends it, and a text comes with the offer', { timeout: 120_000 }, async (t) => {
  const file = await generate(join(await scratch(t), 'a.bin'), 2 * MB);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(file);
    const link = await ann.link();
    const eve = await Party.open(chromium, server, link.replace(/#.*/, `#${'A'.repeat(22)}`));
    assert.match((await eve.phase('failed')).error, /^not-authentic/);
    assert.match((await ann.phase('failed')).error, /^not-authentic/);
    assert.equal(await ann.uploaded(), 0);
    const bob = await Party.open(chromium, server, link);
    await bob.press('Decline');
    await ann.phase('declined');
    assert.equal(await ann.uploaded(), 0);
    await ann.page.fill('#give-text', 'https://example.org/a?b=c');
    await ann.press('Send the text');
    const row = await until('the text is offered', async () => (await bob.rows()).find((r) => r.phase === 'offered'));
    assert.equal(row.inline, 'https://example.org/a?b=c');
    await bob.press('Accept');
    await bob.phase('done');
    await ann.phase('done');
  });
});

test('a folder of 2 000 small files arrives with its structure', { timeout: 240_000 }, async (t) => {
  const dir = await scratch(t);
  const folder = join(dir, 'photos');
  for (let i = 0; i < 2000; i++) {
    const at = join(folder, `day ${i % 20}`);
    if (i < 20) mkdirSync(at, { recursive: true });
    writeFileSync(join(at, `${i}.txt`), `${i} `.repeat(i));
  }
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(folder, true);
    const bob = await Party.open(chromium, server, await ann.link());
    const saved = bob.download(join(dir, 'out.zip'));
    await bob.press('Accept');
    assert.equal((await bob.phase('done', 120_000)).verified, 2000);
    assert.equal((await saved).name, 'photos.zip');
    execFileSync('unzip', ['-q', join(dir, 'out.zip'), '-d', join(dir, 'out')]);
    execFileSync('diff', ['-r', folder, join(dir, 'out', 'photos')]);
  });
});

test('three cuts and a reload: it goes on from the verified blocks', { timeout: 240_000 }, async (t) => {
  const dir = await scratch(t);
  const size = 160 * MB;
  const file = await generate(join(dir, 'film.bin'), size);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(file);
    const bob = await Party.open(chromium, server, await ann.link());
    await bob.press('Accept');
    const past = (part) => until(`${part} of it`, async () => (await bob.rows()).some((r) => r.bytes > part * size), 60_000);
    await past(0.1);
    await bob.cut();
    await past(0.3);
    await ann.cut();
    await past(0.5);
    await bob.page.context().setOffline(true); // no signaling either
    await bob.cut();
    await sleep(2_000);
    await bob.page.context().setOffline(false);
    await past(0.7);
    const before = Math.max(...(await bob.rows()).map((r) => r.bytes));
    const saved = bob.download(join(dir, 'out'));
    await bob.page.reload({ waitUntil: 'domcontentloaded' });
    const again = await until('goes on by itself', async () => (await bob.rows()).find((r) => r.phase === 'going' || r.phase === 'done'));
    assert.ok(again.bytes > before - 80 * MB && again.bytes > 0.3 * size, `${again.bytes} of the ${before} bytes that were there`);
    await bob.phase('done', 90_000);
    await saved;
    assert.equal(await hashOf(join(dir, 'out')), await hashOf(file));
    const sent = await ann.uploaded();
    assert.ok(sent < 1.5 * size, `${sent} bytes were sent for ${size}`);
  });
});

test('the sender reloads and chooses the file again: what has arrived is not sent again', { timeout: 120_000 }, async (t) => {
  const size = 100 * MB;
  const dir = await scratch(t);
  const file = await generate(join(dir, 'film.bin'), size);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    ann.page.on('dialog', (d) => void d.accept()); // "leave this page?"
    await ann.give(file);
    const link = await ann.link();
    const bob = await Party.open(chromium, server, link);
    await bob.press('Accept');
    await until('half of it', async () => (await bob.rows())[0].bytes > size / 2);
    await ann.page.reload();
    const [{ bytes }] = await bob.rows();
    await ann.give(file);
    assert.equal(await ann.link(), link, 'the link stays');
    await bob.phase('done');
    assert.equal(await bob.hash(), await hashOf(file));
    const sent = await ann.uploaded();
    assert.ok(sent < size - bytes + 20 * MB, `${sent} bytes after ${bytes} of ${size} had arrived`);
  });
});

test('pause, continue and cancel, from either side', { timeout: 120_000 }, async (t) => {
  const file = await generate(join(await scratch(t), 'a.bin'), 150 * MB);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(file);
    const bob = await Party.open(chromium, server, await ann.link());
    await bob.press('Accept');
    for (const [who, other] of [[ann, bob], [bob, ann]]) {
      await until('it moves', async () => (await bob.rows()).some((r) => r.phase === 'going' && r.bytes > 0));
      await who.press('Pause');
      await other.phase('paused');
      await sleep(700); // what was on its way has come
      const [{ bytes }] = await bob.rows();
      await sleep(700);
      assert.equal((await bob.rows())[0].bytes, bytes, 'nothing moves');
      await who.press('Continue');
      await until('it moves again', async () => (await bob.rows())[0].bytes > bytes);
    }
    await bob.press('Cancel');
    await ann.phase('cancelled');
    assert.ok((await ann.uploaded()) < 150 * MB);
  });
});

test('one to four: the sender uploads little more than once', { timeout: 300_000 }, async (t) => {
  const size = 60 * MB;
  const file = await generate(join(await scratch(t), 'a.bin'), size);
  await withCall({}, async ({ server, chromium }) => {
    const ann = await Party.open(chromium, server);
    await ann.give(file);
    const link = await ann.link();
    const people = [];
    for (let i = 0; i < 4; i++) people.push(await Party.open(chromium, server, link));
    for (const p of people) await p.phase('offered');
    await Promise.all(people.map((p) => p.press('Accept')));
    for (const p of people) await p.phase('done', 200_000);
    const want = await hashOf(file);
    for (const p of people) assert.equal(await p.hash(), want);
    const uploads = (await ann.uploaded()) / size;
    t.diagnostic(`${uploads.toFixed(2)} uploads for 4 receivers`);
    assert.ok(uploads <= 1.6, `${uploads} uploads`);
  });
});

test('Chromium and Firefox send to each other', { timeout: 240_000 }, async (t) => {
  const file = await generate(join(await scratch(t), 'a.bin'), 20 * MB);
  await withCall({ firefox: true }, async ({ server, chromium, firefox }) => {
    for (const [from, to] of [[chromium, firefox], [firefox, chromium]]) {
      const ann = await Party.open(from, server);
      await ann.give(file);
      const bob = await Party.open(to, server, await ann.link());
      await bob.press('Accept');
      await bob.phase('done', 90_000);
      await ann.phase('done');
      assert.equal(await bob.hash(), await hashOf(file), `${from.kind} to ${to.kind}`);
    }
  });
});

test('a gigabyte takes no more memory than a little', { timeout: 600_000 }, async (t) => {
  const dir = await scratch(t);
  const file = await generate(join(dir, 'film.bin'), 1000 * MB);
  await withCall({ chromiumExtra: { profile: join(dir, 'profile') } }, async ({ server, chromium }) => {
    const run = async (path) => {
      const ann = await Party.open(chromium, server);
      const bob = await Party.open(chromium, server);
      const before = memory();
      let peak = 0;
      const watch = setInterval(() => (peak = Math.max(peak, memory() - before)), 250);
      try {
        await ann.give(path);
        await bob.page.goto(await ann.link());
        const saved = bob.download(join(dir, 'out'), 400_000);
        await bob.press('Accept');
        await bob.phase('done', 400_000);
        await saved;
        assert.equal(await hashOf(join(dir, 'out')), await hashOf(path));
      } finally {
        clearInterval(watch);
        await ann.page.close();
        await bob.page.close();
      }
      return peak;
    };
    const little = await run(await generate(join(dir, 'clip.bin'), 20 * MB));
    const much = await run(file);
    t.diagnostic(`peak memory of both ends: ${Math.round(little)} MB for 20 MB, ${Math.round(much)} MB for 1 GB`);
    assert.ok(much < little + 250, `${much} MB for 1 GB, ${little} MB for 20 MB`);
  });
});

test('in a call, what is dropped on the page goes to who is there', { timeout: 120_000 }, () => withCall({}, async ({ server, chromium }) => {
  const ann = await chromium.person(server, 'drop', 'Ann');
  const bob = await chromium.person(server, 'drop', 'Bob');
  await Promise.all([ann.joined(1), bob.joined(1)]);
  await ann.evaluate(async () => {
    const data = new DataTransfer();
    data.items.add(new File(['x'.repeat(3e6)], 'notes.txt', { type: 'text/plain' }));
    const fire = (type) => document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    fire('dragenter');
    fire('dragover');
    while (!document.querySelector('.drop-cover')) { await new Promise((r) => setTimeout(r, 50)); fire('dragover'); }
    fire('drop');
  });
  const saved = bob.page.waitForEvent('download', { timeout: 60_000 });
  await bob.page.getByRole('button', { name: 'Accept', exact: true }).click();
  assert.equal((await saved).suggestedFilename(), 'notes.txt');
  await ann.page.locator('.transfer[data-phase=done]').waitFor();
  assert.equal((await ann.state()).connection.route, 'p2p', 'the call goes on');
  await ann.seesAndHears(1);
  for (const p of [ann, bob]) assert.deepEqual(p.errors.filter((e) => !/Permissions-Policy/.test(e)), []);
}));

test('axe finds nothing on the pages of files', { timeout: 120_000 }, async (t) => {
  const file = await generate(join(await scratch(t), 'a.bin'), 60 * MB);
  await withCall({}, async ({ server, chromium }) => {
    const clean = async (p, what) => {
      const { violations } = await new AxeBuilder({ page: p.page }).analyze();
      assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(', ')}`), [], what);
    };
    const ann = await Party.open(chromium, server);
    await until('the page', () => ann.page.$('[data-give=files]'));
    await clean(ann, 'empty');
    await ann.give(file);
    const bob = await Party.open(chromium, server, await ann.link());
    await bob.phase('offered');
    await clean(bob, 'offered');
    await clean(ann, 'waiting');
    await bob.press('Accept');
    await bob.phase('going');
    await bob.press('Pause');
    await bob.phase('paused');
    await clean(bob, 'paused');
    await clean(ann, 'paused by the other side');
    await bob.press('Continue');
    await bob.phase('done');
    await clean(bob, 'done');
  });
});

test('the share sheet: what the system posts is offered', { timeout: 60_000 }, () => withCall({}, async ({ server, chromium }) => {
  const ann = await Party.open(chromium, server);
  await until('the service worker', () => ann.evaluate(async () => (await navigator.serviceWorker.getRegistration('/send/'))?.active != null));
  // The system posts from nowhere; a page of ours may not, by its policy.
  const sheet = new Party('chromium', await ann.page.context().newPage());
  await sheet.page.setContent(`<form method="post" enctype="multipart/form-data" action="${server.origin}/send/shared"><input type="file" name="files"></form>`);
  await sheet.page.setInputFiles('input', { name: 'beach ☀.txt', mimeType: 'text/plain', buffer: Buffer.from('holiday') });
  await sheet.evaluate(() => document.forms[0].submit());
  await ann.page.close();
  const bob = await Party.open(chromium, server, await sheet.link());
  assert.equal((await bob.phase('offered')).name, 'beach ☀.txt');
}));
