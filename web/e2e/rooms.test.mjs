// Rooms that lose nothing, in real browsers: the chat, a reload, a restart of the server, the lobby, moderation, what is typed
// offline, and networks that let no WebSocket through.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { Browser, scratch, sleep, startServer, withCall } from './harness.mjs';

/** Both browsers, each with its own way to press what is on the screen. */
const kinds = ['chromium', 'firefox'];
const both = (name, body, args = []) => {
  for (const kind of kinds) {
    test(`${name} (${kind})`, { timeout: 180_000 }, (t) => withCall({ firefox: kind === 'firefox', args }, ({ server, chromium, firefox }) =>
      body({ t, server, mine: kind === 'firefox' ? firefox : chromium, other: chromium })));
  }
};

/** Clicks what has this accessible name; the same in Playwright and Puppeteer. */
const click = (p, name) => p.until(`a button "${name}"`, () => p.evaluate((n) => {
  const all = [...document.querySelectorAll('button, [role^=menuitem]')].filter((b) => b.checkVisibility());
  const b = all.find((x) => (x.getAttribute('aria-label') ?? x.textContent).trim() === n || (x.getAttribute('aria-label') ?? x.textContent).startsWith(`${n} `));
  b?.click();
  return b !== undefined;
}, name));
const sees = (p, text) => p.until(`the text "${text}"`, () => p.evaluate((t) => document.body.innerText.includes(t), text));
const say = (p, text, o = {}) => p.evaluate(([t, more]) => globalThis.confab.call.chat.send(t, more), [text, o]);
const texts = async (p) => (await p.said()).map((m) => m.text);
const hears = (p, ...want) => p.until(`the messages ${want.join(', ')}`, async () => JSON.stringify(await texts(p)) === JSON.stringify(want));
const call = (p, path, ...args) => p.evaluate(async ([where, given]) => {
  const [part, name] = where.split('.');
  try {
    await globalThis.confab.call[part][name](...given);
    return 'done';
  } catch (e) {
    return e.code;
  }
}, [path, args]);

both('the chat: changed, taken back, reacted to, in private, older pages', async ({ server, mine, other }) => {
  const ann = await mine.person(server, 'talk', 'Ann');
  await ann.joined(0);
  const bob = await other.person(server, 'talk', 'Bob');
  const cem = await other.person(server, 'talk', 'Cem');
  await ann.joined(2);
  for (const text of ['first', '**second**', 'third']) await say(ann, text);
  await hears(bob, 'first', '**second**', 'third');
  const seq = async (text) => (await ann.said()).find((m) => m.text === text).seq;
  const [first, second] = [await seq('first'), await seq('**second**')];
  await call(ann, 'chat.edit', first, 'first, changed');
  await call(ann, 'chat.delete', second);
  await call(bob, 'chat.react', first, '👍', true);
  await hears(bob, 'first, changed', '', 'third');
  await ann.until('the reaction', async () => (await ann.said())[0].reactions[0]?.from.length === 1);
  assert.deepEqual((await bob.said()).map((m) => [m.edited !== null, m.deleted]), [[true, false], [false, true], [false, false]]);
  // In private: only the two.
  await say(bob, 'psst', { to: (await bob.state()).people.find((p) => p.name === 'Ann').id });
  await hears(ann, 'first, changed', '', 'third', 'psst');
  await say(cem, 'done');
  await hears(cem, 'first, changed', '', 'third', 'done');
  // On the screen: Markdown as elements, and the unread count.
  await ann.until('unread on the button', () => ann.evaluate(() => document.querySelector('[aria-label="Chat, 2 unread"]') !== null));
  await ann.page.keyboard.press('c');
  await ann.until('read', async () => (await ann.state()).talk.unread === 0);
  await say(bob, '**loud** <img src=x onerror=alert(1)> https://a.example/');
  await ann.until('bold, a link, and no picture', () => ann.evaluate(() => document.querySelector('.message strong')?.textContent === 'loud'
    && document.querySelector('.message a[rel~=noopener]')?.href === 'https://a.example/' && document.querySelector('.chat img') === null));
  assert.deepEqual(await ann.evaluate(() => globalThis.__violations), []);
  // A late joiner gets the last page, and the rest when asked.
  for (let i = 0; i < 70; i++) await say(bob, `line ${i}`);
  await ann.until('all of it', async () => (await texts(ann)).at(-1) === 'line 69');
  const dan = await other.person(server, 'talk', 'Dan');
  await dan.joined(3);
  assert.equal((await dan.state()).talk.more, true);
  for (let i = 0; i < 5 && (await dan.state()).talk.more; i++) {
    await call(dan, 'chat.older');
    await dan.until('an answer', async () => !(await dan.state()).talk.loading);
  }
  const all = await texts(dan);
  assert.deepEqual(all.slice(0, 3), ['first, changed', '', 'third']);
  assert.equal(new Set((await dan.state()).chat.map((m) => m.seq)).size, (await dan.state()).chat.length, 'none twice');
  assert.equal(all.includes('psst'), false);
});

