"""The page of `depthsense app`, as a visitor meets it: in a browser, with every request watched"""
import re
import threading
import urllib.request

import numpy as np
import pytest
from PIL import Image
from test_site import SIDEWAYS, browser_only, open_page

from depthsense import predict
from depthsense.app import BYTES, PIXELS, serve

pytest.importorskip("gradio", reason="gradio is not installed")
pytestmark = browser_only


@pytest.fixture(scope="module")
def address():
    "The page, served by this process"
    ready, done, found = threading.Event(), threading.Event(), []
    thread = threading.Thread(target=serve, kwargs=dict(ready=lambda o: (found.append(o), ready.set()), wait=lambda page: done.wait()))
    thread.start()
    assert ready.wait(120)
    yield found[0]
    done.set()
    thread.join(60)


class Problems(list):
    "Without those of a viewer that tries WebGPU first"
    def append(self, text):
        if "BJS" not in text: super().append(text)


@pytest.fixture
def problems(): return Problems()


@pytest.fixture
def page(chrome, address, problems):
    made = open_page(chrome, problems, address, viewport=dict(width=1200, height=1000), accept_downloads=True, permissions=["clipboard-read", "clipboard-write"])
    made.set_default_timeout(60_000)
    made.goto(address)
    made.wait_for_selector("text=What is near, and what is far?")
    yield made
    made.context.close()


@pytest.fixture
def cat(tmp_path):
    from skimage.data import chelsea
    path = tmp_path/"my cat.png"
    Image.fromarray(chelsea()).save(path)
    return path


def send(page, path):
    page.set_input_files("input[type=file]", path)


def answered(page):
    "Wait for the pair to slide between"
    page.get_by_role("tab", name="Slide").click()
    page.wait_for_selector("[role=tabpanel] .slider-wrap img, [role=tabpanel] img", state="visible")


def click_picture(page, tab, share_x, share_y):
    page.get_by_role("tab", name=tab).click()
    picture = page.locator("[role=tabpanel]:visible img").first
    picture.wait_for(state="visible")
    page.wait_for_function("o => o.complete && o.naturalWidth > 0", arg=picture.element_handle())
    box = picture.bounding_box()
    w, h = page.evaluate("o => [o.naturalWidth, o.naturalHeight]", picture.element_handle())
    scale = min(box["width"]/w, box["height"]/h, 1)  # the picture keeps its shape inside its box
    picture.click(position=dict(x=box["width"]/2+(share_x-.5)*w*scale, y=box["height"]/2+(share_y-.5)*h*scale))


def error_text(page):
    toast = page.locator("[data-testid=toast-body]").first
    toast.wait_for(state="visible")
    return toast.inner_text()


def test_a_photograph_and_its_depth(page, cat, problems):
    send(page, cat)
    answered(page)
    assert page.locator("[role=tabpanel]:visible img").count() == 2
    assert not problems, problems


def test_the_example(page, problems):
    page.locator("img[alt*=china], .gallery-item img, table img").first.click()
    answered(page)
    assert not problems, problems


