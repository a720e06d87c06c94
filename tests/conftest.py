"What tests of several files share"
import pytest


@pytest.fixture(scope="session")
def playwright_api():
    "One start of playwright, which a process may have only once"
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as p: yield p
