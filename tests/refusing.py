"""What every deliberate error must be, whatever it was that was refused."""

from __future__ import annotations

from jupyter_featx.errors import FeatxError


def clear(error: FeatxError, most: int = 3000) -> str:
    """See that an error is a sentence or two for a person, not what Python says of itself; return it."""
    text = str(error)
    assert 10 < len(text) < most
    assert "Traceback" not in text
    text.encode("utf-8", "surrogateescape")
    return text
