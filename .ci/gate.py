"""Is the book true? One command for everything that must hold, here and in continuous integration.

    python .ci/gate.py                everything
    python .ci/gate.py 20 losses      only the chapters whose file name contains one of these, nothing else
    python .ci/gate.py --update       write the outputs the code gives into the notebooks, and README.md

Every notebook is executed once, each in a fresh process, by nbdev's rules: cells marked `#| eval: false`, `#| slow` or
`#| cuda` are not run. Its facts hold when no cell fails. The outputs on the page must be the ones the code gives: same
text, numbers to the digits shown, pictures where there are pictures. Recorded outputs of cells that are not run must
take their numbers from results/.
"""
import argparse
import copy
import filecmp
import importlib.util
import json
import multiprocessing as mp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ProcessPoolExecutor, as_completed
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NBS, PACKAGE, RESULTS = ROOT/"nbs", ROOT/"depthsense", ROOT/"results"
BIG = 1_000_000  # bytes: what no file but weights may exceed
CELL_SECONDS = 300
PRELOAD = """torch torchvision.transforms.v2 timm accelerate torchmetrics matplotlib.pyplot
matplotlib_inline.backend_inline skimage.data sklearn.datasets scipy.ndimage typer beartype jaxtyping
IPython.core.interactiveshell execnb.shell nbdev.process nbdev.clean""".split()
QUIET = dict(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", MPLBACKEND="module://matplotlib_inline.backend_inline",
             HF_HUB_OFFLINE="1", TQDM_DISABLE="1")  # what every chapter runs in


def settings():
    config = ConfigParser(delimiters=["="])
    config.read(ROOT/"settings.ini", encoding="utf-8")
    return config["DEFAULT"]


def notebooks(names=()):
    "The chapters, heaviest parts first; with `names` only those whose file name contains one of them"
    return [o for o in sorted(NBS.glob("*.ipynb"), reverse=True)
            if o.name[0] not in "_." and (not names or any(n in o.name for n in names))]


