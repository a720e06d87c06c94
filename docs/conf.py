"The site's configuration for Sphinx; everything about the project comes from settings.ini"
from configparser import ConfigParser
from html import escape
from pathlib import Path

here = Path(__file__).resolve().parent
config = ConfigParser(delimiters=["="])
config.read(here.parent/"settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

project, author, release = cfg["title"], cfg["author"], cfg["version"]
copyright = cfg["copyright"]
extensions = ["myst_nb", "sphinx_copybutton", "sphinxcontrib.katex", "sphinx.ext.githubpages"]
suppress_warnings = ["myst.header"]  # entries of the package are third-level headings wherever they stand

nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

html_theme = "sphinx_book_theme"
html_title = cfg["title"]
html_baseurl = cfg["doc_host"].rstrip("/") + cfg["doc_baseurl"]
html_static_path = [str(here/"_static")]
html_css_files = ["custom.css"]
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


def unfold(translator, node):
    "The head of a folded cell: plain HTML, so it works without scripts, and its text is its name for who hears the page"
    classes = " ".join(["hide", *node["classes"]])
    translator.body.append(f'<details class="{classes}"><summary>{escape(node["prompt_show"])}</summary>\n')


def setup(app):
    from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
    app.add_node(HideCodeCellNode, override=True, html=(unfold, depart_HideCellInput))
