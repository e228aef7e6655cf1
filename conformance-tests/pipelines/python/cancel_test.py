"""Cancel: the call returns at once, and the job ends whatever its DoFns do."""

import threading
import time

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.restriction_trackers import OffsetRestrictionTracker
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import LiveJob

RETURNS_SECONDS = 2
ENDS_SECONDS = 10

_released = threading.Event()


def cancel_and_wait(job):
    begin = time.monotonic()
    job.cancel()
    assert time.monotonic() - begin < RETURNS_SECONDS
    job.wait_for('CANCELLED', ENDS_SECONDS)


def test_running_streaming_job():
    seen, panes = Journal(), Journal()

    def build(p):
        (p | PeriodicImpulse(start_timestamp=Timestamp.now(), fire_interval=0.05)
         | beam.Map(lambda x: seen.add(x) or ('k', x)) | beam.WindowInto(FixedWindows(1))
         | beam.GroupByKey() | beam.Map(lambda kv: panes.add(len(list(kv[1])))))

    with LiveJob(build) as job:
        panes.wait_for(1)
        cancel_and_wait(job)
        count = len(seen)
        time.sleep(1)  # Twenty more elements, if the source were still asked.
        assert len(seen) <= count + 1


def test_job_whose_dofn_is_stuck():
    entered = Journal()
    _released.clear()

    def stick(x):
        entered.add(x)
        _released.wait(60)

    def build(p):
        p | beam.Create([1]) | beam.Map(stick)

    try:
        with LiveJob(build) as job:
            entered.wait_for(1)
            cancel_and_wait(job)
    finally:
        _released.set()


def test_job_whose_source_never_defers():
    seen = Journal()
    _released.clear()

    class Endless(beam.RestrictionProvider):
        def initial_restriction(self, element):
            return OffsetRange(0, 2**40)

        def create_tracker(self, restriction):
            return OffsetRestrictionTracker(restriction)

        def restriction_size(self, element, restriction):
            return restriction.size()

    class Read(beam.DoFn):
        @beam.DoFn.unbounded_per_element()
        def process(self, element, tracker=beam.DoFn.RestrictionParam(Endless())):
            position = tracker.current_restriction().start
            while not _released.is_set() and tracker.try_claim(position):
                seen.add(position)
                yield position
                position += 1
                time.sleep(0.01)

    try:
        with LiveJob(lambda p: p | beam.Impulse() | beam.ParDo(Read())) as job:
            seen.wait_for(10)
            cancel_and_wait(job)
    finally:
        _released.set()
