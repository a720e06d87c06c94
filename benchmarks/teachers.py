"""How good several networks are together, and what learned from them

    python benchmarks/teachers.py small runs/pasted runs/sprint --student runs/taught --json results/teachers.json

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


def outlines(model, pairs):
    "Boundary F1 of a network, mean over every fifth pair: the one that is the larger the better"
    def one(i):
        sample = pairs[i]
        pred,(target,mask) = network_disparity(model, photo_of(sample)),[sample[o][0].numpy() for o in ("target", "mask")]
        return score_relative(pred, target, mask, seed_of(pairs.names[i]), metrics=["boundary_f1"])["boundary_f1"]
    return float(np.mean([one(i) for i in range(2, len(pairs), 5)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("teachers", nargs="+", help="checkpoints, as load_model takes them")
    parser.add_argument("--student", action="append", default=[], help="a checkpoint that learned from them; can be given several times")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args()
    val,known = ReDWeb(None, "val"),{Path(o).stem:load_teachers([o]) for o in [*args.teachers, *args.student]}
    teachers = [known[Path(o).stem][0] for o in args.teachers]
    res = dict(alone={k:evaluate_whdr(o[0][0], val, o[0][1])["whdr"] for k,o in known.items()},
        mirrored={k:score(o, val) for k,o in known.items()}, together=score(teachers, val), outlines={k:outlines(o[0][0], val) for k,o in known.items()}, n=len(val))
    named = " ".join([*(Path(o).stem if o==Path(o).stem else f"runs/{Path(o).stem}" for o in args.teachers), *(f"--student runs/{Path(o).stem}" for o in args.student)])
    text = json.dumps(res | provenance(f"python benchmarks/teachers.py {named} --json results/teachers.json"), indent=1)
    if args.json: args.json.write_text(text+"\n", encoding="utf-8")
    print(text)


if __name__ == "__main__": main()
