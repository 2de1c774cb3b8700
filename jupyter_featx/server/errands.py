"""Send work out of the server into a process of its own: `python -m jupyter_featx.server.errand`, JSON in, JSON out.

What takes long in Python (a dataset of millions, a merge, a preflight) would hold the server's one interpreter, and
what hangs or breaks would take the server along.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from jupyter_featx import errors, table
from jupyter_featx.inherited import without_tokens

_COMMAND = (sys.executable, "-m", "jupyter_featx.server.errand")
_AT_ONCE = 4
_GRACE_SECONDS = 3.0  # for what runs when the server ends: a submit that is cut off leaves half a folder
_END_SECONDS = 10.0  # from the last word to the end of the process
_LINE = 1 << 26  # bytes of one answer


_KINDS: dict[str, type[errors.FeatxError]] = {
    kind.__name__: kind
    for kind in (*vars(errors).values(), table.DamagedTable)
    if isinstance(kind, type) and issubclass(kind, errors.FeatxError)
}


class ErrandFailed(Exception):
    """An errand ended without an answer."""


class Errands:
    """Runs errands, a few at once."""

    def __init__(self) -> None:
        self._free: asyncio.Semaphore | None = None
        self.running: set[asyncio.subprocess.Process] = set()

    async def run(self, verb: str, seconds: float | None = None, **what: Any) -> dict[str, Any]:
        """Return the errand's last answer. Raises the FeatxError that it met, or ErrandFailed.

        When the time is up the errand is killed, and what it answered until then is returned.
        """
        if self._free is None:
            self._free = asyncio.Semaphore(_AT_ONCE)
        async with self._free:
            return await self._run(json.dumps({"verb": verb, **what}).encode(), seconds)

    async def _run(self, question: bytes, seconds: float | None) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=without_tokens(),
            cwd="/",
            limit=_LINE,
            start_new_session=True,  # an interrupt of the server's terminal is not for a submit that is under way
        )
        self.running.add(process)
        try:
            out, err = await _talk(process, question, seconds)
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        finally:
            self.running.discard(process)
            if process.returncode is None:
                _kill(process)
                await process.wait()
        return _answer(out, err, process.returncode)

    async def stop(self) -> None:
        """Wait a moment for what runs, then kill it; what it had begun to write is written aside, and never seen."""
        ends = [asyncio.ensure_future(process.wait()) for process in self.running]
        if ends:
            await asyncio.wait(ends, timeout=_GRACE_SECONDS)
        for process in list(self.running):
            _kill(process)
        if ends:
            await asyncio.wait(ends, timeout=_END_SECONDS)


async def _talk(
    process: asyncio.subprocess.Process, question: bytes, seconds: float | None
) -> tuple[list[bytes], bytes]:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise ErrandFailed("an errand has no pipes")
    lines: list[bytes] = []

    async def hear() -> None:
        async for line in stdout:
            lines.append(line)

    complaint = asyncio.ensure_future(stderr.read())
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(question)
        await stdin.drain()
    stdin.close()
    try:
        await asyncio.wait_for(hear(), seconds)
    except asyncio.TimeoutError:
        _kill(process)
    return lines, await complaint


def _answer(lines: list[bytes], err: bytes, status: int | None) -> dict[str, Any]:
    if not lines:
        raise ErrandFailed(f"errand ended with {status}: {err.decode(errors='replace')[-4000:]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    if error := answer.get("error"):
        raise _KINDS.get(error["kind"], errors.FeatxError)(error["message"])
    return answer


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
