"""Reading a page in tests, and texts that try to become markup."""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports import snapshot

browser = pytest.mark.skipif(
    snapshot.chromium() is None and not os.environ.get("CI"),
    reason="no browser: chromium is not installed",  # in CI that is a failure
)

EVIL = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}<!--"


# What a page with a chart runs: the findings and the charts as data, Vega, and ours.
SCRIPTS = [
    {"type": "application/json", "id": "findings"},
    {"type": "application/json", "id": "drawings"},
    {},
    {},
]


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def section(page: str, claim: str) -> str:
    """The part of the page that is about one claim."""
    return page[page.index(f'id="claim-{claim}"') :].split("</section>")[0]


def without_scripts(page: str) -> str:
    """The page's own markup and style."""
    return re.sub("<script.*?</script>", "", page, flags=re.DOTALL)


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="findings">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def poisoned(value: Any) -> Any:
    """The same findings with every free text, and every key of a table, made hostile."""
    if isinstance(value, dict):
        return {key: item if key in ("kind", "schema", "chart") else poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return EVIL if isinstance(value, str) else value


def requests(log: Path) -> list[str]:
    """What a page asked for in a net log; requests of the browser's own have no origin."""
    text = log.read_text("utf-8")
    events = re.findall(r'"initiator":"([^"]*)".*"url":"([^"]*)"', text)  # an event a line
    return [url for initiator, url in events if initiator != "not an origin" and not url.startswith(("file:", "data:"))]
