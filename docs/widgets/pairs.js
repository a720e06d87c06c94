// The pair lab: two points and their label, three samplers, and twenty questions.
import {fetchJSON, fetchMaps, fetchPicture, fill, start} from "./kit.js";

const W = 370, H = 250, COLORS = {1: "#1f6fb4", 0: "#888888", "-1": "#c8501e"};
const NAMES = {random: "at random", edges: "at edges", things: "across borders of things"};
const MARKUP = `
<div class="widget-buttons">
  <label>Picture <select data-is="picture"><option value="bike">motorcycle</option><option value="table">drawn table</option></select></label>
  <label>Sampler <select data-is="sampler"></select></label>
  <button type="button" data-is="draw">Draw 20 pairs</button>
  <button type="button" data-is="clear">Clear</button>
</div>
<label>σ <input type="range" min="0" max="0.5" step="0.01" value="0.02" data-is="sigma"> <output data-is="sigmaOut"></output></label>
<canvas class="widget-picture" data-is="stage" width="${2 * W}" height="${2 * H}" tabindex="0" role="img" aria-label="the picture with its pairs: click to set a point; with the keyboard, arrow keys move it and the space bar takes the other point"></canvas>
<p class="widget-says" aria-live="polite" data-is="says"></p>
<canvas data-is="bars" width="370" height="90" role="img" aria-label="how many pairs have which label"></canvas>
<div class="widget-buttons">
  <button type="button" data-is="quiz">Label twenty pairs</button>
  <button type="button" data-is="first" hidden>A is nearer</button>
  <button type="button" data-is="second" hidden>B is nearer</button>
</div>
<p class="widget-says" aria-live="polite" data-is="result"></p>`;

/** The label of a pair from disparities in [0,1], larger nearer: +1 first nearer, -1 second nearer, 0 equal. The ratio is one of relative depth, r = 1 - disparity. */
export function ordinal(a, b, sigma) {
  const [ra, rb] = [1 - a, 1 - b];
  return rb > (1 + sigma) * ra ? 1 : ra > (1 + sigma) * rb ? -1 : 0;
}

