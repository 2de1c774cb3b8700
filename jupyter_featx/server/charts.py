"""What a job's page draws over time, and how long its items took: at most 300 points, whatever the job's size."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_featx import events
from jupyter_featx.events import Event, Progress
from jupyter_featx.jobdir import JobDir
from jupyter_featx.shards import list_shards
from jupyter_featx.state import JobStatus, apply_to

POINTS, BINS = 300, 40
_MOST_PROGRESS = 3000  # events that are folded
_SAMPLE = 8 << 20  # bytes of shards that are looked at
_PIECE = 256 << 10
_HEAD = re.compile(rb'^\{"i":\d+,"s":([\d.eE+-]+),"m":([\d.eE+-]+),', re.MULTILINE)


def chart(job: JobDir, status: JobStatus) -> dict[str, Any]:
    """Return throughput and busy workers over time, and the histogram of seconds per item."""
    sample = Sample.of(job)
    runs = [a for a in status.attempts if a.started]
    return {
        "job_id": job.job_id,
        "points": _points(job),
        "histogram": _histogram(sample),
        "attempts": [{"number": a.number, "started": a.started, "ended": a.ended, "state": str(a.state)} for a in runs],
    }


def _points(job: JobDir) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    status = JobStatus()
    for event in _thinned(events.read(job.events)):
        status = apply_to(status, event)
        if status.attempts and any(attempt.started for attempt in status.attempts):
            found.append(_point(event.time, status))
    if len(found) <= POINTS:
        return found
    step = (len(found) - 1) / (POINTS - 1)
    return [found[round(number * step)] for number in range(POINTS)]


def _thinned(found: list[Event]) -> Iterator[Event]:
    """Leave out progress, evenly, where there is more of it than can be drawn."""
    count = sum(isinstance(event, Progress) for event in found)
    every = max(1, math.ceil(count / _MOST_PROGRESS))
    seen = 0
    for event in found:
        if isinstance(event, Progress):
            seen += 1
            if seen % every and seen != count:
                continue
        yield event


def _point(time: float, status: JobStatus) -> dict[str, Any]:
    running = [attempt for attempt in status.current if attempt.started and not attempt.ended]
    rate = status.items_per_second
    return {
        "time": time,
        "done": status.done,
        "failed": status.failed,
        "rate": rate if math.isfinite(rate) else 0.0,
        "busy": status.running,
        "workers": sum(attempt.workers for attempt in running),
    }


@dataclass(frozen=True)
class Sample:
    """Seconds and peak memory of some of the finished items, evenly from all shards."""

    seconds: list[float]
    peak_mb: float | None

    @classmethod
    def of(cls, job: JobDir) -> Sample:
        """Look at a few megabytes of the shards, whatever their size."""
        shards = [shard.path for shard in list_shards(job.shards)]
        seconds: list[float] = []
        peak = 0.0
        each = _SAMPLE // max(1, len(shards))
        for path in shards[:_MOST_SHARDS]:
            for piece in _pieces(path, each):
                for second, memory in _HEAD.findall(piece):
                    seconds.append(float(second))
                    peak = max(peak, float(memory))
        return cls(sorted(seconds), peak or None)


_MOST_SHARDS = 500


def _pieces(path: Path, most: int) -> Iterator[bytes]:
    """Yield parts of a file, evenly spread, of about `most` bytes together; small: a search holds the interpreter."""
    try:
        size = os.stat(path).st_size
        count = max(1, min(most, size) // _PIECE)
        with path.open("rb") as source:
            for number in range(count):
                source.seek(size * number // count)
                if number:
                    source.readline()
                yield source.read(min(_PIECE, most))
    except OSError:
        return


def _histogram(sample: Sample) -> dict[str, Any]:
    seconds = sample.seconds
    if not seconds:
        return {"edges": [], "counts": [], "sampled": 0, "median": None, "p95": None, "max": None}
    low, high = max(seconds[0], 1e-6), max(seconds[-1], 1e-6)
    bins = 1 if high <= low * 1.001 else BINS
    width = math.log(high / low) / bins if bins > 1 else 1.0
    counts = [0] * bins
    for value in seconds:
        place = int(math.log(max(value, low) / low) / width) if bins > 1 else 0
        counts[min(place, bins - 1)] += 1
    edges = [low * math.exp(width * number) for number in range(bins)] + [high]
    return {
        "edges": edges,
        "counts": counts,
        "sampled": len(seconds),
        "median": seconds[len(seconds) // 2],
        "p95": seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))],
        "max": seconds[-1],
    }
