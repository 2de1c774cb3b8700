"""Where a tool's driver runs: as a script, in a notebook's kernel, or in a kernel below a Jupyter server."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 180
CELL = """\
import subprocess, sys
from benchmarks.peers.job import Job
from benchmarks.peers.tools import {tool}
if hasattr({tool}, "launch"):  # mpiexec has to start the script, as `!mpiexec` does in a cell
    subprocess.run([sys.executable, "-m", "benchmarks.peers.tools.{tool}", {path!r}])
else:
    {tool}.main(Job.read({path!r}))
"""


@dataclass(frozen=True)
class Host:
    """A driver that was started: the process that a fault may end, and what to close afterwards."""

    pid: int
    process: Any = None  # to bury it
    client: Any = None

    def ended(self) -> bool:
        """Whether the process has ended; it is buried then."""
        return self.process is not None and self.process.poll() is not None

    def close(self) -> None:
        if self.client:
            self.client.stop_channels()
        if self.process:
            self.process.wait()


def script(tool: str, path: str, environment: Mapping[str, str]) -> Host:
    """Start the tool as a process of its own."""
    folder = Path(path).parent
    with open(folder / "said.txt", "ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.peers.tools.{tool}", path], cwd=folder, env=dict(environment),
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    return Host(process.pid, process)


def kernel(tool: str, path: str, environment: Mapping[str, str]) -> Host:
    """Run the tool in a cell of a kernel that this process started, as a notebook's server would."""
    folder = Path(path).parent
    connection = folder / "kernel.json"
    with open(folder / "said.txt", "ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", str(connection)], cwd=folder, env=dict(environment),
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    client = _execute(connection, CELL.format(tool=tool, path=path))
    return Host(process.pid, process, client)


def server(tool: str, path: str, environment: Mapping[str, str]) -> Host:
    """Run the tool in a cell of a kernel that a Jupyter server started; the host's process is the server."""
    folder, token = Path(path).parent, secrets.token_hex(16)
    runtime = folder / "runtime"
    runtime.mkdir()
    options = {
        "ServerApp.port": "0", "ServerApp.open_browser": "False", "ServerApp.root_dir": str(folder),
        "IdentityProvider.token": token, "ServerApp.ip": "127.0.0.1",
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", *(f"--{k}={v}" for k, v in options.items())]
    with open(folder / "said.txt", "ab") as said:
        process = subprocess.Popen(
            command, cwd=folder, env={**environment, "JUPYTER_RUNTIME_DIR": str(runtime)}, stdin=subprocess.DEVNULL,
            stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    number = _start_kernel(runtime, token)
    client = _execute(runtime / f"kernel-{number}.json", CELL.format(tool=tool, path=path))
    return Host(process.pid, process, client)


def _start_kernel(runtime: Path, token: str) -> str:
    """Ask the server for a kernel; return its id. The server says where it is before it listens there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + START_SECONDS
    while True:
        address = json.loads(_appeared(runtime, "jpserver-*.json").read_text())["url"]
        asked = urllib.request.Request(
            f"{address}api/kernels", data=b"{}", method="POST", headers={"Authorization": f"token {token}"}
        )
        try:
            with opener.open(asked, timeout=START_SECONDS) as answer:
                return str(json.load(answer)["id"])
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > until:
                raise
        time.sleep(0.2)


def _appeared(folder: Path, pattern: str) -> Path:
    """Wait for a file that holds JSON."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        for path in folder.glob(pattern):
            try:
                json.loads(path.read_text())
            except ValueError:
                continue
            return path
        time.sleep(0.1)
    raise TimeoutError(f"{folder}/{pattern} did not appear in {START_SECONDS} s")


def _execute(connection: Path, code: str) -> Any:
    from jupyter_client import BlockingKernelClient

    _appeared(connection.parent, connection.name)
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            client.wait_for_ready(timeout=START_SECONDS)
            break
        except RuntimeError:  # no heartbeat yet: a busy machine
            if time.monotonic() > until:
                raise
    client.execute(code)
    return client


HOSTS = {"script": script, "kernel": kernel, "server": server}
