// Serves the development bundle as package web would: every room is the index, and the policy holds.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; manifest-src 'self'; base-uri 'none'; form-action 'none'";

/** Resolves to the server and its origin; close the server when done. */
export async function serve(dir) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const name = path === "/" || /^\/r\/[a-z0-9_-]+$/.test(path) ? "/index.html" : path;
    response.setHeader("Content-Security-Policy", policy);
    response.setHeader("Cache-Control", "no-store");
    try {
      const body = name === "/brand.css" ? "" : await readFile(join(dir, name));
      response.setHeader("Content-Type", types[extname(name)] ?? "application/octet-stream");
      response.end(name === "/index.html" ? body.toString().replaceAll("{{.Name}}", "Confab").replace(/\{\{with.*?end\}\}/, "") : body);
    } catch {
      response.statusCode = 404;
      response.end("not found");
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}
