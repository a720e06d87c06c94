"Shards in several real processes, and a training on them"
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from depthsense.data.datasets import ReDWeb, find_redweb
from depthsense.data.scenes import Scenes
from depthsense.data.streaming import ShardedPairs, write_shards
from depthsense.data.transforms import train_transform


def torchrun(script, *args, processes=2):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes), str(script), *map(str, args)]
    environment = os.environ | dict(OMP_NUM_THREADS="1", ACCELERATE_USE_CPU="true")
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=400)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    "Twelve drawn scenes in shards of 5, 5 and 2"
    folder = tmp_path_factory.mktemp("corpus")/"shards"
    index = write_shards(Scenes(12, seed=1, size=(72, 96)), folder, per_shard=5, progress=False)
    assert [o["n"] for o in index["shards"]]==[5, 5, 2]
    return folder


SHARE = '''
import json, sys, torch
from depthsense.data.streaming import ShardedPairs
torch.distributed.init_process_group("gloo")
rank,processes = torch.distributed.get_rank(),torch.distributed.get_world_size()
pairs = ShardedPairs(sys.argv[1], buffer=3)
said = dict(processes=processes, once=[o["name"] for o in pairs])
for workers in (0, 2): said[str(workers)] = [[o["name"] for o in pairs.batches(2, 0, epoch, 0, workers, rank, processes)] for epoch in range(2)]
open(f"{sys.argv[2]}/{rank}.json", "w").write(json.dumps(said))
torch.distributed.barrier()
torch.distributed.destroy_process_group()
'''


def test_two_processes_see_every_sample_once(shards, tmp_path):
    (tmp_path/"share.py").write_text(SHARE)
    done = torchrun(tmp_path/"share.py", shards, tmp_path)
    assert done.returncode==0, done.stderr[-2000:]
    first,second = [json.loads((tmp_path/f"{i}.json").read_text()) for i in range(2)]
    assert first["processes"]==second["processes"]==2
    names = Scenes(12, seed=1).names
    assert first["once"]+second["once"]==names
    for workers in ("0", "2"):
        for mine,theirs in zip(first[workers], second[workers]):
            assert len(mine)==len(theirs)==3
            assert sorted(sum(mine+theirs, []))==sorted(names)
        assert first[workers][0]!=first[workers][1]


# `fit` on shards; once the loop asks such a data set for its batches by itself, the three lines from `asked` on can go
TRAIN = '''
import sys, torch
from accelerate import Accelerator
from depthsense.data.streaming import ShardedPairs
from depthsense.data.transforms import train_transform
from depthsense.losses.ranking import RankingLoss
from depthsense.models.depthnet import DepthNet
from depthsense.training import loop
accelerator = Accelerator()
asked = loop.epoch_batches
def epoch_batches(data, settings, epoch, start=0):
    p,n = accelerator.process_index,accelerator.num_processes
    return (o for o in data.batches(settings.batch_size, settings.seed, epoch, start//n, settings.workers, p, n))
loop.epoch_batches = epoch_batches
out,stop = sys.argv[2],int(sys.argv[3])
reads = iter(range(10**6))
def transform(o, change=train_transform(64)):
    if next(reads)==stop: raise KeyboardInterrupt
    return change(o)
torch.manual_seed(0)
settings = loop.Settings(epochs=2, batch_size=2, workers=0, frozen=0.5, save_every=1)
line = loop.fit(DepthNet("test_efficientnet", 8, 8), RankingLoss(50), ShardedPairs(sys.argv[1], transform, buffer=3), out, settings, progress=False)
open(f"{out}.{accelerator.process_index}.said", "w").write(f"{accelerator.num_processes} processes, step {line['step']}")
'''


def weights(folder): return load_file(folder/"last"/"model.safetensors")


