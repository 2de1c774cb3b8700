"""srun as the script sees it: hands on USR1, kills its ranks at TERM, and can fail or hang (FAKE_SRUN)."""

import json
import os
import signal
import subprocess
import sys
import time

mode = os.environ.get("FAKE_SRUN", "run")
if "--mpi=list" in sys.argv:
    print("MPI plugin types are...\n\t" + "\n\t".join(os.environ.get("FAKE_MPI", "none pmi2 pmix").split()), flush=True)
    sys.exit()
command = next(n for n, word in enumerate(sys.argv[1:], 1) if not word.startswith("-"))
with open(os.environ["FAKE_CALLS"], "a") as file:
    left = sorted(name for name in os.environ if name.startswith(("SLURM_", "FEATX_")) or "TOKEN" in name)
    print(json.dumps(["srun", *sys.argv[1:command]]), json.dumps(["environment", *left]), sep="\n", file=file)
if mode == "fail":
    sys.exit("srun: error: Unable to create step for job 7: Requested nodes are busy")
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode in ("hang", "deaf"):
    time.sleep(600)
ranks = subprocess.Popen(sys.argv[command:], env=os.environ | {"SLURM_PROCID": "0"})
signal.signal(signal.SIGUSR1, lambda received, _: ranks.send_signal(received))
signal.signal(signal.SIGTERM, lambda *_: ranks.kill())
status = ranks.wait()
sys.exit(status if status >= 0 else 128 - status)
