"""Make `python -m jupyter_featx` the `featx` command."""

from __future__ import annotations

import sys

from jupyter_featx.cli import main

if __name__ == "__main__":
    sys.exit(main())
