import json
import os
from concurrent.futures import as_completed
from pathlib import Path

import pandas as pd
from executorlib import SingleNodeExecutor
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
        with ROWS.open("a") as file, SingleNodeExecutor(max_workers=2, block_allocation=True) as pool:
            for future in as_completed([pool.submit(attempt, item) for item in todo]):
                file.write(json.dumps(future.result()) + "\n")
                file.flush()
                os.fsync(file.fileno())
    done = finished()
    frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
    frame.to_csv("features.csv", index=False)
    errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
    errors.to_csv("errors.csv", index=False)


if __name__ == "__main__":
    main()
