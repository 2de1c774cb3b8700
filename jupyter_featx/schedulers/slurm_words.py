"""Slurm's reasons and states in plain words, each with what to type next where there is something to do."""

from __future__ import annotations

import os
import pwd
import re
import signal
from contextlib import suppress

from jupyter_featx.events import Begun, Event, Lost, Waiting
from jupyter_featx.schedulers.slurm_records import JobRecord

_RETRY = "Type '%featx retry' to go on with what is missing."

# {id} is the run's own. The first that fits counts, so what is special stands before what is general.
_REASONS: tuple[tuple[str, str], ...] = (
    ("Priority", "other jobs come first"),
    ("Resources", "it is next, and waits for cores or memory to become free"),
    ("DependencyNeverSatisfied", "the job it depends on failed, so it will never start: type 'scancel {id}'"),
    ("Dependency", "it waits for another job to end"),
    ("BeginTime", "it may not start before a later time; a run that is repeated after a node failed waits 2 minutes"),
    ("JobHeldUser", "it is held: type 'scontrol release {id}' to let it start"),
    ("JobHeldAdmin", "an administrator holds it: ask them why"),
    ("launch failed requeued held", "it could not be launched and is held: type 'scontrol release {id}' to try again"),
    (
        "job requeued in held state|JobHoldMaxRequeue|job hold max requeue",
        "it was put back too often and is held: type 'scontrol release {id}' to try again",
    ),
    ("QOSMaxJobsPerUserLimit|QOSMaxJobsPerUser", "as many of your jobs run as the QOS allows at one time"),
    ("QOSMaxSubmitJobPerUserLimit", "you have as many jobs in the queue as the QOS allows"),
    ("QOSJobLimit|QOSMaxJobs.*", "as many jobs of the QOS run as it allows at one time"),
    (
        "QOSMax(Cpu|CPU|Core).*PerUser.*|QOSResourceLimit|QOSMax\\w+PerUser.*",
        "your running jobs use all that the QOS allows one user; it starts when one of them ends",
    ),
    (
        "QOSMax(Cpu|CPU)(PerJob|MinutesPerJob)?Limit",
        "it asks for more cores than the QOS allows one job, and will not start: cancel it and submit with fewer cores",
    ),
    (
        "QOSMaxWallDurationPerJobLimit|QOSTimeLimit",
        "its walltime is longer than the QOS allows, and it will not start: cancel it and submit with a shorter one",
    ),
    ("QOSMin.*", "it asks for less than the QOS wants a job to use: cancel it and submit with more cores"),
    ("QOSGrp.*", "all jobs of the QOS together use what it allows; it starts when some of them end"),
    ("QOSUsageThreshold", "your share of the cluster is used up for this QOS; it starts when your share has recovered"),
    ("QOSNotAllowed|InvalidQOS", "the QOS is not allowed here: cancel it and submit with another --qos"),
    ("QOSMax.*", "it asks for more than the QOS allows one job: cancel it and submit with less"),
    (
        "AssocMaxJobsLimit|AssociationJobLimit|MaxJobsPerAccount",
        "as many of your jobs run as your account allows at one time",
    ),
    ("AssocMaxSubmitJobLimit", "you have as many jobs in the queue as your account allows"),
    (
        "AssocMaxWall.*|AssociationTimeLimit",
        "its walltime is longer than your account allows, and it will not start: cancel it and submit with a "
        "shorter one",
    ),
    (
        "AssocGrp\\w*(Minutes|RunMinutes)\\w*|AssocGrpBilling.*",
        "your account's budget of computing time is used up; ask who manages the account",
    ),
    ("AssocGrp.*", "all jobs of your account together use what it allows; it starts when some of them end"),
    (
        "AssocMax.*|AssociationResourceLimit|MaxCpuPerAccount|MaxMemPerAccount",
        "it asks for more than your account allows one job: cancel it and submit with fewer cores",
    ),
    ("InvalidAccount|AccountNotAllowed", "the account is not valid here: cancel it and submit with another --account"),
    (
        "PartitionTimeLimit",
        "its walltime is longer than the partition allows, and it will not start: cancel it and submit with a "
        "shorter one",
    ),
    (
        "PartitionNodeLimit",
        "it asks for more nodes than the partition has or has up: cancel it and submit with fewer cores, or wait",
    ),
    ("PartitionDown", "the partition is down; it starts when an administrator has brought it up"),
    ("PartitionInactive", "the partition takes no jobs now; it starts when an administrator has opened it"),
    (
        "PartitionConfig",
        "the partition cannot give what it asks for, and it will not start: cancel it and submit with fewer cores",
    ),
    (
        "ReqNodeNotAvail.*Maint.*|.*[Mm]aintenance.*",
        "it would run into a maintenance: it starts after that, or sooner with a shorter --walltime",
    ),
    (
        "ReqNodeNotAvail.*",
        "a node that it needs is down, reserved, or about to be serviced: it starts when that is over; "
        "a shorter --walltime may fit before it",
    ),
    (
        "Nodes required for job are DOWN.*",
        "nodes that it needs are down or reserved: it starts when enough of them are back",
    ),
    ("NodeDown|NodeFail|FrontEndDown", "a node that it needs is down: it starts when that is back"),
    ("ReservationDeleted", "its reservation was deleted: cancel it and submit without --reservation"),
    ("Reservation.*", "it waits for its reservation to begin"),
    ("Licenses", "it waits for a licence to become free"),
    (
        "BadConstraints",
        "no node can ever give what it asks for: cancel it and submit with fewer cores, less memory or another "
        "--constraint",
    ),
    ("JobLaunchFailure", "it could not be launched: type 'scontrol show job {id}'"),
    ("NonZeroExitCode", "its last run ended with an error"),
    ("SystemFailure", "Slurm itself failed: tell an administrator, or type 'scontrol release {id}' to try again"),
    ("Cleaning", "it was put back, and what is left of its last run is being cleaned up"),
    ("Prolog", "the nodes are being prepared"),
    ("Constraints|.*Features?", "the nodes that it asks for are all busy or down"),
    ("JobArrayTaskLimit", "as many parts run as it allows at one time"),
    ("WaitForScheduling|WaitingForScheduling|None|", "Slurm has not looked at it yet"),
    ("MaxRequeue", "it was put back too often and is held: type 'scontrol release {id}' to try again"),
    ("DeadLine", "it cannot end before its deadline any more"),
    ("BurstBuffer\\w*", "its fast storage is being prepared"),
    ("MaxBBPerAccount|MaxNodePerAccount|MaxNodesPerAccount", "your account's running jobs use all it allows"),
)
_UNKNOWN_REASON = "Slurm lets it wait; its page of reasons is slurm.schedmd.com/job_reason_codes.html"

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


def reason_words(reason: str, native_id: str = "ID") -> str:
    """Return why a run waits, in plain words."""
    bare = reason.strip().strip("()")
    for pattern, words in _REASONS:
        if re.fullmatch(pattern, bare) or re.fullmatch(pattern, bare.replace("_", " ")):
            return words.format(id=native_id)
    head = re.split(r"[,:( ]", bare)[0]  # "Reservation, …", "QOSGrpCpuLimit(…)"
    if head and head != bare:
        return reason_words(head, native_id)
    return _UNKNOWN_REASON


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
    code, number = record.exit_code or 0, record.exit_signal or 0
    if code > 128 and not number:  # as a shell says that its command was killed
        code, number = 0, code - 128
    why = record.reason if record.reason not in ("", "NonZeroExitCode") else ""
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
