"""A real Slurm cluster with accounting on this machine, for the tests: `testbed.py start|stop|status` (as root).

Starting it again is harmless: what runs and is well stays, what is missing is started, and a changed configuration
restarts it.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import people
from clusterfiles import NODES, Place, ordinary_user
from daemons import TestbedError, daemon, end, last_lines, pid_of, run, wait

STUCK_SECONDS = 40  # a job that is ended leaves its nodes within ten
DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", *(f"slurmd-{node}" for node in NODES))


def as_root(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let an ordinary user call a method that only root can run: in a process of its own, by sudo."""

    @functools.wraps(method)
    def call(self: Testbed, *args: str) -> Any:
        if os.geteuid() == 0:
            return method(self, *args)
        where = [f"FEATX_TESTBED={self.place.folder}", f"FEATX_TESTBED_PORT={self.place.port}"]
        printed = run(["env", *where, people.PYTHON, __file__, "call", method.__name__, *args], seconds=600)
        return json.loads(printed.splitlines()[-1])

    return call


class Testbed:
    """The cluster's processes: each can be started, looked at, and killed."""

    __test__ = False  # pytest takes it for a test otherwise

    def __init__(self, place: Place | None = None) -> None:
        self.place = place or Place.default()
        self.environment = {
            **os.environ,
            "PATH": f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}",
            "SLURM_CONF": str(self.place.slurm_conf),
        }

    # -- all of it -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring up whatever is missing, and wait for four idle nodes."""
        self._make_folders()
        with self._alone():
            if self.place.write_configuration() and any(pid_of(self.place, name) for name in DAEMONS):
                self.stop()
            self.start_munged()
            self.start_mariadbd()
            self.start_slurmdbd()
            self.start_slurmctld()
            for node in NODES:
                self.revive_node(node)
            self.wait_for_nodes()
            people.make_environment(self.place)
            self._offer()

    def stop(self) -> None:
        """End every process of the cluster, and what runs in it."""
        with suppress(TestbedError, OSError):
            self.slurm("scancel", "--state=PENDING,RUNNING", "--me", check=False, seconds=20)
        for node in NODES:
            self.kill_node(node)
        for name in ("slurmctld", "slurmdbd", "mariadbd", "munged"):
            if pid := pid_of(self.place, name):
                end(pid)

    def status(self) -> str:
        """Return a line for each process, and what sinfo says."""
        lines = [f"{name:12} {pid_of(self.place, name) or 'is not running'}" for name in DAEMONS]
        return "\n".join([*lines, self.slurm("sinfo", check=False, seconds=30)])

    def tail(self, count: int = 25) -> str:
        """Return the ends of all the logs."""
        return "\n".join(last_lines(self.place.log(name), count) for name in DAEMONS if name != "munged")

    # -- asking ----------------------------------------------------------------------------------------------------

    def slurm(self, *argv: str, check: bool = True, seconds: float = 60, script: str = "") -> str:
        """Run one of Slurm's commands as root; sbatch reads the script."""
        conf = f"SLURM_CONF={self.place.slurm_conf}"
        return run(["env", conf, *argv], check=check, seconds=seconds, input=script, cwd="/").strip()

    def node_states(self) -> dict[str, str]:
        """Return the state of each node in Slurm's words: idle, mixed, down*, ..."""
        text = self.slurm("sinfo", "-hN", "-o", "%N %T", check=False)
        return dict(line.split() for line in text.splitlines() if len(line.split()) == 2)

    def well(self) -> bool:
        """Tell whether every node can take work."""
        states = self.node_states()
        return all(states.get(node) in ("idle", "mixed", "allocated", "completing") for node in NODES)

    def wait_for_nodes(self) -> None:
        """Wait until every node can take work; one that Slurm gave up is taken back."""

        def up() -> bool:
            for node, state in self.node_states().items():
                if state.startswith(("drain", "down")) and pid_of(self.place, f"slurmd-{node}"):
                    self.slurm("scontrol", "update", f"nodename={node}", "state=resume", check=False)
            return self.well()

        wait(up, "every node is up", 120, lambda: f"{self.status()}\n{self.tail()}")

    def wait_for_clear(self) -> None:
        """Wait until no node clears up after a job any more; what Slurm cannot clear away is cleared by us."""
        self.wait_for_nodes()
        begun = time.monotonic()

        def clear() -> bool:
            states = self.node_states()
            if time.monotonic() - begun > STUCK_SECONDS:
                for node in (node for node, state in states.items() if state.startswith("completing")):
                    for state in ("state=down reason=stuck", "state=resume"):
                        self.slurm("scontrol", "update", f"nodename={node}", *state.split(), check=False)
            return all(states.get(node) in ("idle", "mixed", "allocated") for node in NODES)

        wait(clear, "every node is clear", 180, lambda: f"{self.status()}\n{self.tail()}")

    def nodes_of(self, job: str) -> list[str]:
        """Return the nodes of a running job, the one of its script first."""
        names = self.slurm("squeue", "-h", "-j", job, "-o", "%N")
        return self.slurm("scontrol", "show", "hostnames", names).split()

    def job_state(self, job: str) -> str:
        """Return Slurm's word for where a job is; "" for one that it no longer knows."""
        text = self.slurm("scontrol", "-o", "show", "job", job, check=False)
        return text.partition("JobState=")[2].partition(" ")[0]

    @as_root
    def ranks(self, job: str, number: str) -> list[int]:
        """Return the process of a rank of a job: there is one."""
        marks = {f"SLURM_JOB_ID={job}".encode(), f"SLURM_PROCID={number}".encode()}
        found = {}
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
                is_worker = b"jupyter_featx.worker" in words and os.path.basename(words[0]).startswith(b"python")
                if is_worker and marks <= set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")):
                    found[pid] = parent
        return [pid for pid, parent in found.items() if parent not in found]

    # -- one by one ------------------------------------------------------------------------------------------------

    def start_munged(self) -> None:
        folder = self.place.munge_socket.parent
        if self._munge_answers():
            return
        if pid := pid_of(self.place, "munged"):
            end(pid)
        key = folder / "munge.key"
        if not key.exists():
            key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        words = ["munged", "--force", f"--key-file={key}", f"--socket={self.place.munge_socket}"]
        words += [f"--pid-file={self.place.pid_file('munged')}", f"--log-file={folder / 'munged.log'}"]
        self._command([*words, f"--seed-file={folder / 'munge.seed'}"])
        wait(self._munge_answers, "munge answers", 30, lambda: last_lines(folder / "munged.log"))

    def start_mariadbd(self) -> None:
        data = self.place.folder / "mysql"
        if self._sql("select 1"):
            return
        if not (data / "mysql").is_dir():
            shutil.rmtree(data, ignore_errors=True)
            words = ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}"]
            self._command([*words, "--auth-root-authentication-method=normal", "--skip-test-db"])
        if not pid_of(self.place, "mariadbd"):
            words = ["mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}", "--bind-address=127.0.0.1"]
            words += [f"--socket={self.place.sql_socket}", f"--port={self.place.sql_port}"]
            words += [f"--pid-file={self.place.pid_file('mariadbd')}", "--innodb-flush-log-at-trx-commit=0"]
            daemon([*words, "--innodb-lock-wait-timeout=900"], self.place.log("mariadbd"), env=self.environment)
        wait(lambda: self._sql("select 1"), "the database answers", 90, lambda: last_lines(self.place.log("mariadbd")))
        self._sql("grant all on *.* to slurm@'127.0.0.1' identified by 'slurm'")
        self._sql("grant all on *.* to slurm@'localhost' identified by 'slurm'")

    @as_root
    def start_slurmdbd(self) -> None:
        if not pid_of(self.place, "slurmdbd"):
            self._command(["slurmdbd"])
        log = self.place.log("slurmdbd")
        wait(lambda: self._accounts("show", "cluster") is not None, "slurmdbd answers", 90, lambda: last_lines(log))
        self._make_accounts()

    @as_root
    def kill_slurmdbd(self) -> None:
        """Kill the accounting's daemon: a user then sees no accounting."""
        if pid := pid_of(self.place, "slurmdbd"):
            end(pid, signal.SIGKILL)

    @as_root
    def start_slurmctld(self) -> None:
        """Start the controller with the state that it left."""
        if not pid_of(self.place, "slurmctld"):
            self._command(["slurmctld"])
        log = self.place.log("slurmctld")
        wait(lambda: "is UP" in self._ping(), "slurmctld answers", 60, lambda: last_lines(log))

    def wait_for_saved_state(self, since: float) -> None:
        """Wait until the controller has saved what happened until then: a crash before that forgets it."""
        saved = self.place.folder / "state/job_state"
        wait(lambda: saved.exists() and saved.stat().st_mtime > since, "the controller's state is saved", 60)

    @as_root
    def kill_slurmctld(self) -> None:
        """Kill the controller, as a crash would."""
        if pid := pid_of(self.place, "slurmctld"):
            end(pid, signal.SIGKILL)

    @as_root
    def kill_node(self, node: str) -> None:
        """Kill a node: its slurmd, its slurmstepds and everything that they run."""
        if pid := pid_of(self.place, f"slurmd-{node}"):
            end(pid, signal.SIGKILL)
        for _ in range(20):  # what forks meanwhile is found the next time
            if not (found := self.processes_on(node)):
                break
            run(["kill", "-9", *map(str, found)], check=False)
            time.sleep(0.05)
        self._sweep(node)

    @as_root
    def revive_node(self, node: str) -> None:
        """Start a node's slurmd."""
        if not pid_of(self.place, f"slurmd-{node}"):
            self._command(["slurmd", "-N", node])

    @as_root
    def processes_on(self, node: str) -> list[int]:
        """Return the slurmstepds of a node and all that is below them."""
        mark, ours = f"SLURMD_NODENAME={node}".encode(), os.fsencode(self.place.folder)
        found = []
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            with suppress(OSError):
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"slurmstepd"):
                    of_node = self._is_stepd_of(pid, node)
                else:
                    environment = Path(f"/proc/{pid}/environ").read_bytes()
                    of_node = mark in environment.split(b"\0") and ours in environment
                if of_node:
                    found.append(pid)
        return found

    def _sweep(self, node: str) -> None:
        """Remove what a machine that starts again does not find either: sockets, and the files of its /tmp."""
        spool = self.place.folder / f"d-{node}"
        left = [*spool.glob("pmix.*"), *spool.glob("stepd.*"), *spool.glob(f"{node}_*"), *spool.glob("job*")]
        left += (self.place.folder / f"tmp-{node}").glob("*")
        run(["rm", "-rf", *map(str, left)])

    # -- parts -----------------------------------------------------------------------------------------------------

    def _is_stepd_of(self, pid: int, node: str) -> bool:
        # A slurmstepd's name says its job only; the log that it holds open says the node.
        return str(self.place.log(f"slurmd-{node}")) in run(["ls", "-l", f"/proc/{pid}/fd"], check=False)

    def _make_folders(self) -> None:
        folder = self.place.folder
        tmp = [f"tmp-{node}" for node in NODES]
        for name in ("", "etc", "run", "log", "state", "munge", *tmp, *(f"d-{node}" for node in NODES)):
            path = folder / name
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o1777 if name in tmp else 0o755)
        shutil.chown(folder / "run", "mysql")  # MariaDB puts its socket there

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let two that start it at once do so one after the other."""
        with (self.place.folder / ".starting").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _command(self, argv: list[str]) -> None:
        # With files for its output a daemon that we start keeps no pipe of ours open.
        log = self.place.folder / "log" / "start.log"
        with log.open("ab") as file:
            done = subprocess.run(
                argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd="/", timeout=120
            )
        if done.returncode:
            raise TestbedError(f"{' '.join(argv)} failed ({done.returncode}).\n{last_lines(log)}\n{self.tail(10)}")

    def _munge_answers(self) -> bool:
        words = ["munge", f"--socket={self.place.munge_socket}", "--no-input"]
        return subprocess.run(words, env=self.environment, capture_output=True, timeout=30).returncode == 0

    def _sql(self, statement: str) -> bool:
        words = ["mariadb", "--no-defaults", f"--socket={self.place.sql_socket}", "-uroot", "-e", statement]
        return subprocess.run(words, env=self.environment, capture_output=True, timeout=60).returncode == 0

    def _ping(self) -> str:
        return self.slurm("scontrol", "ping", check=False, seconds=60)

    def _accounts(self, *words: str) -> str | None:
        done = subprocess.run(
            ["sacctmgr", "-nPi", *words], env=self.environment, capture_output=True, text=True, timeout=60
        )
        nothing_to_do = "Nothing new added" in done.stdout + done.stderr
        return done.stdout if done.returncode == 0 or nothing_to_do else None

    def _make_accounts(self) -> None:
        user = people.make_user()
        have = self._accounts("show", "assoc", "format=cluster,account,user,qos") or ""
        if f"featx|physics|{user}|" in have and "normal,one" in have:
            return
        for words in (
            "add cluster featx",
            "add qos one set MaxJobsPU=1 MaxWall=10",
            "add account chemistry cluster=featx Description=chemistry",
            "add account physics cluster=featx Description=physics",
            f"add user {user} account=chemistry,physics DefaultAccount=chemistry cluster=featx",
            f"modify user {user} set qos=normal,one",
            "modify user root set qos=normal,one",
        ):
            if self._accounts(*words.split()) is None:
                raise TestbedError(f"sacctmgr {words} failed.\n{last_lines(self.place.log('slurmdbd'))}")

    def _offer(self) -> None:
        """Let a person type `sinfo` without setting anything, where this machine has no Slurm of its own."""
        link = Path("/etc/slurm/slurm.conf")
        ours = link.is_symlink() and str(link.readlink()).endswith("/etc/slurm.conf")
        if self.place.port == 17000 and (ours or not link.exists()):
            link.parent.mkdir(exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(self.place.slurm_conf)


def main(words: list[str]) -> int:
    """Run one verb."""
    testbed = Testbed()
    if words == ["start"]:
        begun = time.monotonic()
        testbed.start()
        print(f"{testbed.status()}\nready after {time.monotonic() - begun:.1f} s; jobs run as {ordinary_user()}")
    elif words == ["stop"]:
        testbed.stop()
    elif words[:1] == ["call"]:
        print(json.dumps(getattr(testbed, words[1])(*words[2:])))
    elif words == ["status"]:
        print(testbed.status())
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except TestbedError as exc:
        sys.exit(f"testbed: {exc}")
