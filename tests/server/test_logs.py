"""Parts of logs: cut between characters, none larger than asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from madejobs import make_job

from jupyter_featx.jobdir import JobDir
from jupyter_featx.server.logs import MOST, LogQuery, read_log
from jupyter_featx.server.problems import NotFound


def test_the_end_is_given_in_lines(home: Path):
    job = make_job(home)
    job.job_log.write_text("".join(f"line {number}\n" for number in range(1000)))
    found = read_log(job, LogQuery(tail=3))
    assert found["text"] == "line 997\nline 998\nline 999\n"
    assert found["offset"] + len(found["text"]) == found["next_offset"] == found["size"]
    assert read_log(job, LogQuery(tail=5000))["offset"] == 0


def test_a_last_line_that_is_not_ended_is_a_line(home: Path):
    job = make_job(home)
    job.job_log.write_text("one\ntwo\nthree")
    assert read_log(job, LogQuery(tail=2))["text"] == "two\nthree"


def test_a_log_is_followed(home: Path):
    job = make_job(home)
    job.job_log.write_text("one\n")
    found = read_log(job, LogQuery(tail=10))
    with job.job_log.open("a") as file:
        file.write("two\n")
    found = read_log(job, LogQuery(offset=found["next_offset"]))
    assert found["text"] == "two\n"
    found = read_log(job, LogQuery(offset=found["next_offset"]))
    assert (found["text"], found["next_offset"]) == ("", 8)
    assert read_log(job, LogQuery(offset=10**15))["text"] == ""


def test_a_line_of_megabytes_is_cut(home: Path):
    job = make_job(home)
    job.job_log.write_bytes(b"x" * (5 << 20))
    found = read_log(job, LogQuery(tail=10))
    assert len(found["text"]) <= MOST + 65536
    assert found["next_offset"] == found["size"] == 5 << 20
    assert len(read_log(job, LogQuery(offset=0))["text"]) == MOST


def test_every_log_is_named_and_nothing_else_is_read(home: Path):
    job = make_job(home)
    job.output_log(1, 0).write_text("printed\n")
    (job.logs / "a0001-r0009.out").symlink_to(job.spec_file)
    found = read_log(job, LogQuery(tail=10))
    assert [file["name"] for file in found["files"]] == ["job.log", "a0001-r0000.out"]
    assert read_log(job, LogQuery(file="a0001-r0000.out", tail=10))["text"] == "printed\n"
    for name in ("spec.json", "../spec.json", "a0001-r0009.out", "nothing.out"):
        with pytest.raises(NotFound):
            read_log(job, LogQuery(file=name, tail=10))


def test_a_job_that_printed_nothing_has_an_empty_log(home: Path):
    job = make_job(home)
    job.job_log.unlink()
    found = read_log(job, LogQuery(tail=10))
    assert (found["file"], found["files"], found["text"], found["size"]) == ("job.log", [], "", 0)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(text=st.text(alphabet="aü한😀\n", max_size=40), limit=st.integers(5, 12))
def test_parts_make_the_whole_whatever_their_size(text: str, limit: int, tmp_path_factory):
    job = JobDir(tmp_path_factory.mktemp("job"))
    job.logs.mkdir()
    job.job_log.write_text(text, encoding="utf-8")
    parts, offset = [], 0
    while part := read_log(job, LogQuery(offset=offset, limit=limit))["text"]:
        parts.append(part)
        offset += len(part.encode())
    assert "".join(parts) == text
