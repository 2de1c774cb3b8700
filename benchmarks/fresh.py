"""Each measurement in a process of its own: what one leaves behind, imports above all, is no help to the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CODE = """
import importlib, json, sys
module, function, arguments = json.loads(sys.argv[1])
print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))
"""


def call(module: str, function: str, *arguments: object) -> Any:
    """Return what `module.function(*arguments)` returns in a fresh process; all of it travels as JSON."""
    command = [sys.executable, "-W", "ignore", "-c", CODE, json.dumps([module, function, arguments])]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])
