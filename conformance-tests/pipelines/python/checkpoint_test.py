"""An unbounded splittable DoFn that never defers: the runner must checkpoint it by itself.

The DoFn reads on until its output has come back downstream, or gives up, so the jobs end.
"""

import time

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.restriction_trackers import OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.window import FixedWindows
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import run

END = 2**40
GIVES_UP_SECONDS = 25


class EndlessRange(beam.RestrictionProvider):
    def initial_restriction(self, element):
        return OffsetRange(0, END)

    def create_tracker(self, restriction):
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element, restriction):
        return restriction.size()


class ReadUntilArrived(beam.DoFn):
    def __init__(self, claimed, arrived, count, gave_up):
        self._claimed = claimed
        self._arrived = arrived
        self._count = count
        self._gave_up = gave_up
        self._deadline = time.time() + GIVES_UP_SECONDS

    @beam.DoFn.unbounded_per_element()
    def process(
            self, element, tracker=beam.DoFn.RestrictionParam(EndlessRange()),
            watermark=beam.DoFn.WatermarkEstimatorParam(
                ManualWatermarkEstimator.default_provider())):
        position = tracker.current_restriction().start
        while True:
            if len(self._arrived) >= self._count or time.time() > self._deadline:
                if tracker.try_claim(END - 1) and len(self._arrived) < self._count:
                    self._gave_up.add(position)
                return
            if not tracker.try_claim(position):
                return
            self._claimed.add(position)
            now = Timestamp.now()
            watermark.set_watermark(now)
            yield TimestampedValue(position, now)
            position += 1
            time.sleep(0.01)


def test_output_arrives_while_it_reads():
    claimed, arrived, gave_up = Journal(), Journal(), Journal()

    def build(p):
        (p | beam.Impulse() | beam.ParDo(ReadUntilArrived(claimed, arrived, 20, gave_up))
         | beam.Reshuffle() | beam.Map(arrived.add))

    run(build, streaming=True)
    assert not gave_up.entries(), f'nothing of {len(claimed)} positions arrived'
    # Each position is read once over all checkpoints, and none is left out.
    assert claimed.entries() == list(range(len(claimed)))
    assert sorted(arrived.entries()) == claimed.entries()


def test_windows_close_while_it_reads():
    claimed, panes, gave_up = Journal(), Journal(), Journal()

    def build(p):
        (p | beam.Impulse() | beam.ParDo(ReadUntilArrived(claimed, panes, 3, gave_up))
         | beam.WindowInto(FixedWindows(0.5)) | beam.Map(lambda x: ('k', x)) | beam.GroupByKey()
         | beam.Map(lambda kv: panes.add(sorted(kv[1]))))

    run(build, streaming=True)
    assert not gave_up.entries(), f'no window of {len(claimed)} positions closed'
    assert sorted(x for pane in panes.entries() for x in pane) == claimed.entries()
