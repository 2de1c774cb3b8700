"""The `featx` command, as a terminal and as a script use it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas
import pytest

from jupyter_featx import client
from jupyter_featx.cli import main

FUNCTIONS = """
import time

def _process_input(path):
    value = int(open(path).read())
    if value == 3:
        raise ValueError("\\x1b[31mthree\\x1b[0m is bad")
    time.sleep(SECONDS)
    return {"value": value * 10}
"""


@pytest.fixture
def template(home: Path, tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tens.py"
    path.write_text(FUNCTIONS.replace("SECONDS", "0"))
    return path


@pytest.fixture
def slow(template: Path) -> Path:
    path = template.with_name("slow.py")
    path.write_text(FUNCTIONS.replace("SECONDS", "30"))
    return path


def featx(*words: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "jupyter_featx", *words]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_submit_wait_and_look(template: Path, numbers: Path, capsys, tmp_path: Path):
    out = tmp_path / "out.parquet"
    assert main(["submit", str(template), "--data", str(numbers), "--wait", "--out", str(out)]) == 0
    job = client.job()
    said = capsys.readouterr()
    assert said.out == f"{job.id}\n"
    assert "8 items from" in said.err
    assert "7 of 8 done, 1 failed" in said.err
    assert "%" not in said.err
    assert out.read_bytes() == (job.path / "table.parquet").read_bytes()

    assert main(["result", job.id, "--out", "out.csv"]) == 0
    assert (tmp_path / "out.csv").read_bytes() == (job.path / "table.csv").read_bytes()
    assert main(["errors", "--each", "--out", "errors.csv"]) == 0
    assert len(pandas.read_csv(tmp_path / "errors.csv")) == 1
    capsys.readouterr()

    for words, said in [
        (["result", "--limit", "2"], "n2.txt"),
        (["jobs"], job.id),
        (["status"], f"featx errors {job.id}"),
        (["errors"], "three"),
        (["script"], "jupyter_featx.worker"),
        (["log"], ""),
        (["data", str(numbers)], "8 items in"),
    ]:
        assert main(words) == 0
        text = capsys.readouterr().out
        assert said in text
        assert "\x1b" not in text

    assert main(["log"]) == 0
    assert "Nothing was printed." in capsys.readouterr().err
    assert main(["retry", "--wait"]) == 0
    assert len(client.job().status().attempts) == 2
    assert main(["delete"]) == 1
    assert f"Type 'featx delete {job.id} --yes'" in capsys.readouterr().err
    assert main(["delete", "--yes"]) == 0
    assert client.jobs().empty


def test_a_job_without_a_row_says_where_the_causes_are(template: Path, numbers: Path, capsys):
    template.write_text("def _process_input(path):\n    raise ValueError")
    assert main(["submit", str(template), "--data", str(numbers), "--no-preflight", "--wait"]) == 0
    said = capsys.readouterr()
    assert "Empty DataFrame" not in said.out
    assert f"No item gave a row. Type 'featx errors {client.job().id}' to see why." in said.err


def test_test_prints_the_estimate(template: Path, numbers: Path, capsys):
    assert main(["test", str(template), "--data", str(numbers)]) == 0
    assert "8 of 8 items tried, 1 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["sumbit"], 2, "Did you mean 'featx submit'?"),
        (["submit"], 2, "Type 'featx submit FILE.py --data FOLDER'"),
        (["submit", "x.py"], 2, "Type 'featx submit x.py --data FOLDER'"),
        (["result", "--out", "table.xls"], 2, "must end in .csv or .parquet"),
        (["result", "--out", "t.csv", "--limit", "3"], 2, "Leave --limit out"),
        (["wait", "--out", "no such/t.csv"], 2, "there is no folder no such. Make it with: mkdir -p 'no such'"),
        (["status"], 1, "There is no job yet. Type 'featx submit --help'"),
        (["status", "nosuch"], 1, "No job 'nosuch'. Run 'featx jobs'"),
        (["submit", "nosuch.py", "--data", "."], 1, "nosuch.py"),
    ],
)
def test_an_error_is_one_line_and_a_status(home: Path, capsys, words, status, said):
    assert main(words) == status
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("featx: ")
    assert err.count("\n") == 1
    assert "%" not in err


def test_help_and_version(capsys):
    assert main([]) == main(["help", "submit"]) == main(["--version"]) == 0
    assert "usage: featx submit [TEMPLATE]" in capsys.readouterr().out


def test_an_interrupt_leaves_the_job_running(slow: Path, numbers: Path):
    with featx("submit", str(slow), "--data", str(numbers), "--no-preflight", "--wait") as process:
        job_id = process.stdout.readline().strip()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert f"job '{job_id}' goes on. Type 'featx wait {job_id}'" in err
    assert "Traceback" not in err
    job = client.job(job_id)
    assert not job.status().state.final
    assert main(["cancel"]) == 0
    assert main(["wait"]) == 1


def test_a_reader_that_leaves_is_no_error(home: Path):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "jupyter_featx", "help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_terminal_gets_one_line_drawn_over_itself(template: Path, numbers: Path):
    template.write_text(FUNCTIONS.replace("SECONDS", "0.3"))
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "jupyter_featx",
        "submit",
        str(template),
        "--data",
        str(numbers),
        "--wait",
    ]
    process = subprocess.Popen([*command, "--no-preflight"], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    text = ""
    with suppress(OSError):  # EIO: the other end is closed
        while part := os.read(ours, 100_000):  # a terminal that nobody reads fills up, and its writer waits
            text += part.decode(errors="replace")
    os.close(ours)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert text.count("\r\x1b[K[") >= 2
    assert "] completed, 7 of 8 done, 1 failed\r\n" in text
