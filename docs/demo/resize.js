// Bringing pictures and maps to another size, as the Python library does it.

const BITS = 22;  // Pillow's fixed point for pictures of 8 bits

/** Where each new pixel looks along one axis, and with what weights: a triangle that widens when the picture shrinks. */
function taps(before, after) {
  const scale = before / after, wide = Math.max(scale, 1), list = [];
  for (let i = 0; i < after; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - wide + 0.5), 0), last = Math.min(Math.trunc(centre + wide + 0.5), before);
    const weights = [];
    for (let j = first; j < last; j++) weights.push(Math.max(0, 1 - Math.abs((j - centre + 0.5) / wide)));
    const sum = weights.reduce((a, b) => a + b, 0);
    list.push({first, weights: weights.map(w => Math.trunc(w / sum * 2 ** BITS + 0.5))});
  }
  return list;
}

const byte = sum => Math.min(Math.max(sum >> BITS, 0), 255);

/**
 * A picture at another size, the same bytes as Pillow's `resize(…, BILINEAR)`.
 * @param {Uint8Array|Uint8ClampedArray} pixels h × w × 3, RGB
 */
export function resizePicture(pixels, w, h, newW, newH) {
  const wide = new Uint8Array(newW * h * 3), out = new Uint8Array(newW * newH * 3);
  const columns = taps(w, newW), rows = taps(h, newH), half = 1 << (BITS - 1);
  for (let y = 0; y < h; y++) for (let x = 0; x < newW; x++) {
    const {first, weights} = columns[x];
    for (let c = 0; c < 3; c++) {
      let sum = half;
      for (let k = 0; k < weights.length; k++) sum += pixels[(y * w + first + k) * 3 + c] * weights[k];
      wide[(y * newW + x) * 3 + c] = byte(sum);
    }
  }
  for (let y = 0; y < newH; y++) {
    const {first, weights} = rows[y];
    for (let i = 0; i < newW * 3; i++) {
      let sum = half;
      for (let k = 0; k < weights.length; k++) sum += wide[(first + k) * newW * 3 + i] * weights[k];
      out[y * newW * 3 + i] = byte(sum);
    }
  }
  return out;
}

/** A map at another size, between the four nearest values, pixel centres kept: torch's `interpolate(…, align_corners=False)`. */
export function resizeMap(map, w, h, newW, newH) {
  const axis = (before, after) => Array.from({length: after}, (_, i) => {
    const at = Math.max((i + 0.5) * before / after - 0.5, 0), low = Math.min(Math.floor(at), before - 1);
    return {low, high: Math.min(low + 1, before - 1), part: at - low};
  });
  const columns = axis(w, newW), rows = axis(h, newH), out = new Float32Array(newW * newH);
  for (let y = 0; y < newH; y++) {
    const {low, high, part} = rows[y];
    for (let x = 0; x < newW; x++) {
      const c = columns[x];
      const above = map[low * w + c.low] * (1 - c.part) + map[low * w + c.high] * c.part;
      const below = map[high * w + c.low] * (1 - c.part) + map[high * w + c.high] * c.part;
      out[y * newW + x] = above * (1 - part) + below * part;
    }
  }
  return out;
}

/** A map scaled by its own least and greatest value to 0 … 1; a constant one gives zeros. */
export function unitRange(map) {
  let low = Infinity, high = -Infinity;
  for (const v of map) { if (v < low) low = v; if (v > high) high = v; }
  return high > low ? map.map(v => (v - low) / (high - low)) : new Float32Array(map.length);
}
