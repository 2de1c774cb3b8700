"""Which items are whose when several runs share a dataset out: the same for every attempt, and fair in every corner.

The job's own order goes through the dataset in blocks of as many items as there are parts; each block is turned by a
number drawn from the job's id. An item belongs to the part of its position in that order, modulo the parts. So each
block gives every part one item: an expensive corner of the dataset is shared out evenly, and no period in the order of
the items can fall in step with the parts. Two million items take a fraction of a second.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence


def members(job_id: str, total: int, part: int, parts: int) -> Sequence[int]:
    """Return the items of a part, ascending; `part` counts from 0."""
    if parts == 1:
        return range(total)
    blocks = total // parts
    draw = random.Random(f"{job_id} in {parts} parts")
    turns = draw.randbytes(4 * (blocks + 1))
    numbers = array("I", turns)
    items = array("I", (block * parts + (part + numbers[block]) % parts for block in range(blocks)))
    rest = total - blocks * parts
    if part < rest:
        items.append(blocks * parts + (part + numbers[blocks]) % rest)
    return items
