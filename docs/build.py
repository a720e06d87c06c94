"""The site, in one command and without a network: `python docs/build.py` writes docs/_build/site

`--epub` makes one file for a reader of books of the same pages, `--pdf` one for paper, where LaTeX is at hand. Every chapter becomes a page. An exported cell is shown as an entry of the package (name with an anchor, link to the
source, what it does, its parameters) followed by its code; hidden cells stay out; a cell marked `#| code-fold: true`,
code and output, unfolds under its `#| code-summary:`; the names of functions in prose become links, and so do the words
of the glossary and the works of the bibliography. Other pages are in docs/pages, and the index of names is made here.
Sphinx then builds the pages with warnings as errors, and every link inside the site is followed.
"""
import argparse
import ast
import html
import io
import json
import re
import shutil
import subprocess
import sys
import time
import tokenize
from configparser import ConfigParser
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import around
import demo
import parts
import widgets

ROOT = Path(__file__).resolve().parent.parent
NBS, BUILD = ROOT/"nbs", ROOT/"docs"/"_build"
SOURCE = BUILD/"pages"

config = ConfigParser(delimiters=["="])
config.read(ROOT/"settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]
FILES = f"{cfg['git_url']}/blob/{cfg['branch']}"
ADDRESS = cfg["doc_host"].rstrip("/") + cfg["doc_baseurl"]
EDIT = f"{cfg['git_url']}/edit/{cfg['branch']}"
COLAB = FILES.replace("https://github.com/", "https://colab.research.google.com/github/")
ELSEWHERE = {"LOSSES": ("losses.combined", "How to make each loss, by the name that sums, logs and tables know it by")}  # not made by a notebook
PAGES = ("reading", "cheatsheet", "notation", "glossary", "api", "bibliography", "errata", "credits", "404")  # beside the chapters, in this order


def chapters():
    "[(number or '', page name, path)], the front page first"
    res = []
    for path in sorted(NBS.glob("*.ipynb")):
        if path.name[0] in "_.": continue
        m = re.fullmatch(r"(\d+)_(.+)", path.stem)
        res.append((m[1], m[2], path) if m else ("", path.stem, path))
    return sorted(res)


# What a cell says about itself ----------------------------------------------------------------------------------------

def directives(source):
    "(the `#|` lines as a dict, the code without them)"
    found, code = {}, []
    for line in source.splitlines():
        m = re.match(r"\s*#\|\s*([\w-]+):?\s*(.*)$", line)
        if m: found[m[1]] = m[2].strip()
        elif not re.match(r"\s*%{1,2}\w", line) and not re.search(r"#\|\s*hide_line\s*$", line): code.append(line)
    return found, "\n".join(code).strip("\n")


def definitions(code):
    "The public functions and classes at the top of a cell"
    try: tree = ast.parse(code)
    except SyntaxError: return []
    return [o for o in tree.body if isinstance(o, (ast.FunctionDef, ast.ClassDef)) and not o.name.startswith("_")]


def constants(code):
    "{public constant at the top of a cell: the comment behind it}"
    try: tree = ast.parse(code)
    except SyntaxError: return {}
    notes = comments(code)
    return {t.id: notes.get(o.lineno, "") or notes.get(o.end_lineno, "") for o in tree.body if isinstance(o, (ast.Assign, ast.AnnAssign))
            for t in (o.targets if isinstance(o, ast.Assign) else [o.target]) if isinstance(t, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]+", t.id)}


def imports(code):
    "Is there nothing but imports in a cell?"
    try: return all(isinstance(o, (ast.Import, ast.ImportFrom)) for o in ast.parse(code).body)
    except SyntaxError: return False


def comments(code):
    "{line: its comment}"
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def parameters(node, code):
    "[(name, type, default, meaning)] of a function, or of a class from its `__init__` or its annotated fields"
    notes, text = comments(code), lambda o: ast.get_source_segment(code, o) if o is not None else ""
    if isinstance(node, ast.ClassDef):
        init = next((o for o in node.body if isinstance(o, ast.FunctionDef) and o.name == "__init__"), None)
        if init is None:
            fields = [o for o in node.body if isinstance(o, ast.AnnAssign)]
            return [(text(o.target), text(o.annotation), text(o.value), notes.get(o.lineno, "")) for o in fields]
        node = init
    a, rows = node.args, []
    plain = a.posonlyargs + a.args
    every = [*(("", *o) for o in zip(plain, [None]*(len(plain)-len(a.defaults))+a.defaults)), ("*", a.vararg, None),
             *(("", *o) for o in zip(a.kwonlyargs, a.kw_defaults)), ("**", a.kwarg, None)]
    for star, arg, default in every:
        if arg is None or arg.arg in ("self", "cls"): continue
        rows.append((star+arg.arg, text(arg.annotation), text(default), notes.pop(arg.end_lineno, "")))
    if node.returns is not None and text(node.returns) != "None":
        rows.append(("returns", text(node.returns), "", notes.get(node.returns.end_lineno, "")))
    return rows


# Links ----------------------------------------------------------------------------------------------------------------

class Names:
    "Where every public name of the package is explained: page, anchor, line of source and first sentence"
    def __init__(self):
        self.entry, self.line, self.module, self.doc = {}, {}, {}, {}
        self.terms, self.works, self.days = around.Terms(), around.Works(), around.changes()
        for _, page, path in chapters():
            nb = json.loads(path.read_text(encoding="utf-8"))
            sources = ["".join(c["source"]) for c in nb["cells"] if c["cell_type"] == "code"]
            exp = next(filter(None, (re.search(r"^#\|\s*default_exp\s+(\S+)", s, re.M) for s in sources)), None)
            if not exp: continue
            self.module[page] = cfg["lib_name"]+"."+exp[1]
            file = ROOT/cfg["lib_path"]/(exp[1].replace(".", "/")+".py")
            if not file.exists(): continue
            code = file.read_text(encoding="utf-8")
            for name, note in constants(code).items(): self.put(name, f"{page}.html#{name}", page, note)
            for node in definitions(code):
                self.put(node.name, f"{page}.html#{node.name.lower()}", page, " ".join((ast.get_docstring(node) or "").split()))
                self.line[page, node.name] = f"{FILES}/{file.relative_to(ROOT).as_posix()}#L{node.lineno}"
                for o in node.body if isinstance(node, ast.ClassDef) else []:
                    if isinstance(o, ast.FunctionDef): self.entry[f"{node.name}.{o.name}"] = self.entry[node.name]

        for name, (page, doc) in ELSEWHERE.items(): self.put(name, f"{page}.html", page, doc)

    def put(self, name, url, page, doc):
        self.entry.setdefault(name, url)
        self.doc[page, name] = url, doc

    def of(self, name):
        if name.startswith(cfg["lib_name"]+"."): name = name.rsplit(".", 1)[-1]
        return self.entry.get(name)


def packages():
    "{name: packages that list it} from the hand-written `__init__.py`s"
    res = {}
    for path in sorted((ROOT/cfg["lib_path"]).glob("**/__init__.py")):
        package = ".".join(path.relative_to(ROOT).parent.parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Assign) or getattr(node.targets[0], "id", "") not in ("__all__", "_HOMES", "_RUNNING"): continue
            for o in node.value.keys if isinstance(node.value, ast.Dict) else ast.walk(node.value):
                if isinstance(o, ast.Constant) and re.fullmatch(r"[A-Za-z]\w*", str(o.value)): res.setdefault(o.value, []).append(package)
    return res


def api(names):
    "The index of names: every function, class and constant of every module, with its sentence and its chapter"
    res, listed = ["# Index of names\n", "> Every public function, class and constant: what it does, and the chapter that explains it\n"], packages()
    res.append("Names stand in the order of the book. Each can be imported from the module above it; where a package lists it as well, that is the shorter way, and the one that a new version will not change without saying so.\n")
    for number, page, path in chapters():
        rows = [(name, url, doc) for (own, name), (url, doc) in names.doc.items() if own == page]
        if not rows: continue
        res.append(f'## {number} {parts.heads(path)[0]}\n\n<p class="entry">Module <code>{names.module[page]}</code>, from the chapter <a href="{page}.html">{parts.heads(path)[0]}</a></p>\n')
        body = "".join(f'<tr><td><a class="doclink" href="{url}"><code>{name}</code></a></td><td>{inline(doc, names)}</td>'
                       f'<td>{", ".join(f"<code>{o}</code>" for o in listed.get(name, []) if names.module[page].startswith(o))}</td></tr>' for name, url, doc in sorted(rows, key=lambda o: o[0].lower()))
        res.append(f'<div class="names"><table><thead><tr><th>Name</th><th>What it does</th><th>Package</th></tr></thead><tbody>{body}</tbody></table></div>\n')
    return "\n".join(res)


def reference(said, names):
    "A link to where a name, or a call of it, is explained; None where the package has no such name"
    url = names.of(said.partition("(")[0])
    return url and f'<a class="doclink" href="{url}"><code>{html.escape(said)}</code></a>'


def prose(text, names, seen=None):
    "Markdown of a notebook as MyST: links to chapters, to names of the package and, where `seen` holds those that a page had before, to words of the glossary"
    apart = r"(^```.*?^```[ \t]*$|^\$\$.*?\$\$|^#+ .*?$|!?\[[^\]\n]*\]\([^)\n]*\)|<a .*?</a>)"
    parts = re.split(apart, text, flags=re.M | re.S)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            name = r"(?<!`)`([A-Za-z_][\w.]*(?:\([^`\n]*\))?)`(?!`)"
            part = re.sub(name, lambda m: reference(m[1], names) or m[0], part)
            # a comma after a formula may not begin a line
            part = re.sub(r"(?<![\\$`])\$(?!\s)([^$\n`]+?)(?<!\s)\$(?!\$)([,.;:)]+)", r"$\1\\text{\2}$", part)
            bits = re.split(r"(`[^`]*`|\$[^$\n]*\$|<a .*?</a>|<[^>]+>|\{[^}]*\})", part) if seen is not None else [part]
            parts[i] = "".join(o if j % 2 or seen is None else names.terms.link(o, seen) for j, o in enumerate(bits))
        elif m := re.fullmatch(r"(!?)\[([^\]]*)\]\(([^)]*)\)", part, re.S):
            if chapter := re.fullmatch(r"(?:\d+_)?([\w.]+)\.(?:ipynb|html|md)(#.*)?", m[3]):
                label = re.sub(r"`([^`]+)`", lambda o: f"<code>{html.escape(o[1])}</code>", m[2])
                parts[i] = f'<a class="doclink" href="{chapter[1]}.html{chapter[2] or ""}">{label}</a>'
            elif m[3].startswith("../") and not m[1]: parts[i] = f"[{m[2]}]({FILES}/{m[3].lstrip('./')})"
    return "".join(parts)


def inline(text, names):
    "One line of a docstring or comment as HTML"
    res = []
    for i, part in enumerate(re.split(r"(`[^`]+`|\$[^$]+\$|\[[^\]]+\]\([^)]+\))", text)):
        if i % 2 == 0: res.append(html.escape(part, quote=False))
        elif part[0] == "$": res.append(rf'<span class="math">\({html.escape(part[1:-1])}\)</span>')
        elif part[0] == "[": res.append(re.sub(r"\[(.+)\]\((.+)\)", r'<a href="\2">\1</a>', part))
        else: res.append(reference(part[1:-1], names) or f"<code>{html.escape(part[1:-1])}</code>")
    return "".join(res)


# Cells ----------------------------------------------------------------------------------------------------------------

def entry(node, code, page, names):
    "The markdown of one function or class: anchor, heading, source, what it does, parameters"
    source = names.line.get((page, node.name))
    doc = " ".join((ast.get_docstring(node) or "").split())
    # without an underscore the heading's own anchor is the name
    anchor = f'<span class="anchor" id="{node.name.lower()}"></span>\n\n' if "_" in node.name else ""
    res = f'{anchor}### `{node.name}`\n\n<p class="entry">{inline(doc, names)}'
    res += (f' <a class="srclink" href="{source}">source</a>' if source else "") + "</p>\n"
    res += table("Parameters", [row(*o, names) for o in parameters(node, code) if o[3]])
    for o in node.body if isinstance(node, ast.ClassDef) else []:
        if not isinstance(o, ast.FunctionDef) or o.name.startswith("_"): continue
        res += table(f"<code>{o.name}</code>: {inline(' '.join((ast.get_docstring(o) or '').split()), names)}",
                     [row(*p, names) for p in parameters(o, code) if p[3]])
    return res


def row(name, kind, default, meaning, names):
    kind = " = ".join(f"<code>{html.escape(o)}</code>" for o in (kind, default) if o)
    name = "<em>returns</em>" if name == "returns" else f"<code>{html.escape(name)}</code>"
    return f"<tr><td>{name}</td><td>{kind}</td><td>{inline(meaning, names)}</td></tr>"


def table(title, rows):
    "Rows to unfold under a title"
    if not rows: return ""
    head = "<tr><th>Name</th><th>Type</th><th>Meaning</th></tr>"
    return (f'\n<details class="parameters"><summary>{title}</summary><div>'
            f'<table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div></details>\n')


def opening(text, number, page, path, names):
    "The head of a page: title, where it stands in the book, and the promise"
    m = re.match(r"# (.+?)\n+(?:> (.+?)\n*(?:\n|$))?(.*)", text.strip()+"\n", re.S)
    if not m: raise ValueError(f"{path.name} must begin with `# Title` and `> promise`")
    title, promise, rest = m[1].strip(), (m[2] or "").strip().replace("\n> ", " "), m[3].strip()
    res = f"# {title}\n\n"
    if number:
        part = int(number[0])
        where = [f'<a href="{parts.name(part)}.html">{parts.PARTS[part]}</a>, chapter {number}']
        if page in names.module: where.append(f"module <code>{names.module[page]}</code>")
        res += f'<p class="where">{" · ".join(where)}<br>{" · ".join(around_chapter(page, path, names))}</p>\n\n'
    if promise: res += f"{{.promise}}\n{prose(promise, names)}\n\n"
    return res + prose(rest, names)


def around_chapter(page, path, names):
    "Ways out of a chapter, and how old it is"
    file = f"nbs/{path.name}"
    res = [f'<a href="{COLAB}/{file}">run in Colab</a> (<a href="reading.html#colab">how</a>)', f'<a href="{FILES}/{file}">notebook</a>']
    if page in names.module: res.append(f'<a href="{FILES}/{names.module[page].replace(".", "/")}.py">source</a>')
    return [*res, *age(file, names)]


def age(file, names):
    "Where a file can be edited, the version, and the day of its last change where git knows it"
    day = names.days.get(file)
    return [f'<a href="{EDIT}/{file}">edit</a>', f"version {cfg['version']}", *([f"last change {day}"] if day else [])]


def page_cells(path, number, page, names):
    "The cells of the page"
    seen = set()
    nb, cells = json.loads(path.read_text(encoding="utf-8")), []
    head = next(c for c in nb["cells"] if c["cell_type"] == "markdown")
    def add(kind, source, **more):
        cells.append(dict(dict(cell_type=kind, id=f"c{len(cells)}", metadata={}, source=source), **more))
    for c in nb["cells"]:
        source = "".join(c["source"])
        if c["cell_type"] == "markdown":
            source = opening(source, number, page, path, names) if c is head else prose(names.works.link(source, page), names, seen)
            add("markdown", source)
        if c["cell_type"] != "code": continue
        d, code = directives(source)
        if d.keys() & {"hide", "default_exp"} or d.get("include") == "false" or not code: continue
        if d.keys() & {"export", "exports"}:
            for name in constants(code): add("markdown", f'<span class="anchor" id="{name}"></span>')
            for node in definitions(code): add("markdown", entry(node, code, page, names))
        folded = d.get("code-fold") == "true"
        tags = [t for t, on in {
            "remove-input": d.get("echo") == "false",
            "remove-output": d.get("output") == "false",
            "hide-input": not folded and imports(code),
            "hide-cell": folded,
            "exported": d.keys() & {"export", "exports", "exporti"},
            "recorded": d.keys() & set(cfg["tst_flags"].split()),
            "expected": "expected_numbers(" in code and "def expected_numbers(" not in code and d.get("echo") == "false",
        }.items() if on]
        outputs = [o for o in c["outputs"] if o.get("name") != "stderr"]
        fold = d.get("code-summary", "").strip("\"'") or ("Imports" if imports(code) else "Code")
        if imports(code) and not folded and cells[-1]["cell_type"] == "code" and imports(cells[-1]["source"]):
            cells[-1]["source"] += "\n\n" + code
            continue
        prompts = dict(code_prompt_show=fold, code_prompt_hide=fold)
        if "fig-alt" in d: prompts["image"] = dict(alt=d["fig-alt"].strip("\"'"))
        add("code", code, metadata=dict(tags=tags, mystnb=prompts), execution_count=None, outputs=outputs)
    return cells


def other_page(name, names):
    "One of docs/pages, or the index of names, as MyST"
    file = f"docs/pages/{name}.md"
    text = api(names) if name == "api" else (ROOT/file).read_text(encoding="utf-8")
    for o in ("git_url", "repo"): text = text.replace(f"{{{o}}}", cfg[o])
    if name == "glossary":
        pages = {int(number): (number, page) for number, page, _ in chapters() if number}
        def link(m): return '<a class="doclink" href="{0[1]}.html">{0[0]}</a>'.format(pages[int(m[0])])
        text = re.sub(r"Chapters? \d+(?: and \d+)?", lambda m: re.sub(r"\d+", link, m[0]), text)
    title, promise, rest = re.match(r"# ([^\n]+)\n+> ([^\n]+)\n+(.*)", text, re.S).groups()
    end = "" if name == "404" else f'\n\n<p class="where">{" · ".join(age("docs/build.py" if name == "api" else file, names))}</p>\n'
    return ("---\norphan: true\n---\n\n" if name == "404" else "") + f"# {title}\n\n{{.promise}}\n{promise}\n\n" + (rest if name == "api" else prose(rest, names)) + end


def put_play(pages, play):
    "Places for the demonstration and the widgets"
    found = [c for c in pages["index"] if demo.MARK in c["source"]]
    if not found: raise ValueError(f"build wants {demo.MARK} on the front page, where the demonstration goes")
    found[0]["source"] = found[0]["source"].replace(demo.MARK, demo.place(play))
    for page in widgets.PLACES.keys() & pages.keys():
        heading, text = widgets.place(page)
        before = [c for c in pages[page] if c["cell_type"] == "markdown" and re.search(rf"^{re.escape(heading)}$", c["source"], re.M)]
        if not before: raise ValueError(f"build wants the heading {heading!r} in {page}, for its widget")
        before[0]["source"] = re.sub(rf"^{re.escape(heading)}$", lambda m: text+m[0], before[0]["source"], count=1, flags=re.M)


def toctree(*pages): return "\n".join(["```{toctree}", ":hidden:", "", *pages, "```"])


def write_pages(paper=str, play=0, printed=False):
    "The notebooks as Sphinx takes them, in docs/_build; `paper` goes over each page's markdown, `play` is what the demonstration fetches, in bytes, 0 for pages without scripts; `printed` makes a page `book` that has all others in it"
    for o in (SOURCE, BUILD/"doctrees"): shutil.rmtree(o, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    names, every, pages = Names(), chapters(), {}
    for number, page, path in every: pages[page] = page_cells(path, number, page, names)
    if "index" not in pages: raise FileNotFoundError("nbs/index.ipynb, the front page, is missing")
    there = [o for o in parts.PARTS if any(number[:1] == str(o) for number, _, _ in every)]
    for o in there:
        text = paper(prose(parts.page(o, every), names))
        if printed: text = re.sub(r"^## (.+)$", r"**\1**", text, flags=re.M)  # its chapters belong to it, not to its last section
        (SOURCE/f"{parts.name(o)}.md").write_text(text, encoding="utf-8")
    for o in PAGES: (SOURCE/f"{o}.md").write_text(paper(other_page(o, names)), encoding="utf-8")
    for c in pages["index"]:
        if c["cell_type"] == "markdown": c["source"] = c["source"].replace("## The book\n", f"## The book\n\n{parts.drawing(every)}\n")
    if play: put_play(pages, play)
    pages["index"].append(dict(cell_type="markdown", id="age", metadata={}, source=f'<p class="where">{" · ".join(age("nbs/index.ipynb", names))}</p>'))
    every_part = [*map(parts.name, there)]
    if printed:
        (SOURCE/"book.md").write_text(f"# {cfg['title']}\n\n{toctree('index', *every_part, 'around')}\n", encoding="utf-8")
        for number, page, _ in every: pages[page][0]["source"] = re.sub(r"^# ", f"# {number} ", pages[page][0]["source"], count=1, flags=re.M)
        (SOURCE/"around.md").write_text(f"# Around the chapters\n\n{toctree(*PAGES[:-1])}\n", encoding="utf-8")
    else: pages["index"].append(dict(cell_type="markdown", id="toc", metadata={}, source=toctree(*every_part, *PAGES[:-1])))
    python = dict(display_name="python3", language="python", name="python3")
    kernel = dict(kernelspec=python, language_info=dict(name="python"))
    for page, cells in pages.items():
        for c in cells:
            if c["cell_type"] == "markdown": c["source"] = paper(c["source"])
            for o in c.get("outputs", []):
                if "text/html" in o.get("data", {}): o["data"]["text/html"] = paper("".join(o["data"]["text/html"]))
        nb = dict(cells=cells, metadata=kernel, nbformat=4, nbformat_minor=5)
        (SOURCE/f"{page}.ipynb").write_text(json.dumps(nb), encoding="utf-8")
    for o in (ROOT/"docs"/"pictures", NBS/"images"):
        if o.exists(): shutil.copytree(o, SOURCE/o.name)
    promises = {page: parts.heads(path)[1] for _, page, path in every} | {parts.name(o): parts.promise(o) for o in there}
    promises |= {o: re.search(r"^> (.+)", api(names) if o == "api" else (ROOT/"docs"/"pages"/f"{o}.md").read_text(encoding="utf-8"), re.M)[1] for o in PAGES}
    numbers = {page: number for number, page, _ in every}
    cited = {key: [(numbers[o], o) for o in where] for key, where in names.works.cited.items()}
    (BUILD/"about.json").write_text(json.dumps(dict(promises=promises, cited=cited)), encoding="utf-8")  # for conf.py
    problems = names.works.unknown + [f"{o} is listed by {where[0]} and explained nowhere" for o, where in packages().items() if o not in names.entry]
    days = {page: names.days.get(f"nbs/{path.name}") for _, page, path in every} | {parts.name(o): names.days.get(f"docs/parts/{parts.WORDS[o].name}") for o in there}
    return days | {o: names.days.get(f"docs/pages/{o}.md") for o in PAGES[:-1]}, problems


# Is the site whole? ---------------------------------------------------------------------------------------------------

class Links(HTMLParser):
    "Anchors, links and what is loaded at reading time"
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {a[k] for k in ("id", "name") if a.get(k)}
        if tag == "a" and a.get("href"): self.links.append(a["href"])
        if tag in ("script", "img", "iframe", "source") and a.get("src"): self.loads.append(a["src"])
        if tag == "link" and a.get("rel") in ("stylesheet", "preload", "icon"): self.loads.append(a["href"])


def other_katex():
    "The fonts and styles in _static/katex must be of the version whose scripts sphinxcontrib-katex brings"
    from sphinxcontrib.katex import katex_version
    css = (ROOT/"docs"/"_static"/"katex"/"katex.min.css").read_text(encoding="utf-8")
    ours = re.search(r'katex-version:+after\{content:"([\d.]+)"', css)[1]
    return [] if ours == katex_version else [f"docs/_static/katex is {ours}, sphinxcontrib-katex {katex_version}"]


def broken(site):
    "Links that lead nowhere, and anything a reader's browser would fetch from elsewhere"
    seen, problems = {}, []
    for path in sorted(o for o in site.glob("**/*.html") if "_static" not in o.parts):
        seen[path] = o = Links()
        o.feed(path.read_text(encoding="utf-8"))
    for path, o in seen.items():
        for url in o.loads:
            if re.match("(https?:)?//", url): problems.append(f"{path.name} loads {url}")
        for url in o.links + [u for u in o.loads if not urlparse(u).scheme]:
            part = urlparse(url)
            if part.scheme or part.netloc: continue
            target = path if not part.path else (path.parent/unquote(part.path)).resolve()
            if target.is_dir(): target = target/"index.html"
            lost = part.fragment and target in seen and unquote(part.fragment) not in seen[target].ids
            if lost or not target.exists(): problems.append(f"{path.name}: no {url}")
    for path in site.glob("**/*.css"):
        for url in re.findall(r"(?:@import\s+|url\()[\"']?(https?://[^\"')]+)", path.read_text(encoding="utf-8")):
            problems.append(f"{path.name} loads {url}")
    return sorted(set(problems))


def sphinx(builder, out, *options):
    "Sphinx with warnings as errors; True where it failed"
    from sphinx.cmd.build import build_main
    places = ["-d", BUILD/"doctrees", "-c", ROOT/"docs", SOURCE, out]
    return bool(build_main(["-W", "--keep-going", "-q", "-E", "-b", builder, *options, *map(str, places)]))


def site(out):
    "The site in a folder; (number of pages, problems)"
    play = demo.fetch()
    if not play: print("npm is not here: the site has no demonstration and no widgets")
    days, problems = write_pages(play=play)
    shutil.rmtree(out, ignore_errors=True)
    problems += other_katex()
    if sphinx("html", out): return len(days), [*problems, "Sphinx is not content: see above"]
    if play:
        demo.write_palette(out/"_static"/"palette.js")
        demo.write_demo(out)
        widgets.write_widgets(out)
    problems += around.lighten(out)
    around.sitemap(out, ADDRESS, days)
    return len(days), problems + broken(out)


def epub(out):
    "The same pages as one EPUB, with formulas in MathML"
    days, problems = write_pages(around.for_epub)
    shutil.rmtree(out, ignore_errors=True)
    if sphinx("epub", out, "-t", "epub"): problems.append("Sphinx is not content: see above")
    return len(days), problems + around.unread(out)


def pdf(out):
    "The same pages as one PDF, by LaTeX"
    if not all(map(shutil.which, ("latexmk", "xelatex"))): return 0, ["a PDF wants LaTeX, with latexmk and xelatex, and they are not here: `--epub` needs neither, and every page of the site prints well"]
    days, problems = write_pages(around.for_paper, printed=True)
    shutil.rmtree(out, ignore_errors=True)
    if sphinx("latex", out, "-t", "paper"): return len(days), [*problems, "Sphinx is not content: see above"]
    made = subprocess.run(["latexmk", "-xelatex", "-interaction=nonstopmode", "-quiet", f"{cfg['lib_name']}.tex"], cwd=out, capture_output=True, text=True)
    return len(days), problems + ([] if (out/f"{cfg['lib_name']}.pdf").exists() else [f"LaTeX is not content: {made.stdout[-1500:]}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--epub", action="store_true", help="an EPUB in place of the site")
    form.add_argument("--pdf", action="store_true", help="a PDF in place of the site, where LaTeX is at hand")
    parser.add_argument("--out", type=Path, help="where it goes; without it docs/_build/site, epub or pdf")
    args = parser.parse_args()
    make = epub if args.epub else pdf if args.pdf else site
    out, start = (args.out or BUILD/make.__name__).resolve(), time.time()
    count, problems = make(out)
    for o in problems: print(o)
    print(f"{count} pages in {out}, {time.time()-start:.0f} s, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__": sys.exit(main())
