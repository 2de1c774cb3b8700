"""The documentation becomes a site that is whole, fetches nothing from anywhere, and is searched without a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from laboratory import CHROMIUM, CHROMIUM_ARGS

ROOT = Path(__file__).parent.parent
FETCHED = {"src", "srcset", "poster", "data", "action"}  # what a browser loads by itself; of <link> also href
FOLLOWED = {"canonical", "next", "prev"}  # kinds of <link> that are only told


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built where there is no network: a warning would have ended it."""
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


class Fetches(HTMLParser):
    """What a browser loads for a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        for name, value in attributes:
            if name in FETCHED or (tag == "link" and name == "href" and named.get("rel") not in FOLLOWED):
                self.found.append(value or "")


def test_each_page_of_the_documentation_is_a_page_of_the_site(site: Path):
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").exists(), page.name


def test_what_a_page_loads_is_in_the_site(site: Path):
    for page in site.glob("*.html"):
        for target in Fetches(page).found:
            assert not re.match(r"([a-z]+:)?//", target), f"{page.name}: {target}"
            plain = target.partition("#")[0].partition("?")[0]
            if plain and page.name != "404.html" and not plain.startswith("data:"):
                assert (page.parent / plain).exists(), f"{page.name}: {target}"


def test_no_style_sheet_loads_from_elsewhere(site: Path):
    for sheet in site.rglob("*.css"):
        for target in re.findall(r"(?:url\(|@import\s+)[\"']?([^\"')]+)", sheet.read_text(encoding="utf-8")):
            assert not re.match(r"([a-z]+:)?//", target), f"{sheet.name}: {target}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


def test_a_reader_without_a_network_reads_and_searches_it_from_its_folder(site: Path, browser: Any):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in sorted(site.glob("*.html")):
        page.goto(path.as_uri())
        assert page.locator("h1").count(), path.name
    page.goto((site / "index.html").as_uri())
    page.locator("[data-md-component=search-query]").fill("walltime")
    found = page.locator(".md-search-result__item").first
    found.wait_for(timeout=60_000)
    assert "walltime" in found.inner_text().lower()
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    page.close()
