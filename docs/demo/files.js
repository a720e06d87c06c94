// Pictures in, maps out.

const LONGEST = 1600;  // pixels; larger pictures are made smaller before they are looked at, so that a phone can hold them

/** A photograph as bytes, turned as its file says, at most LONGEST pixels long: {pixels (RGB), width, height}. */
export async function readPicture(source) {
  let bitmap;
  try { bitmap = await createImageBitmap(source, {imageOrientation: "from-image"}); }
  catch { throw new Error("This file is no picture that your browser can read. JPEG, PNG and WebP are fine; HEIC has to be saved as JPEG first."); }
  const shrink = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(Math.round(bitmap.width * shrink), 1), height = Math.max(Math.round(bitmap.height * shrink), 1);
  const canvas = Object.assign(document.createElement("canvas"), {width, height}), brush = canvas.getContext("2d", {willReadFrequently: true});
  brush.fillStyle = "white";  // transparency lies on white, as in the library
  brush.fillRect(0, 0, width, height);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const rgba = brush.getImageData(0, 0, width, height).data, pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = rgba[4 * i + c];
  return {pixels, width, height};
}

const TABLE = Uint32Array.from({length: 256}, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n; });

function crc(bytes) {
  let c = 0xffffffff;
  for (const b of bytes) c = TABLE[(c ^ b) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(kind, data) {
  const out = new Uint8Array(12 + data.length), view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(kind), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc(out.subarray(4, 8 + data.length)));
  return out;
}

/** A map of values from 0 to 1 as a grey PNG of 16 bits, `round(65535 value)`: the file that the library writes. */
export async function png16(map, width, height) {
  const head = new Uint8Array(13), view = new DataView(head.buffer), rows = new Uint8Array(height * (1 + 2 * width));
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([16, 0, 0, 0, 0], 8);
  for (let y = 0, at = 0; y < height; y++) {
    rows[at++] = 0;
    for (let x = 0; x < width; x++) {
      const v = Math.round(65535 * map[y * width + x]);
      rows[at++] = v >> 8;
      rows[at++] = v & 255;
    }
  }
  const packed = new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate")));
  const note = new TextEncoder().encode("Description\0disparity / 65535, larger is nearer");
  return new Blob([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("tEXt", note),
    chunk("IDAT", new Uint8Array(await packed.arrayBuffer())), chunk("IEND", new Uint8Array())], {type: "image/png"});
}

export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