for (const mode of ['p2p', 'sfu']) {
  both(`a reload keeps the seat, the chat and the muted microphone, and the call goes on (${mode})`, async ({ server, mine, other }) => {
    const ann = await mine.person(server, 'reload', 'Ann', { mode });
    await ann.joined(0);
    const bob = await other.person(server, 'reload', 'Bob', { mode });
    await ann.joined(1);
    await ann.seesAndHears(1);
    await say(ann, 'before');
    await ann.page.keyboard.press('m');
    await bob.until('Ann is muted', async () => !(await bob.state()).people[0].microphone);
    const id = (await ann.state()).self.id;
    await bob.evaluate(() => {
      globalThis.__moments = [];
      for (const type of ['participant-left', 'participant-joined']) globalThis.confab.call.addEventListener(type, () => globalThis.__moments.push(type));
    });
    await ann.reload();
    await say(bob, 'meanwhile');
    await ann.until('back in the call', async () => (await ann.state())?.phase === 'joined');
    assert.equal((await ann.state()).self.id, id, 'the same seat');
    assert.equal((await ann.state()).self.microphone, false, 'still muted');
    await hears(ann, 'before', 'meanwhile');
    await ann.until('sees', async () => {
      const before = (await ann.media()).frames;
      await sleep(500);
      return (await ann.media()).frames > before;
    }, 40_000);
    await bob.until('sees Ann again', async () => {
      const before = (await bob.media()).videos.reduce((n, v) => n + v.frames, 0);
      await sleep(500);
      return (await bob.media()).videos.reduce((n, v) => n + v.frames, 0) > before;
    }, 40_000);
    assert.deepEqual(await bob.evaluate(() => globalThis.__moments), [], 'nobody saw a leave');
  });
}

for (const [how, end] of [['SIGTERM', (s) => s.stop()], ['kill -9', (s) => s.kill()]]) {
  for (const mode of ['p2p', 'sfu']) {
    test(`a server that restarts (${how}, ${mode}) gives seats and chat back, and the call goes on`, { timeout: 180_000 }, async (t) => {
      const store = `--store=sqlite:${join(await scratch(t), 'rooms.db')}`;
      let server = await startServer([store]);
      const port = new URL(server.origin).port;
      const [c, f] = [await Browser.chromium(), await Browser.firefox()];
      t.after(async () => {
        await Promise.allSettled([c.close(), f.close()]);
        await server.stop();
      });
      const ann = await c.person(server, 'again', 'Ann', { mode });
      await ann.joined(0);
      const bob = await f.person(server, 'again', 'Bob', { mode });
      await ann.joined(1);
      await ann.seesAndHears(1);
      await say(ann, 'before');
      await hears(bob, 'before');
      const ids = [(await ann.state()).self.id, (await bob.state()).self.id];
      await end(server);
      await ann.until('says so', async () => (await ann.state()).connection.signaling !== 'connected');
      await say(ann, 'typed while it was away');
      server = await startServer([store, `--listen=127.0.0.1:${port}`]);
      for (const p of [ann, bob]) await p.until('back', async () => (await p.state()).connection.signaling === 'connected', 30_000);
      assert.deepEqual([(await ann.state()).self.id, (await bob.state()).self.id], ids, 'the same seats');
      for (const p of [ann, bob]) await hears(p, 'before', 'typed while it was away');
      await ann.seesAndHears(1, 40_000);
      await bob.seesAndHears(1, 40_000);
      const cem = await c.person(server, 'again', 'Cem', { mode });
      await cem.joined(2);
      await hears(cem, 'before', 'typed while it was away');
    });
  }
}

