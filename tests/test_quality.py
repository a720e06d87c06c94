"What asking often is worth, on pairs of ReDWeb's `val`"
import numpy as np
import pytest

from depthsense.data.datasets import ReDWeb, find_redweb
from depthsense.evaluation import photo_of, score_relative, seed_of
from depthsense.prediction import as_model
from depthsense.quality import best_disparity

pytest.importorskip("skimage", reason="needs the extra `evaluate`")
try: find_redweb()
except ValueError as e: pytest.skip(f"needs ReDWeb: {e}", allow_module_level=True)


def test_edges_and_order():
    "Of six pairs, far fewer neighbours across a jump are turned round, and the order of points is no worse"
    network, val = as_model("small"), ReDWeb(split="val")
    gain = []
    for i in range(3, 400, 70):
        sample = val[i]
        target, mask = sample["target"][0].numpy(), sample["mask"][0].numpy()
        maps = [best_disparity(network, photo_of(sample), 224, **o) for o in (dict(mirror=False, scales=(), grids=()), {})]
        once, often = [score_relative(o, target, mask, seed_of(val.names[i]), metrics=["whdr", "d3r"]) for o in maps]
        gain.append([once[o]-often[o] for o in ("whdr", "d3r")])
    whdr, d3r = np.mean(gain, axis=0)
    assert whdr > -.005 and d3r > .02
