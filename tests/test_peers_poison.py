"""What the two hardest scenarios of the comparison count as lost, named, doubled and done again."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import psutil
import pytest

from benchmarks.peers import futures, harm, part, tree, witness
from benchmarks.peers.durable import Writer, read
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line
from benchmarks.peers.scenarios import infrastructure, poison
from benchmarks.peers.tools import gnu_parallel
from jupyter_featx import client


@pytest.fixture
def job(tmp_path: Path) -> Job:
    items = tmp_path / "items.txt"
    items.write_text("".join(f"item_{number}-{kind}\n" for number, kind in enumerate(harm.KINDS)))
    return Job("poison", str(items), str(tmp_path))


def test_a_thousand_items_hold_ten_of_each_kind_of_harm_in_the_same_order_each_time() -> None:
    names = harm.items()
    assert names == harm.items()
    assert len(set(names)) == 1000
    counts = Counter(map(harm.kind, names))
    assert counts.pop("ok") == 920
    assert set(counts.values()) == {10}
    assert len(counts) == 8


def named(kind: str, error: str) -> int:
    return poison.judge([f"item_0-{kind}"], {f"item_0-{kind}": {"error": error, "reason": ""}})["right"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("raise", "ValueError poison in item_0"), ("segv", "crash"), ("segv", "exit code 139"), ("exit", "WorkerLost"),
        ("hog", "memory"), ("hog", "signal 9"), ("loop", "timeout"), ("blocked", "Job timed out"),
        ("unpicklable", "TypeError cannot pickle"), ("unpicklable", "bad-value"),
    ],
)  # fmt: skip
def test_a_guilty_item_is_rightly_named_in_the_tools_own_words(kind: str, error: str) -> None:
    assert named(kind, error) == 1


@pytest.mark.parametrize(
    ("kind", "error"), [("raise", "WorkerLost"), ("segv", "timeout"), ("loop", "crash"), ("blocked", "memory")]
)
def test_another_kind_of_end_is_no_right_name(kind: str, error: str) -> None:
    assert named(kind, error) == 0


def test_an_innocent_item_without_a_row_is_lost_and_one_with_an_error_is_accused_too() -> None:
    items = ["a-ok", "b-ok", "c-ok", "d-nan", "e-segv"]
    found = {"a-ok": {"ratio": 0.5}, "b-ok": {"error": "BrokenProcessPool"}, "d-nan": {"ratio": "nan"}}
    figures = poison.judge(items, found)
    assert (figures["innocents"], figures["lost"], figures["accused"]) == (3, 2, 1)
    assert (figures["nan"], figures["nan_kept"]) == (1, 1)
    assert (figures["guilty"], figures["named"]) == (1, 0)


def test_a_nan_that_became_an_empty_cell_is_not_kept() -> None:
    assert poison.judge(["a-nan"], {"a-nan": {"ratio": ""}})["nan_kept"] == 0


def test_what_a_killed_tool_left_on_disk_counts(job: Job) -> None:
    with Writer(job) as write:
        write(0, {"ratio": 0.5})
        write(1, {"error": "ValueError", "reason": "poison in item_1"})
    found = poison.outcomes(job)
    assert found == {"item_0-ok": {"ratio": 0.5}, "item_1-raise": {"error": "ValueError", "reason": "poison in item_1"}}


def test_a_chunk_that_broke_names_each_of_its_items(job: Job) -> None:
    class Broken:
        def result(self) -> futures.Rows:
            raise RuntimeError("a worker died")

    written: list[tuple[int, object]] = []
    future = Broken()
    futures.collect({future: [(3, "x"), (4, "y")]}, [future], written.extend)
    rows = dict(written)
    assert set(rows) == {3, 4}
    assert rows[3] == {"error": "RuntimeError", "reason": "a worker died"}


def test_a_chunk_that_came_back_but_cannot_be_written_names_its_items(job: Job) -> None:
    class Ready:
        def result(self) -> futures.Rows:
            return [(8, {"ratio": threading.Lock()})]

    future = Ready()
    with Writer(job) as write:
        futures.collect({future: [(8, "item_8-unpicklable")]}, [future], write.many)
    assert "serializable" in read(job)[8]["reason"]
    assert write.rows == read(job)


def test_a_row_that_cannot_be_written_is_the_items_error(job: Job) -> None:
    part.run(job, [(0, "item_0-ok"), (8, "item_8-unpicklable"), (7, "item_7-nan")])
    rows = read(job)
    assert rows[0]["ratio"] == 0.5
    assert math.isnan(rows[7]["ratio"])
    assert "serializable" in rows[8]["reason"]


def made(scenario: str, cell: str, tool: str, figures: dict[str, object]) -> Line:
    return Line(scenario, cell, tool, 1, figures, "1", 0.0, 0.0, "here")


def test_the_poison_table_shows_the_worst_run_and_the_goal_is_missed_by_it() -> None:
    good = {
        **poison.judge(["a-ok", "b-segv"], {"a-ok": {"x": 1}, "b-segv": {"error": "crash"}}),
        "finished": True,
        "wall": 9.0,
    }
    bad = {**good, "lost": 1, "wall": 12.0}
    lines = [made("C", poison.ALL, "featx", good), made("C", poison.INNOCENT, "featx", {**good, "wall": 4.0})]
    assert poison.goals(lines)[0].met
    assert "| featx | 0 of 1 | 1 of 1 | 1 of 1 |" in poison.table(lines)
    worse = [*lines, made("C", poison.ALL, "featx", bad)]
    assert poison.goals(worse)[0].met is False
    assert "1 of 1" in poison.table(worse).splitlines()[2].split("|")[2]
    assert poison.wasted(lines, "featx") == 5.0


def notes(path: Path, *lines: str) -> list[witness.Seen]:
    path.write_text("".join(f"{line}\n" for line in lines))
    return witness.read(path)


def test_only_an_item_that_had_ended_is_recomputed(tmp_path: Path) -> None:
    seen = notes(
        tmp_path / "w",
        "begin 7 1.0 a",
        "end 7 1.1 a",
        "begin 7 1.2 b",
        "begin 8 2.0 b",
        "end 8 2.1 b",
        "begin 8 2.2 a",
        "end 8 2.3 a",
    )
    assert witness.recomputed(seen) == 1
    assert witness.running(notes(tmp_path / "w", "begin 7 1.0 a", "end 7 1.1 a", "begin 7 1.2 b c")) == {7: "b c"}


def test_a_person_that_starts_a_script_again_has_all_rows_once(tmp_path: Path) -> None:
    run = infrastructure.prepare("plain_part", str(tmp_path), ["a-1", "b-1", "c-1"])
    with Writer(run.job) as write:
        write(0, {"length": 1})
    assert not run.whole()
    assert sum(run.table().values()) == 1


def test_the_infrastructure_table_says_what_is_left_to_do_by_hand() -> None:
    figures = {
        "finished": True, "alone": False, "noticed": None, "lost": 0, "doubled": 0,
        "recomputed": 3, "steps": ["kill 2 processes that are left", "start a script over the items without a row"],
    }  # fmt: skip
    lines = [made("D", "worker", "dask", figures), made("D", "kernel", "featx", {**figures, "steps": [], "doubled": 1})]
    text = infrastructure.table(lines)
    assert (
        "| dask.distributed | worker | no | never | 0 | 0 | 3 | kill 2 processes that are left; start a script" in text
    )
    assert infrastructure.goals(lines)[0].met is False


def test_a_process_that_left_its_parent_is_still_of_the_run(tmp_path: Path) -> None:
    environment = {**os.environ, tree.MARK: str(tmp_path)}
    code = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert [tree.command(process) for process in tree.members(str(tmp_path))] == ["sleep 1000"]
    assert tree.end(str(tmp_path)) == 1
    assert not tree.members(str(tmp_path))


def test_a_process_that_gave_itself_a_title_is_known_by_where_it_works(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != tree.MARK}
    process = subprocess.Popen(["sleep", "1000"], cwd=tmp_path, env=environment)
    assert [found.pid for found in tree.members(str(tmp_path))] == [process.pid]
    assert not tree.members(str(tmp_path)[:-1])
    assert tree.end(str(tmp_path)) == 1
    process.wait()


def test_the_log_of_gnu_parallel_says_how_a_chunk_ended(tmp_path: Path) -> None:
    ends = ["0\t0", "139\t0", "3\t0", "-1\t15", "0\t9"]
    log = tmp_path / "joblog"
    rows = [f"{number}\t:\t1.0\t0.1\t2\t2\t{end}\tcommand" for number, end in enumerate(ends, 1)]
    log.write_text("\n".join(["Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand", *rows]))
    found = {number: f"{error['error']} {error['reason']}" for number, error in gnu_parallel.failed(log)}
    assert found == {1: "crash signal 11", 2: "crash exit code 3", 3: "timeout ended by --timeout", 4: "crash signal 9"}
    where, pattern = infrastructure.LOGS["gnu_parallel"]
    assert (where, len(re.findall(pattern, log.read_text(), re.MULTILINE))) == ("joblog", 4)


def test_a_tool_that_brings_no_row_and_starts_no_process_is_ended(job: Job) -> None:
    process = psutil.Popen(["sleep", "1000"])
    poison.end_when_stalled(process, job, 0.3)
    assert process.wait(timeout=60) == -signal.SIGKILL


def test_a_real_job_full_of_poison_loses_nobody_and_names_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    names = [f"item_{n}-{kind}" for n, kind in enumerate([*harm.KINDS, *["ok"] * 30])]
    items = []
    for name in names:
        (tmp_path / name).touch()
        items.append(str(tmp_path / name))
    template = "from benchmarks.peers import harm\n\ndef _process_input(path):\n    return harm.do(path)\n"
    run = client.submit(template, items, preflight=False, item_timeout=20, item_memory="400M")
    assert isinstance(run, client.Job)
    assert str(run.wait(timeout=500).state) == "completed"
    for name in ("table", "errors"):
        (tmp_path / f"{name}.csv").symlink_to(run.path / f"{name}.csv")
    (tmp_path / "items.txt").write_text("\n".join(items) + "\n")
    found = poison.outcomes(Job("poison", str(tmp_path / "items.txt"), str(tmp_path)))
    figures = {**poison.judge(items, found), "finished": True}
    assert poison.perfect(figures), json.dumps(figures)
