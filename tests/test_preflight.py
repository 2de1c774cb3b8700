"""Nothing that cannot run is submitted, and nothing that can is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from realjobs import make_items, python, running, until

from jupyter_featx import client, preflight
from jupyter_featx.client import Job, Source
from jupyter_featx.errors import PreflightError
from jupyter_featx.preflight import Preflight
from jupyter_featx.template import Cell


def refuse(template: str, data: Path, match: str, source: Source | None = None) -> str:
    with pytest.raises(PreflightError, match=match) as caught:
        client.submit(template, data, source=source)
    home = Path(os.environ["FEATX_HOME"])
    assert [*home.glob("jobs/*"), *home.glob("jobs/.*"), *home.glob(".*")] == []
    return str(caught.value)


def accept(template: str, data: Path, **options: object) -> Job:
    job = client.submit(template, data, **options)
    assert isinstance(job, Job)
    return job


def test_a_name_that_only_the_running_code_misses_is_refused_with_its_cell(home: Path, numbers: Path) -> None:
    text = "def _process_input(path):\n    value = 1\n    return {'n': eval('cutoff') + value}\n"
    cells = [Cell("cell [1]", "cutoff = 3\n"), Cell("cell [2]", text)]
    message = refuse(text, numbers, "NameError: .*cutoff", Source(cells=cells))
    assert "cell [2], line 3" in message or "line 3" in message
    assert "cell [1]" in message


def test_a_missing_import_at_the_top_is_refused(home: Path, numbers: Path) -> None:
    text = "import no_such_thing\ndef _process_input(path):\n    return {'n': no_such_thing.x}\n"
    source = Source(cells=[Cell("cell [4]", "# hi\n" + text)])
    message = refuse(text, numbers, "ModuleNotFoundError.*no_such_thing", source)
    assert "cell [4], line 2" in message or "line 1" in message
    assert "Nothing was submitted" in message
    assert ".preflight" not in message


def test_a_name_that_is_missing_at_the_top_is_refused_with_its_cell(home: Path, numbers: Path) -> None:
    text = "SIZE = eval('cutoff')\ndef _process_input(path):\n    return {'n': SIZE}\n"
    cells = [Cell("cell [1]", "cutoff = 3\n"), Cell("cell [2]", text)]
    message = refuse(text, numbers, "NameError: .*cutoff", Source(cells=cells))
    assert "cell [1]" in message


def test_a_missing_import_inside_a_function_is_refused_even_for_some_items(home: Path, numbers: Path) -> None:
    text = "def _process_input(path):\n    if 'n1' in path:\n        import no_such_thing\n    return {'n': 1}\n"
    message = refuse(text, numbers, "ModuleNotFoundError.*no_such_thing")
    assert "line 3" in message


def test_a_template_that_fails_for_all_of_the_sample_is_refused(home: Path, numbers: Path) -> None:
    message = refuse("def _process_input(path):\n    return {'n': 1 / 0}\n", numbers, "ZeroDivisionError")
    assert "line 2" in message
    assert "--no-preflight" in message


def test_a_template_that_kills_its_process_is_refused(home: Path, numbers: Path) -> None:
    refuse("import os\ndef _process_input(path):\n    os._exit(3)\n", numbers, "status 3")


def test_a_template_that_fails_for_some_of_the_sample_is_accepted(home: Path, numbers: Path) -> None:
    text = "def _process_input(path):\n    return {'n': 1 / (int(open(path).read()) - 1)}\n"
    job = accept(text, numbers)
    assert any("1 failed" in line for line in job.lines)
    assert job.wait(20).failed == 1


def test_slow_items_do_not_hold_up_the_submit(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_SHORT_SECONDS", 1.0)
    begun = time.monotonic()
    job = accept(
        "import time\ndef _process_input(path):\n    time.sleep(100)\n    return {}\n", make_items(tmp_path / "d", 4)
    )
    assert time.monotonic() - begun < 4
    assert any("still ran after 1 s" in line for line in job.lines)
    assert running(".preflight-") == []
    job.cancel()


def test_an_import_that_hangs_does_not_hold_up_the_submit(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_SHORT_SECONDS", 1.0)
    begun = time.monotonic()
    job = accept(
        "import time\ntime.sleep(100)\ndef _process_input(path):\n    return {'n': time.time()}\n",
        make_items(tmp_path / "d", 4),
    )
    assert time.monotonic() - begun < 6
    job.cancel()
    assert running(home) == []


SUBMIT_SLOW = """
from jupyter_featx import client, preflight
preflight._SHORT_SECONDS = 1.0
client.submit("import time\\ndef _process_input(path):\\n    time.sleep(100)\\n    return {}\\n", %r)
"""


def test_an_interrupted_preflight_leaves_nothing(home: Path, numbers: Path) -> None:
    process = python(SUBMIT_SLOW % str(numbers), stderr=subprocess.PIPE)
    until(lambda: len(running(f"{home}/.preflight-")) >= 3)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=10)[1]
    assert [*home.glob("jobs/*"), *home.glob("jobs/.*"), *home.glob(".*")] == []
    assert running(f"{home}/.preflight-") == []


def test_the_engine_of_a_preflight_does_not_outlive_a_killed_kernel_for_long(home: Path, numbers: Path) -> None:
    process = python(SUBMIT_SLOW % str(numbers))
    until(lambda: len(running(f"{home}/.preflight-")) >= 3)
    process.kill()
    process.communicate()
    until(lambda: not running(f"{home}/.preflight-"), 8)
    assert str(client.job().status().state) == "new"


def test_local_modules_are_there_in_the_preflight(home: Path, tmp_path: Path, numbers: Path) -> None:
    (tmp_path / "mylib.py").write_text("def f():\n    return 7\n")
    (tmp_path / "t.py").write_text("from mylib import f\ndef _process_input(path):\n    return {'n': f()}\n")
    found = client.test(tmp_path / "t.py", numbers)
    assert (found.sample, found.failures) == (8, ())


def test_a_test_estimates_the_whole_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    data = make_items(tmp_path / "data", 40)
    text = (
        "import time\ndef _process_input(path):\n    time.sleep(0.02)\n"
        "    return {'n': 1 / (int(open(path).read()) - 1)}\n"
    )
    found = client.test(text, data, cores=4)
    assert isinstance(found, Preflight)
    assert (found.total, found.sample, found.cores) == (40, 16, 4)
    assert 0.02 <= found.median_seconds <= found.p95_seconds <= found.max_seconds < 1
    assert found.peak_mb > 1
    assert found.core_hours == pytest.approx(40 * 0.02 / 3600, rel=0.5)
    seconds = dict(found.estimates)
    assert {1, 4, 8, 16, 32} <= set(seconds)
    assert seconds[1] > seconds[4] >= found.max_seconds
    assert [item.rpartition("/")[2] for item, _, _ in found.failures] == ["n1.txt"]
    assert "ZeroDivisionError" in found.failures[0][1]
    assert "n1.txt" in str(found)
    assert "<table" in found._repr_html_()
    assert [*home.glob("jobs/*"), *home.glob("jobs/.*"), *home.glob(".*")] == []