def code_cells(path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    return [(i, "".join(c["source"]), c) for i, c in enumerate(nb["cells"]) if c["cell_type"] == "code"]


def directives(source):
    "`{'export': '', 'eval': 'false', ...}` from the `#|` lines of a cell"
    found = re.findall(r"^\s*#\|\s*([\w-]+):?[ \t]*(.*)$", source, re.M)
    return {name: value.strip() for name, value in found}


def not_run(source, flags):
    d = directives(source)
    return d.get("eval", "").lower() == "false" or bool(flags & d.keys()) or "nbdev_export(" in source


# Outputs --------------------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def unit(token):
    "One unit in the last digit that a number shows"
    digits, _, power = token.lower().partition("e")
    return 10.0**(int(power or 0) - len(digits.partition(".")[2]))


def same_number(a, b):
    "Equal to the digits shown: whole numbers exactly, others to a unit of the last digit or single precision's noise"
    if a == b: return True
    if not re.search(r"[.eE]", a+b): return int(a) == int(b)
    x, y = float(a), float(b)
    return abs(x-y) <= max(1.01*max(unit(o) for o in (a, b) if re.search(r"[.eE]", o)), 1e-5*max(abs(x), abs(y)), 5e-7)


def same_text(saved, fresh):
    "The same words, and the same numbers between them"
    split = [" ".join(re.sub(r"\s+", " ", NUMBER.sub(" # ", o)).split()) for o in (saved, fresh)]
    a, b = NUMBER.findall(saved), NUMBER.findall(fresh)
    return split[0] == split[1] and len(a) == len(b) and all(map(same_number, a, b))


def shown(outputs):
    "Outputs as (what it is, its text), with pictures by presence only and streams joined"
    res = []
    for o in outputs:
        if o["output_type"] == "stream":
            text = "".join(o["text"])
            if o["name"] == "stderr": continue
            if res and res[-1][0] == "stdout": res[-1] = ("stdout", res[-1][1]+text)
            else: res.append(("stdout", text))
        elif o["output_type"] == "error": res.append(("error", f"{o['ename']}: {o['evalue']}"))
        else:
            for mime, data in sorted(o["data"].items()):
                text = "" if mime.startswith("image/") else data if isinstance(data, str) else "".join(data)
                res.append((mime, re.sub(r"base64,[\w+/=\s]+", "base64,", text)))
    return res


def difference(saved, fresh):
    "None where the page shows what the code gives, else a sentence"
    a, b = shown(saved), shown(fresh)
    if [o[0] for o in a] != [o[0] for o in b]:
        return f"the page has {[o[0] for o in a] or 'no output'}, the code gives {[o[0] for o in b] or 'no output'}"
    for (kind, x), (_, y) in zip(a, b):
        if same_text(x, y): continue
        lines = list(zip(x.splitlines(), y.splitlines()))
        p, q = next((o for o in lines if not same_text(*o)), (x, y))
        return f"{kind}\n      page: {p.strip()[:300]}\n      code: {q.strip()[:300]}"


def numbers_of(results):
    "Every number in the files of results/"
    found = []

    def walk(o):
        if isinstance(o, dict): [walk(v) for v in o.values()]
        elif isinstance(o, list): [walk(v) for v in o]
        elif isinstance(o, (int, float)) and not isinstance(o, bool): found.append(float(o))
        elif isinstance(o, str): found.extend(float(t) for t in NUMBER.findall(o))
    for path in sorted(results.glob("**/*.json*")):
        text = path.read_text(encoding="utf-8")
        walk([json.loads(o) for o in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text))
    return found


def unrecorded(outputs, known):
    "Decimal numbers of recorded outputs that no file in results/ holds, also as a percentage"
    tokens = {t for kind, text in shown(outputs) if kind in ("stdout", "text/plain", "text/markdown")
              for t in NUMBER.findall(text) if "." in t}
    def at_hand(t): return any(abs(f*k-float(t)) <= 0.51*unit(t) for k in known for f in (1, 100))
    return sorted(t for t in tokens if not at_hand(t))


# Tasks of a worker: each returns (name, seconds, [(fact, problem or None or 'skipped: why'), ...]) --------------------

def run_notebook(path, update):
    "Execute one chapter in this fresh process and compare, or write, its outputs"
    import random

    import matplotlib
    import numpy as np
    import torch
    from execnb.nbio import nb2str, read_nb
    from execnb.shell import CaptureShell
    from fastcore.xtras import working_directory
    from nbdev.clean import clean_nb
    start, problems, flags = time.time(), [], set(settings()["tst_flags"].split())
    os.environ["IN_TEST"] = "1"
    sys.path.insert(0, str(ROOT))
    random.seed(0); np.random.seed(0); torch.manual_seed(0)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    matplotlib.rcdefaults()
    nb = read_nb(path)
    saved = {c.idx_: copy.deepcopy(c.get("outputs", [])) for c in nb.cells}
    shell = CaptureShell(path, timeout=CELL_SECONDS)
    current = None

    def skip(cell):
        nonlocal current
        current = cell
        if cell.cell_type != "code" or not_run(cell.source, flags): return True
        cell.outputs = []
        return False
    try:
        with working_directory(path.parent): shell.run_all(nb, exc_stop=True, preproc=skip)
    except BaseException as e:
        trace = "".join(traceback.format_exception(e)).splitlines()
        source = "\n".join("      | "+o for o in current.source.splitlines()[:12])
        problems.append(f"cell {current.idx_} fails\n{source}\n"+"\n".join("      "+o[:300] for o in trace[-6:]))
    clean_nb(nb)
    if problems: pass
    elif update:
        for c in nb.cells:
            if c.cell_type == "code" and not not_run(c.source, flags):
                c.outputs = [o for o in c.outputs if o.get("name") != "stderr"]
        path.write_text(nb2str(nb), encoding="utf-8")
    else:
        known = None
        for c in nb.cells:
            if c.cell_type != "code": continue
            if any(o.get("name") == "stderr" for o in saved[c.idx_]): problems.append(f"cell {c.idx_}: a warning shows")
            if not_run(c.source, flags):
                if not saved[c.idx_]: continue
                known = numbers_of(RESULTS) if known is None else known
                if missing := unrecorded(saved[c.idx_], known):
                    problems.append(f"cell {c.idx_} (recorded): no file in results/ holds {', '.join(missing[:8])}")
            elif d := difference(saved[c.idx_], c.get("outputs", [])): problems.append(f"cell {c.idx_}: {d}")
    return f"chapter {path.stem}", time.time()-start, [(path.stem, "\n    ".join(problems) or None)]


def run_command(name, command, limit=1200):
    "A step that is a command: it holds when the exit status is 0"
    start = time.time()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit)
    tail = "\n".join("      "+o for o in (done.stdout+done.stderr).strip().splitlines()[-25:])
    return name, time.time()-start, [(name, f"exit status {done.returncode}\n{tail}" if done.returncode else None)]


