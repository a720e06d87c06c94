"The command `depthsense export` from outside, and what can be done with its file without torch"
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthsense import load_model, predict
from depthsense.cli import BUNDLED
from depthsense.data.datasets import find_redweb

onnx = pytest.importorskip("onnx", reason="needs the extra `export`")
pytest.importorskip("onnxscript", reason="needs the extra `export`")
pytest.importorskip("onnxruntime", reason="needs the extra `export`")

REPO = Path(__file__).parents[1]
HEAVY = "torch", "torchvision", "timm", "scipy", "onnx", "skimage"


def run(*args, cwd, code="pass"):
    "The command in a fresh Python, with `code` before it"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DEPTHSENSE_", "HF_"))} | dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS="1")
    done = subprocess.run([sys.executable, "-c", f"{code}; from depthsense.cli import main; main()", *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    "`small`, exported once for all that follows, at half precision"
    folder = tmp_path_factory.mktemp("export")
    done = run("export", "small", "--out", folder/"new"/"small.onnx", "--precision", "float16", cwd=folder)
    assert (done.returncode, done.stdout.strip()) == (0, str(folder/"new"/"small.onnx")), done.stderr
    assert done.stderr.startswith("float16, ") and done.stderr.count("\n") == 1
    assert [o.name for o in (folder/"new").iterdir()] == ["small.onnx"]
    return folder/"new"/"small.onnx"


def test_form(made):
    "One file under 10 MB, with the two ends that were agreed on, and its own description"
    proto = onnx.load(made)
    onnx.checker.check_model(proto)
    assert made.stat().st_size < 1e7
    assert [o.name for o in proto.graph.input] == ["image"] and [o.name for o in proto.graph.output] == ["disparity"]
    assert {o.key: o.value for o in proto.metadata_props}.items() >= dict(model="small", version="0.1.0", sign="disparity, larger is nearer", size="224", precision="float16").items()
    assert "WEIGHTS_LICENSE" in load_model(made).about["licence"]


def test_predict_without_torch(made, tmp_path):
    "The same map, from a command that never imported what is slow to import"
    report = f"import atexit, sys; atexit.register(lambda: print(*{{*{HEAVY}}} & {{*sys.modules}}, file=sys.stderr))"
    Image.open(BUNDLED).crop((0, 0, 301, 200)).save(tmp_path/"part.png")
    done = run("predict", "part.png", "--model", made, "--save", "npy,color", "--json", cwd=tmp_path, code=report)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert json.loads(done.stdout)["size"] == 224
    ours, theirs = np.load(tmp_path/"part_disparity.npy"), predict(tmp_path/"part.png").disparity
    assert ours.shape == theirs.shape == (200, 301) and np.abs(ours-theirs).max() < .02


def test_best_without_torch(made, tmp_path):
    "Asked many times, the file gives nearly what the network gives, and torch is not imported either"
    report = f"import atexit, sys; atexit.register(lambda: print(*{{*{HEAVY}}} & {{*sys.modules}}, file=sys.stderr))"
    Image.open(BUNDLED).crop((0, 0, 301, 230)).save(tmp_path/"part.png")
    done = run("predict", "part.png", "--model", made, "--save", "npy", "--quality", "best", cwd=tmp_path, code=report)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    ours, theirs = np.load(tmp_path/"part_disparity.npy"), predict(tmp_path/"part.png", quality="best").disparity
    assert ours.shape == theirs.shape == (230, 301) and np.abs(ours-theirs).max() < .03


def test_as_a_library(made):
    "An array, a list, another size; kept for the next call; a network made for a list of sizes refuses what it cannot see"
    photo = np.asarray(Image.open(BUNDLED).convert("RGB"))
    one, two = predict([photo, photo[:100]], made)
    assert (one.raw.shape, two.raw.shape, one.model) == (photo.shape[:2], (100, photo.shape[1]), str(made))
    assert np.array_equal(predict(photo, load_model(made)).raw, one.raw)
    assert np.abs(predict(photo, made, 320).raw-predict(photo, size=320).raw).max() < .05
    with pytest.raises(ValueError, match="multiples of 32"): load_model(made)(np.zeros((1, 3, 100, 96), "float32"))
    with pytest.raises(ValueError, match="device cpu"): predict(photo, made, device="cuda")


def test_evaluate_takes_it(made, tmp_path):
    "On drawn scenes the file and the checkpoint score alike"
    assert run("data", "scenes", "--out", "drawn", "--n", 4, "--height", 96, "--width", 128, cwd=tmp_path).returncode == 0
    done = run("evaluate", "--data", "drawn", "--split", "all", "--model", "small", "--model", made, "--json", "scores.json", cwd=tmp_path)
    scores = json.loads((tmp_path/"scores.json").read_text())
    assert done.returncode == 0, done.stderr
    assert abs(scores["small"]["whdr"]-scores[str(made)]["whdr"]) < .003


def test_same_whdr_on_redweb(made):
    try: root = find_redweb()
    except ValueError: pytest.skip("ReDWeb is not at hand: set DEPTHSENSE_REDWEB")
    from depthsense.evaluation import evaluate_redweb
    scores = evaluate_redweb(["small", str(made)], root, "val", device="cpu", every=40, progress=False)
    assert abs(scores["small"]["whdr"]-scores[str(made)]["whdr"]) < .001


@pytest.mark.parametrize("args, code, said", [
    (["huge", "--out", "a.onnx"], 1, "'huge'"),
    (["small", "--out", "a.pt"], 2, "wants a file ending in one of .onnx"),
    (["small", "--out", "a.onnx", "--size", "100"], 2, "multiple of 32"),
    (["small", "--out", "a.onnx", "--size", "wide"], 2, "wants dynamic or a multiple of 32"),
    (["small", "--out", "file/a.onnx"], 1, "cannot be its folder"),
    (["small", "--out", "folder.onnx"], 1, "is a folder"),
    (["notes.txt", "--out", "a.onnx"], 1, "a file of another kind"),
])
def test_wrong_words(args, code, said, tmp_path):
    (tmp_path/"folder.onnx").mkdir()
    for o in ("file", "notes.txt"): (tmp_path/o).write_text("nothing")
    done = run("export", *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr
    assert not (tmp_path/"a.onnx").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
def test_read_only_folder(tmp_path):
    (tmp_path/"shut").mkdir(mode=0o500)
    done = run("export", "small", "--out", "shut/a.onnx", cwd=tmp_path)
    assert done.returncode == 1 and "read-only" in done.stderr


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_package(package, tmp_path):
    done = run("export", "small", cwd=tmp_path, code=f"import sys; sys.modules[{package!r}] = None")
    assert (done.returncode, done.stderr) == (1, f'depthsense: export wants {package}: pip install "depthsense[export]"\n')


def test_predict_says_what_is_missing(tmp_path):
    for name in ("nowhere.onnx", "broken.onnx"):
        if name[0]=="b": (tmp_path/name).write_text("no network")
        done = run("predict", "--model", name, cwd=tmp_path)
        assert done.returncode == 1 and name in done.stderr and done.stderr.count("\n") == 1
    done = run("predict", "--model", "broken.onnx", cwd=tmp_path, code="import sys; sys.modules['onnxruntime'] = None")
    assert (done.returncode, done.stderr) == (1, 'depthsense: an .onnx file wants onnxruntime: pip install "depthsense[export]"\n')
