"""What marking costs: ReDWeb's val by every metric but D3R, and D3R on one map of 640 by 480 pixels.

    python benchmarks/evaluation.py [--json results/evaluation_costs.json] [--data ReDWeb_V1] [--every 1]

One thread of one process. The model is "lower is nearer", which takes no time, so what is measured is everything but prediction: reading, the metrics, the test of
the sign. `cpu_s` is what the process itself computed, and `wall_s` what a clock on the wall showed; on a quiet machine they are the same.
"""
import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import skimage.data
import torch
from PIL import Image
from provenance import provenance

from depthsense import evaluation
from depthsense.metrics import d3r

REPEATS = 5


class Stopwatch:
    "Computing time of functions, by name"
    def __init__(self): self.spent = {}

    def __call__(self, name, f):
        def timed(*args, **kwargs):
            start = time.process_time()
            try: return f(*args, **kwargs)
            finally: self.spent[name] = self.spent.get(name, 0)+time.process_time()-start
        return timed


def marking(root, every):
    "The whole exam, and the share of each part of it"
    metrics = [o for o in evaluation.redweb_exam(root, metrics="all").said["metrics"] if o != "d3r"]
    watch, exam = Stopwatch(), evaluation.redweb_exam(root, metrics=metrics)
    exam = replace(exam, read=watch("reading picture and map", exam.read), nearer=watch("the test of the sign", exam.nearer))
    timed = {k: watch(k, f) for k, f in evaluation.RELATIVE.items()}
    with patch.dict(evaluation.RELATIVE, timed), patch.object(evaluation, "depth_errors", watch("the errors of depth", evaluation.depth_errors)):
        cpu, wall = time.process_time(), time.perf_counter()
        result = evaluation.examine(exam, ["row"], every=every, progress=False)["row"]
        cpu, wall = time.process_time()-cpu, time.perf_counter()-wall
    if result["errors"]: raise SystemExit(f"{len(result['errors'])} pictures failed: {result['errors'][0]}")
    parts = {k: v for k, v in sorted(watch.spent.items(), key=lambda o: -o[1])}
    rows = [dict(what=k, ms=round(1e3*v/result["n"], 3)) for k, v in [*parts.items(), ("all of it", cpu)]]
    scores = {k: result[k] for k in metrics}
    return dict(about="One pair of ReDWeb's val, mean", rows=rows), dict(n=result["n"], metrics=metrics, cpu_s=round(cpu, 2), wall_s=round(wall, 2), row=scores)


def jumps():
    "D3R of the motorcycle at 640 by 480 pixels, its holes left in"
    disparity = np.array(Image.fromarray(skimage.data.stereo_motorcycle()[2]).resize((640, 480), Image.Resampling.NEAREST))
    mask = np.isfinite(disparity)
    rows = np.linspace(0, 1, 480)[:, None].repeat(640, 1)
    cpu, wall = [], []
    for _ in range(REPEATS):
        start = time.process_time(), time.perf_counter()
        d3r(rows, disparity, mask)
        cpu.append(time.process_time()-start[0]), wall.append(time.perf_counter()-start[1])
    return dict(cpu_s=round(statistics.median(cpu), 3), wall_s=round(statistics.median(wall), 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    parser.add_argument("--data", type=Path, help="ReDWeb's folder; without it DEPTHSENSE_REDWEB")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th picture")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pair, redweb = marking(args.data, args.every)
    motorcycle = jumps()
    for o in pair["rows"]: print(f"{o['ms']:10.2f} ms   {o['what']}")
    print(f"{redweb['n']} pairs: {redweb['cpu_s']} s computed, {redweb['wall_s']} s on the wall; D3R at 640 by 480: {motorcycle['cpu_s']} s computed, {motorcycle['wall_s']} s on the wall")
    if args.json is None: return
    about = provenance("python benchmarks/evaluation.py", threads=1)
    args.json.write_text(json.dumps(about | dict(groups=dict(redweb=pair), redweb=redweb, d3r=motorcycle), indent=1)+"\n", encoding="utf-8")


if __name__ == "__main__": main()
