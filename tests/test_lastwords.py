"""The last lines that a run printed, for a text."""

from __future__ import annotations

from pathlib import Path

from jupyter_featx.jobdir import JobDir
from jupyter_featx.lastwords import known_cause, last_lines


def a_job(tmp_path: Path, **logs: str) -> JobDir:
    job = JobDir(tmp_path / "iris-3f9a")
    job.logs.mkdir(parents=True)
    for name, text in logs.items():
        (job.logs / f"{name.replace('_', '-')}.log").write_text(text)
    return job


def test_the_last_lines_of_the_run_itself_come_before_those_of_others(tmp_path: Path) -> None:
    job = a_job(tmp_path, job_7="one\n\ntwo\n", job="other\n")
    assert last_lines(job, "7") == ["one", "two"]
    assert last_lines(job, "8") == ["other"]


def test_a_run_that_printed_nothing_has_none(tmp_path: Path) -> None:
    assert last_lines(a_job(tmp_path), "7") == []


def test_a_flood_and_what_steers_a_terminal_become_a_few_short_lines(tmp_path: Path) -> None:
    job = a_job(tmp_path, job_7="x" * 100_000 + "\n" + "\x1b[31mred\x1b[0m\rlate\n" * 9)
    lines = last_lines(job, "7")
    assert len(lines) == 5
    assert set(lines) == {"red", "late"}


def test_what_is_known_of_a_run_that_could_not_begin_is_said_with_the_mend(tmp_path: Path) -> None:
    mpi = "but OMPI was not built with SLURM's PMI support and therefore cannot\nexecute. There are several options"
    mount = "FATAL:   container creation failed: mount /x->/x error: while mounting /x: while getting stat for /x: stat"
    job = a_job(tmp_path, job_7=mpi, job_8=mount, job_9="Traceback: it was the function's own fault")
    assert "launcher = 'pmix'" in known_cause(job, "7")
    assert "compare the binds" in known_cause(job, "8")
    assert known_cause(job, "9") == ""
