// The page's demonstration: a photograph in, near and far out, all of it in the reader's browser.
import {png16, readPicture, save} from "./files.js";
import {loadModel, predict} from "./model.js";
import {keep} from "./keep.js";
import {MAGMA} from "../palette.js";
import {showRelief} from "./relief.js";

const MARKUP = `
<div class="demo-in">
  <label class="demo-button">Choose a photograph<input type="file" accept="image/*" data-is="file"></label>
  <label class="demo-button">Take one<input type="file" accept="image/*" capture="environment" data-is="camera"></label>
  <button type="button" class="demo-button" data-is="sample">Try ours</button>
  <span class="demo-hint">or drop one here, or paste it</span>
</div>
<p class="demo-status" role="status" aria-live="polite" data-is="status"></p>
<p class="demo-hint" data-is="kept" hidden>Kept in this browser: the page now also works without a network.</p>
<div data-is="result" hidden>
  <div class="demo-stage" data-is="stage">
    <canvas data-is="photo" role="img" aria-label="the photograph"></canvas>
    <canvas data-is="map" role="img" aria-label="its disparity: bright is near, dark is far"></canvas>
    <button type="button" class="demo-point" data-is="a" aria-label="point A: arrow keys move it">A</button>
    <button type="button" class="demo-point" data-is="b" aria-label="point B: arrow keys move it">B</button>
  </div>
  <canvas class="demo-relief" data-is="relief" tabindex="0" role="img" aria-label="the photograph as a relief: drag it or use the arrow keys to turn it" hidden></canvas>
  <p class="demo-order" aria-live="polite" data-is="order"></p>
  <div class="demo-out">
    <label>Photograph <input type="range" min="0" max="100" value="50" data-is="slider" aria-label="how much of the map lies over the photograph"> map</label>
    <label><input type="checkbox" data-is="beside"> side by side</label>
    <button type="button" class="demo-button" data-is="turn" aria-pressed="false">In relief</button>
    <button type="button" class="demo-button" data-is="save">Save the map</button>
    <label>Runs on <select data-is="engine"><option value="auto">whatever is fastest</option><option value="wasm">the processor</option><option value="webgpu">the graphics card</option></select></label>
  </div>
</div>`;

