"What no chapter can do to a cache: kill the process that builds it, let several come at once; and real data"
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from depthsense.data.cache import CachedPairs, open_cache, verify_cache
from depthsense.data.datasets import ReDWeb, find_redweb

KEYS = "image", "target", "mask"

# Builds a cache, and is killed by a signal that nobody can catch when `where` is called for the `after`-th time, counted from 0
BUILDER = '''
import json, os, signal, sys
from depthsense.data import cache
from depthsense.data.datasets import ReDWeb
root, path, where, after = *sys.argv[1:4], int(sys.argv[4])
calls = dict(pack_pair=0)
def counting(owner, name, when):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        calls[name] = calls.get(name, 0)+1
        if name==where and when=="before" and calls[name]>after: os.kill(os.getpid(), signal.SIGKILL)
        done = real(*args, **kwargs)
        if name==where and when=="after" and calls[name]>after: os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(owner, name, call)
where, _, when = where.partition(" ")
for owner, name in ((cache, "pack_pair"), (cache.os, "fsync"), (cache.os, "replace")): counting(owner, name, when)
cached = cache.CachedPairs(ReDWeb(root, "all"), path, progress=False)
print(json.dumps(dict(decoded=calls["pack_pair"], sums=[int(o["image"].sum()) for o in cached])))
'''


def command(*args): return [sys.executable, "-c", BUILDER, *map(str, args)]


def environment(): return os.environ | dict(OMP_NUM_THREADS="1")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    "Six random pairs in a folder like ReDWeb's"
    root,rng = tmp_path_factory.mktemp("web"),np.random.default_rng(0)
    for o in ("Imgs", "RDs"): (root/o).mkdir()
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (60+i, 80, 3), dtype=np.uint8)).save(root/"Imgs"/f"{i}.jpg")
        Image.fromarray(rng.integers(0, 256, (60+i, 80), dtype=np.uint8)).save(root/"RDs"/f"{i}.png")
    return root


def same(cached, data):
    assert len(cached)==len(data)
    for i in range(len(data)):
        a,b = cached[i],data[i]
        assert a["name"]==b["name"] and all(torch.equal(a[k], b[k]) for k in KEYS)


@pytest.mark.parametrize("where,after", [("pack_pair before", 0), ("pack_pair before", 3), ("pack_pair after", 5), ("fsync before", 0), ("fsync after", 0), ("replace before", 0), ("replace after", 0)])
def test_a_killed_builder_leaves_nothing_half(root, tmp_path, where, after):
    path = tmp_path/"a.cache"
    done = subprocess.run(command(root, path, where, after), env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode==-signal.SIGKILL, done.stderr[-2000:]
    assert path.exists()==(where=="replace after")
    assert (tmp_path/"a.cache.part").exists()==(where!="replace after")
    data = ReDWeb(root, "all")
    same(CachedPairs(data, path, progress=False), data)
    assert verify_cache(path)==dict(n=6, damaged=[])
    assert sorted(o.name for o in tmp_path.iterdir())==[".a.cache.lock", "a.cache"]


def test_one_builds_and_two_wait(root, tmp_path):
    started = [subprocess.Popen(command(root, tmp_path/"a.cache", "nothing before", 0), env=environment(), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [json.loads(o.communicate(timeout=300)[0]) for o in started]
    assert sorted(o["decoded"] for o in said)==[0, 0, 6]
    assert said[0]["sums"]==said[1]["sums"]==said[2]["sums"]


def test_a_waiting_process_takes_over_from_a_killed_one(root, tmp_path):
    "The system takes the lock from a process that dies: here one that was stopped in the middle of building, then killed"
    path = tmp_path/"a.cache"
    slow = BUILDER.replace("cached = cache", "import time\npack = cache.pack_pair\ncache.pack_pair = lambda o: (time.sleep(0.5 if calls['pack_pair'] else 0), pack(o))[1]\ncached = cache")
    first = subprocess.Popen([sys.executable, "-c", slow, str(root), str(path), "nothing before", "0"], env=environment(), stdout=subprocess.DEVNULL)
    while not (tmp_path/"a.cache.part").exists(): assert first.poll() is None; time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)
    second = subprocess.Popen(command(root, path, "nothing before", 0), env=environment(), stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired): second.wait(timeout=8)
    first.kill()
    first.wait()
    assert json.loads(second.communicate(timeout=300)[0])["decoded"]==6
    same(CachedPairs(ReDWeb(root, "all"), path, progress=False), ReDWeb(root, "all"))


def test_a_full_disk_leaves_nothing(root, tmp_path):
    "A file that may not grow beyond 50,000 bytes: the system's own error, as on a full disk, in the middle of the pairs"
    limited = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"+BUILDER
    done = subprocess.run([sys.executable, "-c", limited, str(root), str(tmp_path/"a.cache"), "nothing before", "0"], env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode==1 and "File too large" in done.stderr
    assert [o.name for o in tmp_path.iterdir()]==[".a.cache.lock"]


def test_redweb_from_the_cache_is_redweb(tmp_path):
    "Every seventieth pair of all, bit for bit"
    try: data = ReDWeb(find_redweb(), "all")
    except ValueError: pytest.skip("ReDWeb is not at hand: set DEPTHSENSE_REDWEB")
    data.names = data.names[::70]
    cached = CachedPairs(data, tmp_path/"redweb.cache", progress=False)
    same(cached, data)
    pixels = sum(o["target"].numel() for o in cached)
    assert 4*pixels < open_cache(tmp_path/"redweb.cache")[1]["starts"][-1] < 4.02*pixels
