"""Slurm's states in plain words, each with what to type next where there is something to do."""

from __future__ import annotations

import os
import pwd
import signal
from contextlib import suppress

from jupyter_featx.events import Begun, Event, Lost, Waiting
from jupyter_featx.schedulers.slurm_reasons import reason_words
from jupyter_featx.schedulers.slurm_records import JobRecord

_RETRY = "Type '%featx retry' to go on with what is missing."

# Requeued states whose run waits for somebody.
_HELD = {
    "REQUEUE_HOLD": "it was put back and is held: type 'scontrol release {id}' to let it start",
    "RESV_DEL_HOLD": "its reservation was deleted and it is held: type 'scancel {id}' and submit without --reservation",
    "SPECIAL_EXIT": "the site put it back in a special state and holds it: type 'scontrol release {id}' to try again",
    "REQUEUED": "it is put back into the queue",
    "REQUEUE_FED": "it is put back into the queue of another cluster",
}
_BEGUN = {
    "CONFIGURING": "its nodes are being prepared, or booted",
    "COMPLETING": "it has ended, and its nodes are being cleaned up",
    "SUSPENDED": "Slurm has suspended it, for another job or by hand: it goes on by itself, or with "
    "'scontrol resume {id}'",
    "STOPPED": "it is stopped and keeps its cores: type 'scancel --signal=CONT {id}' to let it go on",
    "STAGE_OUT": "it has ended, and its files are being moved",
    "POWER_UP_NODE": "its nodes are being switched on",
}


def event_of(record: JobRecord) -> Event:
    """Return what there is to say of a run that Slurm knows."""
    if record.waits:
        return _waiting(record)
    if record.ended:
        return lost(record)
    return Begun(native_id=record.native_id, words=_begun(record))


def lost(record: JobRecord) -> Lost:
    """Return how a run ended, with what to do."""
    return Lost(native_id=record.native_id, reason=_ending(record), state=record.state)


def forgotten(native_id: str) -> Lost:
    """Return what can be said of a run that Slurm does not know, and that left no trace in its accounting."""
    return Lost(native_id=native_id, reason=f"Slurm no longer knows job {native_id}, nor how it ended. {_RETRY}")


def _begun(record: JobRecord) -> str:
    if record.state in _BEGUN:
        return _BEGUN[record.state].format(id=record.native_id)
    if not record.runs:
        return f"Slurm calls its state {record.state}"
    where = f" on {record.node_list}" if record.node_list else ""
    return f"it runs{where}, and no rank was heard yet"


def _waiting(record: JobRecord) -> Waiting:
    words = _HELD.get(record.state) if record.state != "PENDING" else None
    return Waiting(
        native_id=record.native_id,
        reason=record.reason or record.state,
        words=words.format(id=record.native_id) if words else reason_words(record.reason, record.native_id),
        expected_start=record.expected_start,
    )


def _ending(record: JobRecord) -> str:
    """Say how a run ended; its own last words, where there are any, are more than this."""
    where = f" on {record.node_list}" if record.node_list else ""
    after = f" after {_span(record.elapsed_seconds)}" if record.elapsed_seconds else ""
    texts = {
        "CANCELLED": f"cancelled{_by(record.cancelled_by)}{after}. {_RETRY}",
        "TIMEOUT": f"its walltime ended (TIMEOUT{after}). Type '%featx retry' to go on, with a longer --walltime.",
        "NODE_FAIL": f"a node failed{where} (NODE_FAIL). {_RETRY}",
        "PREEMPTED": f"it had to make room for a more important job (PREEMPTED{after}). {_RETRY}",
        "OUT_OF_MEMORY": f"it used more memory than it asked for (OUT_OF_MEMORY{where}). "
        "Type '%featx retry' with more memory a core, or with --item-memory to find the item.",
        "DEADLINE": f"its deadline passed (DEADLINE). {_RETRY}",
        "BOOT_FAIL": f"its nodes did not boot (BOOT_FAIL{where}). {_RETRY}",
        "LAUNCH_FAILED": f"it could not be launched (LAUNCH_FAILED{where}). {_RETRY}",
        "RECONFIG_FAIL": f"its nodes could not be prepared (RECONFIG_FAIL{where}). {_RETRY}",
        "REVOKED": "another cluster of the federation runs it (REVOKED). Type 'squeue --me' there.",
        "COMPLETED": f"Slurm says that it completed{after}, but its ranks did not say so. "
        "Type '%featx log' for the reason, '%featx retry' to go on.",
    }
    return texts.get(record.state) or _failed(record, after)


def _failed(record: JobRecord, after: str) -> str:
    if record.reason == "BadConstraints":
        return (
            "no node can ever give what it asked for (BadConstraints). Type '%featx cluster' for what there is, and "
            "submit with fewer cores, or less memory a core."
        )
    code, number = record.exit_code or 0, record.exit_signal or 0
    if code > 128 and not number:  # as a shell says that its command was killed
        code, number = 0, code - 128
    why = "" if record.reason.startswith(("NonZeroExitCode", "RaisedSignal")) else record.reason
    if number:
        how = f"killed by {_signal(number)}"
        if number == signal.SIGKILL:
            how += " (too much memory, perhaps)"
    elif code:
        how = f"ended with exit code {code}"
    else:
        how = "ended without an exit code"
    return f"{how}{after} ({record.state}{', ' + why if why else ''}). Type '%featx log' for the reason. {_RETRY}"


def _signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _by(uid: int | None) -> str:
    if uid is None:
        return ""
    if uid == os.getuid():
        return " by you"
    try:
        return f" by {pwd.getpwuid(uid).pw_name}"
    except (KeyError, OverflowError):
        return f" by user {uid}"


def _span(seconds: int | None) -> str:
    minutes, rest = divmod(seconds or 0, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{rest} s"
