"""The schedulers that a job can name: this machine, and Slurm as the site's configuration says it is reached."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from jupyter_featx.config import load
from jupyter_featx.schedulers.base import Scheduler
from jupyter_featx.schedulers.local import LocalScheduler

if TYPE_CHECKING:
    from jupyter_featx.schedulers.slurm import SlurmScheduler
    from jupyter_featx.schedulers.slurm_options import SlurmOptions


class _Known(Mapping[str, Scheduler]):
    """Made when it is first asked for: who works on this machine never loads Slurm's part, nor the configuration."""

    def __getitem__(self, name: str) -> Scheduler:
        if name == "local":
            return _local()
        if name == "slurm":
            return slurm()
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in ("local", "slurm")

    def __iter__(self) -> Iterator[str]:
        return iter(("local", "slurm"))

    def __len__(self) -> int:
        return 2


def known_schedulers() -> Mapping[str, Scheduler]:
    """Return the schedulers by name, the same ones for the whole process: they remember what they asked."""
    return _Known()


def slurm() -> SlurmScheduler:
    """Return Slurm, reached as the configuration says."""
    return _slurm(slurm_options())


def slurm_options() -> SlurmOptions:
    """Return how the configuration says that Slurm is reached."""
    from jupyter_featx.schedulers.slurm_options import SlurmOptions

    slurm = load().slurm
    return SlurmOptions(
        prefix=slurm.prefix,
        transport=slurm.transport,
        poll_seconds=slurm.poll_seconds,
        timeout_seconds=slurm.timeout_seconds,
    )


@functools.cache
def _local() -> Scheduler:
    return LocalScheduler()


@functools.cache
def _slurm(options: SlurmOptions) -> SlurmScheduler:
    from jupyter_featx.schedulers.slurm import SlurmScheduler

    return SlurmScheduler(options)
