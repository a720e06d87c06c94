"""Break the book's code on purpose and see whether its chapters notice.

    python benchmarks/breaks.py [CHAPTER …] [--most 8] [--json FILE]

For every exported function, one small change at a time: operands swapped, a sign turned, a term dropped, sum for mean, a parameter ignored, a guard removed, a
comparison turned. The change is made in the notebook and in the module, in a copy; then the chapter is run as the gate runs it. A break is caught when a cell
fails or the page shows something else than its code gives. What survives is printed. `--most` changes are made in each chapter, kinds and functions taking turns; some are no
breaks at all, because the changed code does the same by other means: the reasons are kept in the file REASONS beside this one. With chapters
named, FILE keeps the others as they are, but for those that are no chapters any more.
"""
import argparse
import ast
import json
import multiprocessing as mp
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, zip_longest
from pathlib import Path

from provenance import provenance

ROOT = Path(__file__).resolve().parent.parent
REASONS = Path(__file__).with_name("breaks_that_do_no_harm.json")
SECONDS = 240  # a chapter that takes longer hangs, and has noticed


# Changes: each gives (what it is, start, end, new text) for a node, as offsets into the cell's source ------------------

def span(code, node):
    "Where a node stands in its source"
    lines = code.splitlines(keepends=True)
    def offset(row, column): return sum(map(len, lines[:row-1])) + len(lines[row-1].encode()[:column].decode())
    return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)


def changes_of(code, node, defaults):
    "The small changes that one node allows"
    if not hasattr(node, "lineno"): return
    def text(o): return ast.get_source_segment(code, o)
    whole = span(code, node)
    if isinstance(node, ast.BinOp):
        left, right = text(node.left), text(node.right)
        sign = {ast.Add: "-", ast.Sub: "+"}.get(type(node.op))
        if isinstance(node.op, (ast.Sub, ast.Div)): yield "swap", *whole, f"(({right}) {'-' if isinstance(node.op, ast.Sub) else '/'} ({left}))"
        if sign: yield "sign", *whole, f"(({left}) {sign} ({right}))"
        if isinstance(node.op, (ast.Add, ast.Mult)): yield "term", *whole, f"({left})"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign", *whole, f"({text(node.operand)})"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("mean", "sum"):
        start, end = span(code, node.func)
        yield "mean", end-len(node.func.attr), end, {"mean": "sum", "sum": "mean"}[node.func.attr]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in defaults:
        yield "parameter", *whole, f"({defaults[node.id]})"
    if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise): yield "guard", *span(code, node.test), "False"
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in (ast.Lt, ast.Gt, ast.LtE, ast.GtE):
        other = {ast.Lt: ">=", ast.Gt: "<=", ast.LtE: ">", ast.GtE: "<"}[type(node.ops[0])]
        yield "comparison", *whole, f"({text(node.left)} {other} {text(node.comparators[0])})"


def inside(node):
    "A node and all below it, but for the insides of formatted strings, whose places Python 3.11 does not know"
    yield node
    if isinstance(node, ast.JoinedStr): return
    for o in ast.iter_child_nodes(node): yield from inside(o)


def breaks_of(code):
    "Every change of a cell: (function, kind, old line, changed code)"
    try: tree = ast.parse(code)
    except SyntaxError: return
    for f in [o for o in ast.walk(tree) if isinstance(o, ast.FunctionDef)]:
        named = f.args.args[len(f.args.args)-len(f.args.defaults):]
        defaults = {a.arg: ast.get_source_segment(code, d) for a, d in zip(named, f.args.defaults)}
        for node in chain.from_iterable(map(inside, f.body)):
            for kind, start, end, new in changes_of(code, node, defaults):
                if kind == "parameter" and f.name in ("__init__",): continue
                broken = code[:start]+new+code[end:]
                try: ast.parse(broken)
                except SyntaxError: continue
                yield dict(function=f.name, kind=kind, line=code[:start].count("\n"), old=code[start:end], new=new), broken


def spread(found, most):
    "At most so many, kinds and functions taking turns"
    groups = {}
    for o in found: groups.setdefault((o[1]["kind"], o[1]["function"]), []).append(o)
    by_kind = {}
    for (kind, _), rows in groups.items(): by_kind.setdefault(kind, []).append(rows)
    turns = [chain.from_iterable(zip_longest(*rows)) for rows in by_kind.values()]
    return [o for o in chain.from_iterable(zip_longest(*turns)) if o][:most]


# Running ---------------------------------------------------------------------------------------------------------------

