"The site's configuration for Sphinx; everything about the project comes from settings.ini"
import json
from configparser import ConfigParser
from html import escape
from pathlib import Path

from docutils import nodes

here = Path(__file__).resolve().parent
config = ConfigParser(delimiters=["="])
config.read(here.parent/"settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

about = json.loads((here/"_build"/"about.json").read_text(encoding="utf-8"))  # build.py writes it

project, author, version, release = cfg["title"], cfg["author"], cfg["version"], cfg["version"]
copyright = cfg["copyright"]
offline = tags.has("epub") or tags.has("paper")  # noqa: F821, Sphinx brings `tags`
extensions = ["myst_nb", "sphinxcontrib.bibtex"] + ([] if offline else ["sphinx_copybutton", "sphinxcontrib.katex", "sphinx.ext.githubpages"])
suppress_warnings = ["myst.header"]  # entries of the package are third-level headings wherever they stand

nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "alpha"
bibtex_reference_style = "author_year"
bibtex_cite_id = "{key}"

html_theme = "sphinx_book_theme"
html_title = cfg["title"]
html_baseurl = cfg["doc_host"].rstrip("/") + cfg["doc_baseurl"]
html_static_path = [str(here/"_static"/o) for o in ("epub.css", "card.jpg")] if offline else [str(here/"_static")]
html_css_files = [] if offline else ["custom.css"]
html_favicon = None if offline else str(here/"_static"/"favicon.svg")
html_use_index = False
html_context = dict(default_mode="auto")
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = dict(
    repository_url=cfg["git_url"], repository_branch=cfg["branch"], use_repository_button=True,
    use_download_button=False, home_page_in_toc=False, show_navbar_depth=2, show_toc_level=2, navbar_persistent=[],
    logo=dict(text=cfg["title"]),
    pygments_light_style="a11y-high-contrast-light", pygments_dark_style="github-dark",
)
copybutton_selector = "div:not(.output_area) > div.highlight > pre"

# Mathematics without a network: styles and fonts lie in _static/katex, the scripts come with sphinxcontrib-katex
katex_css_path = "katex/katex.min.css"
katex_options = "throwOnError: false"


# One file for readers of books, and one for paper
epub_title, epub_description, epub_publisher, epub_identifier, epub_scheme, epub_uid = cfg["title"], cfg["description"], author, html_baseurl, "URL", "book"
epub_language, epub_show_urls, epub_tocdup, epub_cover = "en", "no", False, ("_static/card.jpg", "")
epub_tocscope = "includehidden"
epub_css_files = ["epub.css"]
epub_exclude_files = ["search.xhtml", "404.xhtml", ".nojekyll"]
html_math_renderer = "mathml" if offline else "katex"
root_doc = "book" if tags.has("paper") else "index"  # noqa: F821
latex_engine = "xelatex"
latex_use_xindy = False  # makeindex comes with LaTeX, xindy does not
latex_toplevel_sectioning = "part"
latex_elements = dict(preamble=r"\setcounter{secnumdepth}{-2}")  # chapters have numbers of their own
latex_documents = [("book", f"{cfg['lib_name']}.tex", cfg["title"], author, "manual")]


def unfold(translator, node):
    "The head of a folded cell: plain HTML, so it works without scripts, and its text is its name for who hears the page"
    classes = " ".join(["hide", *node["classes"]])
    translator.body.append(f'<details class="{classes}"><summary>{escape(node["prompt_show"])}</summary>\n')


def formula(display):
    "A formula as MathML, for the EPUB"
    def visit(translator, node):
        from around import mathml
        translator.body.append(mathml(node.astext(), display))
        raise nodes.SkipNode
    return visit, None


def card(app, pagename, templatename, context, doctree):
    "What a link to a page shows where it is shared, and where the page of lost links finds the others from"
    title = context.get("title") if pagename != "index" else cfg["title"]
    text = about["promises"].get(pagename, cfg["description"])
    tags = {"og:type": "article", "og:site_name": cfg["title"], "og:title": title, "og:description": text, "og:image": f"{html_baseurl}_static/card.jpg",
            "og:image:width": "1200", "og:image:height": "630", "og:image:alt": "A photograph, and what is near in it made bright",
            "og:url": html_baseurl + ("" if pagename == "index" else f"{pagename}.html")}
    lines = [f'<meta property="{k}" content="{escape(v, quote=True)}"/>' for k, v in tags.items() if v]
    lines += [f'<meta name="description" content="{escape(text, quote=True)}"/>', '<meta name="twitter:card" content="summary_large_image"/>']
    if pagename == "404": lines.insert(0, f'<base href="{cfg["doc_baseurl"]}"/>')
    if offline: context["css_files"] = [o for o in context["css_files"] if "mystnb" not in str(o.filename)]  # it is not in the file
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def cited(app, doctree, docname):
    "In the bibliography, the chapters that cite a work"
    for work in doctree.findall(nodes.citation) if docname == "bibliography" else []:
        where = [o for key in work["ids"] for o in about["cited"].get(key, [])]
        if not where: continue
        line = nodes.inline("", " Cited in ", classes=["cited"])
        for i, (number, page) in enumerate(where):
            if i: line += nodes.Text(", ")
            line += nodes.reference("", number, internal=True, refuri=app.builder.get_relative_uri(docname, page))
        line += nodes.Text(".")
        work[-1] += line


def setup(app):
    from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
    app.add_node(HideCodeCellNode, override=True, html=(unfold, depart_HideCellInput))
    app.add_html_math_renderer("mathml", formula("inline"), formula("block"))
    app.connect("html-page-context", card, priority=900)
    app.connect("doctree-resolved", cited)
