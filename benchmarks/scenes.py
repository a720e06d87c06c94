"""Time drawing a scene with its depth, kind by kind, and reading a pair of the same size from disk.

    python benchmarks/scenes.py [--json FILE] [--repeats 40] [--height 356] [--width 484] [--seed 0]

One thread. Every repeat draws another scene; the kinds take turns, so that whatever else the machine does falls on all. `ms` are milliseconds that the
process itself computed, which is what a core of its own would take; `wall_ms` is what a clock on the wall showed. `read` is `ReDWeb` reading pictures that
`write_scenes` has written.
"""
import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
from provenance import provenance

from depthsense.data import ReDWeb, draw_scene, write_scenes
from depthsense.data.scenes import KINDS


def timed(work):
    "Seconds that something took: computed, and on the wall"
    wall,cpu = time.perf_counter(),time.process_time()
    work()
    return time.process_time()-cpu, time.perf_counter()-wall


def summary(seconds):
    "Median, least and greatest, in milliseconds"
    cpu,wall = [[1e3*o for o in column] for column in zip(*seconds)]
    return dict(median_ms=statistics.median(cpu), least_ms=min(cpu), greatest_ms=max(cpu), median_wall_ms=statistics.median(wall))


def measure(repeats, size, seed):
    "Every kind, and reading"
    with tempfile.TemporaryDirectory() as folder:
        pairs = ReDWeb(write_scenes(folder, repeats, seed, size=size), "all")
        work = {kind:lambda i,kind=kind: draw_scene(seed+i, kind, size) for kind in KINDS} | {"read": lambda i: pairs[i]}
        for f in work.values(): f(0)
        seconds = [{name:timed(lambda: f(i)) for name,f in work.items()} for i in range(repeats)]
    return {name:summary([o[name] for o in seconds]) for name in work}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    for name,value in dict(repeats=40, height=356, width=484, seed=0).items(): parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = measure(args.repeats, (args.height, args.width), args.seed)
    for name,o in results.items(): print(f"{name:8}"+"".join(f"{k.replace('_', ' ')} {v:7.1f}   " for k,v in o.items()))
    if args.json is None: return
    settings = {k:v for k,v in vars(args).items() if k not in ("json", "seed")}
    command = " ".join(["python benchmarks/scenes.py"]+[f"--{k} {v}" for k,v in settings.items()])
    where = provenance(command, args.seed, threads=1, **settings)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(where | dict(results=results), indent=2)+"\n")


if __name__ == "__main__": main()
