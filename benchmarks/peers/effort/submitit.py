import json
import os
from pathlib import Path

import pandas as pd
import submitit
from work import _process_input

ROWS = Path("rows.jsonl")


def attempt(path):
    try:
        return {"item": path, **_process_input(path)}
    except Exception as error:
        return {"item": path, "error": repr(error)}


def finished():
    lines = ROWS.read_text().splitlines() if ROWS.exists() else []
    return {row["item"]: row for row in map(json.loads, lines)}


def main():
    items = sorted(str(path) for path in Path("data").resolve().iterdir())
    for _ in range(2):  # what failed is tried once more
        done = finished()
        todo = [item for item in items if item not in done or "error" in done[item]]
        executor = submitit.AutoExecutor("logs", cluster="local")
        executor.update_parameters(timeout_min=600)
        with ROWS.open("a") as file:
            for start in range(0, len(todo), 2):  # it has no limit of jobs at a time
                jobs = [executor.submit(attempt, item) for item in todo[start : start + 2]]
                file.writelines(json.dumps(job.result()) + "\n" for job in jobs)
                file.flush()
                os.fsync(file.fileno())
    done = finished()
    frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
    frame.to_csv("features.csv", index=False)
    errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
    errors.to_csv("errors.csv", index=False)


if __name__ == "__main__":
    main()
