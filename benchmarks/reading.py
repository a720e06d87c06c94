"""Time the reading of pairs: decoding alone, the data set, the cache, shards; and weigh the caches of all of ReDWeb.

    python benchmarks/reading.py [--data ReDWeb_V1] [--json FILE] [--pairs 100] [--repeats 15] [--size 224] [--side 384] [--seed 0]

One process, one thread. `bare` opens a pair's two files with Pillow and takes the decoded pixels as arrays, and nothing else; `dataset` is `ReDWeb` without a
transform; `cache` and `cache_small` are `CachedPairs` at the pictures' own size and at `side`; `shards` is `ShardedPairs` on shards of the same files, read in
order. All ways take turns over the same pairs, spread evenly over the training split; each turn goes over all of them, and lets go of a pair before it reads the
next. The files are in the system's memory.
A time is the median over the turns, and a ratio the median of the ratios of single turns, so that other work on the machine falls on both sides of it.

`of_bare` is the line that reading has to reach: the time of `bare` over the time of that way without a transform, 1 where a way costs what decoding costs.
The transform's own work, `train_transform` on pairs that are decoded already, is `transform`; it is the same for all ways and no part of `of_bare`.
`with_transform` is how many pairs a second come out at the end. The size of a cache is counted over all pairs from their files' heads, by the form that
chapter 16 states, and the count is checked against the cache that was built of the timed pairs. Building is timed on those, too.
"""
import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from provenance import provenance

from depthsense.data.cache import CachedPairs
from depthsense.data.datasets import ReDWeb
from depthsense.data.streaming import ShardedPairs, write_shards
from depthsense.data.transforms import train_transform

WAYS = "bare", "dataset", "cache", "cache_small", "shards"


def map_file(root, name): return root/"RDs"/f"{Path(name).stem}.png"


def decoded(file):
    with Image.open(file) as picture: return np.asarray(picture)


def bare(data):
    for o in data.names: yield decoded(data.root/"Imgs"/o), decoded(map_file(data.root, o))


def each(data):
    for i in range(len(data)): yield data[i]


def seconds(pairs):
    "Processor's and wall time of going through pairs once, letting go of each before the next"
    cpu,wall = time.process_time(),time.perf_counter()
    deque(pairs(), maxlen=0)
    return time.process_time()-cpu, time.perf_counter()-wall


def turns(ways, repeats):
    "Seconds of every turn, by way; the first turn warms up and does not count"
    spent = {k:[] for k in ways}
    for i in range(repeats+1):
        for k,f in ways.items():
            t = seconds(f)
            if i: spent[k].append(t)
    return spent


def expected_bytes(data, side):
    "What a cache of all pairs takes: four bytes a pixel, four for each value of a map, sixteen for the head"
    total = 0
    for name in data.names:
        with Image.open(map_file(data.root, name)) as o: size,levels = o.size[::-1],len(o.getcolors())
        if side is not None and max(size)>side: size = [max(1, round(side*n/max(size))) for n in size]
        total += 16+4*size[0]*size[1]+4*levels
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of ReDWeb; default: DEPTHSENSE_REDWEB")
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    for name,value in dict(pairs=100, repeats=15, size=224, side=384, seed=0).items(): parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    data,everything,transform = ReDWeb(args.data, "train"),ReDWeb(args.data, "all"),train_transform(args.size)
    data.names = data.names[::max(1, len(data)//args.pairs)][:args.pairs]
    n = len(data)
    with tempfile.TemporaryDirectory() as folder:
        folder,caches,sizes = Path(folder),{},[]
        for key,side in (("cache", None), ("cache_small", args.side), ("", 320)):
            began,path = time.process_time(),folder/f"{side}.cache"
            made = CachedPairs(data, path, side, progress=False)
            built = time.process_time()-began
            counted,pairs = expected_bytes(data, side),int(made.starts[-1])-8
            if abs(counted-pairs)>0.01*pairs: sys.exit(f"counted {counted} bytes of pairs, and the cache has {pairs}")
            if key: caches[key] = made
            sizes.append(dict(side=side, mb=expected_bytes(everything, side)/1e6, ms_per_pair=1e3*built/n))
        write_shards(data, folder/"shards", progress=False)
        shards = ShardedPairs(folder/"shards")
        for i,o in enumerate(shards):
            if not all(torch.equal(o[k], p[k]) for p in (data[i], caches["cache"][i]) for k in ("image", "target", "mask")): sys.exit(f"{o['name']} is not the same in all ways")
        ways = dict(bare=lambda: bare(data), dataset=lambda: each(data), shards=lambda: shards, **{k:lambda o=o: each(o) for k,o in caches.items()})
        samples = {k:[o[i] for i in range(n)] for k,o in (("transform", data), ("transform_small", caches["cache_small"]))}
        transforms = {k:lambda o=o: map(transform, o) for k,o in samples.items()}
        plain = turns({k:ways[k] for k in WAYS} | transforms, args.repeats)
        for o in (data, shards, *caches.values()): o.transform = transform
        changed = turns({k:ways[k] for k in WAYS if k!="bare"}, args.repeats)
    results = {}
    for i,clock in enumerate(("cpu", "wall")):
        def per_second(spent): return n/statistics.median(t[i] for t in spent)
        results[clock] = {k:dict(per_second=per_second(plain[k]), of_bare=statistics.median(b[i]/t[i] for b,t in zip(plain["bare"], plain[k])))
            | (dict(with_transform=per_second(changed[k])) if k in changed else {}) for k in WAYS}
        results[clock] |= {k:dict(per_second=per_second(plain[k])) for k in transforms}
    files = sum(o.stat().st_size for name in everything.names for o in (everything.root/"Imgs"/name, map_file(everything.root, name)))/1e6
    print(f"{n} pairs, one thread, medians of {args.repeats}, processor's time")
    for k,o in results["cpu"].items(): print(f"{k:16}"+"".join(f"{name} {v:9.2f}   " for name,v in o.items()))
    for o in sizes: print(f"side {o['side']}: {o['mb']:.0f} MB for {len(everything)} pairs ({files:.0f} MB as files), {o['ms_per_pair']:.1f} ms a pair to build")
    if args.json is None: return
    settings = {k:getattr(args, k) for k in ("pairs", "repeats", "size", "side")}
    command = " ".join(["python benchmarks/reading.py"]+[f"--{k} {v}" for k,v in settings.items()]+[f"--seed {args.seed}"])
    sizes = dict(n=len(everything), files_mb=files, caches=sizes)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(dict(results=results, sizes=sizes, threads=1, **settings, **provenance(command, args.seed)), indent=2)+"\n")


if __name__ == "__main__": main()
