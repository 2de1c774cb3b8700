"""Hold what was read from JSON to the types of its record, so that a damaged file fails where it is read.

Standard library's least: a rank reads its job's record with this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

_MOST = 2**63  # beyond it some arithmetic with floats fails
_hints = cache(get_type_hints)


def checked(kind: type, values: Mapping[str, Any]) -> Any:
    """Return the record made of these values. Raises TypeError, also for a value that is not of its field's type."""
    record = kind(**values)
    hints = _hints(kind)
    for name, value in values.items():
        if not fits(value, hints[name]):
            raise TypeError(f"{name} is {value!r:.60}")
    return record


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of the type; an int will do for a float, and no number is without bounds."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in get_args(hint))
    if hint is float:
        return (type(value) is float and math.isfinite(value)) or fits(value, int)
    if hint is int:
        return type(value) is int and abs(value) < _MOST
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(each, get_args(hint)[0]) for each in value)
    if origin is not None:
        return isinstance(value, origin)
    return hint is Any or isinstance(value, hint)
