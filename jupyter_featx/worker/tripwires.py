"""Notice that an item called what changes its process, so that a quick item that did not costs no system call.

Each function below is replaced, before the template is imported, by one that notes the call and then makes it. What C
code changes without them is found at the next full look (see `surroundings`).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import functools
import os
import posix
import resource
import signal
from collections.abc import Callable
from types import ModuleType
from typing import Any

_WATCHED: tuple[tuple[tuple[ModuleType, ...], str], ...] = (
    ((os, posix), "chdir fchdir umask putenv unsetenv close closerange dup2"),  # os.environ calls two of them
    ((_signal,), "signal pthread_sigmask"),  # `signal` has wrappers, which call these
    ((_signal, signal), "setitimer alarm"),
    ((resource,), "setrlimit prlimit"),
)

tripped = [False]  # whether one was called since this was last set back
_laid: list[str] = []


def lay() -> None:
    """Replace the functions; a second time changes nothing."""
    if _laid:
        return
    for modules, names in _WATCHED:
        for name in names.split():
            wired = _wired(getattr(modules[0], name))
            for module in modules:
                setattr(module, name, wired)
            _laid.append(name)
    os.supports_fd.add(os.chdir)


def _wired(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wired(*args: Any, **kwargs: Any) -> Any:
        tripped[0] = True
        return function(*args, **kwargs)

    return wired
