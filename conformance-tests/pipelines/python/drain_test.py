"""Drain: sources stop where they say, windows close, timers fire, and what was read comes out."""

import collections

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.restriction_trackers import OffsetRestrictionTracker
from apache_beam.transforms import userstate
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import LiveJob

ENDLESS = 2**40
HOUR = 3600
MORE_POSITIONS = 3


def impulses(interval=0.02):
    return PeriodicImpulse(start_timestamp=Timestamp.now(), fire_interval=interval)


def flat(lists):
    return collections.Counter(x for some in lists for x in some)


class Positions(beam.RestrictionProvider):
    """Truncates an endless restriction to a few more positions; leaves others as they are."""

    def __init__(self, stop, truncated):
        self._stop = stop
        self._truncated = truncated

    def initial_restriction(self, element):
        return OffsetRange(0, self._stop)

    def create_tracker(self, restriction):
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element, restriction):
        return restriction.size()

    def truncate(self, element, restriction):
        self._truncated.add(restriction.start)
        if restriction.stop < ENDLESS:
            return restriction
        return OffsetRange(restriction.start, restriction.start + MORE_POSITIONS)


def reader(stop, truncated, seen, unbounded):
    """A DoFn that claims a position and defers the rest, but reads a truncated rest in one go."""

    class Read(beam.DoFn):
        def process(
                self, element,
                tracker=beam.DoFn.RestrictionParam(Positions(stop, truncated))):
            restriction = tracker.current_restriction()
            position = restriction.start
            while tracker.try_claim(position):
                seen.add(position)
                yield position
                position += 1
                if restriction.stop == stop and position < stop:
                    tracker.defer_remainder(Duration(micros=30_000))
                    return

    if unbounded:
        Read.process = beam.DoFn.unbounded_per_element()(Read.process)
    return Read()


def test_windows_close_and_nothing_is_lost():
    sent, panes = Journal(), Journal()

    def send(x):
        sent.add(x)
        return 'k', x

    def build(p):
        (p | impulses() | beam.Map(send) | beam.WindowInto(FixedWindows(HOUR)) | beam.GroupByKey()
         | beam.Map(lambda kv: panes.add(list(kv[1]))))

    with LiveJob(build) as job:
        sent.wait_for(30)
        assert not panes.entries()
        job.drain()
        job.wait_for('DRAINED')
        assert flat(panes.entries()) == collections.Counter(sent.entries())
        assert job.states[-2:] == ['DRAINING', 'DRAINED']


def test_event_time_timers_fire():
    sent, flushed = Journal(), Journal()

    def send(x):
        sent.add(x)
        return 'k', x

    class FlushAtEndOfWindow(beam.DoFn):
        BUFFER = userstate.BagStateSpec('buffer', beam.coders.FastPrimitivesCoder())
        END = userstate.TimerSpec('end', userstate.TimeDomain.WATERMARK)

        def process(
                self, kv, window=beam.DoFn.WindowParam, buffer=beam.DoFn.StateParam(BUFFER),
                end=beam.DoFn.TimerParam(END)):
            buffer.add(kv[1])
            end.set(window.max_timestamp())

        @userstate.on_timer(END)
        def flush(self, buffer=beam.DoFn.StateParam(BUFFER)):
            yield list(buffer.read())

    def build(p):
        (p | impulses() | beam.Map(send) | beam.WindowInto(FixedWindows(HOUR))
         | beam.ParDo(FlushAtEndOfWindow()) | beam.Map(flushed.add))

    with LiveJob(build) as job:
        sent.wait_for(30)
        job.drain()
        job.wait_for('DRAINED')
        assert flat(flushed.entries()) == collections.Counter(sent.entries())


def test_unbounded_restriction_ends_where_truncate_says():
    truncated, seen, arrived = Journal(), Journal(), Journal()

    def build(p):
        (p | beam.Impulse() | beam.ParDo(reader(ENDLESS, truncated, seen, unbounded=True))
         | beam.Reshuffle() | beam.Map(arrived.add))

    with LiveJob(build) as job:
        seen.wait_for(5)
        job.drain()
        job.wait_for('DRAINED')
        assert truncated.entries()
        end = max(truncated.entries()) + MORE_POSITIONS
        assert sorted(seen.entries()) == list(range(end))
        assert sorted(arrived.entries()) == list(range(end))


def test_bounded_restriction_is_read_to_its_end():
    truncated, seen, arrived = Journal(), Journal(), Journal()
    sent = Journal()

    def build(p):
        p | 'keeps the job alive' >> impulses(0.1) | beam.Map(sent.add)
        (p | beam.Impulse() | beam.ParDo(reader(60, truncated, seen, unbounded=False))
         | beam.Reshuffle() | 'arrive' >> beam.Map(arrived.add))

    with LiveJob(build) as job:
        seen.wait_for(3)
        sent.wait_for(1)
        job.drain()
        job.wait_for('DRAINED')
        assert sorted(seen.entries()) == list(range(60))
        assert sorted(arrived.entries()) == list(range(60))


def test_sources_without_truncate_stop():
    """The default: a restriction whose tracker says that it is unbounded ends at once."""
    seen = Journal()

    class Endless(OffsetRestrictionTracker):
        def is_bounded(self):
            return False

    class Default(beam.RestrictionProvider):
        def initial_restriction(self, element):
            return OffsetRange(0, ENDLESS)

        def create_tracker(self, restriction):
            return Endless(restriction)

        def restriction_size(self, element, restriction):
            return restriction.size()

    class Read(beam.DoFn):
        @beam.DoFn.unbounded_per_element()
        def process(self, element, tracker=beam.DoFn.RestrictionParam(Default())):
            position = tracker.current_restriction().start
            if tracker.try_claim(position):
                yield position
                tracker.defer_remainder(Duration(micros=30_000))

    def build(p):
        p | beam.Impulse() | beam.ParDo(Read()) | beam.Reshuffle() | beam.Map(seen.add)

    with LiveJob(build) as job:
        seen.wait_for(3)
        job.drain()
        job.wait_for('DRAINED')
        assert sorted(seen.entries()) == list(range(len(seen)))
