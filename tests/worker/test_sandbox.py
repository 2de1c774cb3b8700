"""An item can do anything: exactly the guilty one is blamed, and the others keep their rows."""

from __future__ import annotations

import pytest
from engine import go

BAD = """
import os, sys
def _process_input(path):
    n = int(os.path.basename(path))
    if n == 3:
        {what}
    return {{"n": n}}
"""


def only_item_3_failed(run, kind, name):
    assert run.failed == [3]
    assert sorted(run.rows) == list(range(10))
    assert all(len(rows) == 1 for rows in run.rows.values())
    assert run.status.state == "completed"
    assert (run.status.done, run.status.failed) == (9, 1)
    error = run.error(3)
    assert (error["kind"], error["type"]) == (kind, name)
    return error


def test_a_row_says_which_item_how_long_how_much_and_by_whom(tmp_path):
    run = go(tmp_path, "def _process_input(path):\n    return {'p': path}\n", items=["/a b", "/한글", "/c'd"])
    assert [run.row(n)["ft:p"] for n in range(3)] == ["/a b", "/한글", "/c'd"]
    row = run.row(0)
    assert 0 <= row["s"] < 1
    assert 5 < row["m"] < 500
    assert row["w"] in (0, 1)


def test_features_and_labels_stand_in_one_row(tmp_path):
    run = go(tmp_path, "def _process_input(p):\n    return {'x': 1}\ndef _process_output(p):\n    return {'y': 2.5}\n")
    assert run.row(4)["fi:x"] == 1
    assert run.row(4)["ld:y"] == 2.5


def test_an_exception_names_the_line_of_the_template(tmp_path):
    error = only_item_3_failed(go(tmp_path, BAD.format(what="raise ValueError('no atoms')")), "exception", "ValueError")
    assert error["message"] == "no atoms"
    assert error["line"] == 6
    assert error["function"] == "_process_input"
    assert "line 6" in error["traceback"]


def test_the_line_is_the_deepest_one_of_the_users_own(tmp_path):
    template = "import json\ndef helper(p):\n    return json.loads('{')\ndef _process_input(p):\n    return helper(p)\n"
    run = go(tmp_path, template, items=1)
    assert run.error(0)["line"] == 3
    assert run.error(0)["type"] == "JSONDecodeError"


@pytest.mark.parametrize("what", ["return None", "return [1]", "return 7", "return {1: 2}", "return {'b': b'x'}"])
def test_a_wrong_return_is_a_bad_value(tmp_path, what):
    only_item_3_failed(go(tmp_path, BAD.format(what=what)), "bad-value", "BadValue")


@pytest.mark.parametrize(
    ("what", "name"),
    [("sys.exit(1)", "SystemExit"), ("raise KeyboardInterrupt", "KeyboardInterrupt"), ("input()", "EOFError")],
)
def test_an_exit_is_an_exception_like_others(tmp_path, what, name):
    only_item_3_failed(go(tmp_path, BAD.format(what=what)), "exception", name)


def test_an_exception_without_a_text_is_still_a_row(tmp_path):
    template = """
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError
    def _process_input(path):
        if path.endswith("3"):
            raise Odd
        return {"n": 1}
    """
    only_item_3_failed(go(tmp_path, template), "exception", "Odd")


def test_a_memory_error_is_a_matter_of_memory(tmp_path):
    only_item_3_failed(go(tmp_path, BAD.format(what="bytearray(1 << 60)")), "memory", "MemoryError")


def test_os_exit_costs_one_item_and_is_tried_twice(tmp_path):
    tries = tmp_path / "tries"
    what = f"open({str(tries)!r}, 'a').write('x'); os._exit(0)"
    error = only_item_3_failed(go(tmp_path, BAD.format(what=what)), "crash", "ProcessExit")
    assert "status 0" in error["message"]
    assert tries.read_text() == "xx"


