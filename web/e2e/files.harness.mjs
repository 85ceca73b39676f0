// What the tests of files ask of people who send and receive on the page /send, in either browser.
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** SHA-256 of a file on disk, hex. */
export function hashOf(path) {
  return new Promise((done, fail) => {
    const h = createHash('sha256');
    createReadStream(path).on('data', (b) => h.update(b)).on('end', () => done(h.digest('hex'))).on('error', fail);
  });
}

/** Writes bytes that look random and are the same for the same seed. */
export async function generate(path, bytes, seed = 1) {
  const key = createHash('sha256').update(`seed ${seed}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(1 << 20);
  const f = await open(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= zeros.length) await f.write(cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros));
  } finally {
    await f.close();
  }
  return path;
}

/** Asks until the answer is truthy, and gives it back; says what was last seen when it never is. */
export async function until(what, ask, ms = 30_000) {
  const end = Date.now() + ms;
  for (let last; ;) {
    try { last = await ask(); } catch (e) { last = e; }
    if (last && !(last instanceof Error)) return last;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms; last ${last instanceof Error ? last.stack : JSON.stringify(last)}`);
    await new Promise((r) => setTimeout(r, 100));
  }
}

/** Somebody on /send. */
export class Party {
  /** at: the path to open, or the whole link. */
  static async open(browser, server, at = '/send', options = {}) {
    const page = await browser.open(options);
    const p = new Party(browser.kind, page);
    page.on('pageerror', (e) => p.errors.push(String(e)));
    page.on('console', (m) => { if (m.type() === 'error' && !/Permissions-Policy/.test(m.text())) p.errors.push(m.text()); });
    await page.goto(at.startsWith('http') ? at : server.origin + at);
    return p;
  }

  constructor(kind, page) { this.kind = kind; this.page = page; this.errors = []; }

  evaluate(f, arg) { return this.page.evaluate(f, arg); }

  /** Chooses files, or with folder a folder, to be sent. */
  async give(paths, folder = false) {
    const selector = `[data-give=${folder ? 'folder' : 'files'}]`;
    await until('the page of files', () => this.page.$(selector));
    if (this.kind === 'chromium') await this.page.setInputFiles(selector, paths);
    else await (await this.page.$(selector)).uploadFile(...[paths].flat());
  }

  link() { return until('a link', () => this.evaluate(() => document.querySelector('.share input')?.value), 60_000); }

  code() { return until('a code', () => this.evaluate(() => document.querySelector('.drop-code')?.textContent)); }

  /** Presses the first button with this text. */
  press(text) {
    return until(`a button “${text}”`, () => this.evaluate((name) => {
      const b = [...document.querySelectorAll('button')].find((x) => x.textContent.trim() === name);
      b?.click();
      return b !== undefined;
    }, text));
  }

  /** The transfers of the page, as the SDK states them. */
  rows() {
    return this.evaluate(() => (globalThis.confab?.files?.states() ?? []).map((s) => ({
      id: s.id, group: s.group, phase: s.phase, direction: s.direction, bytes: s.bytes, total: s.total, route: s.route, spoken: s.spoken, lanes: s.lanes, proven: s.proven,
      error: s.error && `${s.error.code}: ${s.error.message}`, verified: s.files.filter((f) => f.state === 'verified').length, name: s.name, peer: s.peer.name,
      inline: s.entries[0]?.inline, preview: s.preview.slice(0, 30),
    })));
  }

  /** Waits for a transfer in this phase. */
  phase(phase, ms = 60_000) {
    return until(`a transfer that is ${phase}`, async () => {
      const rows = await this.rows();
      return rows.find((r) => r.phase === phase) ?? (Date.now() < 0 ? null : (this.last = rows, null));
    }, ms).catch((e) => { throw new Error(`${e.message}\nrows ${JSON.stringify(this.last)}\nerrors ${this.errors.join('\n')}`); });
  }

  /** Bytes of files that this page has sent. */
  uploaded() {
    return this.evaluate(() => {
      const { files } = globalThis.confab;
      return [...new Set(files.states().filter((s) => s.direction === 'out').map((s) => s.group))].reduce((n, g) => n + files.uploaded(g), 0);
    });
  }

  /** SHA-256, hex, of a received file: for what is small. */
  hash(i = 0) {
    return this.evaluate(async (n) => {
      const { files } = globalThis.confab;
      const b = await files.file(files.states().find((s) => s.direction === 'in' && s.phase === 'done').id, n);
      const h = new Uint8Array(await crypto.subtle.digest('SHA-256', await b.arrayBuffer()));
      return [...h].map((x) => x.toString(16).padStart(2, '0')).join('');
    }, i);
  }

  /** What the browser saves next, on disk at path. Begin to wait before it happens. */
  download(path, ms = 120_000) {
    const saved = this.page.waitForEvent('download', { timeout: ms }).then(async (d) => {
      await d.saveAs(path);
      return { name: d.suggestedFilename(), path };
    });
    saved.catch(() => undefined); // whoever awaits it hears of it
    return saved;
  }

  /** Cuts every connection that the page has to peers. */
  cut() { return this.evaluate(() => { for (const pc of globalThis.__pcs) pc.close(); }); }
}

/** Resident memory of all processes below this one, in MB: the browsers. */
export function memory() {
  const parents = new Map();
  const size = new Map();
  for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      parents.set(pid, /^PPid:\t(\d+)/m.exec(status)?.[1]);
      // Of the process alone: what is shared with others, such as pages of files in the cache, is nobody's memory.
      size.set(pid, Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1000);
    } catch {
      // gone meanwhile
    }
  }
  const below = (pid) => pid !== undefined && (pid === String(process.pid) || below(parents.get(pid)));
  return [...size].reduce((n, [pid, mb]) => n + (below(parents.get(pid)) ? mb : 0), 0);
}
