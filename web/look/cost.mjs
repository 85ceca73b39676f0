// Measures what the page's script costs with 25 tiles of which one is speaking, ten level updates a second:
//
//	go run ./web/build -dev /tmp/confab-dev && node web/look/cost.mjs /tmp/confab-dev
//
// The people have no pictures, since drawing the fake ones would be counted too.
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const SECONDS = 10;
const { server, origin } = await serve(process.argv[2]);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream=fps=5", "--use-fake-ui-for-media-stream"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
await page.addInitScript(() => {
  globalThis.__shifts = 0;
  new PerformanceObserver((l) => l.getEntries().forEach((e) => { globalThis.__shifts += e.hadRecentInput ? 0 : e.value; })).observe({ type: "layout-shift", buffered: true });
});
await page.goto(`${origin}/r/cost?autojoin=1&name=Alex&people=25&cameraless=1`, { waitUntil: "domcontentloaded" });
await page.locator(".call").waitFor({ timeout: 60_000 });
await page.waitForTimeout(2000);
const session = await page.context().newCDPSession(page);
await session.send("Performance.enable");
const metrics = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
const before = await metrics();
const frames = await page.evaluate((s) => new Promise((done) => {
  let n = 0;
  const end = performance.now() + s * 1000;
  const tick = () => { n++; performance.now() < end ? requestAnimationFrame(tick) : done(n); };
  requestAnimationFrame(tick);
}), SECONDS);
const after = await metrics();
const ms = (name) => ((after[name] - before[name]) * 1000);
const updates = SECONDS * 10;
console.log(`${frames} frames in ${SECONDS} s; script ${(ms("ScriptDuration") / frames).toFixed(2)} ms per frame, ${(ms("ScriptDuration") / updates).toFixed(2)} ms per update`);
console.log(`style and layout ${((ms("RecalcStyleDuration") + ms("LayoutDuration")) / frames).toFixed(2)} ms per frame; layout shift since the first paint ${(await page.evaluate(() => globalThis.__shifts)).toFixed(4)}`);
await browser.close();
server.close();
