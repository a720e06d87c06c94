// For a visit without a network: hands the page's files to the worker that keeps them.

/** @returns {Promise<boolean>} is everything kept that this page has asked for so far? */
export async function keep() {
  try {
    await navigator.serviceWorker.register(new URL("../../worker.js", import.meta.url));
    const {active} = await navigator.serviceWorker.ready, {port1, port2} = new MessageChannel();
    const sample = new URL("sample.jpg", import.meta.url).href;
    active.postMessage([location.href, sample, ...performance.getEntriesByType("resource").map(o => o.name)], [port2]);
    return await new Promise(done => { port1.onmessage = o => done(o.data); });
  } catch { return false; }  // no workers here (a private window, a page without encryption)
}
