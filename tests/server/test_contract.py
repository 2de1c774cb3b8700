"""The description is what requests are held to."""

from __future__ import annotations

import pytest
import yaml

from jupyter_featx import errors
from jupyter_featx.server.contract import FILE, Contract
from jupyter_featx.server.problems import _TABLE, BadRequest, present

CONTRACT = Contract()


def test_parameters_become_values_and_have_defaults():
    found = CONTRACT.query("listJobs", {"offset": [b"3"], "token": [b"x"], "1700000000": [b""]})
    assert (found["offset"], found["limit"], found["sort"], found["state"]) == (3, 200, "-created", None)
    found = CONTRACT.query("readDataset", {"path": [b"~/data"], "recursive": [b"true"]})
    assert (found["path"], found["recursive"]) == ("~/data", True)
    assert CONTRACT.query("readResult", {"column": [b"a", b"b"]})["column"] == ["a", "b"]


@pytest.mark.parametrize(
    ("operation", "given", "said"),
    [
        ("listJobs", {"limit": [b"many"]}, "no whole number"),
        ("listJobs", {"limit": [b"9" * 30]}, "no whole number"),
        ("listJobs", {"limit": [b"5000"]}, "maximum"),
        ("listJobs", {"state": [b"lost"]}, "does not match"),
        ("listJobs", {"q": [b"\xff"]}, "no UTF-8"),
        ("listJobs", {"q": [b"a\0b"]}, "NUL"),
        ("readDataset", {"recursive": [b"perhaps"]}, "neither true nor false"),
        ("readDistribution", {}, "missing"),
        ("readLog", {"file": [b"../x"]}, "does not match"),
    ],
)
def test_what_is_not_described_is_refused(operation: str, given: dict[str, list[bytes]], said: str):
    with pytest.raises(BadRequest, match=said):
        CONTRACT.query(operation, given)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"NaN", b'{"data": NaN}', b'{"data": "x", "more": 1}', b"[" * 100_000, b"\xff"),
        *(b'{"data": "\\ud800"}', b'{"data": 1e999}', b'{"data": ' + b"[" * 900 + b"]" * 900 + b"}"),
    ],
)
def test_a_body_that_is_not_described_is_refused(body: bytes):
    with pytest.raises(BadRequest):
        CONTRACT.body("submit", body)


def test_a_body_may_be_left_out_where_it_is_not_required():
    assert CONTRACT.body("retryJob", b"") == {}
    assert CONTRACT.body("retryJob", b'{"walltime": "2h"}') == {"walltime": "2h"}
    assert CONTRACT.body("cancelJob", b"whatever") == {}


def test_each_deliberate_error_has_a_status_and_a_code_of_the_description():
    known = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FeatxError)]
    assert set(known) <= {kind for kind, *_ in _TABLE}
    codes = yaml.safe_load(FILE.read_text())["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    for kind, status, code, _ in _TABLE:
        assert code in codes
        assert present(kind("what, where"), 500).status == status
        assert present(kind("what, where"), 500).message == "what, where"


def test_what_is_no_error_of_ours_says_nothing_of_the_inside():
    secret = RuntimeError("secret in /etc")
    assert present(secret, 500).record()["message"] == "The server made a mistake."
    assert present(None, 404).code == "not_found"
    assert present(None, 403).hint
    assert present(OSError(28, "No space left on device", "/secret"), 500).message == "No space left on device."
