"""Kill a training run at random instants, start it again, and compare with a run that nobody touched

Three kills; DEPTHSENSE_KILLS=20 makes twenty. Every run is a process of its own with a process of its own that reads, and it is killed by SIGKILL, which
nothing can catch. The processes are forks of one that has imported all there is to import, or importing would take most of the time.
"""
import json
import multiprocessing as mp
import os
import random
import resource
import signal
import time

import pytest
import torch
from safetensors.torch import load_file

from depthsense.losses.ranking import RankingLoss
from depthsense.models.depthnet import DepthNet
from depthsense.training.loop import Settings, fit, read_log, read_state

pytestmark = pytest.mark.skipif("forkserver" not in mp.get_all_start_methods(), reason="this system has no processes that fork")
KILLS = int(os.environ.get("DEPTHSENSE_KILLS", "3"))
SETTINGS = Settings(epochs=3, batch_size=2, frozen=0.2, frozen_levels=1, save_every=2, patience=2, sizes=(32, 64), color=0.3)


def exam(net):
    with torch.random.fork_rng(): images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(9))
    return dict(whdr=net(images).std().item())


class Drawn(torch.utils.data.Dataset):
    "Pictures of noise that chance changes a little each time they are read"
    def __len__(self): return 8
    def __getitem__(self, i):
        generator = torch.Generator().manual_seed(i)
        image = torch.rand(3, 64, 64, generator=generator)
        return dict(image=(image+0.1*torch.rand(3, 64, 64)).clamp(0, 1), target=image[:1], mask=image[1:2]>0.1)


def train(folder, room=None):
    "The command: the same each time"
    torch.set_num_threads(1)
    if room is not None: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    torch.manual_seed(os.getpid() if (folder/"last").exists() else 0)  # a run that goes on does not depend on the network at hand
    net = DepthNet("test_efficientnet", 8, 8)
    try: fit(net, RankingLoss(50, drop=0.25), Drawn(), folder, SETTINGS, exam, progress=False)
    except OSError as e:
        (folder.parent/f"{folder.name}.error").write_text(str(e))
        raise SystemExit(1) from None


def start(folder, *args):
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torchvision.transforms.v2", "timm", "accelerate", "depthsense.training.loop", "depthsense.models.depthnet"])
    process = context.Process(target=train, args=(folder, *args))
    process.start()
    return process


def finish(folder):
    "Run to the end; the seconds it took"
    process, began = start(folder), time.monotonic()
    process.join(900)
    assert process.exitcode==0
    return time.monotonic()-began


def files(folder): return sorted(str(o.relative_to(folder)) for o in folder.rglob("*") if o.is_file())


def told(folder): return [{k: v for k, v in o.items() if k!="seconds"} for o in read_log(folder)]


def same(folder, whole):
    "The same files; in them the same weights, bit for bit, the same numbers, the same log"
    assert files(folder)==files(whole)
    assert told(folder)==told(whole)
    for name in files(whole):
        if name.endswith(".safetensors"):
            ours, theirs = load_file(folder/name), load_file(whole/name)
            assert ours.keys()==theirs.keys() and all(torch.equal(v, theirs[k]) for k, v in ours.items()), name
        if name.endswith("state.json"):
            ours, theirs = (json.loads((o/name).read_text()) for o in (folder, whole))
            assert {k: v for k, v in ours.items() if k!="seconds"}=={k: v for k, v in theirs.items() if k!="seconds"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    "A run that nobody touched, and the seconds it takes once everything is imported"
    warm, folder = (tmp_path_factory.mktemp(o) for o in ("warm", "whole"))
    finish(warm)
    return folder, finish(folder)


def test_two_runs_are_the_same(whole, tmp_path):
    finish(tmp_path)
    same(tmp_path, whole[0])
    assert [o["epoch"] for o in told(tmp_path) if "whdr" in o][-1]<=SETTINGS.epochs


def test_killed_at_any_instant(whole, tmp_path):
    "Each kill hits a run on its way, at an instant that chance picks; the next start ends as if nothing had happened"
    chance, folder_whole, seconds = random.Random(0), *whole
    killed, stood = 0, set()
    for turn in range(10*KILLS):
        folder = tmp_path/str(turn)
        folder.mkdir()
        process = start(folder)
        process.join(chance.uniform(0, seconds))
        if process.exitcode is not None: continue  # it was faster this time
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        if process.exitcode==0: continue  # it ended while it was aimed at
        assert process.exitcode==-signal.SIGKILL
        stood.add(tuple(o for o in files(folder) if "/" not in o or o.endswith("state.json")))
        finish(folder)
        same(folder, folder_whole)
        killed += 1
        if killed==KILLS: break
    assert killed==KILLS
    print(f"{killed} kills, which left {len(stood)} different sets of files")


def test_no_room(whole, tmp_path):
    "Files may grow to 200 kB and no further, half a state: the run ends with an error, nothing saved is lost, and with room it goes on"
    folder = tmp_path/"run"
    process = start(folder)
    while process.exitcode is None and not (folder/"last.old").exists(): time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    saved = read_state(folder)[1]["step"]
    process = start(folder, 200_000)
    process.join(900)
    assert process.exitcode==1
    said = (tmp_path/"run.error").read_text()
    assert f"fit could not save step {saved+2} in {folder}" in said and "File too large" in said and "make room and start the same command again" in said
    assert read_state(folder)[1]["step"]==saved and not (folder/"last.tmp").exists()
    finish(folder)
    same(folder, whole[0])


def test_the_state_before(whole, tmp_path):
    "A run that was killed, and whose newest state then lost its end, goes on from the one before, and says so"
    process = start(tmp_path)
    while process.exitcode is None and not (tmp_path/"last.old").exists(): time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    if not (tmp_path/"last").exists(): os.rename(tmp_path/"last.old", tmp_path/"last")
    if not (tmp_path/"last.old").exists(): pytest.skip("killed between two renames")
    os.truncate(tmp_path/"last"/"average.safetensors", 1000)
    finish(tmp_path)
    log, wanted = told(tmp_path), told(whole[0])
    assert [o for o in log if "damaged" not in o]==wanted
    assert ["average.safetensors" in o["damaged"] or "last" in o["damaged"] for o in log if "damaged" in o]==[True]
    for part in ("model", "average", "optimizer"):
        ours, theirs = (load_file(o/"last"/f"{part}.safetensors") for o in (tmp_path, whole[0]))
        assert all(torch.equal(v, theirs[k]) for k, v in ours.items())
