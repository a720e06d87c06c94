"""How heavy the site's first page is, and how soon the network in it answers

    python docs/build.py && python benchmarks/page.py [--site docs/_build/site] [--repeats 5] [--json results/page.json]

In a Chromium without a window (playwright from PyPI, the browser from the system), on a quiet machine, the network on one thread of WASM, on the demonstration's own
photograph. `first`: from the arrival of the network's last byte to its first map, the start of the runtime with it, in pages that are opened anew; `later`: the same
photograph again. `before_use`: bytes of all files the front page asks for on its own, as they lie on the disk, without compression. Medians of `repeats`.
"""
import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import sync_playwright
from provenance import provenance

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/"docs"))
from serve import served  # noqa: E402

LOOK = """async () => {
  const {loadModel, predict} = await import(new URL('_static/demo/model.js', location.href));
  const photo = await createImageBitmap(await (await fetch('_static/demo/sample.jpg')).blob()), {width, height} = photo;
  const brush = new OffscreenCanvas(width, height).getContext('2d');
  brush.drawImage(photo, 0, 0);
  const data = brush.getImageData(0, 0, width, height).data, pixels = new Uint8Array(3*width*height);
  for (let i = 0; i < width*height; i++) for (let c = 0; c < 3; c++) pixels[3*i+c] = data[4*i+c];
  let arrived;
  const model = await loadModel('wasm', () => { arrived = performance.now(); });
  await predict(model, pixels, width, height);
  const first = performance.now()-arrived, later = [];
  for (let i = 0; i < 5; i++) { const began = performance.now(); await predict(model, pixels, width, height); later.push(performance.now()-began); }
  return {first, later, width, height};
}"""


def opened(browser, address):
    "A page of its own, with nothing kept from earlier ones, and what it asked for"
    page, asked = browser.new_context().new_page(), set()
    page.on("request", lambda o: o.url.startswith(address) and asked.add(unquote(o.url.removeprefix(address).split("?")[0])))
    page.goto(address, wait_until="networkidle")
    return page, asked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT/"docs"/"_build"/"site")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not (args.site/"_static"/"demo"/"small.onnx").exists(): parser.error(f"{args.site} has no demonstration: python docs/build.py")
    runs = []
    with served(args.site) as address, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(args.repeats):
            page, asked = opened(browser, address)
            before_use = sum((args.site/(o or "index.html")).stat().st_size for o in asked)
            runs.append(page.evaluate(LOOK))
            page.context.close()
        version = browser.version
    found = dict(before_use=before_use, files=len(asked), network=(args.site/"_static"/"demo"/"small.onnx").stat().st_size, photograph=[runs[0]["width"], runs[0]["height"]],
                 first_ms=round(statistics.median(o["first"] for o in runs)), later_ms=round(statistics.median(t for o in runs for t in o["later"])),
                 slowest_first_ms=round(max(o["first"] for o in runs)), slowest_later_ms=round(max(t for o in runs for t in o["later"])))
    print(json.dumps(found, indent=1))
    if args.json: args.json.write_text(json.dumps(provenance(f"python benchmarks/page.py --repeats {args.repeats}", chromium=version, repeats=args.repeats) | found, indent=1)+"\n", encoding="utf-8")


if __name__ == "__main__": main()
