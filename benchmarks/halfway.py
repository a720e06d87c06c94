"""What lies between two networks, from the weights of one to those of the other: order and outlines

    python benchmarks/halfway.py runs/small runs/closer --json results/halfway.json
    python benchmarks/halfway.py runs/small runs/closer --keep runs/halfway.safetensors    # the network in the middle

WHDR, D3R and boundary F1 on all pairs of ReDWeb's `val` (DEPTHSENSE_REDWEB), for five shares of the second network. `change`: what the middle has more
than the first network, with half the width of its 95 % interval over the pictures.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from provenance import provenance
from teachers import marks

from depthsense.data.datasets import ReDWeb
from depthsense.models.hub import find_checkpoint, read_about, save_model
from depthsense.training.redweb import evaluate_whdr
from depthsense.training.teachers import mix_weights

SHARES = 0., 0.25, 0.5, 0.75, 1.
SCORES = "whdr", "d3r", "boundary_f1"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", help="a checkpoint, as load_model takes it")
    parser.add_argument("second", help="another one of the same form")
    parser.add_argument("--keep", type=Path, help="write the network in the middle to this .safetensors file")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args()
    names = [args.first, args.second]
    val = ReDWeb(None, "val")
    if args.keep:
        model, about = mix_weights(names).eval(), read_about(find_checkpoint(args.second))
        kept = {k: about[k] for k in ("size", "recipe")} | dict(mean_of=[f"runs/{Path(o).stem}" for o in names])
        save_model(model, args.keep, **kept, **evaluate_whdr(model, val, about["size"]))
    if not args.json: return
    found = {o: marks(mix_weights(names, [1-o, o]).eval(), val, range(len(val)), SCORES) for o in SHARES}
    more = found[0.5]-found[0.]
    half = 1.96*np.nanstd(more, 0, ddof=1)/np.isfinite(more).sum(0)**0.5
    res = dict(shares={str(k): dict(zip(SCORES, np.nanmean(v, 0).tolist())) for k, v in found.items()},
        change={k: dict(mean=float(a), half=float(b)) for k, a, b in zip(SCORES, np.nanmean(more, 0), half)}, n=len(val))
    text = json.dumps(res | provenance(f"python benchmarks/halfway.py runs/{Path(args.first).stem} runs/{Path(args.second).stem} --json results/halfway.json"), indent=1)
    args.json.write_text(text+"\n", encoding="utf-8")
    print(text)


if __name__ == "__main__": main()
