"""Say of an item that took its worker with it what happened, where, and what to do: it becomes the item's error."""

from __future__ import annotations

import signal

from jupyter_featx.jobdir import JobDir
from jupyter_featx.markers import locate
from jupyter_featx.spec import LimitSpec
from jupyter_featx.worker.crew import Death


def blame(death: Death, limits: LimitSpec, job: JobDir) -> dict[str, object]:
    """Return the error of the item that was running, in the form that a shard holds."""
    kind, name, message = _what(death, limits)
    text = job.template.read_text(encoding="utf-8") if death.line else ""
    where = f'  File "{job.template}", line {death.line}, in {death.function}\n' if death.line else ""
    return {
        "kind": kind,
        "type": name,
        "message": message,
        "function": death.function,
        "line": death.line or None,
        "cell": locate(text, death.line) if death.line else "",
        "traceback": where,
    }


def _what(death: Death, limits: LimitSpec) -> tuple[str, str, str]:
    if death.why == "timeout":
        return "timeout", "Timeout", f"ran longer than item_timeout={limits.item_timeout_seconds:g} s and was stopped"
    if death.why == "memory":
        return "memory", "MemoryLimit", f"used more than item_memory={limits.item_memory_mb:g} MB and was stopped"
    if death.status >= 0:
        return "crash", "ProcessExit", f"the process ended with status {death.status} (os._exit?), twice"
    name = _signal_name(-death.status)
    hint = " (often the machine's memory was full)" if name == "SIGKILL" else ""
    return "crash", name, f"the process was killed by {name}{hint}, twice"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
