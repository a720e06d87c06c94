"What tests of several files share"
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/"docs"))


@pytest.fixture(scope="session")
def playwright_api():
    "One start of playwright, which a process may have only once"
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as p: yield p


@pytest.fixture(scope="module")
def chrome(playwright_api):
    "A browser that can draw in three dimensions"
    from test_site import BROWSER
    made = playwright_api.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
    yield made
    made.close()
