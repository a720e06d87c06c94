"""The run that the shipped weights are half of: from `small` on, with teachers of whom the first looks closely

    python benchmarks/closer.py runs/closer runs/small runs/pasted runs/sprint runs/taught [--cache FILE]
    python benchmarks/halfway.py runs/small runs/closer --keep runs/halfway.safetensors

Half of what is taught is the map of the first teacher after twenty-six looks, half what all of them say together. The recipe `closer` of chapter 51 goes on
from runs/small; what was stopped goes on. The teachers are asked first, some twenty minutes on two cores.
"""
import argparse
from pathlib import Path

import torch

from depthsense.quality import ask_best
from depthsense.training.teachers import ask, consensus, train_taught


def ask_closely(teachers, sample, side):
    "Half the first teacher after many looks, half all of them after two"
    return consensus(torch.cat([ask_best(teachers[:1], sample, side), ask(teachers, sample, side)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder of the run")
    parser.add_argument("teachers", nargs="+", help="checkpoints, as load_model takes them; the first looks closely")
    parser.add_argument("--cache", type=Path, help="file that keeps the training pictures decoded")
    args = parser.parse_args()
    print(train_taught(None, args.out, args.teachers, "closer", side=320, ask=ask_closely, cache=args.cache))


if __name__ == "__main__": main()
