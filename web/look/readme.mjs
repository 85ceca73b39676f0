// Takes docs/screenshot.png: the app on the development page, in a call with drawn people.
//
//	go run ./web/build -dev /tmp/confab-dev && node web/look/readme.mjs /tmp/confab-dev docs/screenshot.png
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const [bundle, out] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"];
const launch = (more) => chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: [...args, ...more] });
const dir = await mkdtemp(join(tmpdir(), "confab-readme-"));
const { server, origin } = await serve(bundle);
try {
  const camera = await drawCamera();
  const browser = await launch([`--use-file-for-fake-video-capture=${camera}`]);
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.goto(`${origin}/r/team-weekly?autojoin=1&name=Alex&people=6&cameraless=4&chat=calm`, { waitUntil: "domcontentloaded" });
  await page.locator(".tile.showing").nth(4).waitFor({ timeout: 60_000 });
  await page.keyboard.press("c");
  await page.waitForTimeout(4000);
  await page.locator(".tile.speaking").first().waitFor({ timeout: 60_000 });
  await page.screenshot({ path: out });
  await browser.close();
} finally {
  server.close();
  await rm(dir, { recursive: true });
}

/** One frame of a drawn person's video, as a camera. */
async function drawCamera() {
  const browser = await launch([]);
  const page = await browser.newPage();
  await page.goto(`${origin}/r/x?autojoin=1&name=x&people=13&cameraless=0&speaking=0`, { waitUntil: "domcontentloaded" });
  const video = page.locator('.tile[aria-label^="Tomás"] video');
  await page.waitForFunction((v) => v.videoWidth > 0, await video.elementHandle({ timeout: 60_000 }), { timeout: 60_000 });
  const data = await video.evaluate((v) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: v.videoWidth, height: v.videoHeight });
    canvas.getContext("2d").drawImage(v, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  await browser.close();
  const picture = join(dir, "camera.png");
  await writeFile(picture, Buffer.from(data, "base64"));
  execFileSync("ffmpeg", ["-v", "error", "-y", "-loop", "1", "-framerate", "5", "-t", "1", "-i", picture, "-pix_fmt", "yuv420p", join(dir, "camera.y4m")]);
  return join(dir, "camera.y4m");
}
