"""What can be played with on the site, played with by a browser: the demonstration on the front page and the widgets in the chapters"""
import io
import json
import os
import re
import stat
import sys
import tarfile
import urllib.request
from pathlib import Path

import demo
import numpy as np
import pytest
import torch
import widgets
from PIL import Image
from test_site import BROWSER, SIDEWAYS, address, browser_only, build, open_page, served, site  # noqa: F401

from depthsense import predict
from depthsense.data.sampling import ordinal_relation
from depthsense.metrics import depth_errors
from depthsense.models.blocks import resize

pytestmark = browser_only


@pytest.fixture
def problems(): return []


@pytest.fixture
def page(chrome, address, site, problems):  # noqa: F811
    if not (site/"_static"/"demo").exists(): pytest.skip("the site was built without npm, so it has no demonstration")
    made = open_page(chrome, problems, address, viewport=dict(width=1200, height=1000), accept_downloads=True)
    yield made
    made.context.close()


def is_(name): return f"[data-is={name}]"


def begun(page, address, name):  # noqa: F811
    "A chapter's widget, once it is there"
    where = {o[0]: k for k, o in widgets.PLACES.items()}[name]
    page.goto(f"{address}{where}.html")
    page.wait_for_selector(f"#play-{name}[data-ready=yes]")
    return page.locator(f"#play-{name}")


def answered(page):
    page.wait_for_function("() => !document.querySelector('#demo').hasAttribute('aria-busy') && document.querySelector('#demo').dataset.took")
    shown = page.evaluate("(() => { const o = document.getElementById('demo').demo.shown; return {w: o.width, h: o.height, d: [...o.disparity], p: [...o.pixels]}; })()")
    return np.array(shown["p"], dtype="uint8").reshape(shown["h"], shown["w"], 3), np.array(shown["d"], dtype="float32").reshape(shown["h"], shown["w"])


def photo_file(tmp_path, height=180, width=301):
    from skimage.data import chelsea
    path = tmp_path/"cat.png"
    Image.fromarray(chelsea()).resize((width, height)).save(path)
    return path


# The demonstration ----------------------------------------------------------------------------------------------------

def test_the_same_on_a_graphics_card(playwright_api, address, site, problems):  # noqa: F811
    "WebGPU, on a card that the browser itself stands in for"
    if not (site/"_static"/"demo").exists(): pytest.skip("the site was built without npm, so it has no demonstration")
    chrome = playwright_api.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"])
    try:
        page = open_page(chrome, problems, address)
        page.goto(address)
        if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"): pytest.skip("this browser has no WebGPU, not even a stand-in")
        page.click(is_("sample"))
        answered(page)
        page.select_option(is_("engine"), "webgpu")
        page.click(is_("sample"))
        page.wait_for_function("() => document.querySelector('[data-is=status]').innerText.includes('on the graphics card')")
        pixels, disparity = answered(page)
        assert not problems, problems
        assert np.abs(predict(pixels).disparity-disparity).mean() < 1e-3
    finally: chrome.close()


def test_without_a_graphics_card(page, address):  # noqa: F811
    "Asked for and missing: the page says so, and goes on with the processor when that is chosen"
    page.add_init_script("Object.defineProperty(navigator, 'gpu', {value: undefined})")
    page.goto(address)
    page.click(is_("sample"))
    answered(page)
    page.select_option(is_("engine"), "webgpu")
    page.click(is_("sample"))
    page.wait_for_function("() => document.querySelector('[data-is=status]').innerText.includes('no graphics card')")
    page.select_option(is_("engine"), "wasm")
    page.click(is_("sample"))
    page.wait_for_function("() => document.querySelector('[data-is=status]').innerText.includes('on the processor')")


def test_the_page_says_what_the_library_says(page, address, problems):  # noqa: F811
    page.goto(address)
    assert "MB in all" in page.inner_text(is_("status"))
    page.click(is_("sample"))
    pixels, disparity = answered(page)
    assert disparity.min() == 0 and disparity.max() == 1
    assert np.abs(predict(pixels).disparity-disparity).mean() < 1e-3
    assert "640 × 427 pixels" in page.inner_text(is_("status")) and not problems, problems
    print(f"{page.get_attribute('#demo', 'data-took')} ms for the first photograph")


def test_a_photograph_of_ones_own(page, address, tmp_path, problems):  # noqa: F811
    page.goto(address)
    path = photo_file(tmp_path)
    page.set_input_files(is_("file"), path)
    pixels, disparity = answered(page)
    assert np.array_equal(pixels, np.asarray(Image.open(path)))
    with page.expect_download() as waiting: page.click(is_("save"))
    assert waiting.value.suggested_filename == "cat_disparity.png"
    with Image.open(waiting.value.path()) as saved:
        assert saved.mode.startswith("I") and saved.info["Description"].endswith("larger is nearer")
        assert np.abs(np.asarray(saved, dtype=float)-65535*disparity).max() <= .51
    assert not problems, problems


