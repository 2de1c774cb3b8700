"""A server that ends and comes back, a login that is over, a list that is empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from conftest import kill_jobs_of
from laboratory import LONG, Browser, Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab of this file's own: it is stopped and started."""
    lab = Lab(tmp_path_factory.mktemp("troubles"))
    lab.start()
    yield lab
    lab.stop()
    kill_jobs_of(lab.featx)


def test_an_empty_list_says_what_to_type(browser: Browser):
    browser.panel().get_by_text("No jobs yet.").wait_for()


def test_an_expired_login_says_so(browser: Browser):
    browser.panel()
    browser.page.route("**/featx/api/v1/**", lambda route: route.fulfill(status=403, json={"message": "Forbidden"}))
    browser.panel().get_by_role("button", name="Refresh jobs").click()
    browser.panel().get_by_text("Your login at the Jupyter server is over.").wait_for()
    browser.panel().get_by_role("button", name="Reload").wait_for()


def test_a_job_outlives_the_server_and_the_panel_finds_both_again(
    browser: Browser, lab: Lab, numbers: Callable[[int], str], submit: Callable[..., str]
):
    submit("outlives", numbers(60), seconds=0.5, wait=False)
    row = browser.row("outlives")
    row.locator(".jp-Featx-state.jp-mod-running").wait_for()
    lab.stop()
    alert = browser.panel().get_by_role("alert")
    alert.get_by_text("does not answer").wait_for()
    lab.start()
    alert.wait_for(state="detached", timeout=2 * LONG)
    row.locator(".jp-Featx-state.jp-mod-completed").wait_for(timeout=2 * LONG)
