"""What stands around the chapters: days of change, works cited, words explained, and what a finished site still needs"""
import html
import posixpath
import re
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIBLIOGRAPHY = ROOT/"docs"/"references.bib"
GLOSSARY = ROOT/"docs"/"pages"/"glossary.md"
EVERYDAY = {"cap", "crop", "depth", "mask", "pair", "prior", "residual", "seed", "split", "tie"}  # words that are not always the glossary's


def changes():
    "{file: day of its last change}; empty without git, and where the history is cut short"
    def git(*args): return subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT or git("rev-parse", "--is-shallow-repository") == "true": return {}
        log = git("-c", "core.quotePath=false", "log", "--format=%x00%cs", "--name-only")
    except (OSError, subprocess.CalledProcessError): return {}
    days = {}
    for commit in log.split("\0")[1:]:
        day, *files = commit.split("\n")
        for o in filter(None, files): days.setdefault(o, day)
    return days


# Works cited ----------------------------------------------------------------------------------------------------------

def plain(text):
    "Words and numbers alone, in small letters"
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


class Works:
    "The works of docs/references.bib, and which page cites which"
    def __init__(self):
        from pybtex.database import parse_file
        entries = parse_file(str(BIBLIOGRAPHY), "bibtex").entries
        self.titles = {plain(o.fields["title"]): key for key, o in entries.items()}
        self.urls = {o.fields["url"]: key for key, o in entries.items() if "url" in o.fields}
        self.cited, self.unknown = {}, []

    def find(self, text):
        "The key of the work that one line of References names; None where there is none"
        for url, key in self.urls.items():
            if f"]({url})" in text: return key
        said = re.search(r"(?<!\*)\*([^*]+)\*(?!\*)", text)
        if said:
            title = plain(said[1])
            long = [key for o, key in self.titles.items() if o.startswith(title+" ")]
            return self.titles.get(title) or (long[0] if len(long) == 1 else None)
        inside = [o for o in self.titles if f" {o} " in f" {plain(text)} "]
        return self.titles[max(inside, key=len)] if inside else None

    def link(self, text, page):
        "The References of a chapter, titles made links to the bibliography"
        head, found, rest = text.partition("## References\n")
        if not found: return text
        lines = rest.split("\n")
        for i, line in enumerate(lines):
            if not line.startswith("- "): continue
            key = self.find(line)
            if key is None: self.unknown.append(f"{page}: docs/references.bib has no work for “{line[2:90]}…”"); continue
            if page not in self.cited.setdefault(key, []): self.cited[key].append(page)
            title = r"(?<![*\[])\*([^*`]+)\*(?![*\]])"
            lines[i] = re.sub(title, lambda m: f'<a class="doclink" href="bibliography.html#{key}"><em>{html.escape(m[1])}</em></a>', line, count=1)
        return head + found + "\n".join(lines)


# Words ----------------------------------------------------------------------------------------------------------------

class Terms:
    "The words of the glossary; on every page the first of each becomes a link"
    def __init__(self):
        body = re.search(r"```\{glossary\}\n(.*?)```", GLOSSARY.read_text(encoding="utf-8"), re.S)[1]
        self.terms = [o for o in re.findall(r"^(\S.*)\n(?=  )", body, re.M)]
        every = "|".join(re.escape(o) for o in sorted(set(self.terms) - EVERYDAY, key=len, reverse=True))
        self.pattern = re.compile(rf"(?<![\w-])({every})(s?)(?![\w-])", re.I)
        self.names = {o.lower(): o for o in self.terms}

    def link(self, text, seen):
        "Prose without markup; `seen` holds the words that have their link"
        def one(m):
            word = self.names[m[1].lower()]
            if word in seen: return m[0]
            seen.add(word)
            return f'<a class="term" href="glossary.html#term-{re.sub("[^a-zA-Z0-9]+", "-", word)}">{m[0]}</a>'
        return self.pattern.sub(one, text)


# A finished site ------------------------------------------------------------------------------------------------------

ICON = re.compile(r'(?:"([\w-]+)"|\b([a-z]\w*)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')
ICONS = 200_000  # bytes: what the icons in use may weigh


