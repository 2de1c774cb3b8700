"""A server that ends and comes back, a Slurm that does not answer, a login that is over, a list that is empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import fakecluster
import pytest
from conftest import kill_jobs_of
from fakecluster import FakeCluster
from laboratory import LONG, Browser, Lab
from madejobs import make_job

from jupyter_featx.events import Submitted


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> FakeCluster:
    return FakeCluster(tmp_path_factory.mktemp("slurm"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, slurm: FakeCluster) -> Iterator[Lab]:
    """A JupyterLab of this file's own: it is stopped and started, and sees a Slurm of this file's own."""
    lab = Lab(tmp_path_factory.mktemp("troubles"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", fakecluster.PATH)
        patch.setenv("FAKE_SLURM", str(slurm.folder))
        (lab.home / "config.toml").write_text("[slurm]\npoll_seconds = 1\n")
        patch.setenv("FEATX_CONFIG", str(lab.home / "config.toml"))
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


def test_a_slurm_that_does_not_answer_is_said_beside_its_jobs_until_it_is_back(
    browser: Browser, lab: Lab, slurm: FakeCluster
):
    slurm.set(away=True)
    job = make_job(lab.featx, "patient", "new", scheduler="slurm")
    job.event_log("client-test-1").append(Submitted(native_id="5", cores=2))
    row = browser.row("patient")
    row.get_by_text("Its scheduler does not answer since").wait_for()
    row.locator(".jp-Featx-state.jp-mod-queued").wait_for()
    slurm.set(away=False)
    slurm.job("5", state="PENDING", reason="Resources")
    row.get_by_text("Its scheduler does not answer").wait_for(state="detached")
    slurm.account("5", State="NODE_FAIL", ExitCode="0:0")
    slurm.set(jobs={})
    row.get_by_text("a node failed").wait_for()
    row.locator(".jp-Featx-state.jp-mod-failed").wait_for()
