"""A Jupyter server with the extension, in this process; the fixtures are pytest-jupyter's.

They are brought in here, and not by `pytest_plugins` at the top: two of them run for every test they reach.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_core import *  # noqa: F403 - fixtures and hooks
from pytest_jupyter.jupyter_server import *  # noqa: F403 - fixtures
from tornado.httpclient import HTTPClientError

from jupyter_featx.server.app import FeatxServer

Answer = tuple[int, Any]
Api = Callable[..., Awaitable[Answer]]


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    extensions = {"jupyter_featx": True, "jupyter_server_terminals": False}
    return {"ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False}}


@pytest.fixture
def extension(home: Path, jp_serverapp: Any) -> FeatxServer:
    """Our part of the server."""
    found: FeatxServer = jp_serverapp.extension_manager.extension_points["jupyter_featx"].app
    return found


@pytest.fixture
def api(home: Path, jp_fetch: Any) -> Api:
    """Ask the server in this process: `await api("jobs", ID)` gives status and JSON, once all is merged."""

    async def ask(*path: str, body: Any = None, method: str | None = None, **query: Any) -> Answer:
        status, found = await once(*path, body=body, method=method, **query)
        while status == 202:
            await asyncio.sleep(0.2)
            status, found = await once(*path, body=body, method=method, **query)
        return status, found

    async def once(*path: str, body: Any = None, method: str | None = None, **query: Any) -> Answer:
        text = None if body is None else json.dumps(body)
        how = method or ("GET" if text is None else "POST")
        options: dict[str, Any] = {"request_timeout": 300, "allow_nonstandard_methods": True, "body": text}
        try:
            found = await jp_fetch("featx", "api", "v1", *path, method=how, params=query, **options)
        except HTTPClientError as exc:
            found = exc.response
        return found.code, json.loads(found.body) if found.body else None

    ask.once = once  # type: ignore[attr-defined]  # for a test of what is said before
    return ask


@dataclass
class Live:
    """A server of its own process, as a user starts it."""

    home: Path
    root: Path
    process: subprocess.Popen[bytes]
    port: int
    token: str
    log: Path
    answers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: Any = None, method: str | None = None, token: str | None = None) -> Answer:
        """Return status and JSON of a route of ours, merged where it must be."""
        status, found = self.once(path, body, method, token)
        while status == 202:
            time.sleep(0.2)
            status, found = self.once(path, body, method, token)
        return status, found

    def once(self, path: str, body: Any = None, method: str | None = None, token: str | None = None) -> Answer:
        text = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {token or self.token}"}
        request = urllib.request.Request(f"{self.url}/featx/api/v1/{path}", text, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as found:
                status, content = found.status, found.read()
        except urllib.error.HTTPError as exc:
            status, content = exc.code, exc.read()
        return status, json.loads(content) if content else None

    def until(self, path: str, fact: Callable[[Any], object], seconds: float = 240) -> Any:
        """Ask until something is so, and return that answer."""
        deadline = time.monotonic() + seconds
        while True:
            status, found = self.ask(path)
            if status == 200 and fact(found):
                return found
            assert time.monotonic() < deadline, f"it did not come about in time: {status} {found}"
            time.sleep(0.2)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Start servers; all are ended with the test."""
    started: list[Live] = []

    def start(home: Path, **variables: str) -> Live:
        base = tmp_path / f"server-{len(started)}"
        root = base / "root"
        root.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        token = secrets.token_hex(16)
        own = {"FEATX_HOME": str(home), "JUPYTER_TOKEN": token, "HOME": str(base), "IPYTHONDIR": str(base / "ipython")}
        own |= {f"JUPYTER_{name}_DIR": str(base / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        command += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"]
        command += ["--ServerApp.jpserver_extensions=jupyter_featx=True"]
        log = base / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=os.environ | own | variables, stdout=out, stderr=out, cwd=root, start_new_session=True
            )
        live = Live(home, root, process, port, token, log)
        started.append(live)
        _until_it_answers(live)
        return live

    yield start
    for live in started:
        live.process.terminate()
        try:
            live.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(live.process.pid, signal.SIGKILL)
            live.process.wait()


def _until_it_answers(live: Live) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(f"{live.url}/api", timeout=10).read()
            return
        except OSError:
            alive = live.process.poll() is None
            assert alive, live.log.read_text()
            assert time.monotonic() < deadline, live.log.read_text()
            time.sleep(0.2)


@pytest.fixture
def live(home: Path, start_server: Callable[..., Live]) -> Live:
    """One server of its own process."""
    return start_server(home)
