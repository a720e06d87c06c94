// The book's network in the page: fetched when it is first wanted, run by onnxruntime-web, nothing sent anywhere.
import {resizeMap, resizePicture, unitRange} from "./resize.js";

export const SIZE = 224;  // side of the square that the network sees
const here = name => new URL(name, import.meta.url).href;

/** A file with news of how much has arrived. */
async function download(url, onProgress) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} could not be fetched (${answer.status})`);
  if (!answer.body) return new Uint8Array(await answer.arrayBuffer());
  const total = Number(answer.headers.get("content-length")) || 0, reader = answer.body.getReader(), parts = [];
  for (let got = 0, o; !(o = await reader.read()).done;) { parts.push(o.value); got += o.value.length; onProgress(got, total); }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Is there a graphics card that WebGPU can use? One that the processor plays is slower than the processor itself, so it counts only when asked for. */
async function hasGPU(wanted) {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    return Boolean(adapter) && (wanted === "webgpu" || !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter));
  } catch { return false; }
}

async function start(where, weights) {
  const ort = await import(here(`ort.${where}.bundle.min.mjs`));
  ort.env.wasm.numThreads = 1;  // more need headers that plain file hosts do not send
  ort.env.wasm.wasmPaths = here("./");
  const session = await ort.InferenceSession.create(weights, {executionProviders: [where], logSeverityLevel: 3});
  const model = {where, session, ort};
  if (where === "webgpu") await ask(model, new Float32Array(3 * SIZE * SIZE));  // a card may fail only when it is asked
  return model;
}

const ask = ({session, ort}, image) => session.run({image: new ort.Tensor("float32", image, [1, 3, SIZE, SIZE])});

/** @returns {{where: string, session: object, ort: object}} the network, ready; `where` is "webgpu" or "wasm" */
export async function loadModel(wanted = "auto", onProgress = () => {}) {
  const card = wanted !== "wasm" && await hasGPU(wanted);
  if (wanted === "webgpu" && !card) throw new Error("This browser offers no graphics card (WebGPU is missing).");
  const weights = await download(here("small.onnx"), onProgress);
  if (!card) return start("wasm", weights);
  return start("webgpu", weights).catch(e => { if (wanted === "webgpu") throw e; return start("wasm", weights); });
}

/**
 * Raw disparity of a picture, at the picture's size; larger is nearer.
 * @param {Uint8Array} pixels h × w × 3, RGB
 */
export async function predictRaw(model, pixels, w, h) {
  const small = resizePicture(pixels, w, h, SIZE, SIZE), plane = SIZE * SIZE, image = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) image[c * plane + i] = small[3 * i + c] / 255;
  const {disparity} = await ask(model, image);
  return resizeMap(disparity.data, SIZE, SIZE, w, h);
}

/** Disparity from 0 (farthest) to 1 (nearest). */
export const predict = async (model, pixels, w, h) => unitRange(await predictRaw(model, pixels, w, h));
