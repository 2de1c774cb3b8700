"""Whatever bytes a request carries, the answer is JSON that says what is wrong, and no job is left half made."""

from __future__ import annotations

import json
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
