"""Whatever bytes a browser sends, the answer is JSON that says what is wrong, and no job is left half made.

`tests/fuzz/test_bodies.py` draws many more, and holds them to the description alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_featx.server.app import FeatxServer

BODIES = [
    b"",
    b"\xff",
    b"null",
    b"[]",
    b"[" * 5000,
    b'{"data": "x", "source": "\\ud800"}',
    b'{"data": "x", "source": "def _process_input(p):\\n return {}", "options": {"cores": 1e999}}',
    b'{"data": "x\\u0000y", "path": "a\\u0000.ipynb"}',
    b'{"data": ["x\\u0000y"], "source": "def _process_input(p):\\n return {}"}',
]


@pytest.mark.parametrize("route", ["jobs", "script", "preflight"])
async def test_any_bytes_are_answered_and_leave_nothing(
    route: str, extension: FeatxServer, home: Path, jp_fetch: Any
) -> None:
    for body in BODIES:
        options = {"body": body, "raise_error": False, "request_timeout": 300}
        found = await jp_fetch("featx", "api", "v1", route, method="POST", **options)
        assert 400 <= found.code < 500, (body, found.body)
        assert found.code != 404
        assert set(json.loads(found.body)) == {"code", "message", "hint"}
    assert not list((home / "jobs").glob("*")) + list((home / "jobs").glob(".*"))
