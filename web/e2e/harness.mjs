// The harness of the browser tests: the real binary on free ports, real browsers, and what a test asks of a person in a
// call. Everything it starts, it stops.
import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const root = resolve(import.meta.dirname, '../..');
export const binary = process.env.E2E_SFU ?? join(root, 'bin/sfu');

/**
 * Starts the server on free loopback ports and waits until it prints its link.
 * @param {string[]} args more flags; a later one wins
 * @param {string[]} within a command that runs it elsewhere, such as in a network namespace
 * @returns {Promise<{url: string, origin: string, log: () => string, stop: () => Promise<number>, kill: () => Promise<void>, pid: number}>}
 */
export async function startServer(args = [], within = []) {
  const [command, ...rest] = [...within, binary, 'serve', '--listen=127.0.0.1:0', '--udp=:0', '--ops-listen=127.0.0.1:0', '--store=memory:', '--log-level=debug', ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const exited = once(child, 'exit');
  const link = new Promise((done, fail) => {
    const see = (chunk) => {
      text += chunk;
      const m = /(https?:\/\/[^\s/]+)\/r\/[a-z0-9_-]+/.exec(text);
      if (m) done(m);
    };
    child.stdout.on('data', see);
    child.stderr.on('data', see);
    exited.then(([code]) => fail(new Error(`server ended with ${code} before it printed a link:\n${text}`)));
    setTimeout(() => fail(new Error(`no link within 20 s:\n${text}`)), 20_000).unref();
  });
  const m = await link;
  return {
    url: m[0], origin: m[1], pid: child.pid,
    /** Ends it as a crash does. */
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    log: () => text,
    stop: async () => {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      const [code] = await exited;
      clearTimeout(late);
      return code;
    },
  };
}

// Runs in every page before its own scripts: remembers the connections, so that a test can read their statistics.
const tap = () => {
  const Native = globalThis.RTCPeerConnection;
  const all = (globalThis.__pcs = []);
  // ?only=udp|tcp|tls leaves one way to the relay.
  const only = new URLSearchParams(globalThis.location.search).get('only');
  const through = { udp: /^turn:.*transport=udp/, tcp: /^turn:.*transport=tcp/, tls: /^turns:/ }[only];
  const narrow = (config) => through && config?.iceServers
    ? { ...config, iceServers: config.iceServers.map((s) => ({ ...s, urls: [s.urls].flat().filter((u) => through.test(u)) })).filter((s) => s.urls.length) }
    : config;
  globalThis.RTCPeerConnection = class extends Native {
    constructor(config) { super(narrow(config)); all.push(this); }
    setConfiguration(config) { super.setConfiguration(narrow(config)); }
  };
  const Socket = globalThis.WebSocket;
  const sockets = (globalThis.__sockets = []);
  globalThis.WebSocket = class extends Socket {
    constructor(...a) { super(...a); sockets.push(this); }
  };
  globalThis.__violations = [];
  addEventListener('securitypolicyviolation', (e) => globalThis.__violations.push(`${e.violatedDirective} ${e.blockedURI}`));
};

// Also runs in the page: sums over all open connections.
const readMedia = async () => {
  const out = { frames: 0, width: 0, audio: 0, videos: [], audios: [], paths: [], ciphers: [] };
  for (const pc of globalThis.__pcs ?? []) {
    if (pc.connectionState === 'closed') continue;
    const stats = await pc.getStats();
    const by = new Map();
    stats.forEach((s) => by.set(s.id, s));
    stats.forEach((s) => {
      if (s.type === 'inbound-rtp' && s.kind === 'video') {
        out.frames += s.framesDecoded ?? 0;
        out.width = Math.max(out.width, s.frameWidth ?? 0);
        out.videos.push({ id: s.id, mid: s.mid, frames: s.framesDecoded ?? 0, width: s.frameWidth ?? 0, lost: s.packetsLost ?? 0 });
      }
      if (s.type === 'inbound-rtp' && s.kind === 'audio') {
        out.audio += s.totalAudioEnergy ?? 0;
        out.audios.push({ id: s.id, mid: s.mid, energy: s.totalAudioEnergy ?? 0, packets: s.packetsReceived ?? 0 });
      }
      if (s.type === 'transport' && s.srtpCipher) out.ciphers.push(s.srtpCipher);
      if (s.type === 'candidate-pair' && (s.nominated || s.selected) && s.state === 'succeeded') {
        const l = by.get(s.localCandidateId), r = by.get(s.remoteCandidateId);
        out.paths.push({ local: l?.candidateType, remote: r?.candidateType, protocol: l?.relayProtocol ?? l?.protocol, url: l?.url, bytes: s.bytesReceived ?? 0 });
      }
    });
  }
  return out;
};

const chromiumArgs = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream=fps=15', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--ignore-certificate-errors'];

