"""Time what it costs to watch a run: the board, a picture, a line for TensorBoard; and a training step, to compare.

    python benchmarks/watching.py [--json FILE] [--repeats 20] [--size 224] [--lines 90] [--seed 0]

One thread, the network of the recipe `small` with weights from chance. `board` draws a log of so many lines, `picture` keeps one prediction of one picture,
`tensorboard` writes one line, `step` is a training step of sixteen pictures. They take turns, so that whatever else the machine does falls on all. `ms` are
milliseconds that the process itself computed, which is what a core of its own would take; `wall_ms` is what a clock on the wall showed.
"""
import argparse
import json
import tempfile
from pathlib import Path

import torch
from accelerate import Accelerator
from provenance import provenance
from scenes import summary, timed

from depthsense.models.depthnet import DepthNet
from depthsense.training.loop import fine_layers, new_state, set_frozen, train_step
from depthsense.training.redweb import RECIPES, recipe_loss
from depthsense.training.watch import PictureWatcher, ProgressBoard, TensorBoardWatcher


def measure(repeats, size, lines, seed):
    "Every onlooker in turn, and a step"
    torch.manual_seed(seed)
    recipe,accelerator = RECIPES["small"],Accelerator(cpu=True)
    model = DepthNet(recipe.encoder, recipe.width, recipe.hidden, activation=True).train()
    state = new_state(model, recipe.settings, repeats+2)
    for o in fine_layers(model, recipe.settings.frozen_levels): set_frozen(o, True)
    image = torch.rand(recipe.settings.batch_size, 3, size, size)
    batch = dict(image=image, target=image[:,:1], mask=torch.ones_like(image[:,:1], dtype=torch.bool))
    board,picture = ProgressBoard(),PictureWatcher({k:v[0] for k,v in batch.items()})
    log = [dict(step=i+1, epoch=i+1, loss=1/(i+1), lr=1e-3, whdr=0.2) for i in range(max(lines, repeats+1))]
    for o in log[:lines]: board(o)
    with tempfile.TemporaryDirectory() as folder:
        tracker = TensorBoardWatcher(folder)
        work = dict(board=lambda i: board.figure().canvas.draw(), picture=lambda i: picture(log[i], state), tensorboard=lambda i: tracker(log[i]),
            step=lambda i: train_step(state, batch, recipe_loss(recipe), recipe.settings, accelerator, model).item())
        for f in work.values(): f(0)
        seconds = [{name:timed(lambda: f(i+1)) for name,f in work.items()} for i in range(repeats)]
    return {name:summary([o[name] for o in seconds]) for name in work}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    for name,value in dict(repeats=20, size=224, lines=90, seed=0).items(): parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = measure(args.repeats, args.size, args.lines, args.seed)
    for name,o in results.items(): print(f"{name:12}"+"".join(f"{k.replace('_', ' ')} {v:7.1f}   " for k,v in o.items()))
    if args.json is None: return
    settings = {k:v for k,v in vars(args).items() if k not in ("json", "seed")}
    command = " ".join(["python benchmarks/watching.py"]+[f"--{k} {v}" for k,v in settings.items()])
    where = provenance(command, args.seed, threads=1, **settings)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(where | dict(results=results), indent=2)+"\n")


if __name__ == "__main__": main()
