"""A job's live output in Notebook 7."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import kill_jobs_of
from laboratory import Browser, Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Notebook 7 in place of JupyterLab."""
    lab = Lab(tmp_path_factory.mktemp("notebook7"), app="notebook")
    lab.start()
    yield lab
    lab.stop()
    kill_jobs_of(lab.featx)


def test_the_output_of_a_cell_is_alive(
    chromium: Any,
    lab: Lab,
    numbers: Callable[[int], str],
    submit: Callable[..., str],
    write_notebook: Callable[..., str],
):
    job = submit("seven", numbers(6))
    path = lab.root / write_notebook("seven.ipynb")
    notebook = json.loads(path.read_text())
    data = {"text/plain": ["old"], "application/vnd.featx.job+json": {"job_id": job, "snapshot": {"state": "running"}}}
    notebook["cells"][0]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data}]
    path.write_text(json.dumps(notebook))
    browser = Browser(lab, chromium.new_page())
    browser.page.goto(f"{lab.base}/notebooks/seven.ipynb?token={lab.token}")
    browser.page.locator(".jp-Featx-live .jp-Featx-state.jp-mod-completed").wait_for()
    assert "6 of 6 done" in browser.page.locator(".jp-Featx-live").inner_text()
    browser.page.close()
