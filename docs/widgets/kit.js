// What the widgets share: data, small pieces of page, colours.

const data = name => new URL(`data/${name}`, import.meta.url).href;
export const fetchJSON = async name => (await fetch(data(name))).json();

/** The maps of a .bin file, each w × h values from 0 to 1. */
export async function fetchMaps(name, size) {
  const view = new DataView(await (await fetch(data(name))).arrayBuffer()), values = Float32Array.from({length: view.byteLength / 2}, (_, i) => view.getUint16(2 * i, true) / 65535);
  return Array.from({length: values.length / size}, (_, i) => values.subarray(i * size, (i + 1) * size));
}

export function fetchPicture(name) {
  return new Promise((ready, lost) => {
    const image = new Image();
    image.onload = () => ready(image);
    image.onerror = () => lost(new Error(`${name} could not be fetched`));
    image.src = data(name);
  });
}

/** Put a widget's pieces into its place; returns them by name. */
export function fill(root, markup) {
  root.innerHTML = markup;
  return Object.fromEntries([...root.querySelectorAll("[data-is]")].map(o => [o.dataset.is, o]));
}

/** Paint a map with a function from value to [red, green, blue]. */
export function paintMap(canvas, map, w, h, color) {
  Object.assign(canvas, {width: w, height: h});
  const brush = canvas.getContext("2d"), out = brush.createImageData(w, h);
  map.forEach((v, i) => out.data.set([...color(v), 255], 4 * i));
  brush.putImageData(out, 0, 0);
}

/** Red above zero, blue below, white at it. */
export function signed(v) {
  const s = Math.min(Math.abs(v), 1);
  return v > 0 ? [255 - 75 * s, 255 - 225 * s, 255 - 215 * s] : [255 - 222 * s, 255 - 153 * s, 255 - 83 * s];
}

/** Start a widget, or say on the page why it cannot. */
export async function start(name, build) {
  const root = document.getElementById(name);
  if (!root) return;
  try { root.widget = await build(root); root.dataset.ready = "yes"; }
  catch (e) { root.insertAdjacentHTML("beforeend", `<p>This could not be started: ${e.message}.</p>`); }
}
