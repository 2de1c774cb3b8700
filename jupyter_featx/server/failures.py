"""The failed items of a job by what went wrong: grouped once, in a process of its own, then read page by page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx import table
from jupyter_featx.cards.wording import one_line
from jupyter_featx.jobdir import JobDir
from jupyter_featx.server.problems import NotFound

_MOST_GROUPS = 1000
_TEXT = 10_000  # characters of a message or traceback
_CODE = 300  # characters of a line of code
_RISKY = ("crash", "memory", "timeout")  # to run again these would take the kernel along
_OUTPUT = "_process_output"


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    offset: int
    limit: int

    def of(self, found: list[Any]) -> list[Any]:
        return found[self.offset : self.offset + self.limit]


def group_file(errors: Path, out: Path) -> dict[str, Any]:
    """Write the failed items with the id of their group as Parquet, the groups beside it as JSON; return their number.

    Raises DamagedTable when errors.csv cannot be read.
    """
    import polars as pl

    found = table.identify_errors(table.read_errors(errors))
    found["group"] = [hashlib.sha256(str(key).encode("utf-8", "replace")).hexdigest()[:16] for key in found["group"]]
    kept = ["item", "kind", "type", "message", "where", "function", "line", "traceback", "seconds", "host", "attempt"]
    # Through plain lists: pandas' own text and whole-number types differ from release to release.
    columns = {name: _plain(found[name].tolist()) for name in [*kept, "group"]}
    schema = {"line": pl.Int64, "seconds": pl.Float64, "attempt": pl.Int64}
    frame = pl.DataFrame({n: pl.Series(n, v, schema.get(n, pl.String), strict=False) for n, v in columns.items()})
    groups = frame.with_row_index("first").group_by("group", maintain_order=True)
    firsts = groups.agg(pl.len().alias("count"), pl.col("first").first())
    ordered = firsts.sort("count", descending=True, maintain_order=True)
    some = ordered.head(_MOST_GROUPS)
    examples = frame[some["first"].to_list()].drop("traceback", "group").to_dicts()
    pairs = zip(some["group"], some["count"], examples, strict=True)
    summary = [{"group": group, "count": count, **example} for group, count, example in pairs]
    frame.write_parquet(out)
    text = json.dumps({"groups": summary, "total": ordered.height, "items": frame.height})
    out.with_suffix(".json").write_text(text)
    return {"total": ordered.height, "items": frame.height}


def _plain(values: list[Any]) -> list[Any]:
    return [None if value is None or value != value or str(value) == "<NA>" else value for value in values]


def read_groups(job: JobDir, grouped: Path, page: Page) -> dict[str, Any]:
    """Return a page of the groups, each with the line of the user's code and a cell that repeats its first item."""
    facts = json.loads(grouped.with_suffix(".json").read_text())
    lines = job.template.read_text(encoding="utf-8", errors="replace").splitlines()
    groups = [_group(job, lines, group) for group in page.of(facts["groups"])]
    return {"groups": groups, "total": facts["total"], "items": facts["items"]}


def _group(job: JobDir, lines: list[str], group: dict[str, Any]) -> dict[str, Any]:
    number = group["line"]
    code = lines[number - 1].strip()[:_CODE] if number and 1 <= number <= len(lines) else ""
    return {
        "group": group["group"],
        "count": group["count"],
        "kind": group["kind"] or "",
        "type": group["type"] or "",
        "message": (group["message"] or "").replace(group["item"] or "\0", "ITEM")[:_TEXT],
        "where": group["where"] or "",
        "line": number,
        "code": code,
        "example": group["item"] or "",
        "reproduce": reproduction(job, group),
    }


def read_items(job: JobDir, grouped: Path, group: str, page: Page) -> dict[str, Any]:
    """Return a page of the items of one group. Raises NotFound."""
    import polars as pl

    chosen = pl.scan_parquet(grouped).filter(pl.col("group") == group)
    total = int(chosen.select(pl.len()).collect().item())
    if not total:
        raise NotFound(f"Job '{job.job_id}' has no such group of errors (any more).")
    rows = chosen.slice(page.offset, page.limit).collect().to_dicts()
    return {"items": [_item(job, row) for row in rows], "total": total}


def _item(job: JobDir, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "item": row["item"] or "",
        "kind": row["kind"] or "",
        "type": row["type"] or "",
        "message": (row["message"] or "")[:_TEXT],
        "where": row["where"] or "",
        "traceback": (row["traceback"] or "")[:_TEXT],
        "seconds": row["seconds"],
        "host": row["host"] or "",
        "attempt": row["attempt"] or 0,
        "reproduce": reproduction(job, row),
    }


def reproduction(job: JobDir, row: dict[str, Any]) -> str:
    """Return the source of a cell that runs the code, as it was submitted, on a failed item.

    What crashed, hung or ate the memory runs in a process of its own.
    """
    kind, item = row["kind"] or "", row["item"] or ""
    said = one_line(f"{row['type'] or kind}: {row['message'] or ''}", 200)
    head = f"# An item that failed in job {job.job_id}: {said}\nitem = {item!r}\ntemplate = {str(job.template)!r}\n"
    if kind in _RISKY:
        return f"{head}import subprocess, sys\n\nsubprocess.run([sys.executable, template, item], timeout=600)\n"
    function = _OUTPUT if row["function"] == _OUTPUT else "_process_input"
    hint = f"# To try the functions as they are in this notebook now: {function}(item)\n"
    return f'{head}{hint}import runpy\n\nrunpy.run_path(template, run_name="template")["{function}"](item)\n'
