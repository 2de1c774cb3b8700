"""Real jobs for the tests: templates that write down each call, and a look at what still runs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from jupyter_featx.spec import JobSpec, LimitSpec, ResourceSpec


def make_spec(**changes: object) -> JobSpec:
    values: dict[str, object] = {
        "job_id": "iris-3f9a",
        "name": 'Iris "제올라이트" \udcff',
        "created": 1700000000.125,
        "scheduler": "local",
        "python": "/usr/bin/python3",
        "workdir": "/home/kim/my data",
        "data": "/data/*.cif",
        "total": 3,
        "template_digest": "a" * 64,
        "input_digest": "b" * 64,
        "resources": ResourceSpec(cores=4, ranks=2, threads=2, walltime_seconds=60.5),
        "limits": LimitSpec(item_timeout_seconds=1.5, item_memory_mb=512.0, max_failures=0),
    }
    return JobSpec(**(values | changes))  # type: ignore[arg-type]


def counting(side: Path, body: str = "", seconds: float = 0.0) -> str:
    """Return a template that appends each item to the file `side`, runs `body`, and returns the item's number."""
    return (
        "import os, signal, subprocess, sys, time\n"
        "def _process_input(path):\n"
        f"    with open({str(side)!r}, 'a') as file:\n"
        "        file.write(os.path.basename(path) + '\\n')\n"
        "    with open(path) as file:\n"
        "        number = int(file.read())\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + f"\n    time.sleep({seconds})\n"
        "    return {'number': number, 'square': number * number}\n"
    )


def calls(side: Path) -> Counter[str]:
    """Return how often each item was run."""
    return Counter(side.read_text().split()) if side.exists() else Counter()


def make_items(folder: Path, count: int) -> Path:
    """Make `count` files that hold the numbers from 1."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        (folder / f"n{number}.txt").write_text(str(number))
    return folder


def running(mark: str | Path) -> list[int]:
    """Return the processes, other than this one, that have this text in their command line or environment."""
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
            text = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(mark) in text and state != "Z":
            found.append(pid)
    return found


def until(fact: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is so; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def python(code: str, **options: object) -> subprocess.Popen[str]:
    """Start another process with this code, in its own session, as a kernel would be."""
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
