"The command line from outside: odd files, exit codes, and what is imported"
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthsense.cli import BUNDLED, plan

REPO = Path(__file__).parents[1]


def run(*args, cwd, code=None, stdout=subprocess.PIPE, **env):
    "A fresh Python with the command, or with `code` before it"
    start = ["-m", "depthsense"] if code is None else ["-c", f"{code}; from depthsense.cli import main; main()"]
    known = {k: v for k, v in os.environ.items() if not k.startswith("DEPTHSENSE_")}
    known |= dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS="1") | env
    done = subprocess.run([sys.executable, *start, *map(str, args)], cwd=cwd, env=known, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


class Trap:
    "A pickle of this makes a file when it is opened"
    def __init__(self, path): self.path = path
    def __reduce__(self): return Path.touch, (self.path,)


def bomb(path, side=20_000):
    "A PNG whose header promises a picture of `side` times `side` pixels"
    def chunk(kind, data): return struct.pack(">I", len(data))+kind+data+struct.pack(">I", zlib.crc32(kind+data))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n"+chunk(b"IHDR", header)+chunk(b"IDAT", zlib.compress(b"\0"))+chunk(b"IEND", b""))


@pytest.mark.parametrize("args", [["--help"], ["predict", "--help"], ["train", "--help"], ["evaluate", "--help"], ["data", "scenes", "--help"], ["--version"]])
def test_help_is_light(args, tmp_path):
    "Neither torch nor numpy nor matplotlib, and less than half a second of work"
    report = "import atexit, sys, time; atexit.register(lambda: print(time.process_time(), *{'torch', 'numpy', 'matplotlib', 'PIL'} & {*sys.modules}, file=sys.stderr))"
    done = run(*args, cwd=tmp_path, code=report)
    assert done.returncode==0 and done.stdout
    seconds,*heavy = done.stderr.splitlines()[-1].split()
    assert not heavy
    assert float(seconds)<0.5


def test_package_is_light(tmp_path):
    code = "import sys, depthsense; print(depthsense.__version__, sorted({'torch', 'numpy'} & {*sys.modules}), 'predict' in dir(depthsense), hasattr(depthsense, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert done.stdout.split(maxsplit=1)[1].strip()=="[] True False"


def test_bundled_photograph_overwrites_old_results(tmp_path):
    (tmp_path/"china_color.png").write_text("old")
    done = run("predict", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, ["china_disparity.png", "china_color.png"])
    assert sorted(os.listdir(tmp_path)) == ["china_color.png", "china_disparity.png"]
    size = Image.open(BUNDLED).size
    assert Image.open(tmp_path/"china_color.png").size==size
    disparity = np.asarray(Image.open(tmp_path/"china_disparity.png")).astype(int)
    assert disparity.min()==0 and disparity.max()==65535
    assert disparity[-40:].mean() > disparity[:40].mean() # trees in front, sky above
    assert BUNDLED.stat().st_size < 200_000


def test_odd_files_in_one_folder(tmp_path):
    "Good ones are written and mirrored, each bad one is a line and a record"
    folder = tmp_path/"odd ones"
    (folder/"deep"/"er").mkdir(parents=True)
    photo = Image.open(BUNDLED).resize((96, 64))
    photo.save(folder/"deep"/"er"/"Übung – 猫 mit Hut.jpeg")
    photo.convert("CMYK").save(folder/"ink.jpg")
    photo.convert("RGBA").save(folder/"clear.webp")
    photo.convert("P").save(folder/"moving.GIF", save_all=True, append_images=[photo.rotate(180).convert("P")])
    Image.new("I;16", (1, 1), 9).save(folder/"pixel.png")
    photo.convert("LA").save(folder/"grey.png")
    photo.quantize(16).save(folder/"palette.png", transparency=3)
    photo.save(folder/"pair.mpo", save_all=True, append_images=[photo.rotate(180)])
    Image.fromarray(np.asarray(photo, dtype="float32")[...,0]/255).save(folder/"float.tif")
    for o,size in dict(line=(700, 1), post=(1, 700)).items(): photo.resize(size).save(folder/f"{o}.bmp")
    os.mkdir(folder/"folder.jpg")
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(folder/"turned.jpg", exif=exif)
    for o in ("twin.png", "twin.bmp"): photo.save(folder/o)
    (folder/"half.jpg").write_bytes(BUNDLED.read_bytes()[:50_000])
    (folder/"empty.jpg").touch()
    (folder/"text.jpg").write_text("This is no picture.")
    (folder/"notes.txt").write_text("Nobody looks at me.")
    (folder/"._ink.jpg").write_bytes(b"\0\5\x16\7")
    bomb(folder/"bomb.png")
    bad = {str(Path("odd ones", o)) for o in ("half.jpg", "empty.jpg", "text.jpg", "bomb.png")}

    done = run("predict", "odd ones", "--out", "maps", "--save", "npy,color", "--json", cwd=tmp_path, PYTHONIOENCODING="ascii")
    told = json.loads(done.stdout)
    assert done.returncode==1
    assert set(told)=={"model", "size", "pictures", "errors"}
    assert {o["picture"] for o in told["errors"]}==bad
    assert all(o["picture"] in o["error"] for o in told["errors"])
    assert len(done.stderr.splitlines())==len(bad)
    good = {o["picture"]: o for o in told["pictures"]}
    assert len(good)==14
    assert good[str(Path("odd ones", "deep", "er", "Übung – 猫 mit Hut.jpeg"))]["files"][0]==str(Path("maps", "deep", "er", "Übung – 猫 mit Hut_disparity.npy"))
    assert good[str(Path("odd ones", "twin.bmp"))]["files"][1]==str(Path("maps", "twin.bmp_color.png"))
    assert (good[str(Path("odd ones", "turned.jpg"))]["width"], good[str(Path("odd ones", "turned.jpg"))]["height"])==(64, 96)
    assert (good[str(Path("odd ones", "post.bmp"))]["width"], good[str(Path("odd ones", "line.bmp"))]["width"])==(1, 700)
    for o in good.values():
        disparity = np.load(tmp_path/o["files"][0])
        assert disparity.shape==(o["height"], o["width"]) and disparity.dtype==np.float32 and np.isfinite(disparity).all()
    written = {o.relative_to(tmp_path) for o in (tmp_path/"maps").rglob("*") if o.is_file()}
    assert written=={Path(f) for o in good.values() for f in o["files"]}


def test_missing_and_empty_beside_good(tmp_path):
    (tmp_path/"empty").mkdir()
    Image.open(BUNDLED).save(tmp_path/"good.png")
    name = "caf\udce9.png" if sys.platform=="linux" else "café.png"
    try: (tmp_path/name).write_bytes((tmp_path/"good.png").read_bytes())
    except OSError: name = "good.png"
    done = run("predict", "nowhere.jpg", "empty", name, "good.png", "--save", "pfm", cwd=tmp_path)
    assert done.returncode==1
    assert done.stderr.splitlines()==["depthsense: predict wants a picture, and there is no file nowhere.jpg", "depthsense: found no picture in the folder empty"]
    assert done.stdout.splitlines()[-1]=="good_disparity.pfm"
    assert (tmp_path/"good_disparity.pfm").read_bytes().startswith(b"Pf\n640 427\n-1.0\n")


def test_out_that_is_no_folder(tmp_path):
    (tmp_path/"file").touch()
    for out in ("file", "file/deeper"):
        done = run("predict", BUNDLED, "--out", out, cwd=tmp_path)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines()))==(1, "", 1)
        assert f"--out wants a folder, and {Path(out)} cannot be one" in done.stderr


