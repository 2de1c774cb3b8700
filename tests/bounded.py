"""How many examples the property and fuzz tests draw: few and each time the same, or many new ones.

`FEATX_FUZZ=long` is for a person who looks for bugs; what it finds is made small, and becomes a test of the module's
own. The short form only says that there is one: to make it small can take minutes.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

LONG = os.environ.get("FEATX_FUZZ") == "long"
_LONGER = 40
# A loaded machine is no reason to fail, and a fixture that lasts for all the examples is meant to.
_UNCHECKED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)


def bounded(examples: int) -> settings:
    """Return the settings of a test that draws so many examples in `make test`."""
    return settings(
        max_examples=examples * (_LONGER if LONG else 1),
        derandomize=not LONG,
        phases=tuple(phase for phase in Phase if LONG or phase is not Phase.shrink),
        deadline=None,
        suppress_health_check=_UNCHECKED,
    )
