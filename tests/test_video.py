"The command `depthsense video` from outside: other containers, damage, and the key that stops it"
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="needs the extra `video`")

from depthsense.video import open_clip, read_frames  # noqa: E402

REPO = Path(__file__).parents[1]


def clip(path, n=20, codec="mpeg4", size=(48, 64)):
    "A clip of noise that moves, in any container"
    noise = np.random.default_rng(0).integers(0, 255, (size[0], size[1]+n, 3), "uint8")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for i in range(n): container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(noise[:, i:i+size[1]]), format="rgb24")))
        container.mux(stream.encode())
    return path


def start(*args, cwd):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DEPTHSENSE_", "HF_"))} | dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS="1")
    return subprocess.Popen([sys.executable, "-c", "from depthsense.cli import main; main()", "video", *map(str, args)], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("name, codec", [("a.mkv", "mpeg4"), ("a.avi", "mjpeg"), ("a.ts", "mpeg2video"), ("a.webm", "libvpx"), ("a.mov", "mpeg4")])
def test_containers(name, codec, tmp_path):
    "All frames, at 25 a second from 0"
    if codec not in av.codecs_available: pytest.skip(f"this FFmpeg has no encoder {codec}")
    with open_clip(clip(tmp_path/name, codec=codec)) as container: times = [t for _, t in read_frames(container, name)]
    assert np.allclose(times, np.arange(20)/25, atol=2e-3)


def test_whole_command(tmp_path):
    "One line, one file, as many frames as went in"
    clip(tmp_path/"some clip.avi", n=6)
    out, err = (process := start("some clip.avi", "--size", 64, cwd=tmp_path)).communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "some clip_disparity.mp4\n", "")
    with open_clip(tmp_path/"some clip_disparity.mp4") as container: assert len(list(read_frames(container))) == 6
    assert sorted(os.listdir(tmp_path)) == ["some clip.avi", "some clip_disparity.mp4"]


def test_cut_short(tmp_path):
    "A file that ends too soon gives its frames or says so, and never a traceback"
    whole = clip(tmp_path/"whole.mkv", n=40).read_bytes()
    for share in (.02, .3, .7):
        (tmp_path/"short.mkv").write_bytes(whole[:int(len(whole)*share)])
        out, err = (process := start("short.mkv", "--size", 32, "--out", "made", cwd=tmp_path)).communicate(timeout=300)
        assert "Traceback" not in err
        if process.returncode: assert err.startswith("depthsense: video ") and err.count("\n") == 1 and not os.listdir(tmp_path/"made")
        else:
            with open_clip(tmp_path/out.strip()) as container: assert 0 < len(list(read_frames(container))) < 40


def test_interrupted(tmp_path):
    "Ctrl-C in the middle leaves nothing, and the file from before"
    clip(tmp_path/"long.mp4", n=2000)
    (tmp_path/"long_disparity.mp4").write_text("from before")
    process = start("long.mp4", "--size", 32, cwd=tmp_path)
    until = time.time()+120
    while time.time() < until and not list(tmp_path.glob(".*.tmp")): time.sleep(.05)
    assert list(tmp_path.glob(".*.tmp"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "") and "Traceback" not in err
    assert sorted(os.listdir(tmp_path)) == ["long.mp4", "long_disparity.mp4"]
    assert (tmp_path/"long_disparity.mp4").read_text() == "from before"
