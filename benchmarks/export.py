"""What the exported forms of a network lose in WHDR, and how large they are.

    python benchmarks/export.py --data ReDWeb_V1 [--model small] [--every 1] [--json results/export.json]

Exports the network in every precision, and scores it beside the files on the split `val`: the same photographs, the same pairs, paired differences. One thread.
"""
import argparse
import copy
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import onnxruntime
import torch
from provenance import provenance

from depthsense.cli import BUNDLED
from depthsense.evaluation import as_predictor, differences, evaluate_redweb, network_predictor
from depthsense.export import LIMITS, as_onnx, export_notes, in_precision, written
from depthsense.models import OnnxNetwork, load_model
from depthsense.prediction import read_photo

ONE = "int8, one photograph"


def forms(name, folder, precisions=None):
    "A network's file in every precision, as `export_onnx` makes them, but torch watches only once"
    network = load_model(name)
    proto = seen(name)
    return {k: written(in_precision(copy.deepcopy(proto), o), folder/f"{k}.onnx", network, export_notes(network, name, o), check=k!=ONE) for k, o in (precisions or {o: o for o in LIMITS}).items()}


@cache
def seen(name): return as_onnx(load_model(name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("DEPTHSENSE_REDWEB"), help="ReDWeb's folder")
    parser.add_argument("--model", default="small", help="what `load_model` takes")
    parser.add_argument("--size", type=int, default=224, help="side of the square the network sees; pixels")
    parser.add_argument("--every", type=int, default=1, help="score every so many-th picture")
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        made = forms(args.model, Path(folder))
        with patch("depthsense.export.export_photos", lambda: [read_photo(BUNDLED)]):
            made[ONE] = forms(args.model, Path(folder), {ONE: "int8"})[ONE]
        models = {"torch": as_predictor(args.model, "torch", args.size, "cpu")}
        models |= {o: network_predictor(OnnxNetwork(made[o]["path"]), o, args.size, "cpu") for o in made}
        scores = evaluate_redweb(models, args.data, "val", every=args.every, progress=False)
    lost = {o["b"]: {k: -v for k, v in o["whdr"].items()} for o in differences(scores) if o["a"]=="torch"}
    rows = {}
    for name, score in scores.items():
        if score["errors"]: raise SystemExit(f"{name}: {score['errors'][:3]}")
        rows[name] = dict(whdr=score["whdr"], ci=score["ci"]["whdr"], n=score["n"])
        if name in made: rows[name] |= {k: v for k, v in made[name].items() if k!="path"} | dict(loss=lost[name]["mean"], loss_ci=[lost[name]["high"], lost[name]["low"]])
    for name, o in rows.items(): print(f"{name:8} WHDR {o['whdr']:.4f}" + (f", loss {o['loss']:+.5f}, {o['bytes']/1e6:.1f} MB" if name in made else ""))
    if args.json:
        about = provenance(f"python benchmarks/export.py --model {args.model} --size {args.size} --every {args.every}", onnxruntime=onnxruntime.__version__, model=args.model, split="val", size=args.size)
        args.json.write_text(json.dumps(about | dict(forms=rows), indent=1)+"\n", encoding="utf-8")


if __name__ == "__main__": main()