start("play-pairs", async root => {
  const drawn = await fetchJSON("pairs.json"), size = W * H, pictures = {};
  for (const k of Object.keys(drawn)) pictures[k] = {photo: await fetchPicture(`${k}.jpg`), maps: await fetchMaps(`${k}.bin`, size)};
  const part = fill(root, MARKUP), brush = part.stage.getContext("2d"), bars = part.bars.getContext("2d");
  const points = [Math.round(0.75 * H) * W + 120, Math.round(0.3 * H) * W + 250];
  let shown = 0, moved = 0, quiz = null;
  const now = () => pictures[part.picture.value], truth = () => now().maps[0], sigma = () => Number(part.sigma.value), xy = i => [2 * (i % W) + 1, 2 * Math.floor(i / W) + 1];
  const list = () => drawn[part.picture.value][part.sampler.value].slice(0, shown), label = ([a, b]) => ordinal(truth()[a], truth()[b], sigma());

  function line([a, b], color) {
    brush.strokeStyle = brush.fillStyle = color;
    brush.beginPath();
    brush.moveTo(...xy(a));
    brush.lineTo(...xy(b));
    brush.stroke();
    for (const o of [a, b]) { brush.beginPath(); brush.arc(...xy(o), 3, 0, 7); brush.fill(); }
  }

  function mark(i, text) {
    brush.beginPath();
    brush.arc(...xy(i), 12, 0, 7);
    brush.fillStyle = "#111";
    brush.fill();
    brush.strokeStyle = "#fff";
    brush.stroke();
    brush.fillStyle = "#fff";
    brush.fillText(text, xy(i)[0] - 5, xy(i)[1] + 5);
  }

  function show() {
    brush.drawImage(now().photo, 0, 0, 2 * W, 2 * H);
    Object.assign(brush, {lineWidth: 2, font: "bold 15px sans-serif"});
    const pair = quiz ? quiz.pairs[quiz.answers.length] ?? quiz.pairs.at(-1) : points, many = list(), counts = {1: 0, 0: 0, "-1": 0};
    for (const o of many) { counts[label(o)]++; if (!quiz) line(o, COLORS[label(o)]); }
    pair.forEach((o, k) => mark(o, "AB"[k]));
    const [a, b] = pair.map(o => truth()[o]), [ra, rb] = [1 - a, 1 - b], ratio = Math.max(ra, rb) / Math.min(ra, rb), is = ordinal(a, b, sigma());
    part.sigmaOut.textContent = sigma().toFixed(2);
    part.says.textContent = quiz ? `Pair ${Math.min(quiz.answers.length + 1, 20)} of 20: which point is nearer to you?` :
      `Relative depth ${ra.toFixed(2)} at A and ${rb.toFixed(2)} at B. The ratio is ${Number.isFinite(ratio) ? ratio.toFixed(2) : "without bound"}, ${is ? "above" : "not above"} ${(1 + sigma()).toFixed(2)}: label ${is > 0 ? "+1, A is nearer" : is < 0 ? "−1, B is nearer" : "0, they count as equal"}.`;
    bars.clearRect(0, 0, 370, 90);
    bars.font = "13px sans-serif";
    [["+1", 1], ["equal", 0], ["−1", -1]].forEach(([text, k], row) => {
      bars.fillStyle = COLORS[k];
      bars.fillRect(60, 6 + 28 * row, 250 * counts[k] / Math.max(many.length, 1), 20);
      bars.fillStyle = getComputedStyle(root).color;
      bars.fillText(text, 5, 21 + 28 * row);
      bars.fillText(many.length ? `${counts[k]}` : "–", 320, 21 + 28 * row);
    });
    Object.assign(root.dataset, {ordinal: is, equal: counts[0], shown: many.length});
  }

  function samplers() {
    part.sampler.innerHTML = Object.keys(drawn[part.picture.value]).map(k => `<option value="${k}">${NAMES[k]}</option>`).join("");
  }

  function ask(on) {
    part.first.hidden = part.second.hidden = !on;
    part.quiz.hidden = on;
    for (const o of [part.picture, part.sampler, part.draw, part.clear, part.sigma]) o.disabled = on;
  }

  function answer(sign) {
    quiz.answers.push(sign);
    if (quiz.answers.length === 20) {
      const wrong = says => quiz.pairs.filter((o, k) => says(o, k) !== label(o)).length, [, network] = now().maps;
      const share = n => `${5 * n} %`, yours = wrong((_, k) => quiz.answers[k]), nets = wrong(([a, b]) => Math.sign(network[a] - network[b])), rows = wrong(([a, b]) => Math.sign(Math.floor(a / W) - Math.floor(b / W)));
      part.result.textContent = `Your WHDR on these twenty: ${share(yours)}. The network's: ${share(nets)}. Of the rule that lower is nearer: ${share(rows)}.`;
      Object.assign(root.dataset, {yours: yours / 20, nets: nets / 20, rows: rows / 20});
      quiz = null;
      ask(false);
    }
    show();
  }

  part.quiz.addEventListener("click", () => {
    part.result.textContent = "";
    quiz = {pairs: drawn[part.picture.value].random.slice(200).filter(o => label(o)).slice(0, 20), answers: []};
    ask(true);
    show();
    part.first.focus();
  });
  part.first.addEventListener("click", () => answer(1));
  part.second.addEventListener("click", () => answer(-1));
  part.draw.addEventListener("click", () => { shown = Math.min(shown + 20, 200); show(); });
  part.clear.addEventListener("click", () => { shown = 0; show(); });
  part.picture.addEventListener("change", () => { samplers(); shown = 0; show(); });
  part.sampler.addEventListener("change", show);
  part.sigma.addEventListener("input", show);
  part.stage.addEventListener("pointerdown", e => {
    if (quiz) return;
    const box = part.stage.getBoundingClientRect(), [x, y] = [(e.clientX - box.left) / box.width * W, (e.clientY - box.top) / box.height * H].map(Math.floor);
    points[moved] = Math.min(Math.max(y, 0), H - 1) * W + Math.min(Math.max(x, 0), W - 1);
    moved = 1 - moved;
    show();
  });
  part.stage.addEventListener("keydown", e => {
    const step = {ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, -5], ArrowDown: [0, 5]}[e.key];
    if (quiz || !(step || e.key === " ")) return;
    e.preventDefault();
    if (!step) { moved = 1 - moved; return; }
    const x = points[moved] % W + step[0], y = Math.floor(points[moved] / W) + step[1];
    points[moved] = Math.min(Math.max(y, 0), H - 1) * W + Math.min(Math.max(x, 0), W - 1);
    show();
  });
  samplers();
  show();
  return {drawn, pictures};
});