def test_two_points_are_compared(page, address, tmp_path):  # noqa: F811
    page.goto(address)
    page.set_input_files(is_("file"), photo_file(tmp_path))
    _, disparity = answered(page)
    far, near = [np.unravel_index(f(disparity), disparity.shape) for f in (np.argmin, np.argmax)]
    box = page.locator(is_("photo")).bounding_box()
    def click(y, x): page.mouse.click(box["x"]+(x+.5)/disparity.shape[1]*box["width"], box["y"]+(y+.5)/disparity.shape[0]*box["height"])
    click(*far), click(*near)
    said = page.inner_text(is_("order"))
    assert said.startswith("B is nearer than A"), said
    page.focus(is_("a"))
    before = page.evaluate("document.querySelector('[data-is=a]').style.left")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('[data-is=a]').style.left") != before


def test_slider_side_by_side_and_relief(page, address, tmp_path, problems):  # noqa: F811
    page.goto(address)
    page.set_input_files(is_("file"), photo_file(tmp_path))
    answered(page)
    page.fill(is_("slider"), "20")
    assert "80%" in page.evaluate("document.querySelector('[data-is=map]').style.clipPath")
    page.check(is_("beside"))
    left, right = [page.locator(is_(o)).bounding_box()["x"] for o in ("photo", "map")]
    assert right > left+100
    page.click(is_("turn"))
    assert page.locator(is_("relief")).is_visible() and not page.locator(is_("stage")).is_visible()
    def drawn(): return page.locator(is_("relief")).screenshot()
    first = drawn()
    page.focus(is_("relief"))
    for _ in range(4): page.keyboard.press("ArrowLeft")
    assert drawn() != first and not problems, problems


def test_what_is_no_picture_is_refused_in_words(page, address, tmp_path, problems):  # noqa: F811
    page.goto(address)
    (tmp_path/"note.jpg").write_text("no picture")
    page.set_input_files(is_("file"), tmp_path/"note.jpg")
    page.wait_for_function("() => document.querySelector('[data-is=status]').textContent.includes('no picture')")
    page.set_input_files(is_("file"), photo_file(tmp_path))
    answered(page)
    assert not problems, problems


def test_a_phone_holds_it(chrome, address, site, tmp_path, problems):  # noqa: F811
    if not (site/"_static"/"demo").exists(): pytest.skip("the site was built without npm")
    page = open_page(chrome, problems, address, viewport=dict(width=390, height=844))
    page.goto(address)
    page.set_input_files(is_("file"), photo_file(tmp_path))
    answered(page)
    assert not page.evaluate(SIDEWAYS)
    for name in ("align", "pairs", "microscope"):
        begun(page, address, name)
        assert not page.evaluate(SIDEWAYS), name
    page.context.close()


def test_nothing_of_it_loads_before_it_is_wanted(page, address):  # noqa: F811
    loaded = []
    page.on("request", lambda o: loaded.append(o.url))
    page.goto(address, wait_until="networkidle")
    assert any("demo.js" in o for o in loaded) and not any(".onnx" in o or ".wasm" in o or "ort." in o for o in loaded)


def test_a_later_visit_needs_no_network(chrome, site, tmp_path):  # noqa: F811
    "The host goes away for good; the page is opened anew, and so is a chapter that had been read"
    if not (site/"_static"/"demo").exists(): pytest.skip("the site was built without npm")
    with served(site) as address:  # noqa: F811
        page = chrome.new_context().new_page()
        page.goto(address)
        assert page.evaluate("navigator.serviceWorker.getRegistration().then(o => o === undefined)")  # nothing is kept of who only reads
        page.set_input_files(is_("file"), photo_file(tmp_path))
        answered(page)
        page.locator(is_("kept")).wait_for()
        page.goto(f"{address}geometry.html", wait_until="networkidle")
    with pytest.raises(OSError): urllib.request.urlopen(address, timeout=5)
    page.goto(f"{address}geometry.html")
    assert "geometry" in page.locator("h1").last.inner_text().lower()
    for where in ("", "index.html?again"):
        page.goto(address+where, wait_until="networkidle")
        page.click(is_("sample"))
        pixels, disparity = answered(page)
        assert np.abs(predict(pixels).disparity-disparity).mean() < 1e-3
        assert page.evaluate("getComputedStyle(document.querySelector('.demo-button')).cursor") == "pointer"  # with its styles
    page.context.close()


def test_the_network_is_small(site):  # noqa: F811
    path = site/"_static"/"demo"/"small.onnx"
    if not path.exists(): pytest.skip("the site was built without npm")
    assert path.stat().st_size < 10e6


