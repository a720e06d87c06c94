"""Does the training loop keep up with its own step? Pictures a second of `fit` against the same step on a batch in memory.

    python benchmarks/loop.py [--cache FILE] [--data FOLDER] [--json results/loop.json]

The recipe `small` on ReDWeb, read from its JPEG and PNG files by one process, and with `--cache` also from the decoded copy in FILE, which is built if it is not
there. `fit` runs for two epochs of `steps`; what counts are its steps after the first line of the log, with all that comes with them: reading, writing the log, the
start of the second epoch, and one save, every hundred steps as the recipe has it. The two take turns in one run, several times over, and the share is the median over the turns. Without ReDWeb, drawn scenes are read.
"""
import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from provenance import provenance
from torch.utils.data import Subset, default_collate

from depthsense.data import ReDWeb, write_scenes
from depthsense.data.datasets import find_redweb
from depthsense.data.transforms import train_transform
from depthsense.models.depthnet import DepthNet
from depthsense.training.loop import fine_layers, fit, new_state, stand_still, train_step
from depthsense.training.redweb import RECIPES, recipe_loss, stochastic_depth


def network(recipe):
    torch.manual_seed(0)
    model = DepthNet(recipe.encoder, recipe.width, recipe.hidden, recipe.activation)
    stochastic_depth(model.encoder, recipe.drop_path)
    return model


def of_fit(recipe, data, settings):
    "Pictures a second of `fit`, after the first lines of its log"
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        fit(network(recipe), recipe_loss(recipe), data, folder, settings, progress=False, watch=lambda line, state: seen.append((time.perf_counter(), line["step"])))
    (began, first), (ended, last) = seen[0], seen[-1]
    return (last-first)*settings.batch_size/(ended-began)


def of_memory(recipe, batch, settings, steps):
    "Pictures a second of the step alone"
    model, loss, accelerator = network(recipe).to(memory_format=torch.channels_last).train(), recipe_loss(recipe), Accelerator()
    state, fine = new_state(model.to(accelerator.device), settings, steps+5), fine_layers(model, settings.frozen_levels)
    stand_still(model, fine, False, settings.frozen_norms)
    for i in range(steps+4):
        if i==4: began = time.perf_counter()
        value = train_step(state, batch, loss, settings, accelerator, model)["loss"]
        if i in (3, steps+3): value.item()  # a graphics card is waited for twice, as the loop waits when it writes its log
    return steps*settings.batch_size/(time.perf_counter()-began)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="ReDWeb; not given: DEPTHSENSE_REDWEB, or drawn scenes")
    parser.add_argument("--cache", type=Path, help="a decoded copy to read as well")
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    for name, value in dict(steps=60, turns=3, threads=2, workers=1, seed=0).items(): parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    if args.steps<52: parser.error(f"--steps wants 52 or more, for a save to fall into them, got {args.steps}")
    torch.set_num_threads(args.threads)
    recipe = RECIPES["small"]
    settings = replace(recipe.settings, epochs=2, frozen=0., workers=args.workers)
    see, n = train_transform(recipe.size, recipe.scale, recipe.color), args.steps*settings.batch_size
    with tempfile.TemporaryDirectory() as folder:
        try: files = ReDWeb(args.data or find_redweb(), "train", see)
        except ValueError: files = ReDWeb(write_scenes(Path(folder)/"scenes", 64), "all", see)
        sources = dict(files=files)
        if args.cache:
            from depthsense.data.cache import CachedPairs
            sources["cache"] = CachedPairs(files, args.cache)
        sources = {k: Subset(o, [i % len(o) for i in range(n)]) for k, o in sources.items()}
        batch = default_collate([{k: o[k] for k in ("image", "target", "mask")} for o in map(files.__getitem__, range(settings.batch_size))])
        batch = {k: v.to(Accelerator().device) for k, v in batch.items()}
        rates = {k: [] for k in (*sources, "memory")}
        for _ in range(args.turns):
            for k, o in sources.items(): rates[k].append(of_fit(recipe, o, settings))
            rates["memory"].append(of_memory(recipe, batch, settings, args.steps))
    names = dict(files="with the loop, read from JPEG and PNG", cache="with the loop, read from a decoded copy", memory="the step alone, on a batch in memory")
    rows = [dict(what=names[k], ms=1000/statistics.median(o), pictures_per_second=statistics.median(o), share=statistics.median(a/b for a, b in zip(o, rates["memory"]))) for k, o in rates.items()]
    for o in rows: print(f"{o['what']:42}{o['pictures_per_second']:8.2f} pictures a second{o['share']:8.1%} of the step alone")
    if args.json is None: return
    command = f"python benchmarks/loop.py{' --cache FILE' if args.cache else ''} --steps {args.steps} --turns {args.turns} --threads {args.threads} --workers {args.workers}"
    data = "ReDWeb" if len(files)>64 else "drawn scenes"
    about = f"To learn from one picture of {data}, {recipe.size} pixels square, {settings.batch_size} a step"
    args.json.write_text(json.dumps(provenance(command, args.seed, threads=args.threads) | dict(groups=dict(pictures=dict(about=about, rows=rows))), indent=1)+"\n")


if __name__ == "__main__": main()