def lighten(site):
    "Drop what a page does not use: mathematics where there is none, the search index where nothing is searched, a thousand icons"
    used = set()
    for path in site.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"\bfa-([\w-]+)", text))
        scripts = [] if path.name == "search.html" else ["searchtools", "language_data", "searchindex"]
        if 'class="math' not in text: scripts += ["katex.min", "auto-render.min", "katex_autorenderer", "katex-math"]
        for o in scripts: text = re.sub(rf'[ \t]*<(script|link)[^>]*"(?:[\w/]*/)?{re.escape(o)}\.(?:js|css)[^>]*>(?:</script>)?\n?', "", text)
        text = re.sub(r'(>([^<>]+)</a><details[^>]*><summary)>', r'\1 aria-label="Chapters of \2">', text)  # the theme's have no name
        text = re.sub(r'<meta name="viewport" content="width=device-width, initial-scale=1"\s*/>\s*', "", text)
        text = text.replace('<div role="list" class="citation-list">', '<div class="citation-list">')  # links stand in it that are no items
        path.write_text(text, encoding="utf-8")
    for path in site.glob("_static/scripts/*theme.js"): used |= set(re.findall(r"\bfa-([\w-]+)", path.read_text(encoding="utf-8")))
    icons = site/"_static"/"scripts"/"fontawesome.js"
    def kept(m): return m[0] if ({m[1] or m[2], *re.findall(r'"([\w-]+)"', m[3])} & used) else ""
    icons.write_text(ICON.sub(kept, icons.read_text(encoding="utf-8")), encoding="utf-8")
    css = site/"_static"/"styles"/"pydata-sphinx-theme.css"  # the same icons once more, as fonts
    css.write_text(re.sub(r"@font-face\{[^}]*fontawesome[^}]*\}", "", css.read_text(encoding="utf-8")), encoding="utf-8")
    for path in [*site.glob("_static/**/*.map"), *site.glob("_static/vendor/fontawesome/webfonts/*")]: path.unlink()
    return [] if icons.stat().st_size < ICONS else [f"the theme's icons are stored in a new way: {icons.name} has {icons.stat().st_size/1e6:.1f} MB"]


def sitemap(site, address, days):
    "sitemap.xml; `days` has the pages, and for each the day of its last change or nothing"
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">']
    for page, day in sorted(days.items()):
        place = address if page == "index" else f"{address}{page}.html"
        lines.append(f"<url><loc>{html.escape(place)}</loc>" + (f"<lastmod>{day}</lastmod>" if day else "") + "</url>")
    (site/"sitemap.xml").write_text("\n".join([*lines, "</urlset>"])+"\n", encoding="utf-8")


# Paper ----------------------------------------------------------------------------------------------------------------

def mathml(latex, display="inline"):
    "A formula as MathML, which an EPUB can show without scripts"
    from latex2mathml.converter import convert
    return convert(latex.replace(r"\lvert", "|").replace(r"\rvert", "|"), display=display)


def for_epub(text):
    "A page's markdown with the HTML in it made XHTML, its links made those of an EPUB, its formulas MathML"
    text = re.sub(r'(href="[\w.]+)\.html(?=[#"])', r"\1.xhtml", text)
    text = re.sub(r'<span class="math">\\\((.*?)\\\)</span>', lambda m: mathml(html.unescape(m[1])), text)
    return re.sub(r"<(br|hr|img|col|input)\b([^<>]*?)\s*/?>", r"<\1\2/>", text)


def for_paper(text):
    "A page's markdown with the links in its HTML made markdown, which LaTeX can follow"
    text = re.sub(r'<a class="(?:doclink|term)" href="([\w.]+)\.html[^"]*">(.*?)</a>', lambda m: re.sub("<[^>]+>", "", m[2]), text)
    return re.sub(r"<(?:code|em)>(.*?)</(?:code|em)>", lambda m: f"`{html.unescape(m[1])}`", text)


def unread(folder):
    "What is wrong with an EPUB: pages that are no XML, and links that lead nowhere"
    problems = []
    for path in folder.glob("*.epub"):
        with zipfile.ZipFile(path) as z:
            pages = {}
            for name in (o for o in z.namelist() if o.endswith((".xhtml", ".opf", ".ncx"))):
                try: pages[name] = ElementTree.fromstring(z.read(name))
                except ElementTree.ParseError as e: problems.append(f"{name} is no XML: {e}")
            there, ids = set(z.namelist()), {name: {o.get("id") for o in root.iter()} for name, root in pages.items()}
            for name, root in pages.items():
                for o in root.iter():
                    url = urlparse(o.get("href") or o.get("src") or "")
                    if url.scheme or url.netloc or not (url.path or url.fragment): continue
                    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(url.path))) if url.path else name
                    lost = url.fragment and target in ids and unquote(url.fragment) not in ids[target]
                    if lost or target not in there: problems.append(f"{name}: no {url.geturl()}")
    return sorted(set(problems))