/** Build the demonstration inside `root`; its fallback picture goes. */
export function mount(root) {
  root.innerHTML = MARKUP;
  const part = Object.fromEntries([...root.querySelectorAll("[data-is]")].map(o => [o.dataset.is, o]));
  const say = text => { part.status.textContent = text; };
  const megabytes = n => `${(n / 1e6).toFixed(1)} MB`, points = {a: [0.3, 0.8], b: [0.7, 0.3]};
  let model = null, shown = null, turn = null, busy = false, keeping = null;
  say(`The first photograph fetches the network and what runs it, ${megabytes(Number(root.dataset.bytes))} in all. Photographs stay on your machine.`);

  function paint() {
    const {pixels, disparity, width, height} = shown;
    for (const o of [part.photo, part.map]) Object.assign(o, {width, height});
    const both = [part.photo, part.map].map(o => o.getContext("2d")), [photo, map] = both.map(o => o.createImageData(width, height));
    for (let i = 0; i < width * height; i++) {
      const k = 3 * Math.min(Math.floor(disparity[i] * 256), 255);
      photo.data.set([pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 255], 4 * i);
      map.data.set([MAGMA[k], MAGMA[k + 1], MAGMA[k + 2], 255], 4 * i);
    }
    both[0].putImageData(photo, 0, 0);
    both[1].putImageData(map, 0, 0);
  }

  function arrange() {
    const beside = part.beside.checked;
    part.stage.classList.toggle("beside", beside);
    part.map.style.clipPath = beside ? "none" : `inset(0 0 0 ${100 - part.slider.value}%)`;
    part.slider.disabled = beside;
  }

  function compare() {
    if (!shown) return;
    const {disparity, width, height} = shown;
    const [a, b] = ["a", "b"].map(o => {
      const [x, y] = points[o];
      part[o].style.left = `${x * (part.beside.checked ? 50 : 100)}%`;
      part[o].style.top = `${y * 100}%`;
      return disparity[Math.min(Math.floor(y * height), height - 1) * width + Math.min(Math.floor(x * width), width - 1)];
    });
    const values = `disparity ${a.toFixed(2)} and ${b.toFixed(2)}`;
    part.order.textContent = Math.abs(a - b) < 0.02 ? `A and B are about equally far (${values}).` : `${a > b ? "A" : "B"} is nearer than ${a > b ? "B" : "A"} (${values}).`;
    part.order.dataset.nearer = a > b ? "a" : "b";
  }

  function relief() {
    const on = part.turn.getAttribute("aria-pressed") === "true";
    part.relief.hidden = !on;
    part.stage.hidden = on;
    if (!on || !shown) return;
    const grey = Object.assign(document.createElement("canvas"), {width: 256, height: 256}), brush = grey.getContext("2d");
    const whole = Object.assign(document.createElement("canvas"), {width: shown.width, height: shown.height}), pen = whole.getContext("2d");
    const data = pen.createImageData(shown.width, shown.height);
    shown.disparity.forEach((v, i) => data.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
    pen.putImageData(data, 0, 0);
    brush.drawImage(whole, 0, 0, 256, 256);
    turn = showRelief(part.relief, part.photo, grey);
    if (turn) turn(); else say("This browser cannot draw in three dimensions (WebGL is missing).");
  }

  async function show(source, name) {
    if (busy) return;
    busy = true;
    root.setAttribute("aria-busy", "true");
    try {
      const {pixels, width, height} = await readPicture(source);
      const wanted = part.engine.value;
      if (!model || model.wanted !== wanted) {
        model = {...await loadModel(wanted, (got, total) => say(`Fetching the network: ${megabytes(got)}${total ? ` of ${megabytes(total)}` : ""}`)), wanted};
      }
      say("Looking …");
      const began = performance.now(), disparity = await predict(model, pixels, width, height);
      const took = Math.round(performance.now() - began);
      shown = {pixels, width, height, disparity, name};
      part.result.hidden = false;
      root.dataset.took = took;
      paint();
      arrange();
      compare();
      relief();
      say(`${width} × ${height} pixels in ${took} ms on ${model.where === "webgpu" ? "the graphics card" : "the processor"}. Bright is near, dark is far.`);
      keeping ??= keep().then(o => { part.kept.hidden = !o; });
    } catch (e) {
      say(e.message || "That did not work, and the browser does not say why.");
    } finally {
      busy = false;
      root.removeAttribute("aria-busy");
    }
  }

  const given = file => file && show(file, file.name?.replace(/\.[^.]*$/, "") || "photo");
  for (const o of [part.file, part.camera]) o.addEventListener("change", () => { given(o.files[0]); o.value = ""; });
  part.sample.addEventListener("click", async () => show(await (await fetch(new URL("sample.jpg", import.meta.url))).blob(), "sample"));
  root.addEventListener("dragover", e => { e.preventDefault(); root.classList.add("over"); });
  root.addEventListener("dragleave", () => root.classList.remove("over"));
  root.addEventListener("drop", e => { e.preventDefault(); root.classList.remove("over"); given(e.dataTransfer.files[0]); });
  document.addEventListener("paste", e => given([...e.clipboardData.files].find(o => o.type.startsWith("image/"))));
  part.slider.addEventListener("input", arrange);
  part.beside.addEventListener("change", () => { arrange(); compare(); });
  part.engine.addEventListener("change", () => shown && say("The next photograph will run there."));
  part.turn.addEventListener("click", () => { part.turn.setAttribute("aria-pressed", String(part.turn.getAttribute("aria-pressed") !== "true")); relief(); });
  part.save.addEventListener("click", async () => save(await png16(shown.disparity, shown.width, shown.height), `${shown.name}_disparity.png`));

  let next = "a";
  part.stage.addEventListener("pointerdown", e => {
    if (e.target.closest(".demo-point")) return;
    const box = e.target.getBoundingClientRect();
    points[next] = [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height].map(o => Math.min(Math.max(o, 0), 1));
    next = next === "a" ? "b" : "a";
    compare();
  });
  const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  for (const o of ["a", "b"]) part[o].addEventListener("keydown", e => {
    if (!arrows[e.key]) return;
    e.preventDefault();
    points[o] = points[o].map((v, i) => Math.min(Math.max(v + arrows[e.key][i] * 0.02, 0), 1));
    compare();
  });
  part.relief.addEventListener("pointermove", e => e.buttons && turn?.(e.movementX / 200, e.movementY / 200));
  part.relief.addEventListener("keydown", e => { if (arrows[e.key]) { e.preventDefault(); turn?.(...arrows[e.key].map(v => v * 0.1)); } });
  return {show, get shown() { return shown; }};
}

const root = document.getElementById("demo");
if (root) root.demo = mount(root);
