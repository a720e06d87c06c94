"""README.md from the front page, nbs/index.ipynb, docs/MODEL_CARD.md and docs/DATA_CARD.md from their templates: `python docs/readme.py`

Hidden cells stay out, output is quoted, pictures are written to docs/pictures/, and links lead to the site. The numbers of the cards come from results/.
"""
import base64
import json
import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
config = ConfigParser(delimiters=["="])
config.read(ROOT/"settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]
SITE = cfg["doc_host"].rstrip("/") + cfg["doc_baseurl"]
RAW = f"https://raw.githubusercontent.com/{cfg['user']}/{cfg['repo']}/{cfg['branch']}/"
FILES = f"{cfg['git_url']}/blob/{cfg['branch']}/"


def absolute(target, picture):
    "A link of the front page as one that works from anywhere"
    if re.match(r"\w+:|#", target): return target
    chapter = re.fullmatch(r"(?:\d+_)?([\w.]+)\.ipynb(#.*)?", target)
    if chapter: return f"{SITE}{chapter[1]}.html{chapter[2] or ''}"
    if target.endswith(".html") or ".html#" in target: return SITE + target
    return (RAW if picture else FILES) + re.sub(r"^(\.\./)+|^\./", "", target)


def links(text):
    "Every markdown and HTML link outside code made absolute"
    def markdown(m): return f"{m[1]}[{m[2]}]({absolute(m[3], m[1])})"
    parts = re.split(r"(^```.*?^```[ \t]*$)", text, flags=re.M | re.S)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"(!?)\[((?:[^\[\]]|\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)", markdown, parts[i])
        parts[i] = re.sub(r'\b(src|href)="([^"]+)"', lambda m: f'{m[1]}="{absolute(m[2], m[1] == "src")}"', parts[i])
    return "".join(parts)


def render():
    "The text of README.md and the pictures it shows, as {path: bytes}"
    nb = json.loads((ROOT/"nbs"/"index.ipynb").read_text(encoding="utf-8"))
    text, pictures = [], {}
    for cell in nb["cells"]:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown": text.append(links(source)); continue
        hidden = re.search(r"^#\|\s*(hide|default_exp .*|export\w*|include:\s*false)\s*$", source, re.M)
        if cell["cell_type"] != "code" or hidden: continue
        code = re.sub(r"^(#\||%).*\n?", "", source, flags=re.M).strip()
        if code and not re.search(r"^#\|\s*echo:\s*false", source, re.M): text.append(f"```python\n{code}\n```")
        for o in cell["outputs"]:
            data = o.get("data", {})
            picture = next((m for m in ("image/png", "image/jpeg") if m in data), None)
            if picture:
                path = Path("docs/pictures")/f"readme_{len(pictures)+1}.{'png' if picture.endswith('png') else 'jpg'}"
                pictures[path] = base64.b64decode("".join(data[picture]))
                alt = re.search(r'^#\| fig-alt: "(.*)"', source, re.M)
                text.append(f"![{alt[1] if alt else ''}]({RAW}{path.as_posix()})")
            elif "text/markdown" in data: text.append("".join(data["text/markdown"]).strip())
            else:
                plain = "".join(o.get("text") or data.get("text/plain", "")).rstrip()
                if plain and o.get("name") != "stderr": text.append(f"```\n{plain}\n```")
    warning = "<!-- Made from nbs/index.ipynb by docs/readme.py: edit there -->"
    return "\n\n".join([warning, *text]) + "\n", pictures


def number(value, key, form=None):
    "A result as a card shows it: in the form asked for, else shares in per cent and large counts in thousands"
    if form: return format(value, form)
    if key in ("whdr", "delta1_error"): return f"{value:.1%}"
    if key == "abs_rel": return f"{value:.3f}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) and abs(value) >= 1000 else f"{value:g}" if isinstance(value, float) else str(value)


CARDS = {"model": ("small", "val", "zero_shot", "closer"), "data": ("redweb", "val")}  # the first one's numbers need no name before them


def card(kind):
    "A template with every `{{ path.to.a.number }}`, or `{{ path.to.a.number:form }}`, taken from files of results/"
    known = {o: json.loads((ROOT/"results"/f"{o}.json").read_text(encoding="utf-8")) for o in CARDS[kind]}
    known |= known.pop(CARDS[kind][0])

    def value(m):
        keys, found = m[1].split("."), known
        for k in keys: found = found[k]
        return number(found, keys[-1], m[2])
    warning = f"<!-- Made from docs/{kind}_card.template.md and results/ by docs/readme.py: edit there -->\n\n"
    return warning + re.sub(r"\{\{ ([\w.]+)(?::(\S+))? \}\}", value, (ROOT/"docs"/f"{kind}_card.template.md").read_text(encoding="utf-8"))


def cards(): return {Path(f"docs/{o.upper()}_CARD.md"): card(o).encode() for o in CARDS}


def files():
    text, pictures = render()
    return {Path("README.md"): text.encode(), **cards(), **pictures}


def stale():
    "Files that differ from what the front page and the results give"
    made = files()
    found = {o.relative_to(ROOT) for o in (ROOT/"docs"/"pictures").glob("readme_*")} | {Path("README.md"), *cards()}
    def same(p): return p in made and (ROOT/p).exists() and (ROOT/p).read_bytes() == made[p]
    return sorted(p.as_posix() for p in found | made.keys() if not same(p))


def write():
    "Write what is stale, and say what was"
    changed = stale()
    made = files()
    for name in changed:
        if Path(name) not in made: (ROOT/name).unlink(); continue
        (ROOT/name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT/name).write_bytes(made[Path(name)])
    return ", ".join(changed)


if __name__ == "__main__": print(write() or "README.md and the cards are up to date")
