import json
import os
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
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


items = sorted(str(path) for path in Path("data").iterdir())
for _ in range(2):  # what failed is tried once more
    done = finished()
    todo = [item for item in items if item not in done or "error" in done[item]]
    with ROWS.open("a") as file, Parallel(n_jobs=2, return_as="generator_unordered") as pool:
        for row in pool(delayed(attempt)(item) for item in todo):
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
done = finished()
frame = pd.DataFrame([done[item] for item in items if "error" not in done[item]])
frame.to_csv("features.csv", index=False)
errors = pd.DataFrame([done[item] for item in items if "error" in done[item]])
errors.to_csv("errors.csv", index=False)
