"""Measure ReDWeb V1: what is in it, and what reading it costs. The numbers of docs/DATA_CARD.md and of chapter 10.

    python benchmarks/data_card.py [--data FOLDER] [--json results/redweb.json] [--seed 0]

Without `--data` the folder is that of DEPTHSENSE_REDWEB. One thread, about a minute: every pair is read whole, and every map a second time, for what is counted in it.
`labels` are those of 10,000 random pairs a map at sigma 0.02. `rows` is the mean disparity from the top of a picture to its bottom, every map brought to 32 rows.
`ms` of `reading` are milliseconds that the process itself computed for a pair, which is what a core of its own would take; `wall_ms` is what a clock on the wall showed.
"""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from provenance import provenance
from tqdm import tqdm

from depthsense.data import ReDWeb, ordinal_relation, sample_pairs, values_at, verify_redweb
from depthsense.data.datasets import spread

PAIRS, SIGMA, ROWS, EVERY = 10_000, 0.02, 32, 20


def labels_of(steps, generator):
    "Of random pairs: shares of +1, -1 and 0, of 0 between sky and sky, and of those that the ratio of disparities would label otherwise"
    target = torch.from_numpy(1-steps.astype("float32")/255)[None,None]
    a,b,ordinal = sample_pairs(target, None, PAIRS, SIGMA, generator)
    r_a,r_b = [1-values_at(target, o) for o in (a, b)]
    other = ordinal_relation(1-values_at(target, b), 1-values_at(target, a), SIGMA)
    found = [ordinal==1, ordinal==-1, ordinal==0, (r_a==1) & (r_b==1), other!=ordinal]
    return [o.float().mean().item() for o in found]


def rows_of(steps):
    "Mean disparity by row, from the top to the bottom"
    means = 1-steps.mean(1)/255
    return np.interp((np.arange(ROWS)+.5)/ROWS, (np.arange(len(means))+.5)/len(means), means)


def measure_maps(pairs, seed):
    "What is in the maps"
    counts,labels,rows,shapes = [],[],[],[]
    for i,name in enumerate(tqdm(pairs.names, disable=None)):
        steps = np.array(Image.open(pairs.root/"RDs"/f"{Path(name).stem}.png"))
        counts.append(np.bincount(steps.ravel(), minlength=256))
        labels.append(labels_of(steps, torch.Generator().manual_seed(seed+i)))
        rows.append(rows_of(steps))
        shapes.append(steps.shape)
    counts,labels,rows,(height,width) = np.array(counts),np.array(labels),np.array(rows),np.array(shapes).T
    pixels,levels = counts/counts.sum(1, keepdims=True),(counts>0).sum(1)
    share = counts.sum(0)/counts.sum()
    sky = pixels[:,255]
    halves = rows[:,:ROWS//2].mean(1),rows[:,ROWS//2:].mean(1)
    return dict(
        sizes=dict(height=spread(height), width=spread(width), longer=spread(np.maximum(height, width)), aspect=spread(width/height), upright=float((height>width).mean())),
        levels=spread(levels) | dict(bins=list(range(0, 257, 16)), maps=np.histogram(levels, range(0, 272, 16))[0].tolist(), few=float((levels<64).mean())),
        values=dict(sky=float(share[255]), nearest=float(share[0]), like_sky=float(share[250:255].sum()), by_16=[float(o) for o in share.reshape(16, 16).sum(1)]),
        sky=dict(pictures=float((sky>0).mean()), hundredth=float((sky>.01).mean()), tenth=float((sky>.1).mean()), half=float((sky>.5).mean()), mean_where_any=float(sky[sky>0].mean()), greatest=float(sky.max())),
        labels=dict(zip(("first_nearer", "second_nearer", "equal", "sky_and_sky", "changed_by_disparity"), labels.mean(0).tolist()))
            | dict(mostly_equal=float((labels[:,2]>.5).mean()), most_equal=float(labels[:,2].max()), pairs=PAIRS, sigma=SIGMA),
        rows=dict(mean=[round(float(o), 4) for o in rows.mean(0)], deviation=[round(float(o), 4) for o in rows.std(0)], top=float(rows[:,0].mean()), bottom=float(rows[:,-1].mean()),
                  lower_half_nearer=float((halves[1]>halves[0]).mean())))


def measure_reading(pairs):
    "Milliseconds for a pair, of every twentieth"
    computed,wall = [],[]
    for i in range(0, len(pairs), EVERY):
        start = time.perf_counter(),time.process_time()
        pairs[i]
        wall.append(1e3*(time.perf_counter()-start[0]))
        computed.append(1e3*(time.process_time()-start[1]))
    return dict(ms=spread(computed), wall_ms=spread(wall), n=len(wall))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="ReDWeb's folder; without it, that of DEPTHSENSE_REDWEB")
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    parser.add_argument("--seed", type=int, default=0, help="of the random pairs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    where = provenance("python benchmarks/data_card.py --json results/redweb.json"+(f" --seed {args.seed}" if args.seed else ""), args.seed, threads=1)
    pairs = ReDWeb(args.data, "all")
    report = verify_redweb(args.data)
    counted = {o: report[o] for o in ("train", "val", "test")}
    results = dict(pairs=counted | dict(all=sum(counted.values())), broken=len(report["errors"]), resized=len(report["resized"]))
    results |= measure_maps(pairs, args.seed) | dict(reading=measure_reading(pairs))
    text = json.dumps(where | results, indent=1)
    print(text)
    if args.json is None: return
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(text+"\n")


if __name__ == "__main__": main()
