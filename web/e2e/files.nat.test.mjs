// Files between two homes behind NATs, in network namespaces: the way there is the best that there is, and the page says which.
import test from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { homes, scratch } from './harness.mjs';
import { generate, hashOf, Party } from './files.harness.mjs';

for (const { nat, kind, why, more } of [
  { nat: 'cone', kind: 'direct', why: null, more: [] },
  { nat: 'symmetric', kind: 'relayed', why: 'no-direct-path', more: ['--sfu=off'] },
]) {
  test(`${nat} NATs: a file goes ${kind}, and is verified`, { timeout: 150_000 }, (t) => homes(t, nat, more, async (server, a, b) => {
    const file = await generate(join(await scratch(t), 'a.bin'), 8_000_000);
    const ann = await Party.open(a, server);
    await ann.give(file);
    const bob = await Party.open(b, server, await ann.link());
    await bob.press('Accept');
    const { route } = await bob.phase('done', 90_000);
    assert.equal(await bob.hash(), await hashOf(file));
    assert.deepEqual([route.kind, route.why], [kind, why]);
    assert.deepEqual(bob.errors, []);
  }));
}
