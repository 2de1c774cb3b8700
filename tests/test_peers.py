"""The comparison with other tools: what it measures, in which order, and what it makes of the measurements."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.peers import dataset, durable, lines, plan, report, tools
from benchmarks.peers.chunking import chunk
from benchmarks.peers.job import Job
from benchmarks.peers.lines import Line, Spread
from benchmarks.peers.scenarios import MODULES, Cell, effort, load, overhead, tail

ROOT = Path(__file__).parent.parent
CELL = Cell("A", "a cell", 1.0, 10.0, rounds=2)


def run(*arguments):
    """Run the command in a process of its own: it ends every process below it."""
    command = [sys.executable, "-m", "benchmarks.peers", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


def line(tool, figures, *, scenario="A", cell=overhead.MANY, number=1):
    return Line(scenario, cell, tool, number, {"finished": True, **figures}, "1.0", 0.5, 1.8e9, "a machine")


def written(folder, *given):
    for each in given:
        lines.append(folder / "results", each)
    return report.write(folder / "results", folder).read_text()


def test_two_tools_are_measured_and_reported(tmp_path):
    done = run("--tiny", "--rounds", 1, "--cells", "1,000 of 0 ms", "--tools", "featx,concurrent_futures",
               "--results", tmp_path / "results")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = lines.read(tmp_path / "results")
    assert {each.tool for each in found} == {"featx", "concurrent_futures"}
    for each in found:
        assert each.finished, each.figures["said"]
        assert 0 < each.figures["startup"] < each.figures["wall"]
        assert all(each.figures[name] > 0 for name in ("first", "cpu_seconds", "files"))
    text = (tmp_path / "REPORT.md").read_text()
    assert re.search(r"\| \*\*featx\*\* \| \d+\.\d+ s \(n=1\) \|", text)


def test_a_run_ends_at_its_deadline_with_all_that_it_started(tmp_path):
    code = """
import sys, psutil
from benchmarks.peers import dataset, measuring
from benchmarks.peers.job import Job
folder = sys.argv[1]
job = Job("sleep", dataset.write(folder, dataset.plain(10, 60_000)), folder)
cost = measuring.run("concurrent_futures", job, 3)
print(cost.finished, cost.exit_code, len(psutil.Process().children()))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "None", "0"], done.stderr


@pytest.mark.parametrize("tool", ["featx", "concurrent_futures", "joblib", "static_mpi"])
def test_what_a_user_writes_for_a_tool_does_all_that_is_asked(tool, tmp_path):
    run("--scenarios", "F", "--tools", tool, "--results", tmp_path / "results")
    (found,) = lines.read(tmp_path / "results")
    assert found.finished, found.figures["said"]
    assert found.figures["lines"] > 3


def test_a_tool_that_is_not_there_is_named():
    done = run("--tools", "magic")
    assert done.returncode == 2
    assert "no tool 'magic'; there are featx, " in done.stderr


def test_only_lines_that_say_something_count(tmp_path):
    script = tmp_path / "script.py"
    script.write_text('# a comment\nimport os\n\n\ndef f(a,\n      b):\n    return """x\ny"""  # so\n')
    assert effort.count_lines(script) == 5
    shell = tmp_path / "script.sh"
    shell.write_text("# a comment\n\nls\n")
    assert effort.count_lines(shell) == 1


def test_the_tools_take_turns_and_another_begins_each_round():
    steps = list(plan.steps([CELL], ["featx", "joblib"], 5, []))
    assert [(step.round, step.tool) for step in steps] == [
        (1, "joblib"),
        (1, "featx"),
        (2, "featx"),
        (2, "joblib"),
    ]


def test_what_matters_most_is_measured_first():
    later = replace(CELL, name="later", priority=2)
    steps = [(step.cell.name, step.round) for step in plan.steps([later, CELL], ["featx"], 2, [])]
    assert steps == [("a cell", 1), ("later", 1), ("a cell", 2), ("later", 2)]


