// What came by the system's share sheet: the service worker (static/send/share.js) took it and left it in a cache.

import type { Item } from "@confab/sdk/files";

const CACHE = "confab-shared";

/** Once: what is taken is gone from the cache. Also registers the service worker, for the next time. */
export async function shared(): Promise<Item[]> {
  if (!("serviceWorker" in navigator) || !("caches" in globalThis)) return [];
  void navigator.serviceWorker.register("/send/share.js", { scope: "/send/" }).catch(() => undefined); // no share sheet then
  if (!new URLSearchParams(location.search).has("shared")) return [];
  history.replaceState(null, "", "/send");
  const cache = await caches.open(CACHE);
  const out: Item[] = [];
  for (const request of await cache.keys()) {
    const r = await cache.match(request);
    const name = decodeURIComponent(r?.headers.get("X-Name") ?? "");
    if (r !== undefined) out.push(name === "" ? { text: await r.text() } : { path: name, file: await r.blob() });
  }
  await caches.delete(CACHE);
  return out;
}
