"""How long items took, as counts on a fixed logarithmic scale: a few numbers to send, exact enough for a p95."""

from __future__ import annotations

import math
from collections.abc import Sequence

OWN_SECONDS = 2e-5  # what an item costs besides the user's own functions
SHORT_SECONDS = 1 / 16  # what takes less matters to nobody who plans by seconds: it is all one bucket
BUCKETS = 97  # up to twelve days
_PER_OCTAVE = 4


def bucket(seconds: float) -> int:
    """Return the number of the bucket: 0 up to SHORT_SECONDS, then four to each doubling."""
    if seconds <= SHORT_SECONDS:
        return 0
    return min(BUCKETS - 1, math.ceil(_PER_OCTAVE * math.log2(seconds / SHORT_SECONDS)))


def longest(number: int) -> float:
    """Return the most seconds that a bucket stands for."""
    return SHORT_SECONDS * 2 ** (number / _PER_OCTAVE)


def quantile(counts: Sequence[int], share: float) -> float:
    """Return the seconds within which this share of the items ended, at most a fifth too many; 0 without items."""
    wanted = share * sum(counts)
    if not wanted:
        return 0.0
    for number, count in enumerate(counts):
        wanted -= count
        if wanted <= 0:
            return longest(number)
    return longest(len(counts) - 1)
