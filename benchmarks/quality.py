"""What asking more than once is worth: order and edges of maps by the ways of chapter 77, and what they cost.

    python benchmarks/quality.py [--json results/quality.json] [--data ReDWeb_V1] [--every 5] [--start 2] [--scenes 8] [--model small]

Order (`whdr`), order across jumps of depth (`d3r`) and outlines (`boundary_f1`) on every so many-th pair of ReDWeb's val, and on drawn scenes of 1,280 by 960
pixels, whose depth is exact. Each way is compared with asking once, picture by picture: `less` is the mean difference, `low` and `high` its 95 % interval. `times` is
the processor time of all predictions over that of asking once, so that another program on the machine does not change it. The sizes and tiles were
chosen on the pairs 0, 5, 10, … of val; those counted here are others, 2, 7, 12, …
"""
import argparse
import json
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from provenance import provenance
from tqdm import tqdm

from depthsense.data.datasets import ReDWeb
from depthsense.data.scenes import Scenes
from depthsense.evaluation import photo_of, score_relative, seed_of
from depthsense.metrics import order
from depthsense.prediction import as_model, network_size
from depthsense.quality import best_disparity

WAYS = {
    "fast": dict(mirror=False, scales=(), grids=()),
    "mirror": dict(scales=(), grids=()),
    "scales": dict(mirror=False, grids=()),
    "tiles": dict(mirror=False, scales=()),
    "mirror, scales": dict(grids=()),
    "best": {},
}
METRICS = "whdr", "d3r", "boundary_f1"


def marks(network, sample, name):
    "Scores and seconds of every way, for one picture; a score that is not defined for it is nan"
    photo, target, mask = photo_of(sample), sample["target"][0].numpy(), sample["mask"][0].numpy()
    kept, rows = order.centres_and_neighbours(order.superpixels(np.where(mask, target, 0))), []
    for settings in WAYS.values():
        start = time.process_time()
        pred = best_disparity(network, photo, network_size(network), **settings)
        row = dict(seconds=time.process_time()-start)
        for o in METRICS:
            with patch.object(order, "superpixels"), patch.object(order, "centres_and_neighbours", lambda _: kept):  # of the truth alone, the same for all
                try: row |= score_relative(pred, target, mask, seed_of(name), metrics=[o])
                except ValueError: row[o] = np.nan  # no jump of depth in the truth
        rows.append([row[o] for o in ("seconds", *METRICS)])
    return rows


def table(network, dataset, numbers):
    "Means of every way, and what it gains on asking once"
    scores = np.array([marks(network, dataset[i], dataset.names[i]) for i in tqdm(numbers, disable=None)])
    found = {}
    for j, way in enumerate(WAYS):
        row = dict(times=round(float(scores[:, j, 0].sum()/scores[:, 0, 0].sum()), 2))
        for k, name in enumerate(METRICS, 1):
            less = scores[:, j, k]-scores[:, 0, k]
            less = less[np.isfinite(less)]
            mean, wide = less.mean(), 1.96*less.std(ddof=1)/len(less)**.5
            row[name] = dict(mean=round(float(np.nanmean(scores[:, j, k])), 5), less=round(float(mean), 5), low=round(float(mean-wide), 5), high=round(float(mean+wide), 5), n=len(less))
        found[way] = row
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--data")
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--start", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--model", default="small")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, val, scenes = as_model(args.model), ReDWeb(args.data, "val"), Scenes(args.scenes, 77, size=(960, 1280))
    command = f"python benchmarks/quality.py --every {args.every} --start {args.start} --scenes {args.scenes} --model {Path(args.model).name}"
    result = provenance(command, threads=1, ways=WAYS)
    result |= dict(val=table(network, val, range(args.start, len(val), args.every)), scenes=table(network, scenes, range(args.scenes)))
    text = json.dumps(result, indent=1)+"\n"
    if args.json: args.json.write_text(text, encoding="utf-8")
    else: print(text)


if __name__ == "__main__": main()
