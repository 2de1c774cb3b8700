"""`%featx` and `%%featx` in a real IPython shell, and in a real kernel as a notebook talks to it."""

from __future__ import annotations

import queue
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
from conftest import kill_jobs_of
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from jupyter_featx import client
from jupyter_featx.client import Job
from jupyter_featx.notebook.source import notebook_source

FUNCTIONS = """
def _process_input(path):
    value = read(path)
    if value == 3:
        raise ValueError("three is bad")
    return {"value": value * FACTOR}
"""
HELPERS = "from pathlib import Path\nFACTOR = 10\ndef read(path):\n    return int(Path(path).read_text())"
SLOW = "import time\ndef _process_input(path):\n    time.sleep(30)\n    return {}"


class Notebook:
    """A shell that runs cells and keeps what they said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = InteractiveShell()
        self.shell.history_manager.enabled = False
        self.shell.reset()
        self._capsys = capsys
        self.out = self.err = ""
        self.run("%colors nocolor")
        self.run("%load_ext jupyter_featx")

    def run(self, cell: str) -> object:
        """Run a cell; return what it gave."""
        result = self.shell.run_cell(cell, store_history=True)
        self.out, self.err = self._capsys.readouterr()
        self.failed = not result.success
        return result.result

    def fails(self, cell: str) -> str:
        """Run a cell that fails; return the one line that says why."""
        self.run(cell)
        assert self.failed
        assert self.err.count("UsageError: ") == 1
        assert "Traceback" not in self.out + self.err
        (*_, line) = self.err.splitlines()
        assert line.startswith("UsageError: ")
        return line


@pytest.fixture
def notebook(home: Path, tmp_path: Path, monkeypatch, capsys) -> Iterator[Notebook]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(InteractiveShell, "_instance", None)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    made = Notebook(capsys)
    yield made
    made.shell.history_manager.end_session()


def test_a_cell_becomes_a_table(notebook: Notebook, numbers: Path):
    notebook.run(HELPERS)
    table = notebook.run(f"%%featx submit --data {numbers} --wait\n{FUNCTIONS}")
    assert isinstance(table, pandas.DataFrame)
    assert list(table["value"]) == [10, 20, 40, 50, 60, 70, 80]
    assert "8 items from" in notebook.out
    assert notebook.shell.user_ns["_process_input"](str(numbers / "n4.txt")) == {"value": 40}

    assert notebook.run(f"%featx submit --data {numbers} --wait --out df --no-preflight --limit 2") is None
    assert list(notebook.shell.user_ns["df"]["value"]) == [10, 20]
    assert "df: 2 rows of 2 columns" in notebook.out
    assert len(notebook.run("%featx jobs")) == 2

    (cause,) = notebook.run(f"%featx errors {client.jobs()['job'][1]}").to_dict("records")
    assert cause["message"] == "three is bad"
    assert cause["where"] == "cell [4], line 6"
    assert notebook.run("%featx errors") is None
    assert "No item of job" in notebook.out


def test_the_dataset_is_remembered(notebook: Notebook, numbers: Path):
    assert "There is no dataset yet" in notebook.fails(f"%%featx submit\n{FUNCTIONS}")
    notebook.run(HELPERS)
    notebook.run(FUNCTIONS)
    notebook.run("%featx data numbers --limit 5")
    assert "5 items in numbers, remembered" in notebook.out
    notebook.shell.run_cell("import os; os.chdir('/')")
    assert len(notebook.run("%featx submit --wait --no-preflight")) == 4
    notebook.shell.user_ns["some"] = [str(numbers / "n1.txt")]
    assert len(notebook.run("%featx submit --wait --no-preflight --data some")) == 1
    notebook.run("%featx data")
    assert "The dataset is" in notebook.out
    assert "numbers', with --limit 5." in notebook.out
    assert "/nowhere" in notebook.fails("%featx data /nowhere")


def test_what_a_user_does_wrong_is_one_line(notebook: Notebook, numbers: Path):
    assert "Did you mean --cores?" in notebook.fails("%featx submit --coers 2")
    assert "There is no job yet" in notebook.fails("%featx status")
    assert "No _process_input" in notebook.fails(f"%featx submit --data {numbers}")
    assert "Type '%featx jobs'" in notebook.fails("%%featx jobs\npass")
    missing = notebook.fails(f"%%featx submit --data {numbers}\ndef _process_input(path):\n    return nosuch(path)")
    assert "'nosuch' is used by _process_input (cell [7], line 3)" in missing
    assert "cores='many'" in notebook.fails(f"%%featx submit --data {numbers} --cores many\n{HELPERS}\n{FUNCTIONS}")
    assert client.jobs().empty


def test_a_cell_that_fails_itself_submits_nothing(notebook: Notebook, numbers: Path):
    notebook.run(f"%%featx submit --data {numbers}\n{HELPERS}\n{FUNCTIONS}\n1 / 0")
    assert notebook.failed
    assert "ZeroDivisionError" in notebook.out
    assert "UsageError: The cell itself failed" in notebook.err
    assert "Out of range" not in notebook.out
    assert client.jobs().empty


def test_a_traceback_counts_the_lines_of_the_cell_as_shown(notebook: Notebook, numbers: Path):
    notebook.run(f"%%featx submit --data {numbers}\n\nx = 1\nx / 0\ndef _process_input(path):\n    return {{}}")
    assert "----> 4 x / 0" in notebook.out


def test_test_shows_the_rows_and_the_estimate(notebook: Notebook, numbers: Path):
    notebook.run(HELPERS)
    sampled = notebook.run(f"%%featx test --data {numbers} --cores 2\n{FUNCTIONS}")
    assert sampled.total == 8
    assert "three is bad" in str(sampled)
    assert client.jobs().empty


def test_cancel_retry_log_script_delete(notebook: Notebook, numbers: Path):
    job = notebook.run(f"%%featx submit --data {numbers} --no-preflight --name slow\n{SLOW}")
    assert isinstance(job, Job)
    assert "slow" in notebook.out
    notebook.run("%featx script")
    assert "jupyter_featx.worker" in notebook.out
    assert f"'%featx cancel {job.id}'" in notebook.fails("%featx delete --yes")
    assert notebook.run("%featx cancel slow").status().state == "cancelled"
    assert "nothing to cancel" in notebook.fails("%featx cancel")
    assert notebook.run(f"%featx retry {job.id}").status().state in ("queued", "running")
    notebook.run("%featx cancel")
    notebook.run("%featx log --tail 1")
    assert len(notebook.out.splitlines()) <= 1
    assert f"Type '%featx delete {job.id} --yes'" in notebook.fails("%featx delete")
    notebook.run("%featx delete --yes")
    assert not job.path.exists()


def test_an_interrupt_ends_the_waiting_and_not_the_job(notebook: Notebook, numbers: Path, monkeypatch):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("jupyter_featx.manager.time.sleep", interrupt)
        said = notebook.fails(f"%%featx submit --data {numbers} --no-preflight --wait\n{SLOW}")
    assert "goes on. Type '%featx wait notebook-" in said
    job = client.job()
    assert not job.status().state.final
    job.cancel()


def test_waiting_for_a_job_that_fails_says_so(notebook: Notebook, numbers: Path):
    job = notebook.run(f"%%featx submit --data {numbers} --no-preflight\n{SLOW}")
    job.cancel()
    assert f"Job '{job.id}' was cancelled" in notebook.fails("%featx wait --out df")
    assert "df" not in notebook.shell.user_ns


def test_a_dry_run_shows_the_script(notebook: Notebook, numbers: Path):
    notebook.run(f"%%featx submit --data {numbers} --dry-run\n{HELPERS}\n{FUNCTIONS}")
    assert "jupyter_featx.worker" in notebook.out
    assert client.jobs().empty


def test_help_leaves_the_kernel_alive(notebook: Notebook):
    notebook.run("%featx")
    assert "usage: %featx VERB" in notebook.out
    notebook.run("%featx submit --help")
    assert "--item-timeout" in notebook.out


def test_the_notebook_gives_the_job_its_name(notebook: Notebook, monkeypatch, tmp_path: Path):
    assert notebook_source(notebook.shell).name == "notebook"
    notebook.shell.user_ns["__vsc_ipynb_file__"] = str(tmp_path / "mof five.ipynb")
    assert notebook_source(notebook.shell).name == "mof five"
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "zeolites.ipynb"))
    assert notebook_source(notebook.shell).notebook == str(tmp_path / "zeolites.ipynb")


class Kernel:
    """A real kernel, and what it sends to a notebook."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)

    def run(self, code: str) -> list[dict]:
        """Run a cell; return its messages."""
        cell = self.client.execute(code)
        return list(self._until(lambda m: m["content"].get("execution_state") == "idle", cell, 30))

    def until(self, final: object, seconds: float = 15) -> list[dict]:
        """Return what comes of any cell until one is there that `final` knows."""
        return list(self._until(final, None, seconds))

    def _until(self, final, cell, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if cell in (None, message["parent_header"].get("msg_id")):
                yield message
                if final(message):
                    return
        raise AssertionError("the kernel said nothing more")

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.context.term()


@pytest.fixture
def kernel(home: Path, tmp_path: Path, monkeypatch) -> Iterator[Kernel]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "zeolites.ipynb"))
    made = Kernel()
    made.run("%load_ext jupyter_featx")
    yield made
    made.stop()
    kill_jobs_of(home)


