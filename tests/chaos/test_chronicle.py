"""The log of a run can be read by a program, and its end by a person."""

from __future__ import annotations

import json
from pathlib import Path

from chaos.chronicle import Chronicle


def test_each_thing_is_one_line_and_the_table_counts_them(tmp_path: Path):
    chronicle = Chronicle(tmp_path / "new" / "log.jsonl")
    for outcome in ("done", "done", "no victim"):
        chronicle.note("fault", number=1, kind="kill-rank", outcome=outcome, target="제올라이트")
    chronicle.note(
        "judged", job="c0001", work="noop", scheduler="local", items=20_000, steps=1, attempts=2, ending="fine"
    )
    chronicle.note("complaint", job="c0002", text="doubled: 00001.ok.0")
    lines = [json.loads(line) for line in chronicle.path.read_text().splitlines()]
    assert [line["what"] for line in lines] == ["fault", "fault", "fault", "judged", "complaint"]
    table = chronicle.summary()
    assert "kill-rank              2          1       0" in table
    assert "local noop             1     20,000       1     2" in table
    assert "c0002: doubled: 00001.ok.0" in table
