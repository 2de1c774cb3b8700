"""scancel as the script uses it: a signal for the ranks of the one job there is, which did not get it otherwise."""

import json
import os
import signal
import sys

with open(os.environ["FAKE_CALLS"]) as file:
    calls = [json.loads(line) for line in file]
with open(os.environ["FAKE_CALLS"], "a") as file:
    print(json.dumps(["scancel", *sys.argv[1:]]), file=file)
assert sys.argv[1:] == ["--signal=TERM", os.environ["SLURM_JOB_ID"]]
for pid in (int(call[1]) for call in calls if call[0] == "rank"):
    os.kill(pid, signal.SIGTERM)
