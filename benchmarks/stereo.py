"""How well two views give a depth: drawn pairs with exact disparity, and ReDWeb as a witness.

    python benchmarks/stereo.py --json results/stereo.json

`drawn`: both methods on thirty drawn stereo pairs, before and after the left-right check. `witness`: how often lower is nearer in ReDWeb's maps, which people have
looked through. `sky`: the guess of sky against ReDWeb's own. The last two need ReDWeb (DEPTHSENSE_REDWEB) and look at `train` and `val`.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from provenance import provenance

from depthsense.data import scenes, stereo
from depthsense.data.datasets import ReDWeb


def drawn_pair(seed, kind, size=(300, 420), nearest=25):
    "Two views of a drawn scene, `nearest` pixels apart at the nearest thing, and the left one's disparity"
    scene = scenes.KINDS[kind](np.random.default_rng(seed))
    left, depth = scenes.render(scene, size)
    camera, focal = scene.camera, scenes.focal_length(scene.camera, size[1])
    apart, angle = nearest*depth.min()/focal, np.radians(scene.camera.turn)
    right, _ = scenes.render(scene._replace(camera=camera._replace(x=camera.x+apart*np.cos(angle), z=camera.z-apart*np.sin(angle))), size)
    return left, right, focal*apart/depth


def measure(disparity, mask, true):
    return mask.mean(), (abs(disparity-true)[mask] > 1).mean()


def drawn():
    pairs, found = [drawn_pair(seed, kind) for kind in scenes.KINDS for seed in range(10)], {}
    for method in stereo.METHODS:
        rows = []
        for left, right, true in pairs:
            disparity, mask, _ = stereo.stereo_disparity(left, right, method)
            rows.append([*measure(disparity, np.isfinite(disparity), true), *measure(disparity, mask, true)])
        a, b, c, d = np.mean(rows, 0).round(4).tolist()
        found[method] = dict(before=dict(share=a, bad1=b), after=dict(share=c, bad1=d), n=len(pairs))
    return found


def relative_depth(data, i): return np.array(Image.open(data.root/"RDs"/f"{Path(data.names[i]).stem}.png"))


def witness():
    data, values = ReDWeb(split="train"), []
    for i in range(0, len(data), 4):
        rd = relative_depth(data, i)[4::9, 4::9]
        values.append(stereo.lower_is_nearer(-rd.astype(float), rd < 255))
    v = np.array(values)
    shares = dict(silent=(v < stereo.WITNESS).mean(), odd=(v < stereo.ODD).mean(), caught=(-v < stereo.WITNESS).mean(), caught_positive=(-v < stereo.ODD).mean())
    return dict(n=len(v)) | {k: round(float(o), 4) for k, o in shares.items()}


def sky():
    data, right, guessed, there, wrong = ReDWeb(split="val"), 0, 0, 0, []
    for i in range(0, len(data), max(1, len(data)//100)):
        true = relative_depth(data, i) == 255
        with Image.open(data.root/"Imgs"/data.names[i]) as o: guess = stereo.guess_sky(np.array(o.convert("RGB").resize(true.shape[::-1])))
        right, guessed, there = right+(guess & true).sum(), guessed+guess.sum(), there+true.sum()
        if true.mean() < 0.005: wrong.append(guess.mean() > 0.02)
    return dict(precision=round(float(right/guessed), 4), recall=round(float(right/there), 4), false=round(float(np.mean(wrong)), 4), without=len(wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write here as well as print")
    args = parser.parse_args()
    stereo.opencv().setNumThreads(1)
    found = provenance("python benchmarks/stereo.py --json results/stereo.json", opencv=stereo.opencv().__version__) | dict(drawn=drawn(), witness=witness(), sky=sky())
    text = json.dumps(found, indent=1)
    print(text)
    if args.json: args.json.write_text(text+"\n")


if __name__ == "__main__": main()