def run_pytest(name, *what, **env):
    "Facts of tests/; a skip is a failure where the data is said to be at hand"
    start = time.time()
    if not list((ROOT/"tests").glob("test_*.py")): return name, 0., []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder)/"report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *what]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600, env={**os.environ, **env})
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    facts = []
    for case in cases:
        title, problem = f"{case.get('classname')}.{case.get('name')}", None
        for kind in ("failure", "error"):
            if (o := case.find(kind)) is not None: problem = (o.text or "")[-1500:]
        if (o := case.find("skipped")) is not None:
            why = o.get("message", "")
            at_hand = [v for v in ("DEPTHSENSE_REDWEB", "DEPTHSENSE_ZERO_SHOT") if v in why and os.environ.get(v)]
            problem = f"not run although {at_hand[0]} is set: {why}" if at_hand else f"skipped: {why}"
        facts.append((title, problem))
    if not cases or (done.returncode and not any(p for _, p in facts)):
        facts.append((name, done.stdout[-2000:]+done.stderr[-2000:]))
    return name, time.time()-start, facts


def run_site(name):
    "The site is built once, and then opened in a browser"
    start = time.time()
    *_, facts = run_command(name, [sys.executable, "docs/build.py"])
    if not facts[0][1]: facts += run_pytest(name, "tests/test_site.py", "tests/test_play.py", DEPTHSENSE_SITE=str(ROOT/"docs"/"_build"/"site"))[2]
    return name, time.time()-start, facts


def run_package(name):
    "The wheel, unpacked alone, predicts its own photograph from any folder without a network"
    start, problem = time.time(), None
    with tempfile.TemporaryDirectory() as folder:
        copied, wheels, unpacked, out = (Path(folder)/o for o in ("copy", "wheels", "unpacked", "out"))
        shutil.copytree(PACKAGE, copied/"depthsense", ignore=shutil.ignore_patterns("__pycache__"))
        for o in ("settings.ini", "setup.py", "pyproject.toml", "README.md", "LICENSE"): shutil.copy(ROOT/o, copied/o)
        out.mkdir()
        build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, copied]
        env = {**os.environ, "PYTHONPATH": str(unpacked)}
        steps = [[sys.executable, "-m", *build],
                 [sys.executable, "-c", "from depthsense.cli import main; main()", "predict", "--out", out]]
        for step in steps:
            done = subprocess.run(step, cwd=out, env=env, capture_output=True, text=True, timeout=600)
            if done.returncode: problem = (done.stdout+done.stderr)[-2000:]; break
            if wheels.exists() and not unpacked.exists(): shutil.unpack_archive(next(wheels.iterdir()), unpacked, "zip")
        made = sorted(o.name for o in out.iterdir())
        if not problem and not [o for o in made if o.endswith("_disparity.png")]: problem = f"{made} holds no disparity"
    return name, time.time()-start, [(name, problem)]


# Checks of this process -----------------------------------------------------------------------------------------------

def check_clean():
    "nbdev_clean leaves the notebooks as they are"
    from execnb.nbio import nb2str
    from nbdev.clean import clean_nb
    dirty = []
    for path in notebooks():
        text = path.read_text(encoding="utf-8")
        nb = json.loads(text)
        clean_nb(nb)
        if nb2str(nb) != text: dirty.append(path.name)
    return f"run nbdev_clean: {', '.join(dirty)}" if dirty else None


