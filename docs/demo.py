"""What the demonstration on the front page needs besides its own scripts in docs/demo: the network, what runs it, colours and a photograph.

onnxruntime-web comes from npm at the version and with the hash that stand here, once, into docs/_cache; nothing of it is in git. Where npm is missing the site is built
without the demonstration, and says so.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE/"_cache"
RUNTIME, HASH = "onnxruntime-web@1.30.0", "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm",
         "ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"]
MARK = "<!-- The live demo will stand here -->"
FIRST = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "small.onnx"]  # what the first photograph fetches


def runtime():
    "The folder with what runs the network, fetched if need be; None where it cannot be had"
    folder = CACHE/RUNTIME.replace("@", "-")
    if all((folder/o).exists() for o in FILES): return folder
    if not shutil.which("npm"): return None
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as part:
        got = subprocess.run(["npm", "pack", RUNTIME, "--silent", "--pack-destination", part], capture_output=True, text=True)
        archives = list(Path(part).glob("*.tgz"))
        if got.returncode or not archives: return None
        digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
        if digest != HASH: raise ValueError(f"demo wants {RUNTIME} with sha512 {HASH}, got {digest}")
        with tarfile.open(archives[0]) as archive:
            for o in FILES: (Path(part)/o).write_bytes(archive.extractfile(f"package/dist/{o}").read())
        archives[0].unlink()
        folder.mkdir(exist_ok=True)
        for o in FILES: os.replace(Path(part)/o, folder/o)
    return folder


def write_palette(path):
    "matplotlib's magma as a script: 256 colours of three bytes"
    import numpy as np
    from matplotlib import colormaps
    table = (colormaps["magma"](np.arange(256))[:, :3]*255).round().astype(int).ravel().tolist()
    path.write_text(f"export const MAGMA = {json.dumps(table, separators=(',', ':'))};\n", encoding="utf-8")


def network():
    "The shipped network as ONNX, made once for each set of weights"
    from depthsense.export import export_onnx
    from depthsense.models.hub import WEIGHTS
    weights = WEIGHTS/"small.safetensors"
    path = CACHE/f"small-{hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}.onnx"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        export_onnx("small", path, precision="float16")
    return path


def fetch():
    "Get or make what the demonstration needs; the bytes that the first photograph fetches, 0 where it cannot be had"
    engine = runtime()
    return sum((network() if o == "small.onnx" else engine/o).stat().st_size for o in FIRST) if engine else 0


def place(play):
    "The HTML that stands where the demonstration goes, below the picture of one"
    return (f'<div id="demo" data-bytes="{play}"><p>Where scripts may run, this page asks the network about a photograph of yours. Here they may not.</p></div>\n'
            '<link rel="stylesheet" href="_static/demo/demo.css">\n<script type="module" src="_static/demo/demo.js"></script>')


def write_demo(site):
    "The demonstration's folder in a built site"
    engine, out = runtime(), site/"_static"/"demo"
    shutil.copytree(HERE/"demo", out, dirs_exist_ok=True)
    (out/"worker.js").replace(site/"worker.js")  # it may answer only for what lies beside it and below
    for o in FILES: shutil.copyfile(engine/o, out/o)
    shutil.copyfile(network(), out/"small.onnx")
    shutil.copyfile(HERE.parent/"depthsense"/"pictures"/"china.jpg", out/"sample.jpg")