def test_full_disk(tmp_path):
    "Whole files or none, the picture named, and the next one tried"
    for o in ("one.png", "two.png"): Image.open(BUNDLED).resize((96, 64)).save(tmp_path/o)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))" # as a disk that is full after 4000 bytes
    done = run("predict", "one.png", "two.png", "--out", "maps", "--save", "npy", cwd=tmp_path, code=limit)
    assert (done.returncode, done.stdout)==(1, "")
    assert [o.split(": ")[1] for o in done.stderr.splitlines()]==["one.png", "two.png"]
    assert not os.listdir(tmp_path/"maps")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("args", [["--version"], ["predict", "photo.png"], ["predict", "photo.png", "--json"]])
def test_output_that_cannot_be_written(args, tmp_path):
    Image.open(BUNDLED).resize((96, 64)).save(tmp_path/"photo.png")
    with open("/dev/full", "w") as full: done = run(*args, cwd=tmp_path, stdout=full)
    assert done.returncode==1
    assert done.stderr.splitlines()==["depthsense: [Errno 28] No space left on device"]


def test_large_picture_in_little_memory(tmp_path):
    "At most 30 bytes a pixel beside what the network takes, so that a hundred million pixels fit into 3 GB"
    report = "import atexit, resource, sys; atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))"
    peaks = []
    for side in (320, 4000):
        Image.open(BUNDLED).resize((side, side)).save(tmp_path/f"{side}.jpg")
        done = run("predict", f"{side}.jpg", "--save", "png,color,npy,pfm", cwd=tmp_path, code=report)
        assert done.returncode==0
        peaks.append(int(done.stderr.split()[-1])*(1 if sys.platform=="darwin" else 1024))
    assert peaks[1]-peaks[0] < 30*4000**2


