// The loss microscope by hand: one mistake, any strength, every price, and where each loss pushes.
import {MAGMA} from "../palette.js";
import {fetchJSON, fetchPicture, fill, paintMap, signed, start} from "./kit.js";

const MARKUP = `
<div class="widget-buttons">
  <label>Mistake <select data-is="mistake"></select></label>
  <label>strength <input type="range" min="0" max="10" step="1" value="5" data-is="dose"> <output data-is="doseOut"></output></label>
</div>
<div class="widget-row">
  <figure><img data-is="photo" alt="the photograph"><figcaption>photograph</figcaption></figure>
  <figure><canvas data-is="map" role="img" aria-label="the map with the mistake"></canvas><figcaption data-is="mapText"></figcaption></figure>
  <figure><canvas data-is="push" role="img" aria-label="where the loss pushes: red nearer, blue farther"></canvas><figcaption data-is="pushText"></figcaption></figure>
</div>
<div class="widget-bars" role="group" aria-label="prices: choose a loss to see where it pushes" data-is="bars"></div>
<p class="widget-says" aria-live="polite" data-is="says"></p>`;

start("play-microscope", async root => {
  const about = await fetchJSON("microscope.json"), {width, height} = about, sheets = {}, part = fill(root, MARKUP);
  let chosen = "gradient_matching" in about.prices ? "gradient_matching" : about.losses[0];
  part.mistake.innerHTML = about.mistakes.map(o => `<option>${o}</option>`).join("");
  part.mistake.value = "blur";
  part.bars.innerHTML = about.measures.map(o => {
    const inside = `<span class="name">${o}</span><span class="track"><span class="fill"></span></span><span class="price"></span>`;
    return about.losses.includes(o) ? `<button type="button" class="bar" data-name="${o}">${inside}</button>` : `<div class="bar" data-name="${o}">${inside}</div>`;
  }).join("");

  /** Tile `k` of a mistake's sheet as values from 0 to 255. */
  async function tile(mistake, k) {
    if (!sheets[mistake]) {
      const image = await fetchPicture(`${mistake}.png`), canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
      const brush = canvas.getContext("2d", {willReadFrequently: true});
      brush.drawImage(image, 0, 0);
      sheets[mistake] = brush;
    }
    const rgba = sheets[mistake].getImageData(0, k * height, width, height).data;
    return Float32Array.from({length: width * height}, (_, i) => rgba[4 * i]);
  }

  async function show() {
    const mistake = part.mistake.value, dose = Number(part.dose.value), strength = about.doses[dose];
    part.doseOut.textContent = strength.toFixed(1);
    for (const bar of part.bars.children) {
      const price = about.prices[bar.dataset.name][mistake][dose], fill = bar.querySelector(".fill"), wide = Math.min(Math.abs(price), 2);
      fill.style.width = `${25 * wide}%`;
      fill.style.left = `${price < 0 ? 50 - 25 * wide : 50}%`;
      fill.classList.toggle("below", price < 0);
      bar.querySelector(".price").textContent = price.toFixed(2).replace("-", "−").replace("−0.00", "0.00");
      if (bar.tagName === "BUTTON") bar.setAttribute("aria-pressed", String(bar.dataset.name === chosen));
    }
    const price = about.prices[chosen][mistake][dose];
    root.dataset.price = price;
    part.says.textContent = `${chosen} asks ${price.toFixed(2)} for ${mistake} at strength ${strength.toFixed(1)}; a grey map costs 1 or, to a loss that likes grey, −1.`;
    part.photo.src = (await fetchPicture(`${about.specimen[mistake]}-small.jpg`)).src;
    // the maps are there at four strengths: the nearest one is shown
    const k = about.shown.reduce((best, s, i) => Math.abs(s - strength) < Math.abs(about.shown[best] - strength) ? i : best, 0), near = strength < 0.1 ? 0 : k + 1;
    paintMap(part.map, (await tile(mistake, near)), width, height, v => MAGMA.slice(3 * v, 3 * v + 3));
    part.mapText.textContent = `the map at strength ${near ? about.shown[k] : 0}, in a range from 0 to 2`;
    const index = 1 + about.shown.length + about.losses.indexOf(chosen) * about.shown.length + k;
    paintMap(part.push, (await tile(mistake, index)).map(v => -(v - 128) / 127), width, height, signed);
    const spread = Math.round(100 * about.spread[`${chosen}/${mistake}`][k]);
    part.pushText.textContent = `${chosen} at strength ${about.shown[k]}: ` + (spread ? `red should come nearer; nine tenths of the push lie on ${spread} % of the pixels` : "no push at all");
  }

  part.bars.addEventListener("click", e => { const bar = e.target.closest("button"); if (bar) { chosen = bar.dataset.name; show(); } });
  for (const o of ["change", "input"]) { part.mistake.addEventListener(o, show); part.dose.addEventListener(o, show); }
  await show();
  return about;
});
