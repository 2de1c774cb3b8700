"""The failed items: errors.csv read back, and grouped by what went wrong."""

from __future__ import annotations

import re
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_featx.table import DamagedTable

if TYPE_CHECKING:  # the merge, which needs only the names of the columns, must not wait for pandas
    import pandas as pd

COLUMNS = (
    "item",
    "kind",
    "type",
    "message",
    "line",
    "cell",
    "function",
    "traceback",
    "seconds",
    "host",
    "attempt",
)
NUMBERS = {"line": "Int64", "seconds": "float64", "attempt": "int64"}
SIGNATURE = ["kind", "type", "line", "cell", "pattern"]
PARTICULARS = (  # what differs between two occurrences of the same mistake
    (re.compile(r"""'[^'\n]*'|"[^"\n]*\""""), "'…'"),
    (re.compile(r"(?<![\w/])~?(?:/[^\s/:,;'\")]+)+/?"), "/…"),
    (re.compile(r"0x[0-9a-fA-F]+|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"), "#"),
)


def read_errors(path: Path) -> pd.DataFrame:
    """Return errors.csv, one row a failed item; a text that is missing is an empty one."""
    import pandas as pd

    try:
        errors = pd.read_csv(path, dtype=str, na_filter=False)
        return errors.astype(object).assign(**{name: _numbers(errors[name], name) for name in NUMBERS})
    except (OSError, ValueError, KeyError) as exc:
        raise DamagedTable(
            f"Cannot read the errors in {path}: {exc}. Remove the table beside it, then '%featx errors' makes both."
        ) from exc


def _numbers(texts: Any, name: str) -> Any:
    import pandas as pd

    return pd.to_numeric(texts.replace("", None)).astype(NUMBERS[name])


def group_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each way to fail, the most frequent first, with the first item as its example."""
    groups = _with_pattern(errors).assign(count=1).groupby(SIGNATURE, sort=False, dropna=False)
    grouped = groups.agg(count=("count", "sum"), message=("message", "first"), example=("item", "first"))
    ordered = grouped.reset_index().sort_values("count", ascending=False, kind="stable", ignore_index=True)
    ordered["message"] = list(map(_without_item, ordered["message"], ordered["example"]))
    ordered["where"] = list(map(_where, ordered["cell"], ordered["line"]))
    return ordered[["count", "kind", "type", "message", "where", "example"]]


def identify_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the errors with two more columns: `group`, the same text for those that are one group, and `where`."""
    keyed = _with_pattern(errors)
    group = [repr(key) for key in keyed[SIGNATURE].itertuples(index=False, name=None)]
    return errors.assign(group=group, where=list(map(_where, errors["cell"], errors["line"])))


def _with_pattern(errors: pd.DataFrame) -> pd.DataFrame:
    patterns = {message: generalised(message) for message in errors["message"].unique()}
    return errors.assign(pattern=errors["message"].map(patterns).astype(object))


def _without_item(message: str, item: str) -> str:
    """Shorten the path of the item, which stands beside the message, to ITEM."""
    return message.replace(item, "ITEM") if isinstance(message, str) else message


def _where(cell: object, line: object) -> str:
    """Return the place in the notebook; in the template, where there is no notebook."""
    if isinstance(cell, str) and cell:
        return cell
    return f"template.py, line {line}" if isinstance(line, Integral) and line else ""


def generalised(message: str) -> str:
    """Return the message without names, paths and numbers: "no atom '…' in /…, line #"."""
    for particular, general in PARTICULARS:
        message = particular.sub(general, message)
    return message
