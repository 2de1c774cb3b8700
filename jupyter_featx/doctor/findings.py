"""What the doctor found: one line for each check, and for what failed what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_featx.cards.wording import counted, one_line

_MARKS = {"ok": "✔", "failed": "✖", "skipped": "–"}


@dataclass(frozen=True)
class Finding:
    """The outcome of one check. `text` is what was seen, or why it was skipped; `mend` what to do."""

    name: str
    state: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        said = f"skipped: {self.text}" if self.state == "skipped" else self.text
        line = f"{_MARKS[self.state]} {self.name}: {one_line(said, 500)}"
        return f"{line}\n    do: {one_line(self.mend, 700)}" if self.mend else line


def ok(name: str, text: str) -> Finding:
    return Finding(name, "ok", text)


def failed(name: str, text: str, mend: str) -> Finding:
    return Finding(name, "failed", text, mend)


def skipped(name: str, why: str) -> Finding:
    return Finding(name, "skipped", why)


def summary(findings: Sequence[Finding]) -> str:
    """Return the last line: how many checks, and how they went."""
    counts = {state: sum(finding.state == state for finding in findings) for state in _MARKS}
    parts = [f"{counts['ok']} ok", f"{counts['failed']} failed" if counts["failed"] else "none failed"]
    parts += [f"{counts['skipped']} skipped"] if counts["skipped"] else []
    return f"{counted(len(findings), 'check')}: {', '.join(parts)}."
