"""Whatever bytes a request carries, the answer is JSON that says what is wrong, and no job is left half made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bounded import bounded
from hypothesis import given
from hypothesis import strategies as st
from mutations import anything, mutated_json
from refusing import clear

from jupyter_featx.server.contract import Contract
from jupyter_featx.server.problems import BadRequest, present

CONTRACT = Contract()
BODIES: list[dict[str, Any]] = [
    {"data": "~/mof", "source": "def _process_input(path):\n    return {}\n", "options": {"cores": 2}},
    {"data": "*.cif", "path": "work/mof.ipynb", "options": {"walltime": "2h", "profile": "big"}},
    {"walltime": "2h", "item_timeout": 10},
]
OPERATIONS = sorted(
    operation["operationId"]
    for path in CONTRACT.document["paths"].values()
    for method, operation in path.items()
    if method != "parameters"
)
RAW = anything([json.dumps(body).encode() for body in BODIES]) | mutated_json(BODIES)


def refused(error: BadRequest) -> None:
    assert present(error, 500).status == 400
    clear(error, 1000)


@pytest.mark.parametrize("operation", OPERATIONS)
@bounded(25)
@given(raw=RAW, data=st.data())
def test_any_bytes_are_a_request_or_one_sentence(operation: str, raw: bytes, data: st.DataObject) -> None:
    try:
        value = CONTRACT.body(operation, raw)
        json.dumps(value, allow_nan=False).encode()
    except BadRequest as exc:
        refused(exc)
    names = [*CONTRACT._operations[operation].parameters, "other"]
    query = data.draw(st.dictionaries(st.sampled_from(names), st.lists(RAW, min_size=1, max_size=2), max_size=3))
    try:
        CONTRACT.query(operation, query)
    except BadRequest as exc:
        refused(exc)


HOSTILE = [
    b"",
    b"\xff",
    b"null",
    b"[]",
    b"[" * 5000,
    b'{"data": "x", "source": "\\ud800"}',
    b'{"data": "x", "source": "def _process_input(p):\\n return {}", "options": {"cores": 1e999}}',
    b'{"data": "x\\u0000y", "path": "a\\u0000.ipynb"}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: body[:40].decode("latin-1"))
@pytest.mark.parametrize("route", ["jobs", "script", "preflight"])
async def test_the_server_answers_and_leaves_nothing(route: str, body: bytes, home: Path, jp_fetch: Any) -> None:
    found = await jp_fetch(
        "featx",
        "api",
        "v1",
        route,
        method="POST",
        body=body,
        raise_error=False,
        request_timeout=300,
    )
    assert 400 <= found.code < 500
    assert set(json.loads(found.body)) == {"code", "message", "hint"}
    assert not list((home / "jobs").glob("*")) + list((home / "jobs").glob(".*"))