def test_a_crash_that_does_not_come_again_counts_for_nothing(tmp_path):
    tries = tmp_path / "tries"
    what = f"""
        if not os.path.exists({str(tries)!r}):
            open({str(tries)!r}, 'a').write('x')
            os.abort()"""
    run = go(tmp_path, BAD.format(what=what))
    assert run.failed == []
    assert sorted(run.rows) == list(range(10))


def test_a_segfault_names_the_line(tmp_path):
    what = "import ctypes; ctypes.string_at(0)"
    error = only_item_3_failed(go(tmp_path, BAD.format(what=what)), "crash", "SIGSEGV")
    assert error["line"] == 6
    assert error["function"] == "_process_input"


def test_many_crashes_blame_nobody_else(tmp_path):
    template = """
    import os
    def _process_input(path):
        n = int(os.path.basename(path))
        if n % 20 == 7:
            os.abort()
        return {"n": n}
    """
    run = go(tmp_path, template, items=400)
    assert run.failed == list(range(7, 400, 20))
    assert sorted(run.rows) == list(range(400))
    assert all(len(rows) == 1 for rows in run.rows.values())
    assert run.seconds < 20


def test_a_forked_child_that_comes_back_writes_no_row(tmp_path):
    template = "import os\ndef _process_input(p):\n    os.fork()\n    return {'n': 1}\n"
    run = go(tmp_path, template, items=20)
    assert sorted(run.rows) == list(range(20))
    assert all(len(rows) == 1 for rows in run.rows.values())


def test_a_hundred_megabytes_of_prints_stop_nothing_and_fill_no_disk(tmp_path):
    template = """
    def _process_input(path):
        if path.endswith("3"):
            for _ in range(1000):
                print("x" * 100_000)
        print("hello from", path)
        return {"n": 1}
    """
    run = go(tmp_path, template, items=5)
    assert run.failed == []
    assert "hello from /data/4" in run.log()
    assert "not kept" in run.log()
    assert sum(path.stat().st_size for path in run.job.logs.iterdir()) < 1_000_000


def test_a_row_larger_than_a_pipe_comes_through(tmp_path):
    run = go(tmp_path, "def _process_input(p):\n    return {'bars': [[0.5, 1.5]] * 200_000, 'n': 1}\n", items=4)
    assert len(run.row(2)["fj:bars"]) > 1_000_000


def test_peak_memory_is_the_items_own(tmp_path):
    template = """
    def _process_input(path):
        size = 200 if path.endswith("1") else 1
        return {"n": len(bytearray(size << 20))}
    """
    run = go(tmp_path, template, items=6, cores=1)
    peaks = {item: rows[0]["m"] for item, rows in run.rows.items()}
    assert peaks[1] > 200
    assert all(peak < 150 for item, peak in peaks.items() if item != 1)


def test_a_template_that_cannot_be_imported_ends_the_attempt_with_its_reason(tmp_path):
    run = go(tmp_path, "import no_such_thing\ndef _process_input(p):\n    return {}\n")
    assert run.status.state == "failed"
    assert "no_such_thing" in run.status.reason
    assert run.rows == {}


def test_a_value_with_a_will_of_its_own_is_an_error_row(tmp_path):
    template = """
    class Odd(dict):
        def items(self):
            raise SystemExit
        values = keys = __iter__ = items
    class Rude(Exception):
        def __str__(self):
            raise SystemExit
    def _process_input(path):
        if path.endswith("3"):
            raise Rude
        return Odd(n=1) if path.endswith("4") else {"n": 1}
    """
    run = go(tmp_path, template, items=6)
    assert run.failed == [3, 4]
    assert [run.error(n)["kind"] for n in (3, 4)] == ["exception", "exception"]


def test_a_pipe_that_the_item_took_over_does_not_let_the_job_wait_for_ever(tmp_path):
    template = """
    import os
    def _process_input(path):
        if path.endswith("3"):
            null = os.open("/dev/null", os.O_WRONLY)
            for number in range(500, 600):
                os.dup2(null, number)
        return {"n": 1}
    """
    run = go(tmp_path, template, items=10)
    assert run.status.state == "failed"
    assert run.status.done == len(run.rows) < 10
    assert "retry" in run.status.reason
