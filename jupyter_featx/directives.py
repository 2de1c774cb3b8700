"""What a job asks of Slurm, as the words after `#SBATCH`: from an allow-list of options, each with its own values.

A line of a script is where a name that somebody chose could become an order to the scheduler or to the shell. So every
value must match what its option can sensibly hold, and what does not is refused with the option's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from jupyter_featx.errors import SpecError
from jupyter_featx.spec import JobSpec

_COUNT = r"\d{1,9}"
_NAME = r"[\w@][\w.@:+-]*"
_NAMES = r"[\w@][\w.,@:+-]*"
_NODES = r"[\w][\w.,\[\]-]*"
_FEATURES = r"[\w\[(!][\w.,:&|()\[\]*@+=!-]*"
_TIME = r"[\w][\w:.+/-]*"
_SIZE = r"\d{1,9}[KMGT]?"
_DEVICES = r"[\w][\w.,:=/()*+-]*"
_WORDS = r"[\w@%/.][\w.,:+@%/=*&|()\[\]-]*"
_ALONE = ""  # the option takes no value

# What the record has a field for.
_FIELDS = {
    "partition": _NAMES,
    "account": _NAME,
    "qos": _NAMES,
    "constraint": _FEATURES,
    "reservation": _NAMES,
    "gres": _DEVICES,
    "mail": r"[\w.%+][\w.%+-]*(?:@[\w.-]+)?",
}

# What a user or a site may ask for beyond: nothing that changes what runs, as whom, where its output goes, or how
# many ranks and cores it has, for that is in the record; nothing that would hold a node for others or restart it.
ALLOWED = {
    "acctg-freq": _WORDS,
    "begin": _TIME,
    "cluster-constraint": _FEATURES,
    "comment": _WORDS,
    "contiguous": _ALONE,
    "core-spec": _COUNT,
    "cores-per-socket": _COUNT,
    "cpu-freq": _WORDS,
    "deadline": _TIME,
    "delay-boot": _COUNT,
    "dependency": r"[\w][\w:,?+]*",
    "exclude": _NODES,
    "gpu-freq": _WORDS,
    "gpus": _DEVICES,
    "gpus-per-node": _DEVICES,
    "gpus-per-task": _DEVICES,
    "gres-flags": _NAMES,
    "hint": r"compute_bound|memory_bound|multithread|nomultithread",
    "kill-on-invalid-dep": r"yes|no",
    "licenses": _DEVICES,
    "mcs-label": _NAME,
    "mincpus": _COUNT,
    "network": _WORDS,
    "nodelist": _NODES,
    "ntasks-per-core": _COUNT,
    "ntasks-per-socket": _COUNT,
    "oversubscribe": _ALONE,
    "power": _NAMES,
    "prefer": _FEATURES,
    "priority": r"\d{1,9}|TOP",
    "profile": _NAMES,
    "segment": _COUNT,
    "sockets-per-node": _COUNT,
    "spread-job": _ALONE,
    "switches": r"\d{1,9}(?:@[\d:-]+)?",
    "thread-spec": _COUNT,
    "threads-per-core": _COUNT,
    "time-min": r"[\d:-]{1,20}",
    "tmp": _SIZE,
    "use-min-nodes": _ALONE,
    "wait-all-nodes": r"[01]",
    "wckey": _NAME,
}

_OWN_OPTIONS = {
    "account": "account",
    "constraint": "constraint",
    "cpus-per-task": "threads",
    "exclusive": "exclusive",
    "gres": "gres",
    "mail-user": "mail",
    "mem": "memory_per_core",
    "mem-per-cpu": "memory_per_core",
    "nice": "nice",
    "nodes": "cores='4x16'",
    "ntasks": "cores",
    "ntasks-per-node": "cores='4x16'",
    "partition": "partition",
    "qos": "qos",
    "reservation": "reservation",
    "time": "walltime",
}

_WARN_SECONDS = 120
_NURSERY_MB = 128  # beside the item: a worker's interpreter, and its share of the rank and the nursery


def directives(
    spec: JobSpec, logs: Path, walltime_seconds: float | None = None, item_memory_mb: float | None = None
) -> list[str]:
    """Return the words after each `#SBATCH`, in order. Raises SpecError for a value that its option cannot hold."""
    return [_unbroken(line) for line in _lines(spec, logs, walltime_seconds, item_memory_mb)]


def _lines(spec: JobSpec, logs: Path, walltime: float | None, item_memory: float | None) -> Iterator[str]:
    yield f"--job-name={directive(spec.job_id)}"
    yield f"--output={_pattern(logs)}"
    yield "--open-mode=append"
    yield "--requeue"
    yield from _size(spec)
    if memory := memory_per_cpu(spec, item_memory):
        yield f"--mem-per-cpu={memory}M"
    if walltime:
        yield f"--time={_time(walltime)}"
        yield f"--signal=B:USR1@{warning_seconds(walltime)}"
    yield from _place(spec)
    for text in spec.allocation.directives:
        yield extra(text)


def _size(spec: JobSpec) -> Iterator[str]:
    """One task a worker, so that Slurm may cut the allocation as it likes; "4x16" says how it must be cut."""
    resources = spec.resources
    if resources.ranks > 1:
        yield f"--nodes={resources.ranks}"
        yield f"--ntasks-per-node={resources.workers_per_rank}"
    else:
        yield f"--ntasks={resources.cores}"
    yield f"--cpus-per-task={resources.threads}"


def _place(spec: JobSpec) -> Iterator[str]:
    allocation = spec.allocation
    for name in ("partition", "account", "qos", "constraint", "reservation", "gres"):
        if value := getattr(allocation, name):
            yield f"--{name}={_checked(name, value, _FIELDS[name])}"
    if allocation.exclusive:
        yield "--exclusive"
    if allocation.nice is not None:
        yield f"--nice={int(allocation.nice)}"
    if allocation.mail:
        yield f"--mail-user={_checked('mail', allocation.mail, _FIELDS['mail'])}"
        yield "--mail-type=END,FAIL"


def memory_per_cpu(spec: JobSpec, item_memory_mb: float | None = None) -> int | None:
    """Return MB for each core: what was asked for, but at least what one worker needs to hold its item."""
    wanted = [spec.resources.memory_per_core_mb or 0.0]
    item = item_memory_mb or spec.limits.item_memory_mb
    if item:
        wanted.append(item + _NURSERY_MB)
    memory = max(wanted)
    return math.ceil(memory / spec.resources.threads) if memory else None


def warning_seconds(walltime_seconds: float) -> int:
    """Return how long before the end Slurm warns: a twentieth of a short walltime, two minutes of a long one."""
    return max(10, min(_WARN_SECONDS, int(walltime_seconds * 0.05)))


def extra(text: str) -> str:
    """Return one more option for Slurm, "--comment=pilot". Raises SpecError unless it is in ALLOWED."""
    match = re.fullmatch(r"(?:--)?([a-z][a-z-]+)(?:[= ](.*))?", text, re.DOTALL)
    if not match:
        raise SpecError(f"directive={text!r} is no option of sbatch. Type it as 'comment=pilot'.")
    name, value = match[1], match[2]
    if name in _OWN_OPTIONS:
        raise SpecError(f"directive={text!r}: use the option {_OWN_OPTIONS[name]} instead.")
    if name not in ALLOWED:
        raise SpecError(f"directive={text!r} is not allowed. Allowed are: {', '.join(ALLOWED)}.")
    pattern = ALLOWED[name]
    if pattern is _ALONE:
        if value is not None:
            raise SpecError(f"directive={text!r} takes no value. Type '{name}'.")
        return f"--{name}"
    return f"--{name}={_checked(name, value or '', pattern)}"


def directive(value: object) -> str:
    """Return a value that can stand in a line of `#SBATCH`; anything but plain letters, digits and marks is refused."""
    return _checked("a directive", str(value), _WORDS)


def _checked(name: str, value: str, pattern: str) -> str:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise SpecError(f"{name}={value!r} cannot stand in a script for Slurm. Type it as Slurm's own lists show it.")
    return value


def _time(seconds: float) -> str:
    """Write whole minutes, the unit in which Slurm counts, as nobody can misread them: days-hours:minutes:00."""
    minutes = math.ceil(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    return f"{days}-{hours:02}:{minutes % 60:02}:00" if days else f"{hours:02}:{minutes % 60:02}:00"


def _pattern(logs: Path) -> str:
    """Return where the output goes: sbatch(1) reads %% as %, takes quotes, and expands nothing where there is a \\."""
    text = str(logs)
    if not text.isprintable() or re.search(r"[\"'\\]", text):
        raise SpecError(
            f"The path {text!r} has a quote, a backslash or an unprintable character, with which Slurm cannot write "
            "there. Set FEATX_HOME to another folder."
        )
    path = text.replace("%", "%%") + "/job-%j.log"
    return path if re.fullmatch(r"[\w./+@%:=,-]+", path, re.ASCII) else f'"{path}"'


def _unbroken(line: str) -> str:
    """Split words that old versions of sbatch take for an order wherever they stand; a backslash there is no letter."""
    return re.sub("(?i)(pack|het)(job)", r"\1\\\2", line)
