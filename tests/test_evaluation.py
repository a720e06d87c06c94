"Facts about models on ReDWeb's real files, and about several processes: chapter 60 has the code, these tests hold what it finds there"
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
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


# Several processes ----------------------------------------------------------------------------------------------------

REPO = Path(__file__).parents[1]
WORKER = """
import json, os, sys
import torch.distributed as dist
from depthsense.evaluation import evaluate
dist.init_process_group("gloo")
results = evaluate(["small", "row", "pred:maps"], "tiny", "all", progress=False, device="cpu", work="kept.jsonl")
mine = sum(1 for _ in open("kept.jsonl" if not dist.get_rank() else f"kept.{dist.get_rank()}.jsonl"))
with open(f"said{dist.get_rank()}.json", "w") as file: json.dump(dict(backend=dist.get_backend(), world=dist.get_world_size(), lines=mine, results=results), file)
dist.destroy_process_group()
"""


def numbers(o, path=""):
    "Every number in a result, by where it stands"
    if isinstance(o, dict): return {k: v for key, value in o.items() for k, v in numbers(value, f"{path}/{key}").items()}
    if isinstance(o, list): return {k: v for i, value in enumerate(o) for k, v in numbers(value, f"{path}/{i}").items()}
    return {path: float(o)} if isinstance(o, (int, float)) and not isinstance(o, bool) else {}


def five_pictures(folder):
    "A ReDWeb of five drawn pictures, and finished maps of four"
    rng = np.random.default_rng(0)
    for o in ("Imgs", "RDs"): (folder/"tiny"/o).mkdir(parents=True)
    (folder/"maps").mkdir()
    for i in range(5):
        depth = (np.linspace(250, 0, 48)[:,None]+20*rng.random((48, 64))).clip(0, 255).astype("uint8")
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype="uint8")).save(folder/"tiny"/"Imgs"/f"{i}.jpg")
        Image.fromarray(depth).save(folder/"tiny"/"RDs"/f"{i}.png")
        if i!=3: np.save(folder/"maps"/f"{i}.npy", 255.-depth)
    return folder


def torchrun(*args, cwd):
    env = {k: v for k, v in os.environ.items() if k not in ("WORLD_SIZE", "RANK")} | dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.run([*start, *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def test_two_processes_give_the_numbers_of_one(tmp_path, monkeypatch):
    "Two real processes over gloo, each with its share of the pictures, and both with all results"
    monkeypatch.chdir(five_pictures(tmp_path))
    Path("worker.py").write_text(WORKER)
    done = torchrun("worker.py", cwd=tmp_path)
    assert done.returncode==0, done.stderr[-2000:]
    said = [json.loads(Path(f"said{i}.json").read_text()) for i in range(2)]
    assert [(o["backend"], o["world"]) for o in said]==2*[("gloo", 2)]
    assert said[0]["results"]==said[1]["results"]
    assert [o["lines"] for o in said]==[3*3-0, 2*3-1] # pictures 0, 2, 4 and 1, 3; of the third there is no map
    alone = evaluate(["small", "row", "pred:maps"], "tiny", "all", progress=False, device="cpu")
    one,two = numbers(alone),numbers(said[0]["results"])
    assert one.keys()==two.keys() and len(one)>20
    assert max(abs(one[k]-two[k]) for k in one)<1e-6
    assert [o["picture"] for o in alone["pred:maps"]["errors"]]==["3.jpg"]==[o["picture"] for o in said[0]["results"]["pred:maps"]["errors"]]


def test_command_in_two_processes(tmp_path, monkeypatch):
    "One table, one file, and the exit code; and one process goes on from what two have kept"
    monkeypatch.chdir(five_pictures(tmp_path))
    line = "-m depthsense evaluate --data tiny --split all --model row --model constant --json scores.json".split()
    done = torchrun(*line, cwd=tmp_path)
    assert done.returncode==0, done.stderr[-2000:]
    assert done.stdout.count("| row |")==1
    two = json.loads(Path("scores.json").read_text())
    assert {o.name for o in tmp_path.glob("scores.pictures*")}=={"scores.pictures.jsonl", "scores.pictures.1.jsonl"}
    told = []
    alone = evaluate(["row", "constant"], "tiny", "all", progress=False, work="scores.pictures.jsonl", say=told.append)
    assert told==["10 of 10 scores are in scores.pictures.jsonl already"]
    assert {k: two[k] for k in alone}==json.loads(json.dumps(alone))


# Killed in the middle -------------------------------------------------------------------------------------------------

PAIRS = 12


def some_of(root, folder):
    "A ReDWeb of the first few pairs of val, as links"
    for o in ("Imgs", "RDs"): (folder/o).mkdir(parents=True)
    for name in ReDWeb(root, "val").names[:PAIRS]:
        for o in (Path("Imgs")/name, Path("RDs")/f"{Path(name).stem}.png"): (folder/o).symlink_to(Path(root).resolve()/o)


def test_killed_and_gone_on_with(root, tmp_path):
    "SIGKILL leaves no time to tidy up; the next start does the rest and nothing else, and the numbers are those of one run"
    some_of(root, tmp_path/"few")
    env = {k: v for k, v in os.environ.items() if k not in ("WORLD_SIZE", "RANK")} | dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    def line(out): return [sys.executable, "-m", "depthsense", "evaluate", *f"--data few --split all --model row --model small --json {out}.json".split()]
    kept, total = tmp_path/"stopped.pictures.jsonl", 2*PAIRS
    def lines(): return kept.read_bytes().count(b"\n") if kept.exists() else 0
    with subprocess.Popen(line("stopped"), cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        while first.poll() is None and lines() < 5: time.sleep(.002)
        first.kill()
    had = lines()
    assert first.returncode < 0 and 5 <= had < total and not (tmp_path/"stopped.json").exists()
    kept.write_bytes(kept.read_bytes()[:kept.read_bytes().rfind(b"\n")+1]+b'{"picture": "torn')
    second, whole = [subprocess.run(line(o), cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600) for o in ("stopped", "whole")]
    assert second.returncode == whole.returncode == 0, second.stderr[-2000:]+whole.stderr[-2000:]
    assert f"{had} of {total} scores are in stopped.pictures.jsonl already" in second.stderr
    assert json.loads((tmp_path/"stopped.json").read_text()) == json.loads((tmp_path/"whole.json").read_text())
    assert lines() == total and second.stdout == whole.stdout
