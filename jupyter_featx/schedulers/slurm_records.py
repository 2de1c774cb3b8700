"""What Slurm's commands print, as records. Any text is taken: a line that is none of ours is passed over.

The formats are of words and separators that Slurm 22.05 to 26.05 print alike (24.11 and later only add fields to
`scontrol` lines, and states to the list); the one field that may hold any text stands last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

# Every job of the user that the controller knows: also those that ended in the last minutes (MinJobAge). --local saves
# it a question about federated clusters each time.
SQUEUE = ("squeue", "--local", "--me", "-h", "-t", "all", "-o", "%i|%T|%S|%C|%D|%N|%r")
SACCT_FIELDS = ("JobID", "State", "ExitCode", "ElapsedRaw", "NodeList")
SACCT = ("sacct", "-X", "-P", "-n", "-o", ",".join(SACCT_FIELDS))

NATIVE_ID = re.compile(r"[0-9]{1,10}(?:_[0-9]{1,10})?")

# fmt: off
_RUNNING = (
    "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING",
    "POWER_UP_NODE", "EXPEDITING"
)
_WAITING = (
    "PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"
)
_ENDED = (
    "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE",
    "OUT_OF_MEMORY", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL"
)
# fmt: on
_TIMES = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class JobRecord:
    """One run as Slurm knows it; what was not said is empty."""

    native_id: str
    state: str  # one word of Slurm's, without who cancelled it
    reason: str = ""
    expected_start: float | None = None
    cores: int | None = None
    nodes: int | None = None
    node_list: str = ""
    exit_code: int | None = None
    exit_signal: int | None = None
    elapsed_seconds: int | None = None
    cancelled_by: int | None = None  # a user id

    @property
    def waits(self) -> bool:
        return self.state in _WAITING

    @property
    def runs(self) -> bool:
        return self.state in _RUNNING

    @property
    def ended(self) -> bool:
        return self.state in _ENDED


def parse_submitted(text: str) -> str | None:
    """Return the id that `sbatch --parsable` printed, "123" or "123;cluster"; None where there is none."""
    for line in reversed(text.splitlines()):  # what a site's submit plugin prints comes before it
        if match := re.fullmatch(rf"({NATIVE_ID.pattern})(;\S+)?", line.strip()):
            return match[1]
    return None


def parse_queue(text: str) -> dict[str, JobRecord]:
    """Return the runs in the output of SQUEUE."""
    found: dict[str, JobRecord] = {}
    for line in text.splitlines():
        fields = line.split("|", 6)
        native_id = _id(fields[0])
        if len(fields) < 7 or not native_id or not fields[1].strip():
            continue
        state, start, cores, nodes, node_list, reason = (field.strip() for field in fields[1:])
        record = JobRecord(
            native_id,
            state.split()[0].upper(),
            _said(reason),
            parse_time(start),
            parse_whole(cores),
            parse_whole(nodes),
            _said(node_list),
        )
        if native_id not in found or found[native_id].ended:
            found[native_id] = record
    return found


def parse_accounting(text: str) -> dict[str, JobRecord]:
    """Return the runs in the output of SACCT; of a requeued one what stands last."""
    found: dict[str, JobRecord] = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        native_id = _id(fields[0])
        if len(fields) < 3 or not native_id or not fields[1]:
            continue
        fields += [""] * (len(SACCT_FIELDS) - len(fields))
        code, number = parse_exit(fields[2])
        found[native_id] = JobRecord(
            native_id,
            fields[1].split()[0].rstrip("+").upper(),
            exit_code=code,
            exit_signal=number,
            elapsed_seconds=parse_whole(fields[3]),
            node_list=_said(fields[4]),
            cancelled_by=_canceller(fields[1]),
        )
    return found


def parse_shown(text: str) -> JobRecord | None:
    """Return the run in the output of `scontrol show job ID -o`; of several lines (a job of parts) the first."""
    for line in text.splitlines():
        number, state = re.match(r"\s*JobId=([0-9]{1,10})\b", line), re.search(r"\bJobState=([A-Z_]+)", line)
        if not number or not state:
            continue
        code, signal = parse_exit(_field(line, "ExitCode"))
        return JobRecord(
            number[1],
            state[1],
            _said(_field(line, "Reason")).replace("_", " ").strip(),
            parse_time(_field(line, "StartTime")),
            parse_whole(_field(line, "NumCPUs")),
            parse_whole(_field(line, "NumNodes")),
            _said(_field(line, "NodeList")),
            code,
            signal,
        )
    return None


def parse_time(text: str) -> float | None:
    """Return seconds since the epoch for "2025-05-01T12:00:00+0200", or without an offset in our own time zone."""
    for form in _TIMES:
        try:
            return datetime.strptime(text.strip(), form).timestamp()
        except (ValueError, OverflowError, OSError):
            continue
    return None


def parse_minutes(text: str) -> float | None:
    """Return the minutes of a time limit: "30", "1:30:00", "2-00:00:00" (days first); None for none or UNLIMITED."""
    match = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,9})(?::(\d{1,2}))?(?::(\d{1,2}))?", text.strip())
    if not match:
        return None
    days, first, second, third = (int(part) if part else 0 for part in match.groups())
    if match[1] is not None:  # days-hours[:minutes[:seconds]]
        return days * 1440 + first * 60 + second + third / 60
    if match[4] is not None:
        return first * 60 + second + third / 60
    return first + second / 60


def parse_whole(text: str) -> int | None:
    """Return the number for "16" or "16+"; None for anything else."""
    match = re.fullmatch(r"(\d{1,18})\+?", text.strip())
    return int(match[1]) if match else None


def parse_exit(text: str) -> tuple[int | None, int | None]:
    """Return (exit code, signal) for "1:0"; (None, None) for anything else."""
    match = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text.strip())
    return (int(match[1]), int(match[2])) if match else (None, None)


def fields_of(line: str) -> Iterator[tuple[str, str]]:
    """Yield the KEY=VALUE pairs of a `scontrol -o` line whose values hold no spaces."""
    for word in line.split():
        key, equals, value = word.partition("=")
        if equals:
            yield key, value


def _field(line: str, name: str) -> str:
    match = re.search(rf"(?:^|\s){name}=(\S*)", line)
    return match[1] if match else ""


def _id(text: str) -> str:
    """Return our form of an id; "" for none: "12", "12_3"; "12_[4-9]" and "12+0" are of 12."""
    match = re.match(r"\s*([0-9]{1,10})(_[0-9]{1,10})?(?:_\[|\+0|\s|$)", text)
    return match[1] + (match[2] or "") if match else ""


def _said(text: str) -> str:
    """Return the text, or "" where Slurm says that there is nothing to say."""
    text = text.strip()
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return "" if text in ("None", "null", "N/A", "Unknown", "None assigned", "NONE") else text


def _canceller(state: str) -> int | None:
    match = re.search(r"\bby (\d{1,10})\b", state)
    return int(match[1]) if match else None
