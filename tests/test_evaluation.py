"Facts about models on ReDWeb's real files: chapter 60 has the code, these tests hold what it finds there"
import pytest
from torch.utils.data import Subset

from depthsense.data.datasets import ReDWeb, find_redweb
from depthsense.evaluation import evaluate, evaluate_redweb, results_table
from depthsense.models.hub import checkpoint_names, load_model

EVERY = 25 # 16 pictures of val


@pytest.fixture(scope="module")
def root():
    try: return find_redweb()
    except ValueError: pytest.skip("ReDWeb is not at hand: set DEPTHSENSE_REDWEB")


@pytest.fixture(scope="module")
def results(root):
    models = ["constant", "row", *(["small"] if "small" in checkpoint_names() else [])]
    return evaluate_redweb(models, root, "val", device="cpu", every=EVERY, progress=False)


def test_lines_to_beat(results):
    assert results["constant"]["whdr"] == 1
    assert 0.20 < results["row"]["whdr"] < 0.33
    assert results["row"]["n"] == len(range(0, 400, EVERY))
    assert results["row"]["mse"] < results["constant"]["mse"]


def test_small_beats_the_row_prior(results):
    if "small" not in results: pytest.skip("the package has no checkpoint named small")
    assert results["small"]["whdr"] < results["row"]["whdr"]-0.03
    assert results["small"]["mse"] < results["row"]["mse"]


def test_scores_do_not_depend_on_company(root, results):
    alone = evaluate(["row"], root, "val", every=EVERY, progress=False)
    assert alone["row"] == results["row"]
    assert "| row | " in results_table(alone)


def test_training_measures_the_same(root, results):
    "The score in a training log differs by its pairs and by how the photograph is made small, hardly by its value"
    if "small" not in results: pytest.skip("the package has no checkpoint named small")
    redweb = pytest.importorskip("depthsense.training.redweb", reason="needs the extra `train`")
    val = ReDWeb(root, "val")
    score = redweb.evaluate_whdr(load_model("small"), Subset(val, range(0, len(val), EVERY)), results["small"]["model"]["size"])
    assert abs(score["whdr"]-results["small"]["whdr"]) < 0.005
