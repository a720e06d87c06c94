"""The parts of the book: a page for each, and one map of them all

A page's words are in docs/parts/; its chapters, their promises and what each stands on come from the notebooks. The map
is a drawing in SVG whose boxes are links, its colours those of the page it stands on.
"""
import html
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = {int(o.name[0]): o for o in sorted((ROOT/"docs"/"parts").glob("[0-9]_*.md"))}
PARTS = {n: re.match(r"# (.+)", o.read_text(encoding="utf-8"))[1] for n, o in WORDS.items()}

# Where each part stands on the map: left, top, width; and what goes from one to another, along which line
W, H, WIDTH, HEIGHT = 120, 76, 480, 424
BOXES = {0: (4, 4, 472), 1: (4, 116, W), 3: (180, 116, W), 7: (356, 116, W), 2: (4, 232, W), 5: (180, 232, W), 4: (356, 232, W), 6: (356, 344, W)}
LINES = [
    ("M64 80V112", "", 0, 0, ""),
    ("M124 154H176", "images", 150, 146, "middle"),
    ("M300 154H352", "maps", 326, 146, "middle"),
    ("M64 192V228", "targets", 72, 214, "start"),
    ("M124 270H176", "slopes", 150, 262, "middle"),
    ("M240 228V196", "weights", 232, 214, "end"),
    ("M352 270H304", "score", 328, 262, "middle"),
    ("M296 192L358 230", "maps", 334, 206, "start"),
    ("M416 308V340", "", 0, 0, ""),
]


def name(part): return f"part{part}"


def drawing(chapters, here=None):
    "The map as inline SVG; `chapters` as `build.chapters` gives them, `here` is the part whose page it stands on"
    def box(part):
        x, y, width = BOXES[part]
        numbers = " ".join(number for number, _, _ in chapters if number and int(number[0]) == part)
        now = ' class="here" aria-current="page"' if part == here else ""
        return (f'<a href="{name(part)}.html"{now}><title>Part {part}, {PARTS[part]}: chapters {numbers}</title><rect x="{x}" y="{y}" width="{width}" height="{H}" rx="8"/>'
                f'<text x="{x+width/2}" y="{y+33}" class="name">{part} {PARTS[part]}</text><text x="{x+width/2}" y="{y+56}" class="numbers">{numbers}</text></a>')
    lines = "".join(f'<path d="{path}" marker-end="url(#tip)"/>' for path, *_ in LINES)
    words = "".join(f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="word">{word}</text>' for _, word, x, y, anchor in LINES if word)
    tip = '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
    return f'<nav class="bookmap" aria-label="Map of the book"><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="group">{tip}{lines}{words}{"".join(map(box, PARTS))}</svg></nav>'


def cells(path): return json.loads(path.read_text(encoding="utf-8"))["cells"]


def heads(path):
    "Title and promise of a chapter"
    text = next("".join(c["source"]) for c in cells(path) if c["cell_type"] == "markdown")
    m = re.match(r"# (.+?)\n+(?:> (.+))?", text)
    return m[1].strip(), (m[2] or "").strip()


def stands_on(path):
    "The modules that a chapter's cells import"
    code = "\n".join("".join(c["source"]) for c in cells(path) if c["cell_type"] == "code")
    return set(re.findall(r"^\s*from depthsense\.([\w.]+) import", code, re.M))


def promise(part): return re.search(r"^> (.+)", WORDS[part].read_text(encoding="utf-8"), re.M)[1]


def page(part, chapters):
    "A part's page, as MyST markdown"
    mine = [(number, page, path) for number, page, path in chapters if number and int(number[0]) == part]
    numbers = {page: number for number, page, _ in chapters if number}
    titles = {own: heads(path) for _, own, path in mine}
    m = re.match(r"# ([^\n]+)\n+> ([^\n]+)\n+(.+)", WORDS[part].read_text(encoding="utf-8"), re.S)
    res = [f"# {part} {m[1]}\n", f"{{.promise}}\n{m[2]}\n", m[3], "## Chapters\n"]
    for number, own, path in mine:
        title, promise = titles[own]
        before = sorted((numbers[o], o) for o in stands_on(path) if o in numbers and numbers[o] < number)
        links = ", ".join(f'<a href="{html.escape(o)}.html">{n}</a>' for n, o in before)
        res.append(f'<p class="chapter"><a href="{own}.html"><b>{number}</b> {html.escape(title)}</a><br>{html.escape(promise)}'
                   + (f'<span class="before">stands on {links}</span>' if links else "") + "</p>\n")
    res.append("## Where this part stands\n\nArrows say what one part hands to another. Every box is a link.\n")
    res.append(drawing(chapters, part) + "\n")
    toc = "\n".join(["```{toctree}", ":hidden:", "", *(f"{number}  {titles[own][0]} <{own}>" for number, own, _ in mine), "```"])
    return "\n".join([*res, toc]) + "\n"
