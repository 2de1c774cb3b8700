"""A real kernel of the user's, in which cells are run: it can be killed and frozen like any other process."""

from __future__ import annotations

import json
import os
import pwd
import queue
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos.processes import pid_of_living
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from scientist import Scientist

# What the cells of a run have in common: an answer, a refusal in our own words, or a traceback, which is our fault.
PRELUDE = """
import json, os, traceback
import jupyter_featx as featx
from jupyter_featx.errors import FeatxError
from jupyter_featx.manager import Manager

def answer(home, variables, act):
    os.environ["FEATX_HOME"] = home
    os.environ.update(variables)
    try:
        found = {"ok": act()}
    except FeatxError as exc:
        found = {"refused": f"{type(exc).__name__}: {exc}"}
    except Exception:
        found = {"broken": traceback.format_exc()}
    for name in variables:
        del os.environ[name]
    print("@@" + json.dumps(found, default=str))

def facts(status):
    return {"job": status.job_id, "name": status.name, "state": str(status.state), "reason": status.reason,
            "done": status.done, "failed": status.failed, "total": status.total, "merged": status.merged_rows,
            "attempts": len(status.attempts), "natives": [a.native_id for a in status.current if not a.state.final]}
"""


class KernelDied(Exception):
    """The kernel went away, or did not answer: whether the cell had its effect is not known."""


class Kernel:
    """One kernel process; it is started again by whoever needs it when it is gone."""

    def __init__(self, scientist: Scientist, name: str) -> None:
        self._scientist, self._name = scientist, name
        self._process: subprocess.Popen[bytes] | None = None
        self._client: BlockingKernelClient | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """Its process; 0 while there is none."""
        return pid_of_living(self._process)

    def start(self) -> None:
        """Start it where it does not run."""
        if self.pid:
            return
        self.stop()
        self.starts += 1
        connection = self._scientist.folder / f"kernel-{self._name}-{self.starts}.json"
        write_connection_file(str(connection), ip="127.0.0.1")
        self._process = start_as(
            self._scientist, ["-m", "ipykernel_launcher", "-f", connection], f"kernel-{self._name}", connection
        )
        client = BlockingKernelClient(connection_file=str(connection))
        client.load_connection_file()
        client.start_channels()
        self._client = client
        self._execute(PRELUDE, 120)

    def ask(self, act: str, *, home: Path, variables: dict[str, str] | None = None, seconds: float = 180) -> Any:
        """Run an expression for a FEATX_HOME; return what it gave as {"ok": ...}, {"refused": ...} or {"broken": ...}.

        Raises KernelDied.
        """
        self.start()
        text = self._execute(f"answer({str(home)!r}, {variables or {}!r}, lambda: {act})", seconds)
        for line in text.splitlines():
            if line.startswith("@@"):
                return json.loads(line[2:])
        raise KernelDied(f"no answer: {text[-500:]}")

    def stop(self) -> None:
        """End it, by force."""
        if self._client is not None:
            self._client.stop_channels()
            self._client.context.destroy(linger=0)
            self._client = None
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def _execute(self, code: str, seconds: float) -> str:
        client = self._client
        assert client is not None
        asked = client.execute(code, store_history=False)
        deadline, text = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            try:
                message = client.get_iopub_msg(timeout=0.5)
            except queue.Empty:
                if not self.pid:
                    break
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                text += content["text"]
            elif message["msg_type"] == "error":
                text += "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return text
        gone = not self.pid
        self.stop()
        raise KernelDied("the kernel is gone" if gone else f"no answer within {seconds:.0f} s")


def start_as(
    scientist: Scientist, words: list[str | Path], name: str, owned: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start the user's Python as the user, in a session of its own; its output goes to a log in the user's folder."""
    entry = pwd.getpwnam(scientist.user)
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        if owned is not None:
            os.chown(owned, entry.pw_uid, entry.pw_gid)
    with (scientist.folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [str(scientist.python), *map(str, words)],
            env=scientist.environment,
            cwd=scientist.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **who,
        )
