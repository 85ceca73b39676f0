// What the tests of files ask of two pages: one that sends, one that receives, and the hash of what was downloaded.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** SHA-256 of a file on disk, hex. */
export function hashOf(path) {
  return new Promise((done, fail) => {
    const h = createHash('sha256');
    createReadStream(path).on('data', (b) => h.update(b)).on('end', () => done(h.digest('hex'))).on('error', fail);
  });
}

/** The rows of a page, as the SDK states them. */
export const rows = (page) => page.evaluate(() => (globalThis.confab?.files?.states() ?? []).map((s) => ({
  id: s.id, phase: s.phase, direction: s.direction, bytes: s.bytes, total: s.total, route: s.route, spoken: s.spoken, lanes: s.lanes,
  error: s.error && `${s.error.code}: ${s.error.message}`, verified: s.files.filter((f) => f.state === 'verified').length, name: s.name, peer: s.peer.name,
  paths: s.entries.slice(0, 5).map((e) => e.path), root: s.root, speed: s.speed,
})));

export async function until(what, ask, ms = 30_000) {
  const end = Date.now() + ms;
  for (let last; ;) {
    try { last = await ask(); } catch (e) { last = e; }
    if (last && !(last instanceof Error)) return last;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms; last ${last instanceof Error ? last.stack : JSON.stringify(last)}`);
    await new Promise((r) => setTimeout(r, 100));
  }
}