def test_a_measurement_goes_on_where_it_was():
    made = [line("featx", {}, cell="a cell"), line("joblib", {"finished": False}, cell="a cell")]
    steps = [(step.tool, step.round) for step in plan.steps([CELL], ["featx", "joblib"], 2, made)]
    assert steps == [("featx", 2)]  # joblib did not make it: once is enough


def test_the_plan_says_the_minutes_of_each_scenario(tmp_path):
    done = run("--plan", "--results", tmp_path, "--tools", "featx,concurrent_futures")
    assert done.returncode == 0, done.stderr
    totals = [words for words in map(str.split, done.stdout.splitlines()) if "together" in words]
    assert {words[0] for words in totals} == {letter for letter in MODULES if load(letter)}
    assert all(float(words[-1]) > 0 for words in totals)


def test_each_cell_has_its_own_name_and_its_deadline_gives_it_time():
    cells = [cell for letter in MODULES if (scenario := load(letter)) for cell in scenario.cells()]
    assert max(Counter((cell.scenario, cell.name) for cell in cells).values()) == 1
    assert all(cell.deadline > 1.5 * cell.seconds for cell in cells)


def test_the_report_says_what_was_met_and_what_was_missed(tmp_path):
    costs = {"steady": 1.0, "startup": 0.5, "cpu_seconds": 3.0, "driver_mb": 20, "workers_mb": 40, "files": 3}
    text = written(
        tmp_path,
        *(line("featx", {"wall": wall, **costs}) for wall in (4.0, 4.1, 4.2)),
        line("concurrent_futures", {"wall": 2.0, **costs}),
        line("gnu_parallel", {"wall": 8.2, **costs}),
    )
    assert "| ≤ 1.5× | 2.05× (concurrent.futures: 4.10 s to 2.00 s) | **missed** |" in text
    assert "| ≤ 1× | 0.50× (GNU parallel: 4.10 s to 8.20 s) | met |" in text
    assert "4.10 s (4.00–4.20, n=3)" in text
    assert "Not measured: joblib, " in text
    ahead = text.split("## Where others are ahead")[1].split("\n## ")[0]
    assert ahead.strip().splitlines()[2:] == ["| A, 100,000 of 0 ms: all in | 4.10 s | concurrent.futures 2.00 s |"]


def test_a_tool_that_was_not_done_at_the_deadline_says_so(tmp_path):
    failed = {"finished": False, "exit_code": None, "wall": 150.2}
    text = written(tmp_path, line("joblib", failed, scenario="E", cell=load("E").RUN))
    assert "not done in 150 s" in text
    assert "not measured |" in text.split("## E")[0]  # our own goals


def test_every_plot_is_well_formed_and_shown(tmp_path):
    figures = {"wall": 2.0, "steady": 1.5, "ratio": 1.02, "makespan": 1.0, "together_mb": 90.0, "files": 3, "lines": 6}
    cells = [cell for letter in "ABEF" for cell in load(letter).cells()]
    text = written(tmp_path, *(line("featx", figures, scenario=cell.scenario, cell=cell.name) for cell in cells))
    plots = sorted((tmp_path / "plots").iterdir())
    assert [plot.name for plot in plots if f"(plots/{plot.name})" in text] == [plot.name for plot in plots]
    for plot in plots:
        assert ElementTree.parse(plot).getroot().tag.endswith("svg")


def test_the_smallest_item_is_interpolated_between_the_cells():
    def steady(milliseconds, count, efficiency):
        ideal = overhead.ideal(milliseconds, count)
        return line("featx", {"steady": ideal / efficiency}, cell=overhead.name(milliseconds, count))

    slow = [steady(1, 10_000, 0.25), steady(10, 1000, 0.75), steady(100, overhead.FEW, 0.9)]
    assert overhead.smallest(slow, "featx") == pytest.approx(10**0.5)
    fast = [steady(1, 10_000, 0.8), line("featx", {"steady": 5.0})]
    assert overhead.smallest(fast, "featx") == pytest.approx(0.1)


