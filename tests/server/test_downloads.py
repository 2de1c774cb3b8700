"""A download is the file, or the range of it that was asked for, and nothing that a browser would run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from madejobs import make_job, merged, write_rows
from tornado.httpclient import HTTPClientError

from jupyter_featx.server.downloads import byte_range
from jupyter_featx.server.problems import RangeError


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, None),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(asked: str | None, found: tuple[int, int] | None):
    assert byte_range(asked, 100) == found


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(asked: str):
    with pytest.raises(RangeError):
        byte_range(asked, 100)


@pytest.fixture
def fetch(home: Path, jp_fetch) -> Any:
    job = make_job(home, total=4)
    write_rows(job, [{"n": n, "text": "한글"} for n in range(4)], {2: {"message": "<script>alert(1)</script>"}})
    merged(job)

    async def get(file: str, **headers: str) -> Any:
        found = await jp_fetch(
            *("featx", "api", "v1", "jobs", job.job_id, "download"), params={"file": file}, headers=headers
        )
        return found, (job.path / file).read_bytes()

    return get


@pytest.mark.parametrize("file", ["table.csv", "table.parquet", "errors.csv"])
async def test_the_file_comes_as_it_is_with_safe_headers(fetch, file: str, tmp_path: Path):
    found, whole = await fetch(file)
    assert (found.code, found.body) == (200, whole)
    name = found.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="iris-')
    assert name.endswith(f'-{file}"')
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in found.headers["Content-Security-Policy"]
    assert found.headers["Content-Length"] == str(len(whole))
    if file.endswith(".parquet"):
        (tmp_path / file).write_bytes(found.body)
        assert pl.read_parquet(tmp_path / file).height == 3


async def test_a_part_is_given_and_goes_on_while_the_file_is_the_same(fetch):
    first, whole = await fetch("table.csv", Range="bytes=0-9")
    assert (first.code, first.body, first.headers["Content-Range"]) == (206, whole[:10], f"bytes 0-9/{len(whole)}")
    rest, _ = await fetch("table.csv", **{"Range": "bytes=10-", "If-Range": first.headers["ETag"]})
    assert first.body + rest.body == whole
    other, _ = await fetch("table.csv", **{"Range": "bytes=10-", "If-Range": '"another"'})
    assert (other.code, other.body) == (200, whole)
    with pytest.raises(HTTPClientError) as refused:
        await fetch("table.csv", Range="bytes=100000-")
    assert refused.value.code == 416


async def test_no_other_file_is_given(fetch):
    for name in ("spec.json", "../spec.json", "template.py", ""):
        if name:
            with pytest.raises(HTTPClientError) as refused:
                await fetch(name)
            assert refused.value.code == 400


async def test_what_is_larger_than_a_piece_comes_in_pieces(fetch, monkeypatch):
    monkeypatch.setattr("jupyter_featx.server.downloads._PIECE", 7)
    found, whole = await fetch("table.csv")
    assert found.body == whole


async def test_a_running_job_gives_the_rows_so_far(home: Path, jp_fetch):
    job = make_job(home, state="running", total=4)
    write_rows(job, [{"n": n} for n in range(2)])
    found = await jp_fetch("featx", "api", "v1", "jobs", job.job_id, "download", request_timeout=300)
    assert found.body == b"item,n\r\n/data/n0,0\r\n/data/n1,1\r\n"