/** A browser that people sit in. Its pages look alike whichever engine drives them. */
export class Browser {
  /** extra.profile: a folder for a profile on disk; without, pages keep even large files in memory, as private windows do. */
  static async chromium(extra = {}) {
    if (extra.profile) {
      const options = { executablePath: '/usr/bin/chromium', headless: true, ignoreHTTPSErrors: true, args: [...chromiumArgs, ...(extra.args ?? [])] };
      const context = await chromium.launchPersistentContext(extra.profile, options);
      await context.addInitScript(tap);
      return new Browser('chromium', context, () => context.newPage());
    }
    const b = await chromium.launch({ executablePath: extra.executablePath ?? '/usr/bin/chromium', headless: true, args: [...chromiumArgs, ...(extra.args ?? [])] });
    const open = async (options = {}) => {
      const context = await b.newContext({ ignoreHTTPSErrors: true, ...options });
      await context.addInitScript(tap);
      if (options.init) await context.addInitScript(options.init);
      return context.newPage();
    };
    return new Browser('chromium', b, open);
  }

  static async firefox() {
    const b = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, acceptInsecureCerts: true,
      extraPrefsFirefox: { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.autoplay.default': 0,
        'media.peerconnection.ice.loopback': true, 'media.peerconnection.ice.obfuscate_host_addresses': false } });
    const open = async () => {
      const page = await (await b.createBrowserContext()).newPage();
      await page.evaluateOnNewDocument(tap);
      return page;
    };
    return new Browser('firefox', b, open);
  }

  constructor(kind, browser, open) { this.kind = kind; this.browser = browser; this.open = open; }

  close() { return this.browser.close(); }

  /** Opens a room as somebody; params are those of the page's URL. */
  async person(server, room, name, params = {}, options = {}) {
    const page = await this.open(options);
    const p = new Person(name, page);
    page.on('pageerror', (e) => p.errors.push(String(e)));
    page.on('console', (m) => { if (m.type() === 'error') p.errors.push(m.text()); });
    const query = new URLSearchParams({ name, autojoin: '1', ...params });
    await page.goto(`${server.origin}/r/${room}?${query}${options.hash ?? ''}`);
    return p;
  }
}

/** Somebody in a call. */
export class Person {
  constructor(name, page) { this.name = name; this.page = page; this.errors = []; }

  evaluate(f, arg) { return this.page.evaluate(f, arg); }

  media() { return this.page.evaluate(readMedia); }

  state() {
    return this.page.evaluate(() => {
      const s = globalThis.confab?.call?.state;
      return s && JSON.parse(JSON.stringify(s, (k, v) => (k === 'streams' ? undefined : v)));
    });
  }

  /** Closes the tab as a person does, which lets the page say goodbye. */
  async leave() {
    const closed = new Promise((done) => this.page.once('close', done));
    await this.page.close({ runBeforeUnload: true });
    await closed;
  }

  /** Loads the page again, as F5 does. */
  reload() { return this.page.reload({ waitUntil: 'domcontentloaded' }); }