both('the lobby: knock, be refused, be let in', async ({ server, mine, other }) => {
  const ann = await other.person(server, 'lobby', 'Ann');
  await ann.joined(0);
  assert.equal(await call(ann, 'room.setAccess', 'lobby'), 'done');
  const eve = await mine.person(server, 'lobby', 'Eve');
  await sees(eve, 'You knock at lobby');
  await ann.page.keyboard.press('p');
  await click(ann, 'Refuse Eve');
  await sees(eve, 'You were not let in');
  const bob = await mine.person(server, 'lobby', 'Bob');
  await click(ann, 'Let Bob in');
  await bob.joined(1);
  await ann.joined(1);
});

both('moderators: mute, hold, remove, ban, password, lock, end', async ({ server, mine, other }) => {
  const ann = await other.person(server, 'order', 'Ann');
  await ann.joined(0);
  const bob = await mine.person(server, 'order', 'Bob');
  await ann.joined(1);
  await bob.joined(1);
  const id = (await bob.state()).self.id;
  const bobAt = async (p) => (await p.state()).people.find((x) => x.id === id);
  assert.equal(await call(bob, 'room.mute', (await ann.state()).self.id, ['microphone']), 'forbidden');
  // Muted, and on again by oneself.
  assert.equal(await call(ann, 'room.mute', id, ['microphone']), 'done');
  await bob.until('muted', async () => !(await bob.state()).self.microphone);
  await click(bob, 'Microphone, off');
  await ann.until('on again', async () => (await bobAt(ann)).microphone);
  // Held: not by oneself.
  assert.equal(await call(ann, 'room.mute', id, ['microphone', 'camera'], true), 'done');
  await bob.until('held', async () => { const s = (await bob.state()).self; return !s.microphone && !s.camera && s.blocked.length === 2; });
  await click(bob, 'Microphone, off');
  await sees(bob, 'A moderator has turned this off for you');
  assert.equal((await bobAt(ann)).microphone, false);
  assert.equal(await call(ann, 'room.allow', id, ['microphone', 'camera']), 'done');
  await bob.until('allowed', async () => (await bob.state()).self.blocked.length === 0);
  // Out, with a word, and back in; then with a password.
  assert.equal(await call(ann, 'room.remove', id), 'done');
  await sees(bob, 'You were taken out of the room');
  await ann.joined(0);
  assert.equal(await call(ann, 'room.setPassword', 'open sesame'), 'done');
  const cem = await mine.person(server, 'order', 'Cem');
  await sees(cem, 'This room has a password');
  const write = async (word) => {
    await cem.evaluate(() => document.querySelector('input[type=password]').select());
    await cem.page.keyboard.type(word);
    await cem.page.keyboard.press('Enter');
  };
  await write('open barley');
  await sees(cem, 'That is not the password');
  await write('open sesame');
  await cem.joined(1);
  assert.equal(await call(ann, 'room.setPassword', ''), 'done');
  assert.equal(await call(ann, 'room.setAccess', 'locked'), 'done');
  const late = await mine.person(server, 'order', 'Late');
  await sees(late, 'The room is locked');
  assert.equal(await call(ann, 'room.setAccess', 'open'), 'done');
  assert.equal(await call(ann, 'room.end'), 'done');
  await sees(cem, 'The meeting is over');
  await sees(ann, 'The meeting is over');
});

both('what is typed offline is sent once, in order, over a reload too', async ({ server, mine, other }) => {
  const bob = await other.person(server, 'outbox', 'Bob');
  await bob.joined(0);
  const ann = await mine.person(server, 'outbox', 'Ann');
  await bob.joined(1);
  // No new connection comes about until the test allows it; the present one is cut.
  await ann.evaluate(() => {
    const Native = globalThis.WebSocket;
    globalThis.__open = () => { globalThis.WebSocket = Native; };
    globalThis.WebSocket = class extends EventTarget { constructor() { super(); setTimeout(() => this.onclose?.(null), 20); } close() {} };
    globalThis.fetch = () => Promise.reject(new TypeError('offline'));
    globalThis.__sockets.at(-1).close(4999, 'cut by the test');
  });
  await ann.until('says so', async () => (await ann.state()).connection.signaling !== 'connected');
  for (const text of ['one', 'two', 'three']) await say(ann, text);
  await ann.until('three wait', async () => (await ann.state()).talk.waiting === 3);
  await ann.page.keyboard.press('c');
  await sees(ann, 'What you write is kept');
  await ann.evaluate(() => globalThis.__open());
  await hears(bob, 'one', 'two', 'three');
  await ann.until('nothing waits', async () => (await ann.state()).talk.waiting === 0);
  // Said into a connection that dies, then the page goes too: exactly once.
  await ann.evaluate(() => {
    globalThis.confab.call.chat.send('four');
    globalThis.__sockets.at(-1).close(4999, 'cut by the test');
    globalThis.confab.call.chat.send('five');
  });
  await ann.reload();
  await hears(bob, 'one', 'two', 'three', 'four', 'five');
  await hears(ann, 'one', 'two', 'three', 'four', 'five');
});

