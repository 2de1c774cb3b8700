"""What sbatch says when it does not take a script, and what the user can type about it."""

from __future__ import annotations

import re

from jupyter_featx.errors import SchedulerError
from jupyter_featx.schedulers.slurm_commands import SlurmAway, clean

_SHOW = "Type '%featx cluster' for what there is."

# The first that fits counts.
_REFUSALS: tuple[tuple[str, str, str], ...] = (
    (
        "invalid account",
        "the account, or this account in this partition, is not yours",
        f"{_SHOW} Then --account NAME.",
    ),
    ("invalid partition name|invalid partition", "there is no such partition", f"{_SHOW} Then --partition NAME."),
    ("group not permitted", "your group may not use this partition", f"{_SHOW} Then --partition NAME."),
    ("invalid qos", "there is no such QOS, or it is not yours", f"{_SHOW} Then --qos NAME."),
    (
        "time limit is invalid|time limit exceeds|requested time limit",
        "the walltime is missing, or longer than is allowed",
        f"{_SHOW} Then --walltime with less.",
    ),
    (
        "violates accounting|job submit limit|qos.*limit|assoc.*limit",
        "a limit of your account or QOS is reached: too many jobs, cores, or too long",
        "Type 'squeue --me' for your jobs, '%featx cluster' for the limits; then submit with less, or later.",
    ),
    (
        "memory specification|memory required by task|invalid --mem",
        "no node has so much memory for a job",
        f"{_SHOW} Then ask for less memory a core.",
    ),
    (
        "more processors requested|cpu count|node count|requested node configuration|more tasks than",
        "no set of nodes can give that many cores, or that much memory",
        f"{_SHOW} Then --cores with less, or less memory a core.",
    ),
    (
        "partition configuration not available|nodes are busy|partition.*(down|inactive|drain)",
        "the partition takes no jobs now",
        f"{_SHOW} Then another --partition, or try again later.",
    ),
    ("reservation", "the reservation is not there, not yours, or not open", "Submit without --reservation."),
    ("feature|constraint", "no node has the features asked for", "Submit with another --constraint."),
    ("gres|generic resource|tres", "no node has the devices asked for", "Submit with another --gres."),
    ("license", "there is no such licence", "Submit without it."),
    (
        "access/permission denied|access denied|invalid user|authentication|munge|user id",
        "it does not know who you are",
        "Type 'sbatch --version' and 'id' here and on a login node: user and munge must be the same.",
    ),
    (
        "unable to open file|unable to open batch|no such file",
        "it cannot read the script",
        "The folder of the jobs must be one that the login node sees, too: set FEATX_HOME to it.",
    ),
    ("batch script|begins with|line break", "the script is not one that it takes", "Look at it with --dry-run."),
    ("unrecognized option|invalid option|unknown option", "it does not know an option", "Look at it with --dry-run."),
    ("disabled|temporarily unable|resource temporarily|try again", "it takes no jobs now", "Try again later."),
)


def submission_error(text: str) -> SchedulerError:
    """Return the error for what sbatch said as it refused a script."""
    said = clean(text) or "nothing"
    for pattern, words, hint in _REFUSALS:
        if re.search(pattern, said, re.IGNORECASE):
            return SchedulerError(f"Slurm did not take the job: {words}. sbatch says: {said}. {hint}")
    return SchedulerError(
        f"Slurm did not take the job. sbatch says: {said}. Look at the script with --dry-run, or try 'sbatch' by hand."
    )


def not_submitted(exc: SlurmAway, doubtful: bool = False) -> SchedulerError:
    """Return the error for a script that could not be handed over; where it may have been, say so."""
    if doubtful:
        return SchedulerError(
            f"{exc} Whether the job was taken is not known: type 'squeue --me' before you submit it again."
        )
    return SchedulerError(f"The job was not submitted. {exc}")
