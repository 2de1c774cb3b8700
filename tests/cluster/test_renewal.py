"""A run that its walltime ends at half is followed by another, which the job's own script submits."""

from __future__ import annotations

import pytest
from countedjob import CountedJob

from jupyter_featx import events

pytestmark = pytest.mark.slow


def test_a_job_that_its_walltime_ends_goes_on_by_itself_until_it_is_complete(walltime_job: CountedJob):
    counted = walltime_job
    counted.job.until(lambda: any(isinstance(event, events.Stopped) for event in counted.job.events()), "its first end")
    counted.before = counted.job.done()
    counted.job.until_merged()
    counted.check()
    ends = [event for event in counted.job.events() if isinstance(event, events.Stopped)]
    assert [end.why for end in ends] == ["continues", "complete"]
    assert 0 < ends[0].done < counted.total
    told = counted.job.status()
    assert (told["state"], told["reason"], told["done"]) == ("completed", "", counted.total)
