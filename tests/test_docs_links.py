"""The documentation's links lead somewhere, and each page stands by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docpages import DOCS, PAGES, USER_PAGES, ids, text


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_each_link_and_picture_is_there(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in _anchors(path), f"{page.name}: {target}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", _without_blocks(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_blocks(page: str) -> str:
    return re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_each_page_stands_by_itself(page: Path):
    for forbidden in (r"/work\b", r"/tmp\b", r"issue #?\d", r"\.\./shared", r"\bTODO\b"):
        assert not re.search(forbidden, page.read_text(), re.IGNORECASE), forbidden


@pytest.mark.parametrize("page", USER_PAGES, ids=ids)
def test_what_continues_a_list_item_is_indented_by_four_spaces(page: Path):
    """Git hosts take fewer for it, too; the site does not."""
    for line in re.findall(r"(?<=\n\n)( +\S.*)|^( +```.*)", _without_blocks(page.read_text()), re.MULTILINE):
        found = line[0] or line[1]
        assert (len(found) - len(found.lstrip())) % 4 == 0, found


def test_the_index_lists_each_page():
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in text("index.md")