def test_a_heavy_tail_has_the_same_items_in_each_order():
    random, sorted_ = (dataset.heavy_tail(1000, 5.0, order) for order in dataset.ORDERS)
    assert sorted(random) == sorted(sorted_)
    assert sorted_ == sorted(random, reverse=True) != random
    assert random.count(500.0) == 5
    assert tail.bound(random, 1000) == 0.5
    assert tail.bound(random, 1) == pytest.approx(sum(random) / 1000)


def test_rows_are_merged_in_order_and_a_result_counts_more_than_an_error(tmp_path):
    job = Job("noop", dataset.write(str(tmp_path), ["a", "b", "c"]), str(tmp_path))
    with durable.Writer(job, "one") as write:
        write(2, {"x": 3})
        write(0, {"error": "ValueError", "reason": "not yet"})
        write(1, {"error": "ValueError", "reason": "never"})
    with durable.Writer(job, "two") as write:
        write(0, {"x": 1})
    with open(tmp_path / "rows/two.jsonl", "a") as torn:
        torn.write('{"i": 1, "x"')
    durable.tables(job)
    folder = f"{tmp_path}/items"
    assert (tmp_path / "table.csv").read_text().splitlines() == ["item,x", f"{folder}/a,1", f"{folder}/c,3"]
    assert (tmp_path / "errors.csv").read_text().splitlines() == ["item,kind,reason", f"{folder}/b,ValueError,never"]
    assert {"first", "merging", "done"} <= set(job.marks())


def test_very_many_rows_make_the_same_table(tmp_path, monkeypatch):
    made = []
    for most in (10, durable.MANY):
        monkeypatch.setattr(durable, "MANY", most)
        folder = tmp_path / str(most)
        folder.mkdir()
        (folder / "items.txt").write_text("".join(f"item_{number}\n" for number in range(20)))
        job = Job("noop", str(folder / "items.txt"), str(folder))
        with durable.Writer(job) as write:
            for number in reversed(range(20)):
                write(number, {"error": "E", "reason": "r"} if number == 7 else {"x": number, "y": "a,b"})
        durable.tables(job, write.rows)
        made.append(((folder / "table.csv").read_text(), (folder / "errors.csv").read_text().splitlines()[1:]))
    assert made[0] == made[1]


def test_a_chunk_is_so_many_items_as_a_user_would_give():
    job = Job("noop", "", "", 2, arguments={"count": 1000, "item_seconds": 0.01})
    assert chunk(job, 0.1) == 10
    assert chunk(replace(job, arguments={"count": 1000}), 0.1) == 125  # four pieces for each worker
    assert chunk(replace(job, arguments={"count": 1000, "item_seconds": 5.0}), 0.1) == 1
    assert chunk(replace(job, chunk=7), 0.1) == 7


def test_a_job_is_equal_to_its_json(tmp_path):
    job = Job("noop", "items.txt", str(tmp_path), 2, 5, 1.5, {"count": 3})
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


def test_a_range_stands_without_its_unit_and_few_runs_are_said():
    def form(value):
        return f"{value:.1f} s"

    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]).text(form) == "3.0 s (1.0–5.0)"
    assert Spread.of([1.0, 2.0]).text(form) == "1.5 s (1.0–2.0, n=2)"
    assert Spread.of([1.0]).text(form) == "1.0 s (n=1)"
    assert Spread.of([]) is None


def test_every_tool_says_how_it_is_used():
    for name in tools.names():
        about = tools.about(name)
        assert all([about.title, about.distribution, about.configuration])


def test_the_measurements_in_the_repository_can_be_read():
    for path in lines.RESULTS.glob("*.jsonl"):
        for text in path.read_text().splitlines():
            assert Line(**json.loads(text)).tool in tools.NAMES
    assert os.access(ROOT / ".ci/peers", os.X_OK)
