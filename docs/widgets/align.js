// Scale and shift by hand: a relative map becomes distances, right or wrong.
import {fetchJSON, fetchMaps, fill, paintMap, signed, start} from "./kit.js";

const W = 370, H = 250, CAP = 80;  // pixels; metres
const MARKUP = `
<div class="widget-row">
  <figure><canvas data-is="map" width="${W}" height="${H}" role="img" aria-label="where the distances are wrong: red too far, blue too near"></canvas><figcaption>red: too far, blue: too near</figcaption></figure>
  <figure><canvas data-is="plot" width="300" height="250" role="img" aria-label="true inverse distance against predicted disparity, with the line"></canvas><figcaption>predicted disparity → true 1/distance, and the line</figcaption></figure>
</div>
<label>scale <input type="range" min="-0.2" max="1" step="0.002" data-is="scale"> <output data-is="scaleOut"></output></label>
<label>shift <input type="range" min="-0.1" max="0.5" step="0.002" data-is="shift"> <output data-is="shiftOut"></output></label>
<div class="widget-buttons"><button type="button" data-is="squares">Least squares</button><button type="button" data-is="wrong">Twice the shift</button></div>
<p class="widget-says" aria-live="polite" data-is="says"></p>`;

/** AbsRel and the share with δ > 1.25 of distances got from `scale·pred + shift`, in 1/metre. */
export function errors(pred, inverse, scale, shift) {
  let rel = 0, off = 0;
  for (let i = 0; i < pred.length; i++) {
    const depth = 1 / Math.max(scale * pred[i] + shift, 1 / CAP), truth = 1 / inverse[i];
    rel += Math.abs(depth - truth) / truth;
    off += Math.max(depth / truth, truth / depth) > 1.25;
  }
  return {abs_rel: rel / pred.length, delta1_error: off / pred.length};
}

/** The line of least squares from `pred` to `inverse`. */
export function leastSquares(pred, inverse) {
  const n = pred.length, mean = o => o.reduce((a, b) => a + b, 0) / n, x = mean(pred), y = mean(inverse);
  let xy = 0, xx = 0;
  for (let i = 0; i < n; i++) { xy += (pred[i] - x) * (inverse[i] - y); xx += (pred[i] - x) ** 2; }
  return [xy / xx, y - xy / xx * x];
}

start("play-align", async root => {
  const camera = await fetchJSON("align.json"), [target, pred] = await fetchMaps("bike.bin", W * H);
  const inverse = target.map(t => (camera.low + t * (camera.high - camera.low) + camera.offset) / (camera.focal * camera.baseline)), best = leastSquares(pred, inverse);
  const part = fill(root, MARKUP), plot = part.plot.getContext("2d"), ink = getComputedStyle(root).color, dots = Array.from({length: 900}, (_, k) => (k * 7919) % pred.length);
  const top = 0.6, at = (x, y) => [30 + 260 * x, 235 - 220 * y / top];

  function show() {
    const scale = Number(part.scale.value), shift = Number(part.shift.value), {abs_rel, delta1_error} = errors(pred, inverse, scale, shift);
    part.scaleOut.textContent = scale.toFixed(3);
    part.shiftOut.textContent = shift.toFixed(3);
    paintMap(part.map, pred.map((p, i) => Math.log(inverse[i] / Math.max(scale * p + shift, 1 / CAP)) / Math.log(1.5)), W, H, signed);
    plot.clearRect(0, 0, 300, 250);
    plot.fillStyle = "#5a8fc0";
    for (const i of dots) plot.fillRect(...at(pred[i], inverse[i]), 2, 2);
    plot.strokeStyle = "#c8501e";
    plot.lineWidth = 2;
    plot.beginPath();
    plot.moveTo(...at(0, shift));
    plot.lineTo(...at(1, scale + shift));
    plot.stroke();
    plot.strokeStyle = plot.fillStyle = ink;
    plot.lineWidth = 1;
    plot.strokeRect(30, 15, 260, 220);
    plot.font = "12px sans-serif";
    for (const [text, x, y] of [["0", 18, 239], [`${top} per metre`, 34, 28], ["far", 32, 249], ["near", 264, 249]]) plot.fillText(text, x, y);
    part.says.textContent = `AbsRel ${abs_rel.toFixed(3)}, δ > 1.25 in ${(100 * delta1_error).toFixed(1)} % of the pixels. ${scale > 0 ? "Every pair of points is ordered as before." : scale < 0 ? "Near and far are exchanged." : "Everything is equally far."}`;
    Object.assign(root.dataset, {absRel: abs_rel, delta: delta1_error});
  }

  function set([scale, shift]) { part.scale.value = scale; part.shift.value = shift; show(); }
  for (const o of [part.scale, part.shift]) o.addEventListener("input", show);
  part.squares.addEventListener("click", () => set(best));
  part.wrong.addEventListener("click", () => set([part.scale.value, 2 * part.shift.value]));
  set([0.2, 0.05]);
  return {pred, inverse, best};
});
