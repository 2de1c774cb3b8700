"""The log of a run: one JSON line for each thing that was done and seen, and the table at its end."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any


class Chronicle:
    """Writes the lines and keeps them; several threads may."""

    def __init__(self, path: Path, *, loud: bool = False) -> None:
        self.path, self._loud = path, loud
        self.entries: list[dict[str, Any]] = []
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._begun

    def begin(self) -> None:
        """Count the seconds from here: the faults' times do."""
        self._begun = time.monotonic()

    def note(self, what: str, **facts: Any) -> None:
        """Write one line."""
        entry = {"at": round(self.seconds, 2), "what": what, **facts}
        with self._lock:
            self.entries.append(entry)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
            if self._loud:
                print(
                    f"{entry['at']:8.1f} {what:9} " + " ".join(f"{k}={v}" for k, v in facts.items())[:220], flush=True
                )

    def of(self, what: str) -> list[dict[str, Any]]:
        """Return the lines of one kind."""
        with self._lock:
            return [entry for entry in self.entries if entry["what"] == what]

    def summary(self) -> str:
        """Return the table at the end: faults by kind and outcome, jobs by ending, lies."""
        faults, jobs = self.of("fault"), self.of("judged")
        lines = [f"{'fault':18}{'done':>6}{'no victim':>11}{'failed':>8}"]
        for kind in sorted({fault["kind"] for fault in faults}):
            outcomes = Counter(fault["outcome"] for fault in faults if fault["kind"] == kind)
            lines.append(f"{kind:18}{outcomes['done']:6}{outcomes['no victim']:11}{outcomes['failed']:8}")
        lines += ["", f"{'jobs':18}{'judged':>6}{'items':>11}{'steps':>8}{'runs':>6}"]
        for work in sorted({(job["scheduler"], job["work"]) for job in jobs}):
            these = [job for job in jobs if (job["scheduler"], job["work"]) == work]
            sums = [sum(job[name] for job in these) for name in ("items", "steps", "attempts")]
            lines.append(f"{' '.join(work):18}{len(these):6}{sums[0]:11,}{sums[1]:8}{sums[2]:6}")
        endings = Counter(job["ending"] for job in jobs)
        lines += ["", "endings: " + (", ".join(f"{count} {ending}" for ending, count in endings.items()) or "none")]
        complaints = self.of("complaint")
        lines += [
            f"complaints: {len(complaints)}",
            *(f"  {entry['job']}: {entry['text']:.300}" for entry in complaints),
        ]
        return "\n".join(lines)
