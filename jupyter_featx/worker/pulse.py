"""Notices a rank that died without a word: every rank says something at least every few seconds."""

from __future__ import annotations

from collections.abc import Sequence

SILENT_SECONDS = 60.0
_PAUSE_SECONDS = 5.0  # between two looks of ours: longer, and we stood still ourselves


class Pulse:
    """When each rank was last heard; `nodes` are where they run."""

    def __init__(self, nodes: Sequence[str], now: float) -> None:
        self._nodes = nodes
        self._heard = [now] * len(nodes)
        self._looked = now
        self.gone: set[int] = set()  # said their last: their silence is no news

    def hear(self, rank: int, now: float) -> None:
        """Note that a rank spoke."""
        self._heard[rank] = now

    def silence(self, now: float) -> str:
        """Return which rank has been silent for too long; "" for none."""
        gap, self._looked = now - self._looked, now
        if gap > _PAUSE_SECONDS:  # the whole run was suspended, or the file system hung: the others wait, too
            self._heard = [heard + gap for heard in self._heard]
        oldest = min(self._heard)
        if now - oldest < SILENT_SECONDS:
            return ""
        for rank, heard in enumerate(self._heard):
            if now - heard >= SILENT_SECONDS and rank not in self.gone:
                return f"Rank {rank} on node {self._nodes[rank]} has not been heard of for {SILENT_SECONDS:g} s."
        return ""
