"""What one returned value becomes in a shard: its kind, one letter, and a value that JSON can hold.

    b bool   i int up to 2**53   I int64   n larger int, as text   d finite float   z NaN or infinity, as text
    t text   T naive datetime   U datetime in UTC   D date   j nested, as JSON text   0 None, as true

Every number keeps its exact value, so that the merge can choose the column's type when it has seen all the
kinds. numpy and pandas are recognised without being imported: while nobody imported them, no value is theirs.
"""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import date, datetime, timezone
from typing import Any

FLOAT_EXACT = 2**53  # every int up to here is also a float
INT64 = 2**63
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # a byte of a file name that is not UTF-8

KINDS = "biIndztTUDj0"

HINTS = {
    "bytes": "value.hex() or value.decode()",
    "bytearray": "value.hex() or value.decode()",
    "set": "sorted(value)",
    "frozenset": "sorted(value)",
    "complex": "[value.real, value.imag]",
    "complexfloating": "[float(value.real), float(value.imag)]",
    "timedelta": "value.total_seconds()",
    "timedelta64": 'value / numpy.timedelta64(1, "s")',
    "time": "value.isoformat()",
    "Decimal": "float(value) or str(value)",
    "Fraction": "float(value) or str(value)",
    "Series": "value.tolist() or value.to_dict()",
    "Index": "value.tolist()",
    "DataFrame": 'value.to_dict("list")',
    "Tensor": "value.tolist()",
    "generator": "list(value)",
}


class BadValue(ValueError):
    """A row holds what no table can; the text names the key, what it was, and what to return instead."""


class Refused(Exception):
    """A value that is not allowed; whoever knows its key turns this into a BadValue."""


def cell(value: Any) -> tuple[str, object]:
    """Return the kind of a value and its form in the shard. Raises Refused."""
    if value is None or _missing(value):
        return "0", True
    if isinstance(value, bool):
        return "b", value
    if isinstance(value, str):
        return "t", clean(value)
    if isinstance(value, int):
        return _int_cell(int(value))
    if isinstance(value, float):
        return ("d", float(value)) if math.isfinite(value) else ("z", _non_finite(value))
    if isinstance(value, date):
        return _date_cell(value)
    if isinstance(value, (list, tuple, dict)):
        return "j", _nested(value)
    return _array_cell(value)


def clean(text: str) -> str:
    """Return the text as valid Unicode; a stray byte of a file name shows as its escape."""
    text = str.__str__(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _missing(value: object) -> bool:
    return type(value).__name__ in ("NaTType", "NAType") and type(value).__module__.startswith("pandas")


def _int_cell(value: int) -> tuple[str, object]:
    if -FLOAT_EXACT <= value <= FLOAT_EXACT:
        return "i", value
    if -INT64 <= value < INT64:
        return "I", value
    try:
        return "n", str(value)
    except ValueError:  # Python itself refuses to write more than 4300 digits
        raise Refused("an int of thousands of digits; return hex(value)") from None


def _non_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _date_cell(value: date) -> tuple[str, object]:
    if not isinstance(value, datetime):
        return "D", date.isoformat(value)
    if getattr(value, "nanosecond", 0):  # only pandas has them; text keeps them all
        return "t", value.isoformat()
    if value.tzinfo is None:
        return "T", datetime.isoformat(value, timespec="microseconds")
    try:
        value = value.astimezone(timezone.utc)
    except OverflowError:  # the years 1 and 9999
        return "t", value.isoformat()
    return "U", datetime.isoformat(value, timespec="microseconds")


def _array_cell(value: Any) -> tuple[str, object]:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray) and value.ndim == 0:
        value = value[()]
    if numpy is not None and isinstance(value, numpy.ndarray):
        return "j", _nested(value)
    if numpy is not None and isinstance(value, numpy.generic):
        return cell(_python_scalar(numpy, value))
    raise Refused(_described(value))


def _python_scalar(numpy: Any, value: Any) -> object:
    """Return the Python value of a numpy scalar, or refuse it."""
    if isinstance(value, numpy.datetime64):
        micro = value.astype("datetime64[us]")
        moment = micro.item() if micro == value or numpy.isnat(value) else None
        return moment if isinstance(moment, datetime) or numpy.isnat(value) else str(value)
    if isinstance(value, numpy.longdouble):
        return float(value)
    if isinstance(value, (numpy.bool_, numpy.integer, numpy.floating)) and value.dtype.kind != "m":
        return value.item()
    if isinstance(value, numpy.void) and value.dtype.names:
        return dict(zip(value.dtype.names, value.item(), strict=True))
    raise Refused(_described(value))


def _nested(value: Any) -> str:
    """Return JSON text in which ints are exact, and NaN and Infinity are tokens."""
    try:
        text = json.dumps(value, default=_inner, ensure_ascii=False, separators=(",", ":"))
        # The escape is JSON's own, doubled: read back it is the same text that a plain string gets.
        text = LONE_SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text)
        if "{" in text:
            _READER.decode(text)
        return text
    except TypeError as exc:  # "keys must be str, int, float, bool or None, not tuple"
        raise Refused(f"nested, and inside a dict's {exc}; use str(key)") from None
    except RecursionError:
        raise Refused("nested too deeply; return less of it") from None
    except ValueError as exc:
        if "ircular" not in str(exc):
            raise Refused("nested, with an int of thousands of digits inside; use hex(value)") from None
        raise Refused("nested inside itself; return a copy without the cycle") from None


def _keys_once(pairs: list[tuple[str, object]]) -> None:
    """Refuse a dict of which two keys became one: 1 and "1", or None and "null"."""
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise Refused(f"nested, and inside a dict two keys are both {key!r} as text; rename one")
        seen.add(key)


_READER = json.JSONDecoder(object_pairs_hook=_keys_once)


def _inner(value: Any) -> object:
    """Return what JSON can hold for a value inside a list or a dict."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype.kind in "mM" or value.dtype == numpy.longdouble:
            return list(value) if value.ndim else value[()]
        return value.tolist()
    if numpy is not None and isinstance(value, numpy.generic):
        return _python_scalar(numpy, value)
    if _missing(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    raise Refused(f"nested, and inside it there is {_described(value)}")


def _described(value: object) -> str:
    """Return what the value is and what to return instead: "a set; return sorted(value)"."""
    kinds = [kind.__name__ for kind in type(value).__mro__]
    name = with_article(kinds[0])
    if "Enum" in kinds:
        hint = "value.name or value.value"
    elif "PurePath" in kinds:
        hint = "str(value)"
    else:
        hint = next((HINTS[kind] for kind in kinds if kind in HINTS), "a number, a text, a list or a dict")
    return f"{name}; return {hint}"


def with_article(name: str) -> str:
    """Return "a set", "an int", "None"."""
    if name == "NoneType":
        return "None"
    return f"{'an' if name[:1] in 'aeiouAEIO' else 'a'} {name}"
