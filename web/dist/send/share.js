// The service worker of /send: takes what the system's share sheet posts to /send/shared, leaves it for the page in a cache, and
// opens the page. It answers nothing else.
"use strict";

addEventListener("fetch", (e) => {
  if (e.request.method === "POST" && new URL(e.request.url).pathname === "/send/shared") e.respondWith(take(e.request));
});

async function take(request) {
  try {
    const form = await request.formData();
    const cache = await caches.open("confab-shared");
    let n = 0;
    const put = (body, name) => cache.put(`/send/shared/${n++}`, new Response(body, { headers: { "X-Name": encodeURIComponent(name) } }));
    for (const file of form.getAll("files")) await put(file, file.name || "file");
    const text = ["title", "text", "url"].map((k) => form.get(k)).filter(Boolean).join("\n");
    if (n === 0 && text !== "") await put(text, "");
  } catch {
    // The page opens all the same, and the person chooses there.
  }
  return Response.redirect("/send?shared=1", 303);
}
