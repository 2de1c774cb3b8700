"""`python -m jupyter_featx.table [--wait] SHARDS ITEMS INDEX OUT`: merge in a process of its own, print the TableInfo.

No rank may load the engine, so rank 0 starts this. With `--wait` it loads the engine, and merges when a line comes on
the standard input; when that is closed, it goes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from jupyter_featx.errors import FeatxError
from jupyter_featx.table import merge


def main(arguments: list[str]) -> int:
    """Merge, print the TableInfo as JSON, and return the exit code."""
    if arguments[0] == "--wait":
        arguments = arguments[1:]
        gc.disable()  # the engine is a million objects that stay: to look through them again and again takes a tenth
        importlib.import_module("jupyter_featx.table.merging")
        gc.freeze()
        gc.enable()
        if not sys.stdin.readline():
            return 0
    shards, items, index, out = map(Path, arguments)
    try:
        info = merge(shards, items, index, out)
    except FeatxError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(json.dumps(asdict(info)))
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # the files are whole, and the engine takes 0.1 s to leave
