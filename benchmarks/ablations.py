"""What each loss, more pairs and more pictures are worth: short runs on ReDWeb that differ in one thing

    python benchmarks/ablations.py --list                      # the rows, and which of them have been run
    python benchmarks/ablations.py --json results/ablations.json             # run what is missing; Ctrl-C, and the same line goes on
    python benchmarks/ablations.py --json FILE "l1, seed 2" "* pairs*"       # run these again

Needs ReDWeb (`--data`, or DEPTHSENSE_REDWEB). A row is a run of the recipe `laptop` for three epochs of 128 pixels, scored on `val`. The main table has
six losses and three seeds each. Of every other loss that `depthsense.losses.LOSSES` lists, a tenth is added to the improved ranking loss. Two processes may
share the work: rows already begun by another are passed over.
"""
import argparse
import fcntl
import json
import shutil
import sys
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import torch
from provenance import provenance

from depthsense.losses import LOSSES
from depthsense.training.loop import write_text
from depthsense.training.redweb import RECIPES, train_redweb

BEST = "improved_ranking"
MAIN = dict(l1=dict(l1=1.), l2=dict(l2=1.), ranking=dict(ranking=1.), improved_ranking={BEST: 1.},
            structure_guided=dict(structure_guided=1., gradient_matching=0.2), affine_invariant=dict(affine_invariant=1.))
PAIRS, PICTURES = (1, 100, 1000, 6000), (360, 900, 1800)
ADDED = [o for o in LOSSES if o not in MAIN]


def rows():
    "Name of each run, and what in it differs"
    def recipe(weights, seed=0, **more):
        laptop = RECIPES["laptop"]
        return replace(laptop, loss=weights, settings=replace(laptop.settings, epochs=3, validate_every=3, seed=seed), **more)
    main = {f"{o}, seed {seed}": recipe(MAIN[o], seed) for seed in range(3) for o in MAIN}
    added = {f"{BEST} + 0.1 {o}, seed 0": recipe({BEST: 1., o: 0.1}) for o in ADDED}
    pairs = {f"{BEST}, {n:,} pairs, seed 0": recipe(MAIN[BEST], n=n) for n in PAIRS}
    pictures = {f"{BEST}, {n:,} pictures, seed 0": recipe(MAIN[BEST], pictures=n) for n in PICTURES}
    active = {f"{BEST}, ReLU inside the output, seed 0": recipe(MAIN[BEST], activation=True)}
    return main | added | pairs | pictures | active


def run(name, recipe, data, folder, progress, cache=None):
    "A row: the run, from its beginning or from where it was left"
    log = train_redweb(data, folder, recipe, progress, cache=cache)
    shutil.rmtree(folder/"last")
    weights = " + ".join(k if w==1 else f"{w:g} {k}" for k, w in recipe.loss.items())
    terms = {k: log[k] for k in log if k.startswith("loss/")}
    return dict(name=name, loss=weights, whdr=log["whdr"], unexplained=log["unexplained"], n=log["n"], seconds=log["seconds"], steps=log["step"],
                pairs=recipe.n, pictures=recipe.pictures or 2800, size=recipe.size, terms=terms)


def read(path): return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def store(path, row, names):
    "Put a row in its place in the file, in the order of `names`, while no other process does"
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = {o["name"]: o for o in read(path)} | {row["name"]: row}
        order = [*names, *known]
        text = json.dumps(sorted(known.values(), key=lambda o: order.index(o["name"])), indent=1)
        write_text(path, text+"\n")


def main(doc, rows, file, run=run):
    "A queue of runs: `rows` are recipes by name, `run` makes of one what `file` of results/ keeps of it"
    script = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="rows to run again, * for any text; none: those that are missing")
    parser.add_argument("--json", type=Path, default=Path("results")/file)
    parser.add_argument("--runs", type=Path, default=Path("runs")/Path(file).stem, help="folder of the run folders")
    parser.add_argument("--data", help="ReDWeb; else DEPTHSENSE_REDWEB")
    parser.add_argument("--cache", type=Path, help="file that keeps the pictures decoded, made if it is not there; the weights are the same")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="only say which rows there are")
    parser.add_argument("--quiet", action="store_true", help="no bar")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    done = {o["name"]: o for o in read(args.json)}
    wanted = {k: o for k, o in rows.items() if (any(fnmatch(k, p) for p in args.names) if args.names else args.list or k not in done)}
    if args.names and not wanted: parser.error(f"no row is called {args.names}; --list shows them")
    for name, recipe in wanted.items():
        if args.list:
            print(f"{done[name]['whdr']:.2%}" if name in done else "not run", name, sep="   ")
            continue
        folder = args.runs/name.replace(" ", "_").replace(",", "")
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder/"lock", "w") as lock:
            try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError: continue
            if not args.names and name in {o["name"] for o in read(args.json)}: continue
            row = run(name, recipe, args.data, folder, not args.quiet, args.cache)
            row |= provenance(f'python benchmarks/{script} --json results/{file} "{name}"', recipe.settings.seed, threads=torch.get_num_threads())
            store(args.json, row, rows)
        print(f"{row['whdr']:.2%}   {name}   {row['seconds']/60:.1f} minutes", flush=True)


if __name__ == "__main__": main(__doc__, rows(), "ablations.json")