def test_sizes_change_as_in_the_library(page, address):  # noqa: F811
    page.goto(address)
    chance = np.random.default_rng(0)
    for (h, w), (high, wide) in [((37, 50), (20, 31)), ((20, 31), (37, 50)), ((64, 64), (64, 64)), ((1, 7), (5, 3))]:
        pixels, values = chance.integers(0, 256, (h, w, 3), dtype="uint8"), chance.random((h, w), dtype="float32")
        made = page.evaluate("""async o => { const r = await import('./_static/demo/resize.js');
            return [[...r.resizePicture(o.p, o.w, o.h, o.W, o.H)], [...r.resizeMap(o.m, o.w, o.h, o.W, o.H)]]; }""",
            dict(p=pixels.ravel().tolist(), m=values.ravel().tolist(), w=w, h=h, W=wide, H=high))
        assert np.array_equal(np.array(made[0]).reshape(high, wide, 3), np.asarray(Image.fromarray(pixels).resize((wide, high), Image.Resampling.BILINEAR)))
        assert np.allclose(np.array(made[1]).reshape(high, wide), resize(torch.from_numpy(values)[None, None], (high, wide))[0, 0].numpy(), atol=1e-6)


# The widgets ----------------------------------------------------------------------------------------------------------

def test_alignment_gives_the_librarys_errors(page, address, site, problems):  # noqa: F811
    root = begun(page, address, "align")
    folder = site/"_static"/"widgets"/"data"
    camera = json.loads((folder/"align.json").read_text())
    target, pred = torch.from_numpy(np.fromfile(folder/"bike.bin", "<u2").reshape(2, 1, 1, 250, 370)/65535)
    inverse = (camera["low"]+target*(camera["high"]-camera["low"])+camera["offset"])/(camera["focal"]*camera["baseline"])
    root.locator(is_("squares")).click()
    line = np.polyfit(pred.flatten(), inverse.flatten(), 1)
    assert np.allclose(page.evaluate("document.getElementById('play-align').widget.best"), line, atol=1e-4)
    scale, shift = [float(root.locator(is_(o)).input_value()) for o in ("scale", "shift")]
    everywhere = torch.ones_like(target, dtype=torch.bool)
    truth = depth_errors(scale*pred+shift, 1/inverse, everywhere, cap=80., fit=None)
    got = [float(root.get_attribute(o)) for o in ("data-abs-rel", "data-delta")]
    assert np.allclose(got, [truth["abs_rel"], truth["delta1_error"]], atol=1e-4) and got[0] < .1
    root.locator(is_("scale")).fill("-0.1")
    assert "exchanged" in root.locator(is_("says")).inner_text() and not problems, problems


def test_pairs_get_the_librarys_labels(page, address, site, problems):  # noqa: F811
    root = begun(page, address, "pairs")
    folder = site/"_static"/"widgets"/"data"
    drawn = json.loads((folder/"pairs.json").read_text())
    def labels(picture, sampler, n, sigma):
        target = torch.from_numpy(np.fromfile(folder/f"{picture}.bin", "<u2").reshape(2, -1)[0]/65535)
        a, b = torch.tensor(drawn[picture][sampler][:n]).T
        return ordinal_relation(target[a], target[b], sigma)
    for _ in range(3): root.locator(is_("draw")).click()
    for sampler in ("random", "edges"):
        root.locator(is_("sampler")).select_option(sampler)
        assert root.get_attribute("data-shown") == "60" and int(root.get_attribute("data-equal")) == (labels("bike", sampler, 60, .02) == 0).sum()
    few = int(root.get_attribute("data-equal"))
    root.locator(is_("sigma")).fill("0.4")
    assert few < int(root.get_attribute("data-equal")) == (labels("bike", "edges", 60, .4) == 0).sum()
    root.locator(is_("picture")).select_option("table")
    root.locator(is_("sampler")).select_option("things")
    before = root.locator(is_("says")).inner_text()
    root.locator(is_("stage")).focus()
    for _ in range(8): page.keyboard.press("ArrowUp")
    assert root.locator(is_("says")).inner_text() != before and not problems, problems


