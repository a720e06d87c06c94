"""What each part of the book costs: the times that the chapters show.

    python benchmarks/costs.py [GROUP …] [--json FILE] [--repeats 15]

One thread of one process. `ms` is the median of what the process itself computed, in milliseconds, which on a quiet machine is what a clock on the wall shows; a
group's entries take turns. `terminal` is the exception: there whole commands are started, and the clock on the wall counts. With groups named, the others in
FILE are kept as they are.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from itertools import accumulate, count
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from provenance import provenance
from torch.profiler import ProfilerActivity, profile

from depthsense.data import ReDWeb, draw_scene, write_scenes
from depthsense.data.scenes import KINDS
from depthsense.depthmap import DepthPrediction
from depthsense.effects import anaglyph, bokeh, depth_layers, fog, shift_view, text_behind
from depthsense.evaluation import score_relative
from depthsense.geometry import align, least_squares, match_medians, to_depth, to_disparity, trimmed_squares, unproject
from depthsense.losses import (
    AffineInvariantLoss,
    GradientMatchingLoss,
    HessianLoss,
    RankingLoss,
    RegressionLoss,
    SmoothnessLoss,
    SSIMLoss,
    StructureGuidedLoss,
)
from depthsense.losses.affine import normalize
from depthsense.metrics import boundary_f1, d3r, depth_errors, mse, ord_error, ordinal_error, ssim, whdr
from depthsense.models.blocks import resize
from depthsense.models.hub import WEIGHTS, load_model, read_about, save_model
from depthsense.plots import show_grid
from depthsense.prediction import predict, read_photo
from depthsense.training.loop import fine_layers, new_state, read_state, save_state, set_frozen, train_step
from depthsense.training.redweb import RECIPES, recipe_loss
from depthsense.training.watch import PictureWatcher, ProgressBoard, TensorBoardWatcher

PHOTO = Path(sys.modules["depthsense"].__file__).parent/"pictures"/"china.jpg"


def scene(height, width):
    "A drawn picture with its map: (image, target, mask, depth) with a leading axis"
    o = draw_scene(3, "room", (height, width))
    return tuple(o[k].as_subclass(torch.Tensor)[None] if hasattr(o[k], "as_subclass") else o[k][None] for k in ("image", "target", "mask", "depth"))


def geometry(folder):
    "One map of 640 by 480 pixels"
    _, target, mask, depth = scene(480, 640)
    bent, camera = target.sqrt(), dict(focal=580., baseline=0.1, offset=0.)
    return {"depth to disparity": lambda: to_disparity(depth, mask, **camera), "disparity to depth": lambda: to_depth(target, mask, **camera),
            "points in space": lambda: unproject(depth, 580.),
            **{f"aligned by {o.__name__}": lambda o=o: align(bent, target, mask, o) for o in (least_squares, match_medians, trimmed_squares)}}


def files(folder):
    "A prediction of 640 by 480 pixels, written"
    rng = np.random.default_rng(0)
    smooth = np.asarray(Image.fromarray(rng.random((8, 10)).astype("float32")).resize((640, 480), Image.Resampling.BICUBIC))
    pred = DepthPrediction(smooth, rng.integers(0, 256, (480, 640, 3), dtype=np.uint8), "none")
    return {"16-bit PNG": lambda: pred.save(folder/"map.png"), "NPY": lambda: pred.save(folder/"map.npy"), "PFM": lambda: pred.save(folder/"map.pfm"),
            "colours": lambda: pred.color()}


def drawing(folder):
    "A row of three, drawn and encoded"
    import matplotlib.pyplot as plt
    image, target, _, _ = scene(480, 640)
    def figure():
        show_grid([[("image", image[0], "image"), ("disparity", target[0], "target"), ("error", target[0]-target[0].sqrt(), "error")]])
        plt.gcf().savefig(folder/"figure.jpg")
        plt.close("all")
    return {"three pictures in a row": figure}


def scenes(folder):
    "One scene of 484 by 356 pixels with its depth, another each time"
    pairs, seeds = ReDWeb(write_scenes(folder/"drawn", 8), "all"), count()
    def draw(kind): return lambda: draw_scene(next(seeds), kind)
    return {f"draw a {kind}": draw(kind) for kind in KINDS} | {"read one that was written": lambda: pairs[next(seeds) % 8]}


def losses(folder):
    "Forward and backward, 16 maps of 224 by 224 pixels"
    generator = torch.Generator().manual_seed(0)
    image, target = (o.repeat(16, 1, 1, 1) for o in scene(224, 224)[:2])
    image = image/255
    pred = (target+0.1*torch.randn(target.shape, generator=generator)).requires_grad_()
    mask = torch.ones_like(target, dtype=torch.bool)
    def learn(loss, **more): return lambda: loss(pred, target, mask, **more).backward()
    def normalised(): (normalize(pred, mask)-normalize(target, mask)).sum().backward()
    return {"l1": learn(RegressionLoss()), "ranking, 3,000 pairs": learn(RankingLoss(3000), generator=generator), "improved ranking": learn(RankingLoss(3000, drop=0.25), generator=generator),
            "structure-guided, 1,500 random and 1,500 edge pairs": learn(StructureGuidedLoss(1500, 1500), image=image, generator=generator),
            "affine-invariant": learn(AffineInvariantLoss()), "affine-invariant by least squares": learn(AffineInvariantLoss(form="squares")),
            "gradient matching": learn(GradientMatchingLoss()), "Hessian": learn(HessianLoss()), "Hessian by eigenvalues": learn(HessianLoss("eigenvalues")),
            "structural similarity": learn(SSIMLoss(fit=None)), "the same after alignment": learn(SSIMLoss()),
            "edge-aware smoothness": learn(SmoothnessLoss(), image=image), "the same in units of the spread": learn(SmoothnessLoss(unit="spread"), image=image),
            "taking scale and shift away, a part of many": normalised,
            "the sum that `small` learns from": learn(recipe_loss(RECIPES["small"]), generator=generator)}


def network(folder):
    "The shipped network, one picture"
    model = load_model("small")
    def ask(side):
        image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)
        return torch.no_grad()(lambda: model(image))
    return {f"{side} by {side} pixels": ask(side) for side in (160, 224, 320)}


def checkpoints(folder):
    "The shipped network"
    model = load_model("small")
    return {"save": lambda: save_model(model, folder/"m.safetensors"), "load": lambda: load_model("small"), "read what it says of itself": lambda: read_about(WEIGHTS/"small.safetensors")}


def metrics(folder):
    "One map of 484 by 356 pixels"
    _, target, mask, depth = scene(356, 484)
    pred = target.sqrt()
    return {"WHDR, 10,000 pairs": lambda: whdr(pred, target, mask), "ordinal error, 50,000 pairs": lambda: ordinal_error(pred, target, mask),
            "D3R, 5,000 superpixels": lambda: d3r(pred, target, mask), "ORD, 5,000 superpixels": lambda: ord_error(pred, target, mask), "boundary F1": lambda: boundary_f1(pred, target, mask), "SSIM": lambda: ssim(pred, target, mask),
            "MSE": lambda: mse(pred, target, mask), "the errors of depth": lambda: depth_errors(pred, depth, mask)}


def pupil():
    "A run of the recipe `small` on squares of 224 pixels: state, batch of 16, settings, loss, accelerator"
    recipe, accelerator = RECIPES["small"], Accelerator(cpu=True)
    model = load_model("small").to(memory_format=torch.channels_last).train()
    for o in fine_layers(model, recipe.settings.frozen_levels): set_frozen(o, True)
    target = scene(224, 224)[1].repeat(16, 1, 1, 1)
    image = torch.rand(16, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    batch = dict(image=image, target=target, mask=torch.ones_like(target, dtype=torch.bool))
    return new_state(model, recipe.settings, 1000), batch, recipe.settings, recipe_loss(recipe), accelerator


def loop(folder):
    "The recipe `small` on squares of 224 pixels, 16 pictures a step"
    state, batch, settings, loss, accelerator = pupil()
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    def bare(): loss(state.model(image), batch["target"], batch["mask"], generator=torch.Generator().manual_seed(0)).backward()
    return {"forward, loss and backward": bare, "a whole step": lambda: train_step(state, batch, loss, settings, accelerator, state.model),
            "save all that is needed to go on": lambda: save_state(state, folder), "read it again": lambda: read_state(folder)}


def watching(folder):
    "Beside a training step of the recipe `small` with 16 pictures of 224 by 224"
    state, batch, settings, loss, accelerator = pupil()
    board, picture, tracker, steps = ProgressBoard(), PictureWatcher({k: v[0] for k, v in batch.items()}), TensorBoardWatcher(folder), count(1)
    def line(): return dict(step=(i := next(steps)), epoch=i, loss=1/i, lr=1e-3, whdr=0.2)
    for _ in range(90): board(line())
    return {"the step": lambda: train_step(state, batch, loss, settings, accelerator, state.model), "draw the board, 90 lines": lambda: board.figure().canvas.draw(),
            "keep a prediction": lambda: picture(line(), state), "a line for TensorBoard": lambda: tracker(line())}


def evaluation(folder):
    "One photograph of 484 by 356 pixels"
    _, target, mask, _ = scene(356, 484)
    photo, model = np.asarray(Image.open(PHOTO).convert("RGB").resize((484, 356))), load_model("small")
    pred, target, mask = target[0,0].sqrt().numpy(), target[0,0].numpy(), mask[0,0].numpy()
    return {"network": lambda: predict(photo, model), "WHDR, SSIM and MSE": lambda: score_relative(pred, target, mask)}


def prediction(folder):
    "A photograph of 640 by 427 and one of 4,000 by 3,000 pixels"
    model, work = load_model("small"), {}
    Image.open(PHOTO).resize((4000, 3000)).save(folder/"large.jpg", quality=90)
    for name, path in (("0.3 million pixels", PHOTO), ("12 million pixels", folder/"large.jpg")):
        photo, low = read_photo(path), torch.rand(1, 1, 224, 224)
        work |= {f"{name}: read": lambda path=path: read_photo(path), f"{name}: stretch the map": lambda s=photo.shape[:2], low=low: resize(low, s),
                 f"{name}: all of it": lambda path=path: predict(path, model)}
    return work


def effects(folder):
    "A photograph of 4,000 by 3,000 pixels with its map"
    photo = np.asarray(Image.open(PHOTO).resize((4000, 3000)))
    pred = predict(photo)
    return {"bokeh": lambda: bokeh(pred, focus=(1190, 1685)), "another point of view": lambda: shift_view(pred, shift=60.), "anaglyph": lambda: anaglyph(pred),
            "three layers": lambda: depth_layers(pred), "a word behind the subject": lambda: text_behind(pred, text="SUMMER"), "fog": lambda: fog(pred)}


def terminal(folder):
    "Whole commands, by the clock on the wall"
    def call(*args): return lambda: subprocess.run([sys.executable, "-m", "depthsense", *args], cwd=folder, check=True, capture_output=True)
    return {"depthsense --help": call("--help"), "depthsense info": call("info"), "depthsense predict": call("predict")}


GROUPS = {o.__name__: o for o in (geometry, drawing, files, scenes, losses, network, checkpoints, metrics, loop, watching, evaluation, prediction, effects, terminal)}


def timed(work, clock):
    start = clock()
    work()
    return 1e3*(clock()-start)


def most_memory(work):
    "Megabytes that torch held at once beyond what it held before"
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched: work()
        watched.export_chrome_trace(file.name)
        events = [o for o in json.loads(Path(file.name).read_text(encoding="utf-8"))["traceEvents"] if o.get("name")=="[memory]"]
    return max(accumulate(o["args"]["Bytes"] for o in sorted(events, key=lambda o: o["ts"])))/1e6


def most_traced(work):
    "Megabytes that numpy held at once beyond what it held before"
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most/1e6


WEIGHED = {"losses": most_memory, "loop": most_memory, "effects": most_traced}  # What is measured in memory as well


def measure(group, repeats):
    "`about` and `rows` of a group"
    clock = time.perf_counter if group == "terminal" else time.process_time
    with tempfile.TemporaryDirectory() as folder:
        work = GROUPS[group](Path(folder))
        for f in work.values(): f()
        times = [{k: timed(f, clock) for k, f in work.items()} for _ in range(repeats)]
        memory = {k: dict(mb=round(WEIGHED[group](f), 1)) for k, f in work.items()} if group in WEIGHED else {}
    return dict(about=GROUPS[group].__doc__, rows=[dict(what=k, ms=round(statistics.median(o[k] for o in times), 3)) | memory.get(k, {}) for k in work])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)}; none: all")
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(args.json.read_text(encoding="utf-8"))["groups"] if args.json and args.json.exists() and args.groups else {}
    for group in args.groups or GROUPS:
        known[group] = measure(group, args.repeats)
        print(f"{group}: {known[group]['about']}")
        for o in known[group]["rows"]: print(f"    {o['ms']:10.2f} ms   {o['what']}", flush=True)
    if args.json is None: return
    about = provenance(" ".join(["python benchmarks/costs.py", *args.groups, f"--repeats {args.repeats}"]), threads=1)
    args.json.write_text(json.dumps(about | dict(groups=known), indent=1)+"\n", encoding="utf-8")


if __name__ == "__main__": main()
