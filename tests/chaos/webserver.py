"""The user's Jupyter server with our extension: killed and frozen like any other process, and started again."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from chaos.kernel import start_as
from chaos.processes import pid_of_living
from scientist import Scientist


class WebServer:
    """One Jupyter server; `pid` is 0 while there is none."""

    def __init__(self, scientist: Scientist) -> None:
        self._scientist = scientist
        self._process: subprocess.Popen[bytes] | None = None
        self._token = secrets.token_hex(16)
        self._port = 0
        self.starts = 0

    @property
    def pid(self) -> int:
        return pid_of_living(self._process)

    def start(self) -> None:
        """Start it where it does not run; it answers some seconds later."""
        if self.pid:
            return
        self.stop()
        self.starts += 1
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        words = ["-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1", f"--port={self._port}"]
        words += ["--allow-root", f"--IdentityProvider.token={self._token}", "--ServerApp.port_retries=0"]
        words += [
            "--ServerApp.jpserver_extensions=jupyter_featx=True",
            f"--ServerApp.root_dir={self._scientist.folder}",
        ]
        self._process = start_as(self._scientist, [*words], "server")

    def jobs(self) -> dict[str, dict[str, Any]] | None:
        """Return the jobs that it tells of by their ids; None while it does not answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/featx/api/v1/jobs?limit=500",
            headers={"Authorization": f"token {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as found:
                return {job["job_id"]: job for job in json.loads(found.read())["jobs"]}
        except urllib.error.HTTPError as exc:
            raise ServerBroke(f"{exc.code}: {exc.read()[:2000]!r}") from exc
        except (OSError, ValueError):
            return None

    def stop(self) -> None:
        """End it, by force."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None


class ServerBroke(Exception):
    """The server answered with an error."""