def test_twenty_questions_are_marked(page, address, site):  # noqa: F811
    root = begun(page, address, "pairs")
    folder = site/"_static"/"widgets"/"data"
    pairs = torch.tensor(json.loads((folder/"pairs.json").read_text())["bike"]["random"][200:]).T
    target, network = torch.from_numpy(np.fromfile(folder/"bike.bin", "<u2").reshape(2, -1)/65535)
    truth = ordinal_relation(*[target[o] for o in pairs], .02)
    twenty = torch.nonzero(truth)[:20, 0]
    truth, (a, b) = truth[twenty], pairs[:, twenty]
    root.locator(is_("quiz")).click()
    for k in range(20):  # right, but for the first three
        root.locator(is_("first" if (truth[k] > 0) != (k < 3) else "second")).click()
    marks = [float(root.get_attribute(f"data-{o}")) for o in ("yours", "nets", "rows")]
    assert marks[0] == .15 and np.isclose(marks[1], ((network[a]-network[b]).sign() != truth).double().mean())
    assert np.isclose(marks[2], ((a//370-b//370).sign() != truth).double().mean())


def test_the_microscope_shows_the_chapters_prices(page, address, problems):  # noqa: F811
    root = begun(page, address, "microscope")
    def price(name): return root.locator(f"[data-name='{name}'] .price").inner_text()
    root.locator(is_("mistake")).select_option("warp")
    root.locator(is_("dose")).fill("10")
    page.wait_for_function("() => document.querySelector('#play-microscope [data-is=doseOut]').textContent === '1.0'")
    assert price("whdr") == "0.00" and float(price("affine_invariant")) > .35
    root.locator(is_("mistake")).select_option("order")
    root.locator(is_("dose")).fill("5")
    page.wait_for_function("() => document.querySelector('#play-microscope [data-is=doseOut]').textContent === '0.5'")
    assert abs(float(price("l1"))-1) < .05 and price("smoothness").startswith("−")
    def push(): return page.evaluate("document.querySelector('#play-microscope [data-is=push]').toDataURL()")
    page.wait_for_function("() => document.querySelector('#play-microscope [data-is=pushText]').textContent.length > 10")
    before = push()
    root.locator("[data-name=l2]").click()
    page.wait_for_function("() => document.querySelector('#play-microscope [data-is=pushText]').textContent.startsWith('l2')")
    assert push() != before and not problems, problems


def test_by_keyboard_alone(page, address, problems):  # noqa: F811
    root = begun(page, address, "align")
    before = root.get_attribute("data-abs-rel")
    root.locator(is_("scale")).focus()
    for _ in range(10): page.keyboard.press("ArrowLeft")
    assert root.get_attribute("data-abs-rel") != before
    root = begun(page, address, "microscope")
    root.locator("[data-name=l2]").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#play-microscope [data-name=l2]').getAttribute('aria-pressed') === 'true'")
    root = begun(page, address, "pairs")
    def values(): return re.findall(r"(\d\.\d+) at", root.locator(is_("says")).inner_text())
    seen = [values()]
    root.locator(is_("stage")).focus()
    for key in ("ArrowUp", " ", "ArrowDown"):
        for _ in range(1 if key == " " else 30): page.keyboard.press(key)
        seen.append(values())
    first, second = [[k for k in range(2) if a[k] != b[k]] for a, b in ((seen[0], seen[1]), (seen[2], seen[3]))]
    assert seen[1] == seen[2] and sorted(first+second) == [0, 1]  # space hands the arrow keys to the other point
    root.locator(is_("quiz")).focus()
    page.keyboard.press("Enter")
    for _ in range(20): page.keyboard.press("Enter")  # "the first is nearer", twenty times
    assert root.get_attribute("data-yours") and not problems, problems


# Making it ------------------------------------------------------------------------------------------------------------

def test_another_runtime_is_refused(tmp_path, monkeypatch):
    "What npm brings must have the hash that was looked at"
    archive = tmp_path/"made.tgz"
    with tarfile.open(archive, "w:gz") as o: o.addfile(tarfile.TarInfo("package/dist/nothing"), io.BytesIO())
    npm = tmp_path/"npm"
    npm.write_text(f"#!{sys.executable}\nimport shutil, sys\nshutil.copy({str(archive)!r}, sys.argv[-1])\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(demo, "CACHE", tmp_path/"cache")
    with pytest.raises(ValueError, match="sha512"): demo.runtime()
    assert not list((tmp_path/"cache").glob("onnx*"))
    monkeypatch.setenv("PATH", str(Path(tmp_path/"empty")))
    assert demo.runtime() is None and demo.fetch() == 0


def test_every_widget_has_its_place(site):  # noqa: F811
    for page, (name, *_) in widgets.PLACES.items():
        text = (site/f"{page}.html").read_text(encoding="utf-8")
        if (site/"_static"/"demo").exists(): assert f'id="play-{name}"' in text and f"{name}.js" in text
    assert all((build.ROOT/"docs"/"widgets"/f"{o[0]}.js").exists() for o in widgets.PLACES.values())


def test_a_push_is_shown_where_there_is_one(site):  # noqa: F811
    path = site/"_static"/"widgets"/"data"/"microscope.json"
    if not path.exists(): pytest.skip("the site was built without npm")
    spread = json.loads(path.read_text())["spread"]
    for name in ("gradient_matching", "hessian", "l1", "l2", "ssim", "ranking"): assert min(spread[f"{name}/blur"]) > 0, name
    for name in ("least_squares", "ssim"): assert max(spread[f"{name}/scale"]) == 0, name