def texts(messages: list[dict], kind: str) -> list[str]:
    found = [m["content"] for m in messages if m["msg_type"] == kind]
    return [content.get("text") or content["data"]["text/plain"] for content in found]


def test_the_card_lives_on_after_its_cell(kernel: Kernel, numbers: Path):
    code = "import time\ndef _process_input(path):\n    time.sleep(0.5)\n    return {'path': path}"
    shown = kernel.run(f"%%featx submit --data {numbers} --no-preflight\n{code}")
    (card,) = [m for m in shown if m["msg_type"] == "display_data"]
    assert "0 of 8 done" in card["content"]["data"]["text/html"]
    assert "zeolites-" in card["content"]["data"]["text/plain"]
    assert not texts(shown, "execute_result")

    def ended(message: dict) -> bool:
        return "completed" in message["content"].get("data", {}).get("text/plain", "")

    updates = [m for m in kernel.until(ended) if m["msg_type"] == "update_display_data"]
    assert len(updates) >= 2
    assert {m["content"]["transient"]["display_id"] for m in updates} == {card["content"]["transient"]["display_id"]}
    assert {m["parent_header"]["msg_id"] for m in updates} == {card["parent_header"]["msg_id"]}
    assert "running" in texts(updates, "update_display_data")[0]

    waited = kernel.run("%featx wait")
    assert texts(waited, "display_data")[0].startswith("✔ zeolites-")
    (result,) = [m for m in waited if m["msg_type"] == "execute_result"]
    assert "<table" in result["content"]["data"]["text/html"]

    (wrong,) = [m for m in kernel.run("%featx submit --cores") if m["msg_type"] in ("stream", "error")]
    assert wrong["content"]["text"] == (
        "UsageError: --cores: needs a value. Type '%featx submit --help' for the options.\n"
    )


