"""How good several networks are together, and what learned from them

    python benchmarks/teachers.py runs/small runs/pasted runs/sprint --student runs/taught --json results/teachers.json

WHDR on ReDWeb's `val` (DEPTHSENSE_REDWEB): of each network alone, of each with the mirror image, of all teachers together as `ask` has them, and of what
learned from them. `outlines`: boundary F1 of each alone, on every fifth pair from the third on. Names of runs are the last part of their folders.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
from provenance import provenance

from depthsense.data.datasets import ReDWeb
from depthsense.evaluation import network_disparity, photo_of, score_relative, seed_of
from depthsense.metrics import whdr
from depthsense.models.blocks import resize
from depthsense.training.redweb import evaluate_whdr
from depthsense.training.teachers import ask, load_teachers


def score(networks, pairs):
    "WHDR of networks asked together, mean over the pictures"
    scores = []
    for i in range(len(pairs)):
        sample = pairs[i]
        target,mask = [sample[o][None].as_subclass(torch.Tensor) for o in ("target", "mask")]
        scores.append(whdr(resize(ask(networks, sample), target.shape[-2:]), target, mask, seed=i))
    return float(np.mean(scores))


def marks(model, pairs, numbers, metrics):
    "A row for each of the pairs with these numbers, a column for each of the metrics"
    def one(i):
        sample = pairs[i]
        target,mask = [sample[o][0].numpy() for o in ("target", "mask")]
        found = score_relative(network_disparity(model, photo_of(sample)), target, mask, seed_of(pairs.names[i]), metrics=metrics)
        return [found[o] for o in metrics]
    return np.array([one(i) for i in numbers])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("teachers", nargs="+", help="checkpoints, as load_model takes them")
    parser.add_argument("--student", action="append", default=[], help="a checkpoint that learned from them; can be given several times")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args()
    val,names = ReDWeb(None, "val"),[Path(o).stem for o in [*args.teachers, *args.student]]
    known = dict(zip(names, load_teachers([*args.teachers, *args.student])))
    res = dict(alone={k:evaluate_whdr(model, val, size)["whdr"] for k,(model,size) in known.items()}, mirrored={k:score([o], val) for k,o in known.items()},
        together=score([known[o] for o in names[:len(args.teachers)]], val), outlines={k:float(marks(model, val, range(2, len(val), 5), ["boundary_f1"]).mean()) for k,(model,_) in known.items()}, n=len(val))
    named = [k if k==o else f"runs/{k}" for k,o in zip(names, [*args.teachers, *args.student])]
    named[len(args.teachers):] = [f"--student {o}" for o in named[len(args.teachers):]]
    text = json.dumps(res | provenance(f"python benchmarks/teachers.py {' '.join(named)} --json results/teachers.json"), indent=1)
    if args.json: args.json.write_text(text+"\n", encoding="utf-8")
    print(text)


if __name__ == "__main__": main()
