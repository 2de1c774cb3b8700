"""A Slurm of text files for the fake commands beside it: `state.json` in FAKE_SLURM says what they answer.

It runs nothing. Every call is a line in `calls.log`. The forms of the answers were taken from Slurm 22.05.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FAKE_SLURM", "."))
AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


def main() -> None:
    command, words = Path(sys.argv[0]).name, sys.argv[1:]
    with open(FOLDER / "calls.log", "a") as log:
        log.write(json.dumps([command, *words]) + "\n")
    state = json.loads((FOLDER / "state.json").read_text())
    (FOLDER / "environment.json").write_text(json.dumps(dict(os.environ)))
    if command in state.get("missing_commands", []):
        sys.exit(f"bash: line 1: {command}: command not found")
    if command in state.get("slow", []):
        if command == "sbatch" and state.get("takes_though_slow"):
            sbatch(state, words)
            sys.stdout.flush()
        time.sleep(60)
    said = state.get("says", {}).get(command)
    if said is not None:
        sys.stdout.write(said.get("out", ""))
        sys.stderr.write(said.get("err", ""))
        sys.exit(said.get("code", 0))
    if state.get("away") and command not in ("sacct", "sacctmgr"):
        fail(f"{command}: error: {AWAY}")
    COMMANDS[command](state, words)


def fail(text: str, code: int = 1) -> None:
    sys.stderr.write(text + "\n")
    sys.exit(code)


def option(words: list[str], *names: str) -> str:
    for index, word in enumerate(words):
        for name in names:
            if word == name and index + 1 < len(words):
                return words[index + 1]
            if word.startswith(name + "="):
                return word[len(name) + 1 :]
    return ""


def stamp(when: float | None, none: str = "N/A") -> str:
    form = os.environ.get("SLURM_TIME_FORMAT", "%Y-%m-%dT%H:%M:%S")
    return none if when is None else time.strftime(form, time.localtime(when))


def sbatch(state: dict[str, Any], words: list[str]) -> None:
    if "--test-only" in words:
        fail(
            "sbatch: Job 99 to start at "
            + stamp(time.time() + 3600)
            + " using 4 processors on nodes n1 in partition main",
            0,
        )
    rest = [word for word in words if not word.startswith("--")]
    number = str(state.get("next", 101))
    state["next"] = int(number) + 1
    state["jobs"][number] = {
        "state": "PENDING",
        "reason": "Priority",
        "submitted": time.time(),
        "command": " ".join(rest),
    }
    save(state)
    print(number + state.get("id_suffix", ""))


def save(state: dict[str, Any]) -> None:
    aside = FOLDER / f"state.{os.getpid()}.tmp"
    aside.write_text(json.dumps(state))
    os.replace(aside, FOLDER / "state.json")


def squeue(state: dict[str, Any], words: list[str]) -> None:
    form = option(words, "-o")
    for number, job in state["jobs"].items():
        if job.get("gone"):
            continue
        values = {
            "i": number,
            "T": job["state"],
            "S": stamp(job.get("start")),
            "V": stamp(job.get("submitted")),
            "C": str(job.get("cores", 4)),
            "D": str(job.get("nodes", 1)),
            "N": job.get("node_list", ""),
            "r": job.get("reason", "None"),
            "o": job.get("command", ""),
        }
        print(re.sub(r"%(\w)", lambda match, values=values: values[match[1]], form))


def sacct(state: dict[str, Any], words: list[str]) -> None:
    wanted = option(words, "-j").split(",")
    names = option(words, "-o").split(",")
    for record in state.get("accounting", []):
        if record["JobID"].split(".")[0] in wanted and ("-X" not in words or "." not in record["JobID"]):
            print("|".join(str(record.get(name, "")) for name in names))


def scancel(state: dict[str, Any], words: list[str]) -> None:
    job = state["jobs"].get(words[-1])
    if job is None:
        fail(f"scancel: error: Kill job error on job id {words[-1]}: Invalid job id specified")
    job["state"], job["reason"] = "CANCELLED", "None"
    save(state)


def scontrol(state: dict[str, Any], words: list[str]) -> None:
    words = [word for word in words if word != "-o"]
    if words[:2] == ["show", "job"]:
        return show_job(state, words[2])
    print(state.get("scontrol", {}).get(" ".join(words[1:]), ""))


def show_job(state: dict[str, Any], number: str) -> None:
    job = state["jobs"].get(number)
    if job is None or job.get("purged"):
        fail("slurm_load_jobs error: Invalid job id specified")
    reason = job.get("reason", "None").replace(" ", "_")
    print(
        f"JobId={number} JobName=featx UserId=scientist(1000) GroupId=scientist(1000) MCS_label=N/A "
        "Priority=4294901743 "
        f"Nice=0 Account=(null) QOS=(null) JobState={job['state']} Reason={reason} "
        f"Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode={job.get('exit', '0:0')} "
        f"RunTime=00:00:01 TimeLimit=UNLIMITED StartTime={stamp(job.get('start'), 'Unknown')} Partition=main "
        f"NodeList={job.get('node_list', '(null)')} NumNodes=1 NumCPUs=4 NumTasks=4 Command={job.get('command', '')}"
    )


def sinfo(state: dict[str, Any], words: list[str]) -> None:
    print("slurm 22.05.8" if "-V" in words else state.get("sinfo", ""))


def sacctmgr(state: dict[str, Any], words: list[str]) -> None:
    plain = [word for word in words if not word.startswith("-")]
    print(state.get("sacctmgr", {}).get(plain[1], ""))


COMMANDS = {name: globals()[name] for name in ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "sacctmgr")}
