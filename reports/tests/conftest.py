"""One page with everything, and one browser, for all tests of the room."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from harness.results.schema import RunResult
from reports.build import build
from reports.tests import examples


class Open(Protocol):
    def __call__(self, html: str, width: int = 1440, **options: Any) -> AbstractContextManager[Page]: ...


@pytest.fixture(scope="session")
def run() -> RunResult:
    return examples.run()


@pytest.fixture(scope="session")
def html(run: RunResult) -> str:
    return build(run, examples.context(run))


@pytest.fixture(scope="session")
def page(html: str) -> examples.Page:
    return examples.Page(html)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no browser: chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def opened(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Opens a page, which must have complained of nothing and asked for nothing when it is left."""

    @contextmanager
    def opening(html: str, width: int = 1440, **options: Any) -> Iterator[Page]:
        place: Path = tmp_path_factory.mktemp("page") / "report.html"
        place.write_text(html, "utf-8")
        complaints: list[str] = []
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(error.message))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or complaints.append(request.url))
        page.goto(place.as_uri())
        try:
            yield page
        finally:
            context.close()
        assert complaints == []

    return opening