@pytest.mark.parametrize("args", [["--save", "gif"], ["--save", ""], ["--size", "100"], ["--size", "0"], ["--size", "100000000000"], ["--unknown"]])
def test_wrong_use_is_exit_code_2(args, tmp_path):
    done = run("predict", *args, cwd=tmp_path)
    assert (done.returncode, done.stdout)==(2, "") and args[0] in done.stderr


def test_wrong_world_is_exit_code_1(tmp_path):
    "A network that is no network, and training without what it needs"
    (tmp_path/"mine.safetensors").write_bytes(b"not a network")
    (tmp_path/"pickle.safetensors").write_bytes(pickle.dumps(Trap(tmp_path/"sprung")))
    lines = [
        (run("predict", "--model", "mine.safetensors", cwd=tmp_path), "mine.safetensors"),
        (run("predict", "--model", "pickle.safetensors", cwd=tmp_path), "pickle.safetensors is none"),
        (run("train", "--out", "run", cwd=tmp_path), "DEPTHSENSE_REDWEB"),
        (run("train", "--out", "run", cwd=tmp_path, code="import sys; sys.modules['accelerate'] = None"), 'pip install "depthsense[train]"'),
    ]
    for done,said in lines:
        assert (done.returncode, done.stdout, len(done.stderr.splitlines()))==(1, "", 1)
        assert done.stderr.startswith("depthsense: ") and said in done.stderr
    assert not (tmp_path/"run").exists() and not (tmp_path/"sprung").exists()


def test_plan(tmp_path, monkeypatch):
    "One place for every result, and no photograph overwritten"
    monkeypatch.chdir(tmp_path)
    Path("a/b").mkdir(parents=True)
    for o in ("a/1.jpg", "a/1_color.png", "a/b/1.jpg", "a/b/1.png", "a/.hidden.jpg"): Path(o).touch()
    def names(jobs): return [(o.picture.as_posix(), o.prefix.as_posix(), bool(o.error)) for o in jobs]
    mirrored = [("a/1.jpg", "o/1", False), ("a/1_color.png", "o/1_color", False), ("a/b/1.jpg", "o/b/1.jpg", False), ("a/b/1.png", "o/b/1.png", False)]
    assert names(plan([Path("a")], Path("o")))==mirrored
    assert names(plan([Path("a"), Path("a/1.jpg"), Path("a/../a")], Path("o")))==mirrored
    assert names(plan([Path("a")], Path("a")))==[("a/1.jpg", "a/1", False), ("a/b/1.jpg", "a/b/1.jpg", False), ("a/b/1.png", "a/b/1.png", False)]
    assert names(plan([Path("a/1.jpg"), Path("a/1_color.png")], Path("a")))==[("a/1.jpg", "a/1", True), ("a/1_color.png", "a/1_color", False)]
    assert [o.error!="" for o in plan([Path("x/1.jpg"), Path("y/1.jpg")])]==[False, True]
