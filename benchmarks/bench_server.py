"""Measures the Jupyter server's extension: its event loop while it is busy, the list of jobs, and its idleness.

    python -m benchmarks.bench_server [JOBS [ACTIVE [ROWS [SECONDS]]]]

A real server of its own process, a home of 1,000 jobs of which 20 say every second where they are, somebody who lists
all of them once a second and listens to the events, and a merge of a million rows.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.bench_merge import write_shards
from benchmarks.figures import Figure, show
from benchmarks.fresh import ROOT
from jupyter_featx import events, jobdir
from jupyter_featx.jobdir import JobDir
from jupyter_featx.schedulers.local import run_id
from jupyter_featx.spec import JobSpec, ResourceSpec

TOKEN = "benchmark"
ITEMS = 1000


@dataclass(frozen=True)
class Server:
    """A server that runs, and where it writes its delays."""

    port: int
    process: subprocess.Popen[bytes]
    delays: Path

    def get(self, path: str) -> bytes:
        address = f"http://127.0.0.1:{self.port}/featx/api/v1/{path}"
        request = urllib.request.Request(address, headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=600) as answer:
            return bytes(answer.read())

    def timed(self, path: str) -> float:
        begun = time.perf_counter()
        self.get(path)
        return time.perf_counter() - begun

    def late(self, since: float) -> list[float]:
        """Return the delays of the loop since then, in seconds, sorted."""
        pairs = (line.split() for line in self.delays.read_text().splitlines())
        return sorted(float(pair[1]) for pair in pairs if len(pair) == 2 and float(pair[0]) >= since)


def figures(jobs: int = 1000, active: int = 20, rows: int = 1_000_000, seconds: float = 20.0) -> Iterator[Figure]:
    """Yield the times of the list, the delays of the loop, and the processor time of an idle server."""
    with tempfile.TemporaryDirectory(prefix="featx-bench-") as folder:
        home = Path(folder) / "home"
        for number in range(jobs - active - 1):
            make_job(home, f"done-{number}", running=False)
        with serving(Path(folder), home) as server:
            yield Figure.of(f"list of {jobs - active - 1:,} jobs, the first time", server.timed(ALL) * 1000, "ms")
            yield Figure.of("  the same again, median of 20", _median(server), "ms", 200)
            quiet = time.time()
            time.sleep(seconds)
            late = _at(server.late(quiet), 0.99)
            yield Figure.of("  99 % of its loop's delays: the machine's own part", late * 1000, "ms")
        with serving(Path(folder), home, measured=False) as server:
            server.get(ALL)
            used = _processor(server, seconds)
            yield Figure.of(f"  processor of the idle server over {seconds:g} s", used * 100, "%", 1.0)
        working = [make_job(home, f"active-{number}", running=True) for number in range(active)]
        large = make_large(home, rows)
        with serving(Path(folder), home) as server:
            yield from _busy(server, working, large, seconds)


ALL = "jobs?limit=1000"


def _busy(server: Server, working: list[JobDir], large: JobDir, seconds: float) -> Iterator[Figure]:
    server.get(ALL)
    begun = time.time()
    done = threading.Event()
    merging = threading.Thread(target=_merge, args=(server, large, done))
    threads = [threading.Thread(target=_progress, args=(working, done)), merging, *_listeners(server, done)]
    for thread in threads:
        thread.start()
    times = []
    while time.time() < begun + seconds or merging.is_alive():
        times.append(server.timed(ALL))
        time.sleep(0.5)
    late = server.late(begun)
    done.set()
    for thread in threads:
        thread.join()
    name = f"{len(working)} active and a merge"
    yield Figure.of(f"list of all jobs with {name}, median", statistics.median(times) * 1000, "ms", 200)
    yield Figure.of("  99 % of the loop's delays are under", _at(late, 0.99) * 1000, "ms", 50)
    yield Figure.of("  the longest delay", late[-1] * 1000, "ms")
    page = f"jobs/{large.job_id}/result?limit=10&sort=-x1"
    server.get(page.replace("x1", "x2"))
    yield Figure.of("ten rows of the large table, sorted, the first time", server.timed(page) * 1000, "ms")
    yield Figure.of("  the next ten", server.timed(f"{page}&offset=10") * 1000, "ms")


def _median(server: Server) -> float:
    return statistics.median(server.timed(ALL) for _ in range(20)) * 1000


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _processor(server: Server, seconds: float) -> float:
    """Return the share of a processor that the server takes while nothing happens."""
    watched = psutil.Process(server.process.pid)
    before = sum(watched.cpu_times()[:2])
    time.sleep(seconds)
    return float(sum(watched.cpu_times()[:2]) - before) / seconds


def _progress(working: list[JobDir], done: threading.Event) -> None:
    step = 0
    while not done.wait(1.0):
        step += 1
        for job in working:
            say = events.Progress(native_id=_me(), done=min(step, ITEMS), failed=0, running=2, rate=1.0)
            job.event_log("attempt-0001").append(say)


def _merge(server: Server, job: JobDir, done: threading.Event) -> None:
    """Ask for the table until it is merged; only the first time is there something to do."""
    while json.loads(server.get(f"jobs/{job.job_id}/result?limit=1")).get("merging") and not done.is_set():
        time.sleep(1.0)


def _listeners(server: Server, done: threading.Event) -> list[threading.Thread]:
    """Listen to the events as two open browsers do."""

    def listen() -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1.0) as line:
            key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            head = f"GET /api/events/subscribe HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{key}"
            line.sendall(
                f"{head}Upgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: token {TOKEN}\r\n\r\n".encode()
            )
            while not done.is_set():
                try:
                    line.recv(1 << 16)
                except TimeoutError:
                    continue

    return [threading.Thread(target=listen) for _ in range(2)]


@contextmanager
def serving(folder: Path, home: Path, *, measured: bool = True) -> Iterator[Server]:
    """Start a server with the extension, and with what measures its loop."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    delays = folder / f"delays-{port}"
    delays.touch()
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"FEATX_HOME": str(home), "FEATX_BENCH_DELAYS": str(delays), "JUPYTER_TOKEN": TOKEN}
    own |= {"PYTHONPATH": str(ROOT), "FEATX_CONFIG": os.devnull}
    names = ["jupyter_featx", *(["benchmarks.loopdelay"] if measured else [])]
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += [f"--ServerApp.jpserver_extensions={name}=True" for name in names]
    with (folder / f"log-{port}").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, cwd=folder)
    try:
        server = Server(port, process, delays)
        _until_it_answers(server, folder / f"log-{port}")
        yield server
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(server: Server, log: Path) -> None:
    while True:
        try:
            server.get("workspaces")
            return
        except OSError:
            if server.process.poll() is not None:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.2)


