import json
import os
from concurrent.futures import as_completed
from pathlib import Path

import pandas as pd
import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor

ROWS = Path("rows.jsonl")


@parsl.python_app
def attempt(path):
    from work import _process_input

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
        with ROWS.open("a") as file:
            for future in as_completed([attempt(item) for item in todo]):
                file.write(json.dumps(future.result()) + "\n")
                file.flush()
                os.fsync(file.fileno())
    done = finished()
    frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
    frame.to_csv("features.csv", index=False)
    errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
    errors.to_csv("errors.csv", index=False)


if __name__ == "__main__":
    executor = HighThroughputExecutor(max_workers_per_node=2, cores_per_worker=0.5, address="127.0.0.1")
    with parsl.load(Config(executors=[executor])):
        main()
