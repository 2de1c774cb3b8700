"""A Slurm of shell scripts that really runs what it is given: here, at once, and its ranks by the mpiexec beside us."""

from __future__ import annotations

import sys
from pathlib import Path

COMMANDS = {
    "sinfo": """
        [[ $1 == --version ]] && { echo 'slurm 22.05.8'; exit; }
        echo 'main|2|idle|4|4000|0/8/0/8|(null)|(null)'""",
    "scontrol": """
        case "$*" in
            --version) echo 'slurm 22.05.8' ;;
            ping) echo 'Slurmctld(primary) at head is UP' ;;
            *partition*) echo 'PartitionName=main Default=YES MaxTime=UNLIMITED State=UP TotalCPUs=8 TotalNodes=2' ;;
            *) echo 'AccountingStorageType = accounting_storage/none' ;;
        esac""",
    "squeue": """
        [[ $1 == --version ]] && { echo 'slurm 22.05.8'; exit; }
        [[ -e $FAKES/job ]] && echo "4711|$(cat "$FAKES/state")|N/A|2|2|n[1-2]|Priority" || true""",
    "sacct": "true",
    "scancel": """
        [[ $1 == --version ]] && { echo 'slurm 22.05.8'; exit; }
        echo "$@" >>"$FAKES/cancelled"
        [[ -e $FAKES/job ]] && kill -- -"$(cat "$FAKES/job")" 2>/dev/null || true""",
    "sbatch": """
        [[ $1 == --version ]] && { echo 'slurm 22.05.8'; exit; }
        if [[ " $* " == *' --test-only '* ]]; then
            when='2026-01-01T00:00:00 using 2 processors on nodes n[1-2] in partition main'
            echo "sbatch: Job 1 to start at $when" >&2
            exit
        fi
        for word; do [[ $word == -* ]] || script=$word; done
        cp "$script" "$FAKES/submitted"
        echo PENDING >"$FAKES/state"
        if [[ ! -e $FAKES/queue ]]; then
            echo RUNNING >"$FAKES/state"
            SLURM_JOB_NUM_NODES=2 setsid bash "$script" >"$FAKES/log" 2>&1 </dev/null &
            echo $! >"$FAKES/job"
        fi
        echo 4711""",
    "srun": """
        for word; do
            case $word in
                --mpi=list) printf 'MPI plugin types are...\\n\\tnone\\n\\tpmi2\\n'; exit ;;
                --mpi=*) kind=${word#--mpi=} ;;
                -*) ;;
                *) break ;;
            esac
            shift
        done
        [[ $kind == none || -e $FAKES/crossed ]] || exec MPIEXEC -n 2 "$@"
        for rank in 0 1; do SLURM_PROCID=$rank SLURMD_NODENAME=n$((rank + 1)) "$@" & done
        wait -n && wait -n""",
}


def install(folder: Path) -> Path:
    """Write the commands; return their folder. FAKES must name it: there they keep what happened."""
    folder.mkdir()
    mpiexec = Path(sys.executable).parent / "mpiexec"
    for name, body in COMMANDS.items():
        path = folder / name
        path.write_text(f"#!/bin/bash\n{body.replace('MPIEXEC', str(mpiexec))}\n")
        path.chmod(0o755)
    return folder