@pytest.mark.parametrize("size", [(451, 300), (2000, 1330), (500, 1500)], ids=str)
def test_two_points_and_their_order(page, cat, problems, size):
    Image.open(cat).resize(size).save(cat)
    send(page, cat)
    answered(page)
    disparity = predict(cat).disparity
    h, w = disparity.shape
    middle = disparity[h//4:-h//14, w//7:-w//7]
    (fy, fx), (ny, nx) = [np.unravel_index(f(middle), middle.shape) for f in (np.argmin, np.argmax)]  # clear of the buttons
    fy, ny, fx, nx = fy+h//4, ny+h//4, fx+w//7, nx+w//7
    click_picture(page, "Two points", (fx+.5)/w, (fy+.5)/h)
    page.wait_for_selector("text=And the second point?")
    page.wait_for_timeout(500)
    click_picture(page, "Two points", (nx+.5)/w, (ny+.5)/h)
    page.wait_for_selector("text=B is nearer than A")
    said = page.locator("[role=tabpanel]:visible").inner_text()
    share = int(re.search(r"by (\d+)%", said)[1])
    assert abs(share-100*(disparity[ny, nx]-disparity[fy, fx])) < 3 and "How sure this is, is not known" in said
    assert not problems, problems


def test_focus(page, cat, problems):
    send(page, cat)
    answered(page)
    page.get_by_role("tab", name="Focus").click()
    picture = page.locator("[role=tabpanel]:visible img").first
    before = picture.get_attribute("src")
    click_picture(page, "Focus", .5, .7)
    page.wait_for_function("([o, before]) => o.isConnected ? o.src !== before : true", arg=[picture.element_handle(), before])
    def pixels(source):
        with urllib.request.urlopen(source) as file: return np.asarray(Image.open(file).convert("RGB"), dtype=float)
    page.wait_for_timeout(500)
    soft, sharp = pixels(picture.get_attribute("src")), pixels(before)
    assert np.abs(np.diff(soft[:80, -80:], axis=1)).mean() < np.abs(np.diff(sharp[:80, -80:], axis=1)).mean()  # the room behind
    assert not problems, problems


def test_by_keyboard(page, cat, problems):
    "Two points and a focus without a pointer, and a slip that is told"
    send(page, cat)
    answered(page)
    page.get_by_role("tab", name="Two points").click()
    field = page.get_by_label("Or type them")
    for typed, said in (("50 50", "4 numbers from 0 to 100 are wanted"), ("27 20, 47 72", "is nearer than")):
        field.fill(typed)
        field.press("Enter")
        page.wait_for_selector(f"text={said}")
    page.get_by_role("tab", name="Focus").click()
    picture = page.locator("[role=tabpanel]:visible img").first
    picture.wait_for(state="visible")
    before = picture.get_attribute("src")
    page.get_by_label("Or type where").fill("50 70")
    page.get_by_label("Or type where").press("Enter")
    page.wait_for_function("([o, before]) => o.isConnected ? o.src !== before : true", arg=[picture.element_handle(), before])
    assert not problems, problems


def test_turn(page, cat, problems):
    send(page, cat)
    answered(page)
    page.get_by_role("tab", name="Turn").click()
    canvas = page.locator("[role=tabpanel]:visible canvas")
    canvas.wait_for(state="visible")
    page.wait_for_timeout(3000)
    drawn = canvas.screenshot()
    box = canvas.bounding_box()
    page.mouse.move(box["x"]+box["width"]/2, box["y"]+box["height"]/2)
    page.mouse.down()
    page.mouse.move(box["x"]+box["width"]/2+120, box["y"]+box["height"]/2, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert canvas.screenshot() != drawn and not problems, problems


def test_files(page, cat, problems):
    send(page, cat)
    answered(page)
    page.get_by_role("tab", name="Files").click()
    link = page.locator("[role=tabpanel]:visible a[download]")
    link.nth(2).wait_for(state="visible")
    assert link.count() == 3
    with page.expect_download() as waiting: page.locator("[role=tabpanel]:visible a[download*='disparity.png']").first.click()
    with Image.open(waiting.value.path()) as saved:
        assert np.abs(np.asarray(saved, dtype=float)/65535-predict(cat).disparity).max() < 1e-4
    assert not problems, problems


def test_a_pasted_picture(page, problems):
    page.evaluate("""async () => {
        const o = new OffscreenCanvas(90, 60), c = o.getContext('2d'); c.fillStyle = 'teal'; c.fillRect(0, 0, 90, 60); c.fillStyle = 'white'; c.fillRect(20, 30, 30, 20);
        await navigator.clipboard.write([new ClipboardItem({'image/png': await o.convertToBlob({type: 'image/png'})})]);
    }""")
    page.get_by_label("Paste from clipboard").first.click()
    answered(page)
    assert not problems, problems


def test_what_is_no_picture_is_refused_in_words(page, tmp_path):
    (tmp_path/"note.jpg").write_text("no picture")
    send(page, tmp_path/"note.jpg")
    said = error_text(page)
    assert "cannot read note.jpg as a picture" in said and "Traceback" not in said and "/" not in said.replace("w/", "")


def test_too_many_pixels_are_refused(page, tmp_path):
    Image.new("1", (PIXELS//8000+1, 8000), 1).save(tmp_path/"wall.png")
    send(page, tmp_path/"wall.png")
    assert "this page takes at most 60 million" in error_text(page)


def test_a_file_that_is_too_large_is_refused(page, tmp_path):
    with open(tmp_path/"long.png", "wb") as file: file.truncate(BYTES+1)
    send(page, tmp_path/"long.png")
    assert "size" in error_text(page).lower()


def test_a_narrow_screen_holds_it(chrome, address, cat, problems):
    page = open_page(chrome, problems, address, viewport=dict(width=390, height=844), has_touch=True, is_mobile=True)
    page.goto(address)
    page.wait_for_selector("text=What is near, and what is far?")
    send(page, cat)
    answered(page)
    assert not page.evaluate(SIDEWAYS) and not problems, problems
    page.context.close()
