"""A server extension for bench_server: writes down how late the event loop comes back to a task that sleeps."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

_PAUSE = 0.005


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "benchmarks.loopdelay"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Nothing to load; the task begins with the loop."""


async def _start_jupyter_server_extension(app: Any) -> None:
    app.featx_delays = asyncio.get_running_loop().create_task(_measure(os.environ["FEATX_BENCH_DELAYS"]))


async def _measure(path: str) -> None:
    with open(path, "a", buffering=1) as out:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(_PAUSE)
            out.write(f"{time.time():.3f} {time.perf_counter() - begun - _PAUSE:.6f}\n")