def make_job(home: Path, name: str, *, running: bool, total: int = ITEMS) -> JobDir:
    """Make a job that has completed, or one that this process is said to run."""

    def fill(job: JobDir, job_id: str) -> None:
        spec = JobSpec(
            job_id=job_id,
            name=name,
            created=time.time(),
            scheduler="local",
            python=sys.executable,
            workdir="/",
            data="/data/structures",
            total=total,
            template_digest="0" * 64,
            input_digest="0" * 64,
            notebook=f"/home/kim/notebook-{len(name) % 7}.ipynb",
            resources=ResourceSpec(cores=2),
        )
        job.spec_file.write_text(replace(spec, job_id=job_id).to_json())
        job.template.write_text("def _process_input(path):\n    return {}\n")
        client = job.event_log("client-bench-1")
        client.append(events.Created(total=total))
        client.append(events.Submitted(native_id=_me(), cores=2))
        _, log = job.claim_attempt()
        counts = {"ranks": 1, "workers": 2, "pending": total, "done": 0, "failed": 0}
        log.append(events.Started(native_id=_me(), attempt=1, host=socket.gethostname(), **counts))
        if not running:
            log.append(events.Stopped(native_id=_me(), why="complete", message="", done=total, failed=0))

    return jobdir.create(name, fill, home)


def make_large(home: Path, rows: int) -> JobDir:
    """Make a running job that has this many rows, not merged."""
    job = make_job(home, "large", running=True, total=rows)
    job.shards.rmdir()
    write_shards(job.path, rows, 20)
    return job


def _me() -> str:
    return run_id(os.getpid())


def main() -> None:
    """Print the table."""
    show(figures(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    main()
