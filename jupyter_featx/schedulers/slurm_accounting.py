"""Ask Slurm's accounting, where there is any: one query for all ids, and none for a while after it failed."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_commands import Commands, SlurmMissing, SlurmRefused
from jupyter_featx.schedulers.slurm_options import SlurmOptions
from jupyter_featx.schedulers.slurm_records import SACCT, JobRecord, parse_accounting

_MANY = 1000  # ids in one command line: about 10 kB
_DATABASE_AWAY_SECONDS = 60.0  # slurmdbd comes back; accounting that is not configured does not


class Accounting:
    """Remembers that there is no accounting, so that it is not asked for at every poll."""

    def __init__(self, commands: Commands, options: SlurmOptions) -> None:
        self._commands = commands
        self._forget_seconds = options.accounting_seconds
        self._silent_until = 0.0

    @property
    def there(self) -> bool:
        """Whether accounting answered, or was not asked of late."""
        return time.monotonic() >= self._silent_until

    def records(self, native_ids: Collection[str]) -> dict[str, JobRecord]:
        """Return what is known of the ids: the latest run of each; nothing where there is no accounting."""
        return parse_accounting(self.query(SACCT, native_ids))

    def query(self, command: Sequence[str], native_ids: Collection[str]) -> str:
        """Return what sacct prints of the ids; "" where there is no accounting."""
        if not native_ids or not self.there:
            return ""
        ids = sorted(native_ids)
        groups = [ids[start : start + _MANY] for start in range(0, len(ids), _MANY)]
        try:
            return "".join(self._commands.run(*command, "-j", ",".join(group)) for group in groups)
        except SchedulerError as exc:
            lasting = isinstance(exc, SlurmMissing | SlurmRefused)
            self._silent_until = time.monotonic() + (self._forget_seconds if lasting else _DATABASE_AWAY_SECONDS)
            return ""
