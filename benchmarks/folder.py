"""Does a thousand photographs take a thousand times one? A folder of them through `depthsense predict`.

    python benchmarks/folder.py [--n 1000] [--threads 1] [--json results/folder.json]

The photographs are made from the bundled one and scikit-image's, cut and enlarged to between one and two million pixels, as JPEG. `rates`: photographs a second
through the whole command, reading and writing included, as a share of what the bare network computes of ready squares in the same process, with
`threads` threads for it and the rest of the machine for the files; the two take turns, the median of the shares counts. `memory`: resident memory, in MB, after a tenth
of the folder and at its end. `large`: the peak of a process of its own that predicts one photograph of twelve million pixels, with everything that can be written. On a quiet machine.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from provenance import provenance
from skimage import data

from depthsense.cli import BUNDLED, plan, predict_files
from depthsense.prediction import as_model

KINDS = (("npy",), ("png",), ("png", "color"))


def photographs(folder, n, seed=0):
    "Write `n` photographs of 1 to 2 MP, no two alike"
    random = np.random.default_rng(seed)
    sources = [Image.open(BUNDLED).convert("RGB"), *[Image.fromarray(getattr(data, o)()) for o in ("coffee", "astronaut", "chelsea", "rocket")]]
    for i in range(n):
        source, share = sources[i % len(sources)], random.uniform(.6, 1, 2)
        width, height = (share*source.size).astype(int)
        left, top = random.integers(0, np.array(source.size)-(width, height)+1)
        pixels, shape = random.uniform(1e6, 2e6), random.choice([3/4, 4/3, 3/2])
        size = round((pixels*shape)**.5), round((pixels/shape)**.5)
        source.crop((left, top, left+width, top+height)).resize(size, Image.Resampling.BICUBIC).save(folder/f"{i:04d}.jpg", quality=90)


def resident():
    "Memory that the process holds now, in MB"
    return int(Path("/proc/self/statm").read_text().split()[1])*os.sysconf("SC_PAGE_SIZE")/1e6


def bare_rate(network, seconds=3., size=224):
    "Pictures a second that the network computes of ready squares"
    square, done, begin = torch.rand(1, 3, size, size), 0, time.perf_counter()
    with torch.no_grad():
        while (took := time.perf_counter()-begin) < seconds: network(square); done += 1
    return done/took


def folder_rate(folder, out, kinds, n):
    "Pictures a second of `n` photographs through the command's own generator, and what memory it holds after a tenth and at the end"
    jobs, memory = plan([folder], out)[:n], []
    begin = time.perf_counter()
    for i, record in enumerate(predict_files(jobs, kinds), 1):
        assert "error" not in record, record
        if i in (max(1, n//10), n): memory.append(round(resident()))
    return n/(time.perf_counter()-begin), memory


def rates(folder, out, n, rounds):
    "For each set of kinds: the share of the bare network's rate, by turns"
    network, rows = as_model("small"), []
    folder_rate(folder, out, ("npy",), 10), bare_rate(network, 1)
    for kinds in KINDS:
        turns = []
        for _ in range(rounds):
            bare = [bare_rate(network)]
            whole, memory = folder_rate(folder, out, kinds, n)
            bare.append(bare_rate(network))
            turns.append((whole/statistics.mean(bare), whole, statistics.mean(bare), memory))
        share, whole, bare, memory = sorted(turns)[len(turns)//2]
        rows.append(dict(save=",".join(kinds), share=round(share, 3), pictures_per_second=round(whole, 1), bare_per_second=round(bare, 1), memory=memory))
        print(rows[-1], flush=True)
    return rows


def large(folder, out):
    "Peak memory, in MB, of the command on one photograph of 12 MP"
    Image.open(BUNDLED).convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC).save(folder/"large.jpg", quality=90)
    # not ru_maxrss: a process inherits that of the one which started it
    code = "import re, sys; from depthsense.cli import app; app(sys.argv[1:], standalone_mode=False); print(re.search(r'VmHWM:\\s*([0-9]+)', open('/proc/self/status').read())[1])"
    found = {}
    for save in ("png,color", "png,color,side,npy,pfm,exr,ply,glb"):
        line = ["predict", str(folder/"large.jpg"), "--out", str(out), "--save", save]
        done = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=True)
        found[save] = round(int(done.stdout.split()[-1])/1000)
        print("12 MP", save, found[save], "MB", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--rate-n", type=int, default=250, help="photographs of a turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--note", default="", help="what was special about the run")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary, "photographs"), Path(temporary, "maps")
        folder.mkdir()
        photographs(folder, args.n)
        rows = rates(folder, out, min(args.rate_n, args.n), args.rounds)
        rate, memory = folder_rate(folder, out, ("png", "color"), args.n)
        peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1000)
        print(f"{args.n} photographs, {rate:.1f} a second, memory {memory} MB, peak {peak} MB", flush=True)
        result = dict(rates=rows, memory=dict(n=args.n, after_a_tenth=memory[0], at_the_end=memory[-1], peak=peak), large=large(Path(temporary), out))
    about = provenance(f"python benchmarks/folder.py --n {args.n} --rate-n {args.rate_n} --threads {args.threads} --rounds {args.rounds}", threads=args.threads)
    if args.note: about["note"] = args.note
    if args.json: args.json.write_text(json.dumps(about | result, indent=1)+"\n")


if __name__ == "__main__": main()
