"""From a finished run to what a release ships: the weights, their log, and every number said of them.

    python benchmarks/release.py runs/small --commit COMMIT [--zero-shot]
    python benchmarks/release.py runs/closer --recipe closer --commit COMMIT --weights runs/halfway.safetensors --zero-shot    # the weights come from elsewhere
    python benchmarks/release.py runs/further --recipe further --commit COMMIT --log-only    # a run that is told of and not shipped

Copies `best.safetensors` to depthsense/weights/ and the log to results/, and writes results/RECIPE.json (the run) and results/val.json (WHDR, SSIM and
MSE of the network and of the predictors that never look). With --zero-shot also results/zero_shot.json: those pictures are looked at once a release,
never to choose by. `COMMIT` is the code that trained. README.md and the model card are then made by `python .ci/gate.py --update`.
"""
import argparse
import json
import shutil
from pathlib import Path

import torch
from provenance import provenance
from torch.utils.flop_counter import FlopCounterMode

from depthsense.evaluation import evaluate_pairs, evaluate_redweb
from depthsense.models.hub import load_model

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT/"results"


def write(name, **content): (RESULTS/name).write_text(json.dumps(content, indent=1)+"\n", encoding="utf-8")


def multiply_adds(model, size):
    "Of one picture, forward: half of what torch counts as operations"
    with torch.no_grad(), FlopCounterMode(display=False) as counter: model(torch.zeros(1, 3, size, size))
    return counter.get_total_flops()//2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--name", default="small", help="of the checkpoint")
    parser.add_argument("--recipe", help="of the run; without it, the checkpoint's name")
    parser.add_argument("--commit", required=True, help="of the code that trained it")
    parser.add_argument("--note", default="", help="what else a reader should know of the run")
    parser.add_argument("--ran", help="what was run, where it was no recipe of RECIPES")
    parser.add_argument("--weights", type=Path, help="ship these in place of the run's best")
    parser.add_argument("--log-only", action="store_true", help="keep the log and the run's numbers, ship no weights")
    parser.add_argument("--zero-shot", action="store_true", help="look at the pictures kept for releases as well")
    args = parser.parse_args()
    recipe = args.recipe or args.name
    if not args.log_only: shutil.copyfile(args.weights or args.run/"best.safetensors", ROOT/"depthsense"/"weights"/f"{args.name}.safetensors")
    shutil.copyfile(args.run/"log.jsonl", RESULTS/f"{recipe}_log.jsonl")
    config = json.loads((args.run/"config.json").read_text(encoding="utf-8"))
    log = [json.loads(o) for o in (RESULTS/f"{recipe}_log.jsonl").read_text(encoding="utf-8").splitlines()]
    model,best = load_model(args.run),min((o for o in log if "whdr" in o), key=lambda o: o["whdr"])
    write(f"{recipe}.json", parameters=sum(o.numel() for o in model.parameters()), multiply_adds=multiply_adds(model, config["size"]),
        epochs=config["settings"]["epochs"], minutes=round(log[-1]["seconds"]/60), best=best, recipe=config["recipe"], settings=config["settings"],
        **provenance(args.ran or f"depthsense train --data ReDWeb_V1 --out runs/{recipe} --recipe {recipe}", config["settings"]["seed"]) | dict(commit=args.commit, note=args.note))
    if args.log_only: return
    models = [args.name, "row", "mean", "constant"]
    named = " ".join(f"--model {o}" for o in models)
    write("val.json", **evaluate_redweb(models, split="val"), **provenance(f"depthsense evaluate --data ReDWeb_V1 --split val {named}"))
    if not args.zero_shot: return
    write("zero_shot.json", **evaluate_pairs([args.name, "row", "constant"]), **provenance(f"depthsense evaluate --data zero_shot --model {args.name} --model row --model constant"))


if __name__ == "__main__": main()