def check_export():
    "Exporting the notebooks in a copy gives the package that is here, file for file"
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder)
        shutil.copytree(NBS, copied/"nbs")
        left_out = shutil.ignore_patterns("__pycache__", "weights", "pictures")
        shutil.copytree(PACKAGE, copied/"depthsense", ignore=left_out)
        for o in ("settings.ini", "pyproject.toml", "setup.py", "README.md"): shutil.copy(ROOT/o, copied/o)
        for o in (copied/"depthsense").glob("**/*.py"):
            if "AUTOGENERATED! DO NOT EDIT" in o.read_text(encoding="utf-8"): o.unlink()
        env = {k: v for k, v in os.environ.items() if k != "IN_TEST"}
        done = subprocess.run([sys.executable, "-c", "from nbdev.doclinks import nbdev_export; nbdev_export()"],
                              cwd=copied, env=env, capture_output=True, text=True)
        if done.returncode: return done.stderr[-2000:]
        def modules(o): return {p.relative_to(o).as_posix() for p in o.glob("depthsense/**/*.py")}
        names = modules(ROOT) | modules(copied) | {"pyproject.toml"}
        def same(n): return (ROOT/n).exists() and (copied/n).exists() and filecmp.cmp(ROOT/n, copied/n, shallow=False)
        different = sorted(n for n in names if not same(n))
    return f"run nbdev_export: {', '.join(different)}" if different else None


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_readme():
    "README.md is what the front page gives"
    stale = load(ROOT/"docs"/"readme.py").stale()
    return f"run python docs/readme.py: {', '.join(stale)}" if stale else None


def check_ruff():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "."],
                          cwd=ROOT, capture_output=True, text=True)
    return (done.stdout+done.stderr).strip() if done.returncode else None


def check_house():
    "A module imports only from modules with smaller numbers; exported cells import nothing wholesale and no fastcore"
    number, problems = {}, []
    for path in notebooks():
        exp = [re.search(r"^#\|\s*default_exp\s+(\S+)", s, re.M) for _, s, _ in code_cells(path)]
        for m in filter(None, exp): number["depthsense."+m[1]] = path.name.split("_")[0]
    if len(set(number.values())) < len(number): problems.append("two chapters share a number")
    for path in notebooks():
        for i, source, _ in code_cells(path):
            if not {"export", "exports", "exporti"} & directives(source).keys(): continue
            if re.search(r"^\s*from \S+ import \*", source, re.M): problems.append(f"{path.name} cell {i}: import *")
            for name in re.findall(r"^\s*(?:from|import) ([\w.]+)", source, re.M):
                if name.split(".")[0] == "fastcore" or number.get(name, "") >= path.name.split("_")[0]:
                    problems.append(f"{path.name} cell {i}: imports {name}")
    return "\n    ".join(problems) or None


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    names = done.stdout.decode().split("\0") if not done.returncode else []
    return [ROOT/o for o in names if o and (ROOT/o).is_file()]


