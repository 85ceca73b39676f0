// Takes a picture of every screen and state, and asks axe about each.
//
//	go run ./web/build -dev /tmp/confab-dev && node web/look/shots.mjs /tmp/confab-dev /tmp/shots [scene…]
//
// Ends non-zero when axe finds anything, the policy blocks anything, or the page writes an error. --quick takes the dark
// desktop and the phone alone.
import { mkdir } from "node:fs/promises";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";
import { devices, scenes } from "./scenes.mjs";
import { serve } from "./serve.mjs";

const flags = new Set(process.argv.slice(2).filter((a) => a.startsWith("--")));
const [bundle, out, ...wanted] = process.argv.slice(2).filter((a) => !a.startsWith("--"));
if (!bundle || !out) throw new Error("usage: shots.mjs BUNDLE OUT [scene…]");
await mkdir(out, { recursive: true });

const base = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"];
const fake = "--use-fake-device-for-media-stream=fps=15";
const kinds = {
  normal: [...base, fake, "--use-fake-ui-for-media-stream"],
  deny: [...base, fake, "--use-fake-ui-for-media-stream=deny"],
  none: [...base, "--use-fake-ui-for-media-stream"],
};
const browsers = {};
const { server, origin } = await serve(bundle);
let faults = 0;
const fault = (where, what) => { faults++; console.log(`FAULT ${where}: ${what}`); };

for (const [name, scene] of Object.entries(scenes)) {
  if (wanted.length > 0 && !wanted.some((w) => name.startsWith(w))) continue;
  const kind = scene.browser ?? "normal";
  browsers[kind] ??= await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: kinds[kind] });
  for (const [device, options] of Object.entries(devices)) {
    if (scene.only && !device.startsWith(scene.only)) continue;
    const inCall = name.startsWith("call");
    const schemes = device === "phone-landscape" || flags.has("--quick") || inCall ? [inCall ? "dark" : "light"] : ["light", "dark"];
    if (flags.has("--quick") && device === "phone-landscape") continue;
    for (const scheme of schemes) await shoot(browsers[kind], name, scene, device, options, scheme);
  }
}
for (const b of Object.values(browsers)) await b.close();
server.close();
console.log(faults === 0 ? "no faults" : `${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;

async function shoot(browser, name, scene, device, options, scheme) {
  const where = `${name}-${device}-${scheme}`;
  const context = await browser.newContext({ ...options, colorScheme: scheme, reducedMotion: "reduce" });
  await context.addInitScript(({ recent, theme }) => {
    localStorage.setItem("confab", JSON.stringify({ recent: recent ?? [], theme: theme ?? "auto" }));
    globalThis.__violations = [];
    addEventListener("securitypolicyviolation", (e) => globalThis.__violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  }, { recent: scene.recent, theme: scene.theme });
  const page = await context.newPage();
  page.on("pageerror", (e) => fault(where, e.stack));
  page.on("console", (m) => m.type() === "error" && fault(where, m.text()));
  try {
    await page.goto(origin + scene.path, { waitUntil: "domcontentloaded", timeout: 60_000 });
    if (scene.path.includes("autojoin") && !scene.path.includes("state=full") && !scene.path.includes("expired") && !scene.path.includes("gone") && !/state=(waiting|password)/.test(scene.path)) await page.locator(".call").waitFor({ timeout: 15_000 });
    await page.waitForTimeout(700);
    if (scene.act) await scene.act(page);
    await page.waitForTimeout(600);
    await page.screenshot({ path: `${out}/${where}.png` });
    const result = await new AxeBuilder({ page }).analyze();
    for (const v of result.violations) fault(where, `axe ${v.id} (${v.impact}): ${v.help}\n    ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} — ${n.any[0]?.message ?? n.failureSummary}`).join("\n    ")}`);
    for (const v of await page.evaluate(() => globalThis.__violations)) fault(where, `policy ${v}`);
  } catch (e) {
    fault(where, e.message);
  }
  await context.close();
}
