// Bundles the unit tests of the app and runs them with Node's own runner; the tests are TypeScript, this Node is not.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const out = mkdtempSync(join(tmpdir(), "confab-app-"));
const tests = readdirSync(here).filter((f) => f.endsWith(".test.ts"));
let status = 1;
try {
  await build({
    entryPoints: tests.map((f) => join(here, f)), outdir: out, bundle: true, platform: "node", format: "esm", target: "node20",
    jsx: "automatic", jsxImportSource: "preact", sourcemap: "inline", outExtension: { ".js": ".mjs" }, logLevel: "warning",
  });
  const files = tests.map((f) => join(out, f.replace(/\.ts$/, ".mjs")));
  status = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exit(status);
