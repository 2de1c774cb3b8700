"""Where a line of template.py comes from: the comments that name the cell, written and read in one place.

Standard library's least: a worker asks this of a failed item.
"""

from __future__ import annotations

import re

MARKER = re.compile(r"# (?P<label>\S.*), line (?P<line>\d+)$")
END = "# By hand: python template.py ITEM"


def locate(text: str, line: int) -> str:
    """Return the place in the notebook of a line of template.py, as "cell [3], line 4"; "" when it has none."""
    lines = text.split("\n")  # as Python counts them
    if not 1 <= line <= len(lines):
        return ""
    for above in range(line - 1, -1, -1):
        if lines[above] == END:
            return ""
        if match := MARKER.match(lines[above]):
            return f"{match['label']}, line {int(match['line']) + max(0, line - above - 2)}"
    return ""