def check_files():
    "Sizes, left-overs, and no picture of a data set that may not be passed on"
    problems, pictures = [], []
    texts = {".py", ".ipynb", ".md", ".ini", ".toml", ".yml", ".cff", ".json", ".css"}
    for path in sorted(set(tracked()) | set(notebooks())):
        name, size = path.relative_to(ROOT).as_posix(), path.stat().st_size
        if size > BIG and path.suffix not in (".safetensors", ".onnx"): problems.append(f"{name} has {size/1e6:.1f} MB")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".gif", ".webp"): pictures.append(path)
        if path.suffix not in texts or path == Path(__file__).resolve(): continue
        text = path.read_text(encoding="utf-8")
        places = "|".join(re.escape(str(o))+"/" for o in (Path.home(), ROOT, tempfile.gettempdir()))
        for m in re.finditer(rf"(?<![\w.~/])({places})|\b(TODO|FIXME|NotImplementedError)\b", text):
            problems.append(f"{name} holds {m[0]}")
    for path in notebooks():
        for i, source, c in code_cells(path):
            drawn = "slow" in directives(source) and re.search(r"show_(image|disparity|pairs|grid)|imshow", source)
            if drawn and any("image/" in kind for kind, _ in shown(c["outputs"])):
                problems.append(f"{path.name} cell {i}: a recorded picture, which may come from the data set")
    restricted = {}
    for v in ("DEPTHSENSE_REDWEB", "DEPTHSENSE_ZERO_SHOT"):
        if not os.environ.get(v): continue
        for o in Path(os.environ[v]).glob("**/*.*"): restricted.setdefault(o.stat().st_size, []).append(o)
    for path in pictures:
        for o in restricted.get(path.stat().st_size, []):
            if filecmp.cmp(path, o, shallow=False): problems.append(f"{path.name} is a picture of {o.parent.name}")
    return "\n    ".join(problems) or None


def check_results():
    "Every result says how it was made"
    problems = []
    for path in sorted(RESULTS.glob("**/*.json")):
        o = json.loads(path.read_text(encoding="utf-8"))
        others = path.name == "literature.json"  # numbers of other people say where they were read
        rows = [t | row for t in o.values() for row in t["rows"]] if others else o if isinstance(o, list) else [o]
        missing = {k for row in rows for k in (("source", "url", "protocol") if others else ("command", "commit", "machine", "date", "seed")) if k not in row}
        if missing: problems.append(f"{path.name} lacks {', '.join(sorted(missing))}")
    return "\n    ".join(problems) or None


CHECKS = {
    "notebooks are clean": check_clean,
    "package matches notebooks": check_export,
    "README.md matches the front page": check_readme,
    "ruff": check_ruff,
    "rules of the house": check_house,
    "files": check_files,
    "results carry their origin": check_results,
}


def here(name): # one of the checks above, timed, as a worker's tasks are
    start = time.time()
    try: problem = CHECKS[name]()
    except Exception: problem = traceback.format_exc()
    return name, time.time()-start, [(name, problem)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="only chapters whose file name contains one of these")
    parser.add_argument("--update", action="store_true", help="write fresh outputs and README.md instead of comparing")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    parser.add_argument("--workers", type=int, default=cores, help="chapters at a time")
    args = parser.parse_args()
    start, totals = time.time(), dict(passed=0, failed=0, skipped=0)
    os.environ.update(QUIET)

    def report(name, seconds, facts):
        print(f"{seconds:6.1f} s  {name}", flush=True)
        for fact, problem in facts:
            kind = "passed" if not problem else "skipped" if problem.startswith("skipped: ") else "failed"
            totals[kind] += 1
            if problem: print(f"  {kind.upper()} {fact}\n    {problem}", flush=True)

    whole = not args.chapters and not args.update
    if whole:
        for name in CHECKS: report(*here(name))
    context = mp.get_context("forkserver")  # the server imports torch once; every chapter starts in a fresh fork of it
    context.set_forkserver_preload(PRELOAD)
    with ProcessPoolExecutor(args.workers, mp_context=context, max_tasks_per_child=1) as pool:
        tasks = []
        if whole:  # the long ones first
            tasks += [pool.submit(run_pytest, "tests on real data", "tests", "--ignore=tests/test_site.py", "--ignore=tests/test_play.py"),
                      pool.submit(run_site, "site"), pool.submit(run_package, "package predicts")]
        tasks += [pool.submit(run_notebook, o, args.update) for o in notebooks(args.chapters)]
        for task in as_completed(tasks):
            try: report(*task.result())
            except Exception as e: report("a worker", 0., [("worker", f"{type(e).__name__}: {e}")])
    if args.update: print("written from the front page:", load(ROOT/"docs"/"readme.py").write() or "nothing new")
    print(f"{time.time()-start:6.1f} s  in all, {args.workers} workers")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 1 if totals["failed"] else 0


if __name__ == "__main__": sys.exit(main())
