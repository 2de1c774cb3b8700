"""Why a run waits: Slurm's own reasons in plain words, with what to type where there is something to do."""

from __future__ import annotations

import re

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
    (".* requeued held", "it could not be begun and is held: type 'scontrol release {id}' to try again"),
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
    ("MaxSubmitJobsPerAccount", "your account has as many jobs in the queue as it may"),
    ("Max\\w+PerAccount", "your account's running jobs use all that it allows"),
    ("MaxMemPerLimit", "it asks for more memory than a job may have: cancel it and submit with less memory a core"),
    ("AccountingPolicy", "a limit of your account or QOS is reached: type '%featx cluster' for the limits"),
    ("PowerNotAvail|PowerReserved", "the cluster has not enough power for it now"),
    ("FedJobLock", "another cluster of the federation is about to begin it"),
    ("SchedDefer", "Slurm looks at it the next time that it fills the cluster"),
    ("InactiveLimit", "it was silent for longer than the site allows"),
    ("OutOfMemory", "its last run used more memory than it asked for"),
    ("TimeLimit", "its last run used up its walltime"),
)
_UNKNOWN_REASON = "Slurm lets it wait; its page of reasons is slurm.schedmd.com/job_reason_codes.html"


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