def test_a_training_on_shards_stops_and_goes_on(shards, tmp_path):
    "Twelve samples, two a step: six steps an epoch. Stopped in the middle of the second epoch, the weights in the end are those of a run without a stop"
    (tmp_path/"train.py").write_text(TRAIN)
    def run(out, stop=-1): return subprocess.run([sys.executable, str(tmp_path/"train.py"), str(shards), str(tmp_path/out), str(stop)], capture_output=True, text=True, env=os.environ | dict(OMP_NUM_THREADS="1", ACCELERATE_USE_CPU="true"), timeout=400)
    whole,stopped,again = run("whole"),run("parts", stop=19),run("parts")
    assert whole.returncode==again.returncode==0, (whole.stderr+again.stderr)[-2000:]
    assert stopped.returncode!=0 and "KeyboardInterrupt" in stopped.stderr
    steps = [[json.loads(o)["step"] for o in (tmp_path/out/"log.jsonl").read_text().splitlines()] for out in ("whole", "parts")]
    assert steps[0]==steps[1]==list(range(1, 13))
    assert (tmp_path/"parts.0.said").read_text()=="1 processes, step 12"
    assert all(torch.equal(v, weights(tmp_path/"whole")[k]) for k,v in weights(tmp_path/"parts").items())


def test_two_processes_train_on_shards(shards, tmp_path):
    (tmp_path/"train.py").write_text(TRAIN)
    done = torchrun(tmp_path/"train.py", shards, tmp_path/"run", -1)
    assert done.returncode==0, done.stderr[-2000:]
    assert [(tmp_path/f"run.{i}.said").read_text() for i in range(2)]==["2 processes, step 6"]*2


def test_redweb_from_shards_is_redweb(tmp_path):
    "Every hundredth pair, bit for bit; the photographs are the files' own bytes, so the shards are about as long as the files"
    try: data = ReDWeb(find_redweb(), "all")
    except ValueError: pytest.skip("ReDWeb is not at hand: set DEPTHSENSE_REDWEB")
    data.names = data.names[::100]
    index = write_shards(data, tmp_path/"shards", per_shard=10, progress=False)
    for i,o in enumerate(ShardedPairs(tmp_path/"shards")):
        assert o["name"]==data.names[i] and all(torch.equal(o[k], data[i][k]) for k in ("image", "target", "mask"))
    files = sum(o.stat().st_size for name in data.names for o in (data.root/"Imgs"/name, data.root/"RDs"/f"{name[:-4]}.png"))
    assert 0.8*files < sum(o["bytes"] for o in index["shards"]) < 1.3*files
    batch = next(iter(ShardedPairs(tmp_path/"shards", train_transform(64)).batches(4)))
    assert batch["image"].shape==(4, 3, 64, 64) and batch["target"].isfinite().all()


def test_a_killed_writer_leaves_no_folder(tmp_path):
    "Killed in the second shard; the same call then writes all of it"
    for o in ("Imgs", "RDs"): (tmp_path/"web"/o).mkdir(parents=True)
    for i in range(4):
        pixels = np.full((8, 8), 40*i, np.uint8)
        Image.fromarray(np.stack(3*[pixels], 2)).save(tmp_path/"web"/"Imgs"/f"{i}.jpg")
        Image.fromarray(pixels).save(tmp_path/"web"/"RDs"/f"{i}.png")
    script = ("import os, signal, sys\nfrom depthsense.data import streaming\nfrom depthsense.data.datasets import ReDWeb\nreal,calls = streaming.pair_files,iter(range(9))\n"
        "def files(*args):\n    if next(calls)==3: os.kill(os.getpid(), signal.SIGKILL)\n    return real(*args)\n"
        "streaming.pair_files = files\nstreaming.write_shards(ReDWeb(sys.argv[1], 'all'), sys.argv[2], 2)\n")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path/"web"), str(tmp_path/"shards")], capture_output=True, env=os.environ | dict(OMP_NUM_THREADS="1"), timeout=300)
    assert done.returncode==-9 and not (tmp_path/"shards").exists()
    assert [o.name for o in (tmp_path/"shards.part").iterdir() if o.stat().st_size]
    assert write_shards(ReDWeb(tmp_path/"web", "all"), tmp_path/"shards", 2, progress=False)["n"]==4
    assert sorted(o.name for o in tmp_path.iterdir())==["shards", "web"]
