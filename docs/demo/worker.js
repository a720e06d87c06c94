// Once the demonstration has been used, a later visit needs no network: what is read is kept, and answers where the network does not.

const KEPT = "depthsense";
const plain = url => Object.assign(new URL(url), {search: "", hash: ""}).href.replace(/\/index\.html$/, "/");

const store = async (url, found) => (await caches.open(KEPT)).put(plain(url), found);

async function answer(request) {
  let fresh;
  try { fresh = await fetch(request); }
  catch (e) {
    const kept = await (await caches.open(KEPT)).match(plain(request.url));
    if (kept) return kept;
    throw e;
  }
  if (fresh.status === 200) store(request.url, fresh.clone()).catch(() => {});  // a full disk keeps nothing, and that is all
  return fresh;
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", e => e.waitUntil(self.clients.claim()));
self.addEventListener("fetch", e => {
  if (e.request.method === "GET" && e.request.url.startsWith(self.registration.scope) && !e.request.headers.has("range")) e.respondWith(answer(e.request));
});
self.addEventListener("message", e => {  // files that a page had before there was this worker
  e.waitUntil((async () => {
    const urls = [...new Set(e.data.map(plain))].filter(o => o.startsWith(self.registration.scope));
    const stored = await Promise.all(urls.map(async o => {
      const found = await fetch(o, {cache: "force-cache"});
      return found.status === 200 && store(o, found).then(() => true);
    })).catch(() => [false]);
    e.ports[0].postMessage(stored.every(Boolean));
  })());
});
