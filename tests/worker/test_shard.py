"""Rows are on disk before they are counted, and a full disk leaves no half line."""

from __future__ import annotations

import json
import resource
import signal

import pytest

from jupyter_featx.errors import ShardError
from jupyter_featx.worker.shard import Shard

ROW = b'{"i":1,"s":0.1,"m":1.0,"w":0,"fi:a":1}\n'
FAILED = b'{"i":2,"s":0.1,"m":1.0,"w":0,"e":{"kind":"exception","type":"ValueError","message":"no"}}\n'


@pytest.fixture
def shard(tmp_path):
    shard = Shard(tmp_path / "rows", tmp_path / "meta", rank=2, attempt=7)
    yield shard
    shard.close()


def test_only_a_commit_counts(shard):
    shard.add(ROW + FAILED)
    assert shard.commit() == (1, 1)
    assert shard.commit() == (0, 0)


def test_columns_go_to_the_meta_file(shard, tmp_path):
    shard.add(b'{"columns":["fi:a"]}\n' + ROW)
    assert (tmp_path / "rows").read_bytes() == ROW
    head, columns = map(json.loads, (tmp_path / "meta").read_text().splitlines())
    assert (head["rank"], head["attempt"]) == (2, 7)
    assert columns == {"columns": ["fi:a"]}


def test_a_text_that_looks_like_an_error_is_none(shard):
    row = {"i": 1, "s": 0, "m": 0, "w": 0, "ft:t": ',"e":{"kind":"exception"'}
    shard.add(json.dumps(row, separators=(",", ":")).encode() + b"\n")
    assert shard.commit() == (1, 0)


def test_the_last_error_is_remembered(shard):
    assert shard.last_error() == ""
    shard.add(FAILED)
    assert shard.last_error() == "ValueError: no"


def test_a_full_disk_leaves_whole_lines_and_says_what_to_do(shard, tmp_path):
    shard.add(ROW)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
        with pytest.raises(ShardError, match="Make room there"):
            shard.add(ROW * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "rows").read_bytes() == ROW