def test_a_kernel_that_dies_leaves_the_job_to_the_next_one(kernel: Kernel, numbers: Path):
    code = "import time\ndef _process_input(path):\n    time.sleep(0.3)\n    return {'path': path}"
    kernel.run(f"%%featx submit --data {numbers} --no-preflight\n{code}")
    kernel.manager.shutdown_kernel(now=True)
    assert client.job().wait(20).done == 8


def test_a_near_miss_above_older_functions_submits_nothing(notebook: Notebook, numbers: Path):
    notebook.run("def _process_input(path):\n    return {'a': 1}")
    said = notebook.fails(f"%%featx submit --data {numbers}\ndef process_input(path):\n    return {{'a': 2}}")
    assert "This cell defines no _process_input. Did you mean 'process_input'?" in said
    assert client.jobs().empty


def test_labels_of_another_cell_do_not_ride_along(notebook: Notebook, numbers: Path):
    notebook.run("def _process_output(path):\n    return {'old': 1}")
    table = notebook.run(f"%%featx submit --data {numbers} --wait\ndef _process_input(path):\n    return {{'a': 2}}")
    assert list(table.columns) == ["item", "a"]
    assert "Functions: _process_input of cell [" in notebook.out
    assert "_process_output" not in notebook.out
    both = notebook.run(f"%featx submit --data {numbers} --wait")
    assert list(both.columns) == ["item", "a", "old"]


def test_a_cell_that_failed_counts_as_far_as_it_ran(notebook: Notebook, numbers: Path):
    notebook.run("A = 1\nSCALE = 1.0")
    notebook.run("A = 2\nundefined_name\nSCALE = 2.5")
    table = notebook.run(
        f"%%featx submit --data {numbers} --wait\ndef _process_input(path):\n    return {{'s': SCALE, 'a': A}}"
    )
    assert set(table["s"]) == {1.0}
    assert set(table["a"]) == {2}


def test_test_shows_what_the_functions_print(notebook: Notebook, numbers: Path):
    sampled = notebook.run(
        f"%%featx test --data {numbers}\ndef _process_input(path):\n    print('look at', path)\n    return {{}}"
    )
    assert "look at" in str(sampled)


def test_a_retry_says_that_it_runs_the_code_as_it_was(notebook: Notebook, numbers: Path):
    notebook.run(f"%%featx submit --data {numbers} --wait\n{HELPERS}\n{FUNCTIONS}")
    notebook.run("%featx retry --wait")
    assert "as they were submitted" not in notebook.out
    notebook.run("def _process_input(path):\n    return {'value': 1}")
    notebook.run("%featx retry --wait")
    assert "as they were submitted" in notebook.out


def test_functions_given_to_submit_use_names_of_other_cells(kernel: Kernel, numbers: Path):
    kernel.run("FACTOR = 3")
    kernel.run("def _process_input(path):\n    return {'v': FACTOR}")
    kernel.run("import jupyter_featx as featx")
    kernel.run(f"job = featx.submit(_process_input, {str(numbers)!r}, preflight=False); state = job.wait(30).state")
    assert texts(kernel.run("set(job.result()['v'])"), "execute_result") == ["{3}"]
