// Bundles the tests (they are TypeScript and import the sources) and runs them with node --test.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "confab-sdk-"));
const names = readdirSync(here).filter((f) => f.endsWith(".test.ts"));
let status = 1;
try {
  await build({
    entryPoints: names.map((f) => join(here, f)), outdir: out, bundle: true, platform: "node", format: "esm", target: "node20",
    sourcemap: "inline", outExtension: { ".js": ".mjs" }, logLevel: "warning",
  });
  const files = names.map((f) => join(out, f.replace(/\.ts$/, ".mjs")));
  // Paths of golden frames are relative to the sources, not to the bundle.
  const r = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], {
    stdio: "inherit", env: { ...process.env, CONFAB_SDK_TEST: here },
  });
  status = r.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exit(status);
