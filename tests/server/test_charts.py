"""What is drawn: few points, whatever the job's size, and of a sample of its items."""

from __future__ import annotations

from pathlib import Path

from madejobs import ELSEWHERE, make_job, write_rows

from jupyter_featx import events
from jupyter_featx.manager import Manager
from jupyter_featx.server.charts import POINTS, Sample, chart
from jupyter_featx.server.usage import usage


def test_a_long_job_is_drawn_with_few_points(home: Path):
    job = make_job(home, state="running", total=100_000)
    log = job.event_log("attempt-0001")
    begun = log._path.read_bytes()
    lines = [
        b'{"event":"progress","v":1,"time":%d,"native_id":"%s","done":%d,"failed":1,"running":2,"rate":1.5}\n'
        % (2e9 + number, ELSEWHERE.encode(), number)
        for number in range(10_000)
    ]
    log._path.write_bytes(begun + b"".join(lines))
    found = chart(job, Manager(home).status(job))
    points = found["points"]
    assert len(points) <= POINTS
    assert [point["done"] for point in points] == sorted(point["done"] for point in points)
    assert (points[-1]["done"], points[-1]["busy"], points[-1]["workers"]) == (9999, 2, 2)
    assert found["attempts"][0]["state"] == "running"


def test_a_job_that_never_ran_draws_nothing(home: Path):
    job = make_job(home, state="new")
    found = chart(job, Manager(home).status(job))
    assert (found["points"], found["attempts"], found["histogram"]["sampled"]) == ([], [], 0)


def test_the_seconds_of_items_are_counted(home: Path):
    job = make_job(home, total=200)
    write_rows(job, [{"n": n, "text": 'a "s":5,'} for n in range(200)], {7: {}})
    found = chart(job, Manager(home).status(job))["histogram"]
    assert (found["sampled"], sum(found["counts"]), found["max"]) == (200, 200, 0.5)
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert found["edges"] == sorted(found["edges"])


def test_of_large_shards_a_part_is_looked_at(home: Path, monkeypatch):
    monkeypatch.setattr("jupyter_featx.server.charts._SAMPLE", 40_000)
    monkeypatch.setattr("jupyter_featx.server.charts._PIECE", 4000)
    job = make_job(home, total=5000)
    write_rows(job, [{"n": n} for n in range(5000)])
    sample = Sample.of(job)
    assert 100 < len(sample.seconds) < 2000
    assert sample.seconds[0] < 1.0
    assert sample.seconds[-1] > 4.0  # of the end of the file, too
    assert sample.peak_mb == 30.0


def test_items_that_took_no_time_fill_one_bin(home: Path, monkeypatch):
    monkeypatch.setattr("jupyter_featx.server.charts.Sample.of", lambda job: Sample([0.0] * 5, None))
    job = make_job(home)
    found = chart(job, Manager(home).status(job))["histogram"]
    assert (found["counts"], len(found["edges"])) == ([5], 2)


def test_what_a_job_cost_is_what_its_attempts_had(home: Path):
    job = make_job(home, total=4)
    write_rows(job, [{"n": n} for n in range(4)])
    found = usage(Manager(home), job, job.spec(), Manager(home).status(job))
    assert round(found["core_hours"] * 3600) == 14  # two cores for seven seconds
    assert 0.0 < found["busy_share"] < 1.0
    assert (found["peak_memory_mb"], found["accounting"]) == (30.0, False)
    assert found["attempts"][0]["native_id"] == ELSEWHERE


def test_a_job_that_waits_cost_nothing(home: Path):
    job = make_job(home, state="queued")
    job.event_log("client-test-1").append(events.Noted(native_id=ELSEWHERE, message="x"))
    found = usage(Manager(home), job, job.spec(), Manager(home).status(job))
    assert (found["core_hours"], found["busy_share"], found["peak_memory_mb"]) == (0, None, None)
