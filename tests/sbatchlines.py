"""What sbatch takes from a script: the options of its `#SBATCH` lines, by the rules of sbatch's own reader."""

from __future__ import annotations

import re


def option_lines(text: str) -> list[str]:
    """Return the lines that sbatch reads: those before the first line that is neither a comment nor blank."""
    found = []
    for line in text.split("\n"):
        if line.startswith("#SBATCH"):
            found.append(line.removeprefix("#SBATCH"))
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return found


def words(line: str) -> list[str]:
    """Split a line: quotes group, a backslash escapes, an open # ends it; "packjob" and "hetjob" vanish (20.02)."""
    line = re.sub("(?i)packjob|hetjob", "       ", line)
    found: list[str] = []
    word, quote, escaped, begun = "", "", False, False
    for character in line + " ":
        if escaped:
            word, escaped, begun = word + character, False, True
        elif character == "\\":
            escaped = True
        elif quote:
            word, quote = (word, "") if character == quote else (word + character, quote)
        elif character in "\"'":
            quote, begun = character, True
        elif character == "#":
            break
        elif character.isspace():
            found += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + character, True
    assert not quote, line
    return found


def options_of(text: str) -> dict[str, str]:
    """Return every option of a script; one a line, and none twice."""
    found: dict[str, str] = {}
    for line in option_lines(text):
        (word,) = words(line)
        name, _, value = word.partition("=")
        assert name.startswith("--"), line
        assert name[2:] not in found, line
        found[name[2:]] = value
    return found
