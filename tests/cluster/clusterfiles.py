"""The places and the configuration files of the Slurm cluster that the tests run on this machine.

Several slurmd with one host name are its nodes. Everything lives in one folder with a short path (sockets have long
ones refused), with a database and a munge of its own: a Slurm or a MariaDB that this machine has is left alone.
"""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path

NODES = ("n1", "n2", "n3", "n4")

SLURM = """\
ClusterName=featx
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits for the old credential to expire: 15 s are shorter than the usual 120.
AuthInfo=socket={dir}/munge/socket,cred_expire=15
CredType=cred/munge
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/d-%n
SlurmctldPidFile={dir}/run/slurmctld.pid
SlurmdPidFile={dir}/run/slurmd-%n.pid
SlurmctldLogFile={dir}/log/slurmctld.log
SlurmdLogFile={dir}/log/slurmd-%n.log
# One each: in a common one the PMIx folders of two nodes collide.
TmpFS={dir}/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={dir}/etc/task_prolog
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
MpiDefault=pmix
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=2,sched_min_interval=0,default_queue_depth=100
PriorityType=priority/multifactor
PriorityWeightPartition=1000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStoragePass={dir}/munge/socket
AccountingStorageEnforce=associations,limits,qos
SlurmdTimeout=10
SlurmctldTimeout=10
MessageTimeout=20
KillWait=5
UnkillableStepTimeout=600
MinJobAge=900
InactiveLimit=0
JobRequeue=1
SlurmdParameters=config_overrides
SlurmctldDebug=info
SlurmdDebug=info
NodeName=n[1-4] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{node_ports}] CPUs=4 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes=n[1-4] Default=YES MaxTime=INFINITE DefaultTime=01:00:00 PriorityTier=5 PreemptMode=OFF
PartitionName=wide Nodes=n[1-4] MaxCPUsPerNode=2 MaxTime=INFINITE DefaultTime=01:00:00 PriorityTier=5 PreemptMode=OFF
PartitionName=short Nodes=n[3-4] MaxTime=00:01:00 PriorityTier=5 PreemptMode=OFF
PartitionName=low Nodes=n[1-4] MaxTime=INFINITE DefaultTime=01:00:00 PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes=n[1-4] MaxTime=01:00:00 PriorityTier=10 PreemptMode=OFF
PartitionName=closed Nodes=n[1-2] State=DOWN
"""

# Open MPI's shared memory would trip over four "nodes" on one host name.
TASK_PROLOG = """\
#!/bin/sh
echo export OMPI_MCA_btl=self,tcp
"""

SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={dir}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
LogFile={dir}/log/slurmdbd.log
PidFile={dir}/run/slurmdbd.pid
"""


@dataclass(frozen=True)
class Place:
    """Where the cluster lives: a folder, and the first of some forty ports."""

    folder: Path
    port: int

    @classmethod
    def default(cls) -> Place:
        """Return the usual place; FEATX_TESTBED and FEATX_TESTBED_PORT give another, for a second cluster."""
        folder = os.environ.get("FEATX_TESTBED") or "/var/tmp/featx-testbed"
        return cls(Path(folder), int(os.environ.get("FEATX_TESTBED_PORT") or 17000))

    @property
    def slurm_conf(self) -> Path:
        return self.folder / "etc/slurm.conf"

    @property
    def munge_socket(self) -> Path:
        return self.folder / "munge/socket"

    @property
    def sql_socket(self) -> Path:
        return self.folder / "run/mariadb.sock"

    @property
    def sql_port(self) -> int:
        return self.port + 36

    @property
    def venv(self) -> Path:
        """The environment of the ordinary user: made from Debian's Python, which that user can execute."""
        return self.folder / "venv"

    def log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.pid"

    def _fill(self, text: str) -> str:
        return text.format(
            dir=self.folder,
            host=socket.gethostname().partition(".")[0],
            ctld_port=self.port + 17,
            dbd_port=self.port + 19,
            sql_port=self.sql_port,
            node_ports=f"{self.port + 1}-{self.port + len(NODES)}",
        )

    def write_configuration(self) -> bool:
        """Write the configuration; tell whether it is another than before."""
        changed = False
        for path, text, mode in (
            (self.slurm_conf, self._fill(SLURM), 0o644),
            (self.slurm_conf.with_name("slurmdbd.conf"), self._fill(SLURMDBD), 0o600),
            (self.slurm_conf.with_name("task_prolog"), TASK_PROLOG, 0o755),
        ):
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                changed = True
            path.chmod(mode)
        return changed


def ordinary_user() -> str:
    """Return who runs the jobs: whoever runs the tests, and `scientist` where that is root."""
    return "scientist" if os.geteuid() == 0 and not os.environ.get("SUDO_USER") else _caller()


def _caller() -> str:
    name = os.environ.get("SUDO_USER") or getpass.getuser()
    return "scientist" if name == "root" else name
