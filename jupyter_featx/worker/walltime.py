"""When a run has to end by itself, before its scheduler ends it."""

from __future__ import annotations

import os
import time
from contextlib import suppress

_MARGIN_SECONDS = 5.0  # for the last rows to be written, and the last word to be said
_MARGIN_SHARE = 0.1  # but no more than this of a short run


def deadline(walltime_seconds: float | None) -> float | None:
    """Return when, on the monotonic clock, everything must have stopped; None where nothing limits the run.

    The job's own walltime counts from now. FEATX_ENDS_AT, in seconds since the epoch, the script has of the scheduler.
    """
    lengths = [] if walltime_seconds is None else [walltime_seconds]
    with suppress(ValueError):  # there is no limit, or none that the scheduler tells
        lengths.append(float(os.environ.get("FEATX_ENDS_AT", "")) - time.time())
    if not lengths:
        return None
    length = max(0.0, min(lengths))
    return time.monotonic() + length - min(_MARGIN_SECONDS, _MARGIN_SHARE * length)


def continues() -> bool:
    """Tell whether the script submits another run when this one says so."""
    return os.environ.get("FEATX_CONTINUES") == "1"
