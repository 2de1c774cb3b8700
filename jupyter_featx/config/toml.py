"""The TOML parser: the standard one, or before Python 3.11 the package it was made from."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse_toml(text: str) -> dict[str, Any]:
    """Return what the text says. Raises ValueError, and RecursionError for one that is nested too deeply."""
    found: dict[str, Any] = tomllib.loads(text)
    return found
