"""How it looks: dark, in Korean, to a screen reader, with very many jobs and rows, and with hostile texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from laboratory import DARK, KOREAN, Browser, Lab


@pytest.fixture
def settings(lab: Lab) -> Iterator[Callable[[dict[str, Any]], None]]:
    yield lab.settings
    lab.settings({})


def reload(browser: Browser) -> None:
    browser.page.reload()
    browser.loaded()


def test_axe_finds_no_serious_fault_in_light_and_dark(
    browser: Browser,
    numbers: Callable[[int], str],
    submit: Callable[..., str],
    settings: Callable[[dict[str, Any]], None],
):
    job = submit("accessible", numbers(30), seconds=0.05)
    for theme in ({}, DARK):
        settings(theme)
        reload(browser)
        browser.row("accessible").wait_for()
        faults = browser.axe("#featx-jobs")
        for tab in ("overview", "errors", "log", "result", "script", "attempts"):
            page = browser.page_of(job, tab)
            page.locator(".jp-Featx-tabBody > div:not(.jp-Featx-empty)").wait_for()
            faults += [f"{tab}: {fault}" for fault in browser.axe(f"#featx-job-{job}")]
        assert faults == []
    browser.page_of(job, "overview").locator(".jp-Featx-chart").first.wait_for()
    browser.picture("lab-dark")


def test_the_keyboard_goes_through_the_tabs_of_a_page(
    browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]
):
    page = browser.page_of(submit("keys", numbers(6)), "overview")
    page.locator("[role=tab][aria-selected=true]").focus()
    browser.page.keyboard.press("ArrowRight")
    page.locator('[data-tab="errors"][aria-selected=true]').wait_for()
    browser.page.keyboard.press("End")
    page.locator('[data-tab="attempts"][aria-selected=true]').wait_for()


def test_it_speaks_korean(
    browser: Browser,
    numbers: Callable[[int], str],
    submit: Callable[..., str],
    settings: Callable[[dict[str, Any]], None],
):
    job = submit("korean", numbers(30), seconds=0.05)
    settings(KOREAN)
    reload(browser)
    browser.panel().get_by_role("button", name="작업 제출").wait_for()
    browser.row("korean").get_by_text("완료", exact=True).wait_for()
    page = browser.page_of(job, "overview")
    page.get_by_role("tab", name="개요").wait_for()
    page.locator(".jp-Featx-chart").first.wait_for()
    assert "코어 2개" in page.inner_text()
    browser.picture("lab-korean")


HOSTILE = "<img src=x onerror='window.bad=1'><script>window.bad=1</script>\u202egnp.\x1b[31m"
BAD = f"""\
HOSTILE = {HOSTILE!r}


def _process_input(path):
    print(HOSTILE)
    if path.endswith("1.txt"):
        raise ValueError(HOSTILE + "y" * 1_000_000)
    return {{"text": HOSTILE + "z" * 1_000_000, HOSTILE: 1}}
"""


def test_hostile_texts_neither_run_nor_break_the_layout(browser: Browser, lab: Lab, submit: Callable[..., str]):
    folder = lab.root / "<b>hostile\u202e<img src=x onerror=window.bad=1>"
    folder.mkdir(exist_ok=True)
    for number in range(4):
        (folder / f"<i>{number}.txt").write_text("1")
    name = "<img src=x onerror=window.bad=1>"
    job = submit(name, folder.name, source=BAD)
    browser.row(name).wait_for()
    for tab in ("overview", "errors", "log", "result", "script", "attempts"):
        page = browser.page_of(job, tab)
        page.locator(".jp-Featx-tabBody > div:not(.jp-Featx-empty)").wait_for()
        browser.page.wait_for_timeout(300)
        assert browser.page.evaluate("() => window.bad === undefined")
        assert page.locator(".jp-Featx-page img, .jp-Featx-page script").count() == 0
        assert page.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert browser.panel().evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert not browser.problems
    shutil.rmtree(folder)


def test_five_thousand_jobs_and_two_million_rows_are_scrolled(
    browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]
):
    job = submit("many", numbers(6))
    real = browser.page.evaluate(
        "async id => (await fetch(`/featx/api/v1/jobs/${id}`)).json()",
        job,
    )
    jobs = [{**real, "job_id": f"many-{i}", "name": f"many {i}", "notebook": f"/n/{i % 50}.ipynb"} for i in range(5000)]

    def some_jobs(route: Any) -> None:
        asked = parse_qs(urlparse(route.request.url).query)
        offset, limit = int(asked["offset"][0]), int(asked["limit"][0])
        route.fulfill(json={"jobs": jobs[offset : offset + limit], "total": 5000})

    def some_rows(route: Any) -> None:
        asked = parse_qs(urlparse(route.request.url).query)
        offset = int(asked["offset"][0])
        columns = [{"name": "n", "type": "integer", "side": "input", "key": "n"}]
        page = {"columns": columns, "all_columns": columns, "total": 2_000_000, "matching": 2_000_000}
        rows = [[offset + i] for i in range(100)]
        route.fulfill(json={**page, "rows": rows, "offset": offset, "limit": 100, "partial": False, "merged": 1.0})

    browser.page.route("**/featx/api/v1/jobs/many-*", lambda route: route.fulfill(json=jobs[7]))
    browser.page.route("**/featx/api/v1/jobs?*", some_jobs)
    browser.page.route("**/featx/api/v1/jobs/*/result?*", some_rows)
    browser.panel().get_by_role("button", name="Refresh jobs").click()
    browser.panel().get_by_role("button", name="completed 5,000").wait_for()
    browser.panel().locator(".jp-Featx-scroller").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    browser.row("many 4999").wait_for()
    assert browser.panel().locator("article").count() < 40
    page = browser.page_of("many-7", "result")
    page.get_by_text("2,000,000 rows").wait_for()
    page.locator(".jp-Featx-grid").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    page.get_by_text("1999999", exact=True).wait_for()
    assert page.locator(".jp-Featx-gridRow").count() < 80


def test_no_other_machine_is_asked(browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]):
    asked: list[str] = []
    browser.page.on("request", lambda request: asked.append(request.url))
    reload(browser)
    browser.page_of(submit("alone", numbers(6)), "result").locator(".jp-Featx-gridRow").first.wait_for()
    assert [url for url in asked if urlparse(url).hostname not in ("127.0.0.1", None)] == []
