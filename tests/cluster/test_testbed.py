"""The cluster that the other tests use: it is real Slurm, with accounting, and MPI over its nodes."""

from __future__ import annotations

from clusterfiles import NODES
from scientist import Scientist

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
