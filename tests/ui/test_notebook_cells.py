"""A job that a cell submits: its output, the panel, the mark on the cell, and what a saved notebook shows."""

from __future__ import annotations

import json
from collections.abc import Callable

from laboratory import LONG, Browser, Lab


def counts(text: str) -> int:
    """Return how many items are done, of '12 of 60 done'."""
    return int(text.split(" of ")[0].replace(",", ""))


def test_a_cell_submits_and_its_output_and_the_panel_move_together(
    browser: Browser, lab: Lab, numbers: Callable[[int], str], write_notebook: Callable[..., str]
):
    numbers(90)
    write_notebook("together.ipynb", seconds=0.4)
    browser.notebook("together.ipynb")
    browser.run("%load_ext jupyter_featx")
    source = json.loads((lab.root / "together.ipynb").read_text())["cells"][0]["source"]
    browser.run(f"%%featx submit --data numbers90 --name together\n{source}")
    output, row = browser.page.locator(".jp-Featx-live article"), browser.row("together")
    output.wait_for()
    row.wait_for()
    output.locator(".jp-Featx-state.jp-mod-running").wait_for()
    browser.page.wait_for_function(
        """() => {
          const text = one => one?.querySelector('.jp-Featx-counts')?.textContent.split(' · ')[0];
          const here = text(document.querySelector('.jp-Featx-live article'));
          const there = text(document.querySelector('#featx-jobs article[aria-label="together"]'));
          return here && here === there && !here.startsWith('0 ');
        }"""
    )
    mark = browser.page.locator(".jp-Featx-cellMark")
    mark.wait_for()
    output.locator(".jp-Featx-actions").scroll_into_view_if_needed()
    browser.picture("lab-live")
    # a kernel that is started anew knows nothing of the job; the output is drawn from the server's word
    browser.command("kernelmenu:restart")
    browser.page.locator(".jp-Dialog .jp-mod-accept").click()
    output.locator(".jp-Featx-state.jp-mod-completed").wait_for(timeout=2 * LONG)
    row.locator(".jp-Featx-state.jp-mod-completed").wait_for()
    assert counts(output.locator(".jp-Featx-counts").inner_text()) == 78
    assert "completed" in mark.inner_text()
    mark.click()
    browser.page.locator(".jp-Featx-page").wait_for()
    assert not browser.problems


def test_a_saved_notebook_holds_the_card_for_other_front_ends(
    browser: Browser, lab: Lab, numbers: Callable[[int], str], write_notebook: Callable[..., str]
):
    numbers(6)
    write_notebook("saved.ipynb")
    browser.notebook("saved.ipynb")
    for source in ("%load_ext jupyter_featx", "%run saved.ipynb", "%featx submit --data numbers6 --name saved --wait"):
        browser.run(source)
    browser.page.locator(".jp-Featx-live .jp-mod-completed.jp-Featx-state").wait_for()
    browser.done()
    browser.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    cells = json.loads((lab.root / "saved.ipynb").read_text())["cells"]
    bundles = [output["data"] for cell in cells for output in cell["outputs"] if "data" in output]
    ours = next(data for data in bundles if "application/vnd.featx.job+json" in data)
    assert "6 of 6 done" in "".join(ours["text/html"])
    assert ours["application/vnd.featx.job+json"]["snapshot"]["state"] == "completed"


def test_a_job_that_is_gone_is_shown_as_it_was(browser: Browser, lab: Lab, write_notebook: Callable[..., str]):
    write_notebook("gone.ipynb")
    notebook = json.loads((lab.root / "gone.ipynb").read_text())
    snapshot = {"name": "gone", "state": "running", "total": 9, "done": 4, "now": 1000.0}
    data = {
        "text/plain": ["gone"],
        "application/vnd.featx.job+json": {"job_id": "gone-0000", "snapshot": snapshot},
    }
    notebook["cells"][0]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data}]
    (lab.root / "gone.ipynb").write_text(json.dumps(notebook))
    browser.notebook("gone.ipynb")
    output = browser.page.locator(".jp-Featx-live article")
    output.get_by_text("not in the list any more").wait_for()
    assert "4 of 9 done" in output.inner_text()
