// Files between two homes behind NATs, in network namespaces: the way there is the best that there is, and the page says which.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Browser, scratch, startServer } from './harness.mjs';
import { generate, hashOf, Party } from './files.harness.mjs';

const netns = resolve(import.meta.dirname, '../../scripts/netns');
const prefix = `cg${process.pid}`;
const origin = 'http://203.0.113.1:8080';

for (const { nat, kind, why, more } of [
  { nat: 'cone', kind: 'direct', why: null, more: [] },
  { nat: 'symmetric', kind: 'relayed', why: 'no-direct-path', more: ['--sfu=off'] },
]) {
  test(`${nat} NATs: a file goes ${kind}, and is verified`, { timeout: 150_000 }, async (t) => {
    execFileSync(netns, ['up', prefix, nat]);
    t.after(() => execFileSync(netns, ['down', prefix]));
    const dir = await scratch(t);
    const server = await startServer(['--listen=203.0.113.1:8080', '--udp=203.0.113.1:3478', '--public-ip=203.0.113.1', ...more], [netns, 'exec', prefix, 'wan']);
    const up = [];
    try {
      for (const home of ['a', 'b']) {
        const script = join(dir, `chromium-${home}`);
        await writeFile(script, `#!/bin/sh\nexec ${netns} exec ${prefix} ${home} /usr/bin/chromium "$@"\n`);
        await chmod(script, 0o755);
        up.push(await Browser.chromium({ executablePath: script, args: [`--unsafely-treat-insecure-origin-as-secure=${origin}`] }));
      }
      const file = await generate(join(dir, 'a.bin'), 8_000_000);
      const ann = await Party.open(up[0], { origin });
      await ann.give(file);
      const bob = await Party.open(up[1], { origin }, await ann.link());
      await bob.press('Accept');
      const { route } = await bob.phase('done', 90_000);
      assert.equal(await bob.hash(), await hashOf(file));
      assert.deepEqual([route.kind, route.why], [kind, why]);
      assert.deepEqual(bob.errors, []);
    } catch (e) {
      e.message += `\n--- server log ---\n${server.log().slice(-6_000)}`;
      throw e;
    } finally {
      await Promise.allSettled(up.map((b) => b.close()));
      await server.stop();
    }
  });
}
