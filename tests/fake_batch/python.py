"""The job's Python: a rank that speaks as FAKE_RANK says, or what answers the script after a run (FAKE_AGAIN)."""

import json
import os
import signal
import sys
import time
from pathlib import Path

with open(os.environ["FAKE_CALLS"], "a") as file:
    print(json.dumps(["python", *sys.argv[1:]]), file=file)
if "jupyter_featx.worker.again" in sys.argv:
    if "--reason" in sys.argv:
        print(os.environ.get("FAKE_AGAIN", "end"), flush=True)
    if "--submitted" in sys.argv:
        print(os.environ.get("FAKE_CANCEL", ""), flush=True)
    sys.exit()

mode = os.environ.get("FAKE_RANK", "work")
caught: list[int] = []
for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, lambda received, _: caught.append(received))
events = Path(sys.argv[5]) / "events" / f"attempt-{time.monotonic_ns()}.jsonl"


def say(event: str) -> None:
    with events.open("a") as file:
        print(
            json.dumps({"event": event, "native_id": os.environ["FEATX_NATIVE_ID"]}, separators=(",", ":")), file=file
        )


say("started")
with open(os.environ["FAKE_CALLS"], "a") as file:
    print(json.dumps(["rank", os.getpid()]), file=file)
(events.parent / "started").touch()
if mode == "work":
    say("stopped")
while mode in ("wait", "silent") and not caught:
    time.sleep(0.05)
    if mode == "wait":
        say("progress")
print("caught", [signal.Signals(number).name for number in caught], flush=True)
sys.exit(9 if mode == "die" else 0)