both('a machine without a network says so, and sends as soon as it is back', async ({ server, mine, other }) => {
  const bob = await other.person(server, 'network', 'Bob');
  const ann = await mine.person(server, 'network', 'Ann');
  await bob.joined(1);
  await ann.joined(1);
  // As the browser has it without a network: it knows, and no socket opens. Its own switch for that lets WebSockets through.
  const network = (on) => ann.evaluate((is) => {
    const Native = (globalThis.__native ??= globalThis.WebSocket);
    globalThis.WebSocket = class { constructor(...a) { if (navigator.onLine) return new Native(...a); setTimeout(() => this.onclose?.(null), 20); } close() {} };
    Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => is });
    if (!is) globalThis.__sockets.at(-1).close(4999, 'cut by the test');
    dispatchEvent(new Event(is ? 'online' : 'offline'));
  }, on);
  await network(false);
  await ann.until('offline', async () => (await ann.state()).connection.signaling === 'offline');
  await say(ann, 'from the tunnel');
  await sees(ann, 'You are offline. What you type is kept');
  assert.deepEqual(await texts(bob), []);
  await network(true);
  await hears(bob, 'from the tunnel');
  await ann.until('nothing waits', async () => (await ann.state()).talk.waiting === 0);
});

/** A proxy as some offices have it: plain HTTP goes through, an upgrade does not. */
async function withoutUpgrades(origin) {
  const target = new URL(origin);
  const proxy = createServer((req, res) => {
    const up = request({ host: target.hostname, port: target.port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      res.flushHeaders();
      answer.pipe(res);
    });
    up.on('error', () => res.destroy());
    res.on('close', () => up.destroy());
    req.pipe(up);
  });
  proxy.on('upgrade', (req, socket) => socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n'));
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return { origin: `http://127.0.0.1:${proxy.address().port}`, close: () => { proxy.closeAllConnections(); proxy.close(); } };
}

/** The ways in that the server offers. */
const offers = async (server) => (await (await fetch(`${server.origin}/api/v1/transports`)).json()).transports.map((x) => x.type);

both('WebTransport carries the call where it wins', async ({ t, server, mine, other }) => {
  if (!(await offers(server)).includes('webtransport')) return t.skip('the server offers no WebTransport');
  const bob = await other.person(server, 'quic', 'Bob');
  await bob.joined(0);
  const ann = await mine.person(server, 'quic', 'Ann', { autojoin: '0' });
  // It has won before, so it gets the head start.
  await ann.evaluate(() => localStorage.setItem('confab:carrier', JSON.stringify({ [location.origin]: { kind: 'webtransport', until: Date.now() + 1e6 } })));
  await click(ann, 'Join');
  await bob.joined(1);
  await ann.joined(1);
  assert.equal((await ann.state()).connection.carrier, 'webtransport');
  await ann.seesAndHears(1);
  await say(ann, 'by another way');
  await say(bob, 'heard');
  for (const p of [ann, bob]) await p.until('both', async () => (await texts(p)).length === 2);
  assert.deepEqual(await ann.evaluate(() => globalThis.__violations), []);
});

both('where no WebSocket gets through, events and POSTs carry the call', async ({ server, mine, other }) => {
  const proxy = await withoutUpgrades(server.origin);
  try {
    const bob = await other.person(server, 'detour', 'Bob');
    await bob.joined(0);
    const ann = await mine.person(proxy, 'detour', 'Ann');
    await bob.joined(1);
    await ann.joined(1);
    assert.equal((await ann.state()).connection.carrier, 'sse');
    assert.equal((await bob.state()).connection.carrier, 'websocket');
    await ann.seesAndHears(1);
    await say(ann, 'round the corner');
    await say(bob, 'heard');
    for (const p of [ann, bob]) await p.until('both', async () => (await texts(p)).length === 2);
    const id = (await ann.state()).self.id;
    await ann.reload();
    await ann.until('back', async () => (await ann.state())?.phase === 'joined');
    assert.equal((await ann.state()).self.id, id);
  } finally {
    proxy.close();
  }
});
