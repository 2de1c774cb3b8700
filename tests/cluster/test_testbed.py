"""The cluster that the other tests use: it is real Slurm, with accounting, MPI over its nodes, and nodes that die."""

from __future__ import annotations

from clusterfiles import NODES
from daemons import wait
from scientist import PATIENCE, Scientist
from testbed import Testbed

HELLO = """\
#!/bin/bash
#SBATCH --nodes=4 --ntasks=16 --ntasks-per-node=4 --time=5 --output=hello.out
srun --mpi=pmix {python} -m mpi4py -c '
import os
from mpi4py import MPI
world = MPI.COMM_WORLD
large = world.bcast(bytes(2_000_000) if world.rank == 0 else None)
print(world.rank, world.size, os.environ["SLURMD_NODENAME"], len(large))
'
"""
SLEEP = "#!/bin/bash\n#SBATCH --nodes=2 --ntasks-per-node=1 --time=5 --output=sleep.out --requeue\nsrun sleep 300\n"


def test_sixteen_ranks_of_an_ordinary_user_talk_over_four_nodes(scientist: Scientist):
    script = scientist.write("hello.sbatch", HELLO.format(python=scientist.python))
    printed = scientist.run("sbatch", "--wait", script)
    lines = sorted(line.split() for line in (scientist.folder / "hello.out").read_text().splitlines())
    assert len(lines) == 16, (printed, lines)
    assert {line[2] for line in lines} == set(NODES)
    assert {(line[1], line[3]) for line in lines} == {("16", "2000000")}


def test_the_accounting_knows_the_users_accounts(scientist: Scientist):
    known = scientist.run("sacctmgr", "-nP", "show", "assoc", f"user={scientist.user}", "format=account,qos")
    assert sorted(known.split()) == ["chemistry|normal,one", "physics|normal,one"]
    script = scientist.write("job.sbatch", "#!/bin/bash\ntrue\n")
    refused = scientist.run("sbatch", "--account=alchemy", script, check=False)
    assert "Invalid account" in refused


def test_a_killed_node_fails_its_job_and_can_come_back(scientist: Scientist, cluster: Testbed):
    script = scientist.write("sleep.sbatch", SLEEP)
    (job,) = scientist.run("sbatch", "--parsable", "--no-requeue", script).split()
    try:
        wait(lambda: cluster.job_state(job) == "RUNNING", "it runs", PATIENCE)
        (_, victim) = cluster.nodes_of(job)
        wait(lambda: len(cluster.processes_on(victim)) > 1, "its step runs", PATIENCE)
        cluster.kill_node(victim)
        assert cluster.processes_on(victim) == []
        wait(lambda: cluster.job_state(job) == "NODE_FAIL", "Slurm notices", PATIENCE, cluster.tail)
    finally:
        cluster.slurm("scancel", "--quiet", job, check=False)
    cluster.revive_node(victim)
    cluster.wait_for_nodes()
    assert cluster.node_states()[victim] in ("idle", "mixed", "allocated", "completing")
