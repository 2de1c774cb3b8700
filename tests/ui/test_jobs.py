"""What is done with jobs in the panel and on their pages."""

from __future__ import annotations

import re
from collections.abc import Callable

from laboratory import LONG, Browser, Lab


def test_a_failed_group_is_read_and_its_item_is_reproduced(
    browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]
):
    job = submit("failing", numbers(30))
    browser.notebook()
    page = browser.page_of(job, "errors")
    page.get_by_text("ValueError").first.wait_for()
    assert 'raise ValueError(f"{number} can be divided by seven")' in page.locator(".jp-Featx-errorCode").inner_text()
    page.get_by_role("button", name="Show all 4 items").click()
    page.locator(".jp-Featx-errorItems summary").first.click()
    page.locator(".jp-Featx-errorItems pre").first.wait_for()
    browser.picture("lab-errors")
    page.get_by_role("button", name="Open failing item").first.click()
    cell = browser.page.locator(".jp-Notebook:visible .jp-CodeCell.jp-mod-active")
    cell.get_by_text("n0007.txt").first.wait_for()
    browser.page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-cell'); }")
    cell.get_by_text("7 can be divided by seven").last.wait_for()
    assert not browser.problems


def test_a_job_is_cancelled_retried_and_deleted(
    browser: Browser, lab: Lab, numbers: Callable[[int], str], submit: Callable[..., str]
):
    job = submit("stopped", numbers(200), seconds=2.0, wait=False)
    row = browser.row("stopped")
    row.locator(".jp-Featx-state.jp-mod-running").wait_for()
    row.get_by_role("button", name="Cancel…").click()
    browser.page.get_by_role("button", name="Keep it").click()
    row.get_by_role("button", name="Cancel…").click()
    browser.page.get_by_role("button", name="Cancel the job").click()
    row.locator(".jp-Featx-state.jp-mod-cancelled").wait_for()
    row.get_by_role("button", name="Retry…").click()
    browser.page.locator(".jp-Dialog").get_by_label("Item timeout").fill("0.2s")
    browser.page.locator(".jp-Dialog").get_by_role("button", name="Retry", exact=True).click()
    row.locator(".jp-Featx-state.jp-mod-running").wait_for()
    page = browser.page_of(job, "attempts")
    page.locator("tbody tr").nth(1).wait_for()
    row.get_by_role("button", name="Cancel…").click()
    browser.page.get_by_role("button", name="Cancel the job").click()
    row.locator(".jp-Featx-state.jp-mod-cancelled").wait_for()
    row.get_by_role("button", name="More actions").click()
    browser.page.locator(".lm-Menu .lm-Menu-item", has_text="Delete…").click()
    browser.page.get_by_role("button", name="Delete", exact=True).click()
    row.wait_for(state="detached")
    assert not (lab.featx / "jobs" / job).exists()


def test_the_result_is_sorted_filtered_and_drawn(
    browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]
):
    job = submit("table", numbers(40))
    page = browser.page_of(job, "result")
    page.get_by_text("35 rows, 5 columns").wait_for()
    first = page.locator('.jp-Featx-gridRow[aria-rowindex="2"]')
    page.get_by_title("Sort by number").click()
    page.locator("[role=columnheader][aria-sort=ascending]").wait_for()
    page.get_by_title("Sort by number").click()
    first.get_by_text("1600").wait_for()
    page.get_by_label("Column", exact=True).select_option("parity")
    page.get_by_label("Value", exact=True).fill("odd")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_text("17 of 35 rows").wait_for()
    first.get_by_text("1521").wait_for()
    page.get_by_role("button", name="Distribution of square").click()
    page.locator(".jp-Featx-distribution .jp-Featx-chart").wait_for()
    browser.picture("lab-result")
    with browser.page.expect_download() as found:
        page.get_by_role("link", name="table.csv").click()
    assert "square" in found.value.path().read_text().splitlines()[0]


def test_the_page_says_how_the_job_went_and_comes_back_after_a_reload(
    browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]
):
    job = submit("overview", numbers(30), seconds=0.1)
    page = browser.page_of(job, "overview")
    page.locator(".jp-Featx-chart").nth(2).wait_for()
    assert "numbers30" in page.locator(".jp-Featx-facts").inner_text()
    browser.panel()
    browser.picture("lab-overview")
    browser.panel().get_by_role("searchbox").fill("overview")
    browser.page_of(job, "script").get_by_text("jupyter_featx.worker").first.wait_for()
    browser.page.wait_for_timeout(4000)  # JupyterLab writes the layout some seconds after it has changed
    browser.page.reload()
    browser.loaded()
    page.locator('[role=tab][data-tab="script"][aria-selected=true]').wait_for()
    assert browser.panel().get_by_role("searchbox").input_value() == "overview"
    browser.row("overview").wait_for()


def test_two_tabs_show_the_same_job(
    tab: Callable[[], Browser], numbers: Callable[[int], str], submit: Callable[..., str]
):
    one, two = tab(), tab()
    submit("shared", numbers(200), seconds=2.0, wait=False)
    rows = [browser.row("shared") for browser in (one, two)]
    for row in rows:
        row.locator(".jp-Featx-state.jp-mod-running").wait_for()
    rows[0].get_by_role("button", name="Cancel…").click()
    one.page.get_by_role("button", name="Cancel the job").click()
    for row in rows:
        row.locator(".jp-Featx-state.jp-mod-cancelled").wait_for()


def test_a_log_of_any_size_is_searched_and_its_longest_lines_are_cut(
    browser: Browser, lab: Lab, numbers: Callable[[int], str], submit: Callable[..., str]
):
    job = submit("chatty", numbers(6))
    log = lab.featx / "jobs" / job / "logs" / "job.log"
    with log.open("w") as file:
        for number in range(400_000):
            file.write(f"{number:06d} \x1b[32mstep\x1b[0m of a simulation that says very much of what it does\n")
            if number == 350_000:
                file.write("x" * 1_000_000 + "\n" + "the needle\n")
    page = browser.page_of(job, "log")
    lines = page.locator(".jp-Featx-lines pre")
    lines.filter(has_text="399999 step of").wait_for()
    page.get_by_label("Search the log").fill("THE NEEDLE")
    page.get_by_role("button", name="Find next").click()
    page.get_by_text("found at byte").wait_for()
    lines.filter(has_text="the needle").wait_for()
    browser.picture("lab-log")
    page.get_by_role("button", name="Beginning").click()
    lines.filter(has_text="000000 step of").wait_for()
    page.locator(".jp-Featx-lines").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    lines.filter(has_text=re.compile(r"00[2-9]\d\d\d step of")).wait_for()
    assert max(map(len, lines.inner_text().splitlines())) < 2100


def test_commands_are_in_the_palette_and_an_end_is_told(
    browser: Browser, numbers: Callable[[int], str], submit: Callable[..., str]
):
    browser.panel()
    submit("told", numbers(8), seconds=0.5, wait=False)
    browser.page.locator(".Toastify__toast", has_text="told has completed").wait_for(timeout=2 * LONG)
    browser.page.keyboard.press("Control+Shift+KeyC")
    palette = browser.page.locator("#command-palette, #modal-command-palette").locator("input").first
    palette.fill("featX jobs")
    browser.page.locator(".lm-CommandPalette-itemLabel", has_text="Submit a job").first.wait_for()