  /** Messages of the chat, without the lines about who came and went. */
  async said() { return ((await this.state())?.chat ?? []).filter((m) => m.line === null); }

  /** Waits until ask() is truthy and gives it back; says what was last seen when it never is. */
  async until(what, ask, ms = 20_000) {
    const end = Date.now() + ms;
    let last;
    for (;;) {
      try { last = await ask(); } catch (e) { last = e; }
      if (last && !(last instanceof Error)) return last;
      if (Date.now() > end) {
        const state = await this.state().catch((e) => String(e));
        const media = await this.media().catch((e) => String(e));
        throw new Error(`${this.name}: ${what}: not within ${ms} ms; last ${String(last)}\nstate ${JSON.stringify(state)}\nmedia ${JSON.stringify(media)}\nerrors ${this.errors.join('\n')}`);
      }
      await sleep(100);
    }
  }

  /** In the room with n others. */
  joined(n) { return this.until(`joined with ${n} others`, async () => { const s = await this.state(); return s?.phase === 'joined' && s.people.length === n && s; }); }

  route(r) { return this.until(`route ${r}`, async () => (await this.state())?.connection.route === r, 30_000); }

  /** Sees n moving videos and hears n voices: decoded frames and audio energy go up on each, measured anew. */
  async seesAndHears(n, ms = 30_000) {
    const grown = async (pick, value) => {
      const before = new Map((await this.media())[pick].map((x) => [x.id, x[value]]));
      await sleep(700);
      return (await this.media())[pick].filter((x) => x[value] > (before.get(x.id) ?? 0)).length >= n;
    };
    await this.until(`sees ${n} moving pictures`, () => grown('videos', 'frames'), ms);
    await this.until(`hears ${n} voices`, () => grown('audios', 'energy'), ms);
  }

  /** Measures the longest time without a new frame on the video that shows somebody, from now until the returned function is called. */
  async gap(participant) {
    await this.evaluate((id) => {
      const call = globalThis.confab.call;
      const v = document.createElement('video');
      v.muted = true;
      v.autoplay = true;
      v.srcObject = call.state.people.find((p) => p.id === id).streams.camera;
      v.style.setProperty('width', '64px');
      document.body.append(v);
      const g = (globalThis.__gap = { last: performance.now(), max: 0, frames: 0, video: v });
      const frame = (now) => {
        if (g.frames++ > 0) g.max = Math.max(g.max, now - g.last);
        g.last = now;
        v.requestVideoFrameCallback(frame);
      };
      v.requestVideoFrameCallback(frame);
      return v.play();
    }, participant);
    return () => this.evaluate(() => {
      const g = globalThis.__gap;
      g.video.remove();
      return { max: Math.round(Math.max(g.max, performance.now() - g.last)), frames: g.frames };
    });
  }
}

/** Runs a body with a server and browsers and takes all down, whatever happens. */
export async function withCall({ args = [], firefox = false, chromiumExtra = {} } = {}, body) {
  const server = await startServer(args);
  const up = [];
  try {
    const c = await Browser.chromium(chromiumExtra);
    up.push(c);
    let f = null;
    if (firefox) { f = await Browser.firefox(); up.push(f); }
    await body({ server, chromium: c, firefox: f });
  } catch (e) {
    e.message += `\n--- server log ---\n${server.log().slice(-6_000)}`;
    throw e;
  } finally {
    await Promise.allSettled(up.map((b) => b.close()));
    await server.stop();
  }
}

/** A folder that goes away with the test. */
export async function scratch(t) {
  const dir = await mkdtemp(join(tmpdir(), 'confab-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const netns = join(root, 'scripts/netns');

/** Runs a body with a server on the open network and a Chromium in each of two homes behind NATs of a kind, in network namespaces; scripts/netns has a picture. */
export async function homes(t, kind, args, body) {
  const prefix = `cf${process.pid}`;
  const origin = 'http://203.0.113.1:8080';
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

export { sleep };