def exported(path):
    "[(index, source)] of a chapter's cells that define functions of the package"
    nb = json.loads(path.read_text(encoding="utf-8"))
    cells = [(i, "".join(c["source"])) for i, c in enumerate(nb["cells"]) if c["cell_type"] == "code"]
    return [(i, s) for i, s in cells if s.lstrip().startswith("#| export") and "def " in s]


def body(source): return source.split("\n", 1)[1].strip()


def said(path, seconds):
    "What the gate finds wrong with a chapter, or None; in a fresh process, which is ended after so many seconds"
    gate = sys.modules["gate"]
    pool = ProcessPoolExecutor(1, mp_context=mp.get_context("forkserver"), max_tasks_per_child=1)
    try: return pool.submit(gate.run_notebook, path, False).result(timeout=seconds)[2][0][1]
    except Exception as e: return f"{type(e).__name__}: {e}"
    finally:
        for o in list(pool._processes.values()): o.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def try_chapter(copy, name, most):
    "Break one chapter in many ways: [(break, what the gate said or None)]"
    path = copy/"nbs"/name
    modules = {o: o.read_text(encoding="utf-8") for o in (copy/"depthsense").glob("**/*.py")}
    whole, start = path.read_text(encoding="utf-8"), time.time()
    if problem := said(path, SECONDS): sys.exit(f"{name} does not pass as it is: {problem}")
    patience = min(SECONDS, 30+4*(time.time()-start))
    found = [(i, about, broken) for i, source in exported(path) for about, broken in breaks_of(source)]
    for i, about, broken in spread(found, most):
        nb = json.loads(whole)
        old = body("".join(nb["cells"][i]["source"]))
        nb["cells"][i]["source"] = broken.splitlines(keepends=True)
        path.write_text(json.dumps(nb, indent=1, ensure_ascii=False)+"\n", encoding="utf-8")
        changed = [o for o, text in modules.items() if old in text]
        for o in changed: o.write_text(modules[o].replace(old, body(broken)), encoding="utf-8")
        yield about, said(path, patience)
        path.write_text(whole, encoding="utf-8")
        for o in changed: o.write_text(modules[o], encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="only chapters whose file name contains one of these")
    parser.add_argument("--most", type=int, default=8, help="changes a chapter")
    parser.add_argument("--json", type=Path, help="write what survived to this file")
    parser.add_argument("--verbose", action="store_true", help="print what caught each break")
    args = parser.parse_args()
    origin = provenance(f"python benchmarks/breaks.py --most {args.most}")
    known = json.loads(REASONS.read_text(encoding="utf-8")) if REASONS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)/"copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "__pycache__", "_build", ".venv", "runs", "*.egg-info"))
        sys.path.insert(0, str(copy/".ci"))
        import gate
        os.environ.update(gate.QUIET, PYTHONPATH=str(copy))
        mp.get_context("forkserver").set_forkserver_preload(gate.PRELOAD)
        report = {}
        for path in reversed(gate.notebooks(args.chapters)):
            if not exported(path): continue
            rows = []
            for about, problem in try_chapter(copy, path.name, args.most):
                rows.append((about, problem))
                if args.verbose and problem: print(f"    caught {about['function']}, {about['kind']}: {about['old']} -> {about['new']}\n      {problem.splitlines()[-1].strip()[:160]}", flush=True)
            survived = [o for o, problem in rows if not problem]
            for o in survived: o["reason"] = known.get(f"{path.stem}: {o['function']}: {o['old']} -> {o['new']}")
            report[path.stem] = dict(made=len(rows), caught=len(rows)-len(survived), survived=survived, commit=origin["commit"], date=origin["date"])
            print(f"{path.stem:28} {len(rows)-len(survived):3} of {len(rows):3} caught", flush=True)
            for o in survived: print(f"    {o['function']}, line {o['line']}, {o['kind']}: {o['old']} -> {o['new']}   {o['reason'] or ''}", flush=True)
    if args.json and args.json.exists() and args.chapters:
        there = {o.stem for o in (ROOT/"nbs").glob("*.ipynb")}
        report = {k: v for k, v in json.loads(args.json.read_text(encoding="utf-8"))["chapters"].items() if k in there} | report
    report = dict(sorted(report.items()))
    made, caught = (sum(o[k] for o in report.values()) for k in ("made", "caught"))
    print(f"{caught} of {made} caught, {caught/max(made, 1):.1%}")
    if args.json: args.json.write_text(json.dumps(dict(made=made, caught=caught, chapters=report) | origin, indent=1)+"\n", encoding="utf-8")


if __name__ == "__main__": main()
