"""The site as a reader meets it: every page in a browser, on a wide screen and on a phone, by day and by night

    DEPTHSENSE_SITE=docs/_build/site python -m pytest tests/test_site.py

Without DEPTHSENSE_SITE the site is built first.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/"docs"))
import around  # noqa: E402
import build  # noqa: E402
from serve import served  # noqa: E402

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FIRST = 1_000_000  # bytes: what the first page may load
browser_only = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    if "DEPTHSENSE_SITE" in os.environ: return Path(os.environ["DEPTHSENSE_SITE"]).resolve()
    out = tmp_path_factory.mktemp("built")/"site"
    done = subprocess.run([sys.executable, ROOT/"docs"/"build.py", "--out", out], capture_output=True, text=True)
    assert not done.returncode, done.stdout+done.stderr
    return out


@pytest.fixture(scope="session")
def address(site):
    with served(site) as made: yield made


@pytest.fixture(scope="session")
def browser(playwright_api):
    made = playwright_api.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
    yield made
    made.close()


def pages(site): return sorted(o.name for o in site.glob("*.html"))


def open_page(browser, problems, address, **settings):
    "A page of the browser that writes down what goes wrong in it"
    page = browser.new_context(**settings).new_page()
    page.set_default_timeout(120_000)
    def note(text): problems.append(f"{page.url.rsplit('/', 1)[-1]}: {text}")
    page.on("console", lambda o: o.type == "error" and note(f"console: {o.text} {o.location.get('url', '')}"))
    page.on("pageerror", lambda o: note(f"error: {o}"))
    page.on("request", lambda o: o.url.startswith((address, "data:", "blob:", "about:")) or note(f"leaves the origin: {o.url}"))
    return page


def axe(page, contrast=False):
    "Serious faults of accessibility: of contrast, at one place for each pair of colours, or all others, without formulas and code, which are thousands of plain spans"
    found = page.evaluate("""contrast => axe.run(contrast ? {include: coloured()} : {exclude: [['.katex'], ['.highlight']]}, {
        preload: false, resultTypes: ['violations'], ...(contrast ? {runOnly: ['color-contrast']} : {rules: {'color-contrast': {enabled: false}}})})""", contrast)["violations"]
    return [f"{o['id']}: {n['html'][:120]} {n['any'][0]['message'][:160] if n['any'] else ''}" for o in found if o["impact"] in ("serious", "critical") for n in o["nodes"]]


AXE = """
function coloured() {
    const seen = new Map();
    for (const o of document.querySelectorAll('body *')) {
        if (![...o.childNodes].some(t => t.nodeType === 3 && t.data.trim()) || !o.checkVisibility()) continue;
        let ground = o;
        while (ground.parentElement && getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
        const style = getComputedStyle(o);
        const kind = [style.color, getComputedStyle(ground).backgroundColor, style.fontSize, style.fontWeight].join();
        if (!seen.has(kind)) seen.set(kind, o);
    }
    return [...seen.values()];
}
document.head.insertAdjacentHTML('beforeend', '<style>* {transition: none !important}</style>');
document.querySelectorAll('.bd-article details').forEach(o => o.open = true);
"""


def with_axe(page):
    import axe_playwright_python
    page.evaluate((Path(axe_playwright_python.__file__).parent/"axe.min.js").read_text(encoding="utf-8"))
    page.add_script_tag(content=AXE)


SIDEWAYS = """() => {
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return '';
    return [...document.querySelectorAll('.bd-article *')].filter(o => o.getBoundingClientRect().right > wide + 1).slice(0, 3).map(o => o.outerHTML.slice(0, 100)).join(' | ') || 'something';
}"""


@pytest.fixture(scope="session")
def visits(browser, site, address):
    "Every page opened once, and what was wrong with it, by kind"
    seen = dict(console=[], axe=[], contrast=[], phone=[])
    page = open_page(browser, seen["console"], address, color_scheme="light")
    for name in pages(site):
        page.set_viewport_size(dict(width=1400, height=900))
        page.goto(address+name)
        page.add_style_tag(content="*, *::before, *::after {transition: none !important; animation: none !important}")  # half-way between two themes nothing has contrast
        with_axe(page)
        seen["axe"] += [f"{name}: {o}" for o in axe(page)]
        for theme in ("light", "dark"):
            page.evaluate("o => document.documentElement.dataset.theme = o", theme)
            seen["contrast"] += [f"{name}, {theme}: {o}" for o in axe(page, contrast=True)]
        page.set_viewport_size(dict(width=390, height=844))
        if wide := page.evaluate(SIDEWAYS): seen["phone"].append(f"{name}: {wide}")
    return seen


def listed(problems): return "\n".join([f"{len(problems)} in all", *problems[:30]])


@browser_only
def test_nothing_leaves_the_origin_and_the_console_is_quiet(visits): assert not visits["console"], listed(visits["console"])


@browser_only
def test_no_serious_fault_of_accessibility(visits): assert not visits["axe"], listed(visits["axe"])


@browser_only
def test_light_and_dark_pages_keep_contrast(visits): assert not visits["contrast"], listed(visits["contrast"])


@browser_only
def test_a_phone_has_no_sideways_scroll(visits): assert not visits["phone"], listed(visits["phone"])


@browser_only
def test_axe_and_the_phone_would_notice(browser, address):
    "Grey on grey, a picture without a word, and a box wider than the screen are found"
    page = browser.new_context(viewport=dict(width=390, height=844)).new_page()
    page.goto(address+"errata.html")
    with_axe(page)
    assert not page.evaluate(SIDEWAYS)
    page.evaluate("document.querySelector('.bd-article').innerHTML += '<p style=\"color:#999;background:#aaa;width:500px\">pale</p><img src=\"_static/card.jpg\" width=\"10\">'")
    assert any(o.startswith("color-contrast") and "pale" in o for o in axe(page, contrast=True))
    assert any(o.startswith("image-alt") for o in axe(page)) and page.evaluate(SIDEWAYS)


@browser_only
def test_search_finds_a_term(browser, address):
    problems = []
    page = open_page(browser, problems, address, viewport=dict(width=1400, height=900))
    page.goto(address+"index.html")
    page.locator("button.search-button__button:visible, .search-button-field:visible").first.click()
    page.locator("input[type=search]:visible").first.fill("hessian")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    links = page.eval_on_selector_all("#search-results li a", "all => all.map(o => o.href)")
    assert any("losses.hessian.html" in o for o in links) and not problems, listed(problems+links)


@browser_only
def test_the_button_makes_it_dark(browser, address):
    page = browser.new_context(viewport=dict(width=1400, height=900), color_scheme="light").new_page()
    page.goto(address+"index.html")
    def light(): return sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]))/765
    before = light()
    page.locator(".theme-switch-button:visible").first.click()
    page.locator(".theme-change-button[data-mode=dark]:visible").first.click()
    page.wait_for_timeout(800)  # colours change slowly
    assert before > 0.9 and light() < 0.2
    page.goto(address+"one_picture.html")
    assert light() < 0.2


@browser_only
def test_the_first_page_is_light(browser, address):
    loaded, page = {}, browser.new_context().new_page()
    page.on("response", lambda o: loaded.update({o.url: len(o.body())}))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert page.locator("svg.fa-magnifying-glass, svg.svg-inline--fa").count() > 3  # icons are drawn
    total = sum(loaded.values())
    print(f"the front page loads {total/1e6:.2f} MB")
    assert total < FIRST, "\n".join(f"{n:9,} {url}" for url, n in sorted(loaded.items(), key=lambda o: -o[1]))


@browser_only
def test_a_lost_reader_sees_a_whole_page(browser, address):
    problems = []
    page = open_page(browser, problems, address)
    page.goto(address+"no/such/page.html")
    assert "Not here" in page.inner_text("h1")
    assert len([o for o in problems if "no/such" not in o and "404" not in o]) == 0, listed(problems)
    assert page.evaluate("[...document.styleSheets].length") > 3
    page.locator(".bd-article a[href='index.html']").first.click()
    assert "DepthSense" in page.inner_text("h1")


@browser_only
def test_the_cheat_sheet_prints_on_one_page(browser, address):
    page = browser.new_context().new_page()
    page.goto(address+"cheatsheet.html")
    made = page.pdf(format="A4", margin=dict(top="8mm", bottom="8mm", left="10mm", right="10mm"))
    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1


# Without a browser ----------------------------------------------------------------------------------------------------

def test_no_link_is_broken(site): assert not build.broken(site)


def test_a_broken_link_would_be_found(tmp_path):
    (tmp_path/"a.html").write_text('<p id="x"><a href="b.html#y">1</a><a href="c.html">2</a><a href="#x">3</a><script src="https://cdn.example/x.js"></script>', encoding="utf-8")
    (tmp_path/"b.html").write_text('<p id="z">', encoding="utf-8")
    assert build.broken(tmp_path) == ["a.html loads https://cdn.example/x.js", "a.html: no b.html#y", "a.html: no c.html"]


def test_every_chapter_says_where_it_can_be_run_and_edited(site):
    for number, page, path in build.chapters():
        if not number: continue
        text = (site/f"{page}.html").read_text(encoding="utf-8")
        user = build.cfg["git_url"].removeprefix("https://github.com/")
        for o in (f"https://colab.research.google.com/github/{user}/blob/main/nbs/{path.name}", f"{build.cfg['git_url']}/edit/main/nbs/{path.name}", f"version {build.cfg['version']}"):
            assert o in text, (page, o)
        exports = re.search(r"default_exp ([\w.]+)", path.read_text(encoding="utf-8"))
        if exports: assert f"{build.cfg['git_url']}/blob/main/depthsense/{exports[1].replace('.', '/')}.py" in text, page


def test_days_of_change_are_gits_own(site):
    days = around.changes()
    if not days: pytest.skip("no git, or a shallow history")
    file = "nbs/01_geometry.ipynb"
    said = subprocess.run(["git", "log", "-1", "--format=%cs", "--", file], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    assert days[file] == said


def test_without_git_there_are_no_days(tmp_path, monkeypatch):
    monkeypatch.setattr(around, "ROOT", tmp_path)
    assert around.changes() == {}


def test_every_public_name_is_in_the_index(site):
    text = (site/"api.html").read_text(encoding="utf-8")
    missing = [o for o in build.packages() if f"<code>{o}</code>" not in text]
    assert len(build.packages()) > 80 and not missing
    code = (ROOT/"depthsense"/"geometry.py").read_text(encoding="utf-8")
    for name in re.findall(r"^def ([a-z]\w*)", code, re.M): assert f'href="geometry.html#{name}"' in text, name


def test_works_are_found_by_title_and_by_link():
    works = around.Works()
    for line, key in {"- A. *Deep Learning*. 2016": "goodfellow2016", "- A. *Dive into Deep Learning*. 2023": "zhang2023", "- M. Tan. *EfficientNet*. 2019": "tan2019",
                      "- [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180), the format": "rfc4180", "- ITU-R Recommendation BT.601. Grey.": "bt601",
                      "- Somebody. *A Work That Nobody Wrote*. 2031": None}.items(): assert works.find(line) == key, line
    assert 'href="bibliography.html#xian2018"' in works.link("## References\n- X. *Monocular Relative Depth Perception with Web Stereo Data Supervision*. CVPR 2018.", "p")
    works.link("## References\n- Somebody. *A Work That Nobody Wrote*. 2031", "p")
    assert "Nobody Wrote" in works.unknown[0]


def test_every_work_cited_is_in_the_bibliography(site):
    about = json.loads((build.BUILD/"about.json").read_text(encoding="utf-8")) if (build.BUILD/"about.json").exists() else pytest.skip("the site was built elsewhere")
    text = (site/"bibliography.html").read_text(encoding="utf-8")
    assert len(about["cited"]) > 60
    for key in about["cited"]: assert f'id="{key}"' in text, key
    assert text.count("https://doi.org/10.") > 40


def test_the_first_of_a_word_is_linked_and_no_other():
    seen = set()
    res = around.Terms().link("A disparity, the disparity, two epochs, WHDR.", seen)
    assert res.count("term-disparity") == 1 and "glossary.html#term-epoch" in res and "glossary.html#term-WHDR" in res and seen == {"disparity", "epoch", "WHDR"}


def test_sitemap_and_cards(site):
    text, there = (site/"sitemap.xml").read_text(encoding="utf-8"), set(pages(site)) - {"404.html", "search.html"}
    found = {o.removeprefix(build.ADDRESS) or "index.html" for o in re.findall(r"<loc>(.*?)</loc>", text)}
    assert found == there
    for name in there:
        head = (site/name).read_text(encoding="utf-8").partition("</head>")[0]
        for o in ("og:title", "og:description", "og:image", 'name="description"', 'rel="icon"'): assert o in head, (name, o)
    assert (site/"_static"/"card.jpg").stat().st_size < 200_000


def test_the_server_of_these_tests_serves_the_site(address): assert b"DepthSense" in urllib.request.urlopen(address).read()


def test_epub_is_whole(tmp_path):
    done = subprocess.run([sys.executable, ROOT/"docs"/"build.py", "--epub", "--out", tmp_path/"epub"], capture_output=True, text=True)
    assert not done.returncode, done.stdout[-2000:]+done.stderr[-2000:]
    assert next((tmp_path/"epub").glob("*.epub")).stat().st_size > 1e6


def test_pdf_says_what_it_wants(tmp_path):
    if shutil.which("latexmk"): pytest.skip("LaTeX is here")
    done = subprocess.run([sys.executable, ROOT/"docs"/"build.py", "--pdf", "--out", tmp_path/"pdf"], capture_output=True, text=True)
    assert done.returncode == 1 and "wants LaTeX" in done.stdout
