"""The ReDWeb speedrun: how many minutes of learning to a WHDR of 15 %, of 13 %, and to the best of a run

    python benchmarks/speedrun.py --list                                            # the entries
    python benchmarks/speedrun.py --check                                           # every entry again, from its log
    python benchmarks/speedrun.py "my idea" --recipe small --commit HEAD --data DIR # a new entry: trains, and appends a row
    python benchmarks/speedrun.py "first small" --data DIR                          # an entry once more, at its commit, on this machine
    python benchmarks/speedrun.py "my idea" --add runs/mine --commit 1a2b3c4        # an entry from a run folder that is finished

An entry is a commit and a recipe of it. It is run in a copy of that commit, in the folder `--runs`; Ctrl-C, and the same line goes on. Logs are kept in
results/speedrun, rows in results/speedrun.json. Chapter 56 has the rules.
"""
import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch
from provenance import provenance

from depthsense.training.loop import write_text

ROOT = Path(__file__).resolve().parent.parent
LIMITS = 0.15, 0.13
KEPT = "minutes", "whdr", "to", "epochs"  # what a log decides


def read_lines(path):
    "A log's lines, or an error if it cannot be one of a run on ReDWeb"
    lines = [json.loads(o) for o in path.read_text(encoding="utf-8").splitlines()]
    scored = [o for o in lines if "whdr" in o]
    if not scored: raise ValueError(f"a speedrun wants a log with a score, got {len(lines)} lines without one in {path}")
    if {o["n"] for o in scored}!={400}: raise ValueError(f"a speedrun is scored on the 400 pictures of val, and {path} on {sorted({o['n'] for o in scored})}")
    for key in ("step", "seconds"):
        values = [o[key] for o in lines]
        if values!=sorted(values): raise ValueError(f"a speedrun's log goes forward, and {key} does not in {path}")
    return lines


def minutes_to(lines, limit):
    "Minutes of learning up to the first score at or below a limit; None: there is none"
    return next((round(o["seconds"]/60, 1) for o in lines if o.get("whdr", 1)<=limit), None)


def measured(lines):
    "What a log says: the best score, the minutes it took, and those to each limit"
    best = min(o["whdr"] for o in lines if "whdr" in o)
    return dict(minutes=minutes_to(lines, best), whdr=best, to={f"{o:g}": minutes_to(lines, o) for o in LIMITS}, epochs=lines[-1]["epoch"])


def differences(row, results):
    "What in a row its log does not say"
    now = measured(read_lines(results/row["log"]))
    return [f"{k} is {row.get(k)}, and the log says {now[k]}" for k in KEPT if row.get(k)!=now[k]]


def entry(name, log, config, commit, command, results, **origin):
    "A row from a run's log, which is kept beside the others"
    lines, kept = read_lines(log), Path("speedrun")/f"{name.replace(' ', '_').replace(',', '')}.jsonl"
    (results/kept.parent).mkdir(parents=True, exist_ok=True)
    write_text(results/kept, log.read_text(encoding="utf-8"))
    recipe = config.get("recipe", {})
    row = dict(name=name, log=str(kept)) | measured(lines) | dict(network=config.get("network"), size=recipe.get("size")) | provenance(command, config["settings"]["seed"]) | origin
    return row | dict(commit=commit)


def append(row, path):
    "One more row, or a row made anew"
    rows = [o for o in read(path) if o["name"]!=row["name"]]
    write_text(path, json.dumps([*rows, row], indent=1)+"\n")


def read(path): return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def git(*args): return subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def hardware():
    "The card where there is one, otherwise the processor"
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"{len(cards)} {cards[0]}" if cards else provenance("")["machine"]


def train(commit, recipe, data, folder):
    "Train a commit's recipe with that commit's code; what was begun goes on"
    code, run = folder/"code", folder/"run"
    if not code.exists(): git("worktree", "add", "--detach", str(code.resolve()), commit)
    command = ["train", "--out", str(run.resolve()), "--recipe", recipe, *(["--data", str(Path(data).resolve())] if data else [])]
    subprocess.run([sys.executable, "-m", "depthsense", *command], cwd=code, env=os.environ | dict(PYTHONPATH=str(code.resolve())), check=True)
    git("worktree", "remove", "--force", str(code.resolve()))
    return run


def table(rows):
    "Fastest to the first limit first"
    def minutes(o): return "–" if o is None else f"{o:g}"
    def order(o): return [1e9 if o["to"][f"{k:g}"] is None else o["to"][f"{k:g}"] for k in LIMITS]
    head = ["entry", *(f"minutes to {o:.0%}" for o in LIMITS), "best", "minutes to it", "hardware", "seed", "commit", "date"]
    lines = [[o["name"], *(minutes(o["to"][f"{k:g}"]) for k in LIMITS), f"{o['whdr']:.2%}", minutes(o["minutes"]), o["machine"], o["seed"], o["commit"], o["date"]] for o in sorted(rows, key=order)]
    return head, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="of an entry, new or to be run once more")
    parser.add_argument("--list", action="store_true", help="the entries")
    parser.add_argument("--check", action="store_true", help="make every row again from its log")
    parser.add_argument("--recipe", help="of a new entry")
    parser.add_argument("--commit", help="of a new entry; an old one has its own")
    parser.add_argument("--add", type=Path, help="a run folder that is finished, in place of a training")
    parser.add_argument("--hardware", help="what it ran on; without it, this machine")
    parser.add_argument("--data", help="ReDWeb; else DEPTHSENSE_REDWEB")
    parser.add_argument("--runs", type=Path, default=Path("runs/speedrun"), help="folder of the run folders")
    parser.add_argument("--json", type=Path, default=ROOT/"results"/"speedrun.json")
    args = parser.parse_args()
    rows, results = read(args.json), args.json.parent
    known = {o["name"]: o for o in rows}
    if args.list or args.check:
        for o in [table(rows)[0], *table(rows)[1]] if args.list else []: print("   ".join(map(str, o)))
        wrong = [f"{o['name']}: {'; '.join(said)}" for o in rows if args.check and (said := differences(o, results))]
        if args.check: print("\n".join(wrong) or f"{len(rows)} rows, each as its log says")
        sys.exit(bool(wrong))
    if not args.name: parser.error("wants the name of an entry, or --list, or --check")
    old = known.get(args.name, {})
    commit, recipe = old.get("commit") or args.commit, old.get("recipe") or args.recipe
    if not commit or not (recipe or args.add): parser.error(f"{args.name!r} is a new entry, which wants --commit and --recipe or --add")
    commit, name = git("rev-parse", "--short", commit), args.name
    if old: name += f", again on {datetime.now(UTC).date().isoformat()}"
    try:
        run = args.add or train(commit, recipe, args.data, args.runs/args.name.replace(" ", "_"))
        config = json.loads((run/"config.json").read_text(encoding="utf-8"))
        row = entry(name, run/"log.jsonl", config, commit, f"depthsense train --data ReDWeb_V1 --out runs/mine --recipe {recipe}", results, machine=args.hardware or hardware(), recipe=recipe)
    except (ValueError, OSError, subprocess.CalledProcessError) as e: sys.exit(f"speedrun: {e}")
    append(row, args.json)
    print({k: row[k] for k in ("name", *KEPT)})


if __name__ == "__main__": main()
