"""How fast `small` is beside two other networks, and how soon a first map is there.

    python benchmarks/runtime.py [--repeats 15] [--threads 2] [--json results/runtime.json]

`networks`: one picture through the network, by the clock on the wall, on a quiet machine; all take turns, three calls each of which the last counts, and of those the median. The weights of the others are random,
which does not change how long they take. `times` says how many times as long as `small` a network takes, each in torch in its quickest form (two layouts of
memory; batch norms folded away, as `predict` does it; and that traced and frozen by TorchScript), at an equal size of 224 pixels; Depth Anything also at 518, which is its own default. `cold`: whole commands in a fresh process, from start to end.
"""
import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnxruntime
import timm
import torch
import transformers
from export import forms
from provenance import provenance
from torch import nn
from torch.nn import functional as F

from depthsense.models import load_model
from depthsense.models.depthnet import fold_norms
from depthsense.prediction import FrozenNetwork

PHOTO = Path(sys.modules["depthsense"].__file__).parent/"pictures"/"china.jpg"


class Refine(nn.Module):
    "ReLU, 3×3, ReLU, 3×3, plus the input"
    def __init__(self, width):
        super().__init__()
        self.one, self.two = [nn.Conv2d(width, width, 3, padding=1) for _ in range(2)]

    def forward(self, x): return x+self.two(F.relu(self.one(F.relu(x))))


class MiDaSSmall(nn.Module):
    "The layout of MiDaS v2.1 small: EfficientNet-Lite3, and a fusion decoder 64 wide at the finest level and twice as wide at every coarser one"
    def __init__(self, width=64):
        super().__init__()
        self.encoder = timm.create_model("tf_efficientnet_lite3", features_only=True, out_indices=(1, 2, 3, 4))
        widths = [width << i for i in range(4)]
        self.skip = nn.ModuleList(nn.Conv2d(c, w, 3, padding=1, bias=False) for c, w in zip(self.encoder.feature_info.channels(), widths))
        self.add, self.refine = [nn.ModuleList(map(Refine, widths)) for _ in range(2)]
        self.narrow = nn.ModuleList(nn.Conv2d(w, max(w//2, width), 1) for w in widths)
        self.head = nn.Sequential(nn.Conv2d(width, width//2, 3, padding=1), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(width//2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.ReLU())

    def forward(self, image):
        x = None
        for i, features in reversed(list(enumerate(self.encoder(image)))):
            skip = self.skip[i](features)
            x = self.refine[i](skip if x is None else x+self.add[i](skip))
            x = self.narrow[i](F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        return self.head(x)


class Alone(nn.Module):
    "A network of transformers that gives its map and nothing else"
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image): return self.network(image).predicted_depth


def depth_anything():
    "Depth Anything V2 Small, as transformers builds it: a DINOv2 of 384 channels and a decoder 64 wide"
    backbone = transformers.Dinov2Config(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14, out_indices=[3, 6, 9, 12], reshape_hidden_states=False, apply_layernorm=True)
    return Alone(transformers.DepthAnythingForDepthEstimation(transformers.DepthAnythingConfig(backbone_config=backbone)))


def network_rows(files, repeats, threads):
    "`what`, `parameters` in millions, `ms`"
    torch.manual_seed(0)
    work, parameters = {}, {}
    for name, model, sizes in (("small", load_model("small"), (224,)), ("MiDaS small, layout", MiDaSSmall(), (224,)), ("Depth Anything V2 Small", depth_anything(), (224, 518))):
        def add(form, placed, image):
            key = name, "torch", form, image.shape[-1]
            work[key], parameters[key] = lambda: placed(image), sum(o.numel() for o in model.parameters())

        forms_of = {"": model.eval()}
        if not name.startswith("Depth Anything"):  # attention knows neither another layout nor batch norms
            forms_of |= {"channels last": copy.deepcopy(model).to(memory_format=torch.channels_last), "folded": fold_norms(model)}
        for form, placed in forms_of.items():
            for size in sizes:
                image = torch.rand(1, 3, size, size).contiguous(memory_format=torch.channels_last if form else torch.contiguous_format)
                if form in ("folded", "") and (form or name.startswith("Depth")): add("frozen", FrozenNetwork(placed, size).graph, image)
                add(form, placed, image)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    for name, path in files.items():
        session, image = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"]), torch.rand(1, 3, 224, 224).numpy()
        work["small", "onnxruntime", name, 224] = lambda session=session, image=image: session.run(None, {"image": image})
    with torch.no_grad():
        times = turns(work, repeats, calls=3)
    return [dict(network=k[0], runs_on=k[1], form=k[2], size=k[3], ms=round(1e3*o, 2)) | (dict(parameters=parameters[k]) if k in parameters else {}) for k, o in times.items()]


def turns(work, repeats, calls=1):
    "Median seconds of each, after one that does not count; of several calls a turn the last counts, when the others' weights have left the processor's memory"
    taken = {k: [] for k in work}
    for i in range(repeats+1):
        for k, f in work.items():
            for _ in range(calls-1): f()
            start = time.perf_counter()
            f()
            if i: taken[k].append(time.perf_counter()-start)
    return {k: statistics.median(o) for k, o in taken.items()}


def ratios(rows):
    "How many times as long as `small` in torch the others take, and how many times as long as onnxruntime `small` in torch takes"
    def best(name, size, runs_on="torch", form=None): return min(o["ms"] for o in rows if o["network"].startswith(name) and o["size"]==size and o["runs_on"]==runs_on and form in (None, o["form"]))
    small = best("small", 224)
    return {"MiDaS small, layout": best("MiDaS", 224)/small, "Depth Anything V2 Small": best("Depth", 224)/small, "Depth Anything V2 Small at 518": best("Depth", 518)/small,
            **{f"small in torch to onnxruntime {o}": small/best("small", 224, "onnxruntime", o) for o in ("float32", "float16", "int8")}}


def cold_rows(files, repeats, folder):
    "Seconds of whole commands"
    def call(*args): return lambda: subprocess.run([sys.executable, *args], cwd=folder, check=True, capture_output=True)
    predict = "-m", "depthsense", "predict", str(PHOTO)
    work = {"Python alone": call("-c", ""), "depthsense --help": call("-m", "depthsense", "--help"), "depthsense predict photo.jpg": call(*predict),
            **{f"depthsense predict photo.jpg --model {o}.onnx": call(*predict, "--model", path) for o, path in files.items()}}
    return [dict(what=k, seconds=round(o, 3)) for k, o in turns(work, repeats).items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.environ.pop("OMP_NUM_THREADS", None)  # for the commands
    with tempfile.TemporaryDirectory() as folder:
        files = {k: o["path"] for k, o in forms("small", Path(folder)).items()}
        rows, cold = network_rows(files, args.repeats, args.threads), cold_rows(files, args.repeats, folder)
    times = {k: round(o, 2) for k, o in ratios(rows).items()}
    for o in rows: print(f"{o['ms']:9.1f} ms   {o['network']} at {o['size']}, {o['runs_on']} {o['form']}")
    for k, o in times.items(): print(f"{o:9.1f} times {k}")
    for o in cold: print(f"{o['seconds']:9.2f} s    {o['what']}")
    if args.json:
        about = provenance(f"python benchmarks/runtime.py --repeats {args.repeats} --threads {args.threads}", threads=args.threads, onnxruntime=onnxruntime.__version__, transformers=transformers.__version__)
        args.json.write_text(json.dumps(about | dict(networks=rows, times=times, cold=cold), indent=1)+"\n", encoding="utf-8")


if __name__ == "__main__": main()
