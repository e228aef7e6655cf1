"""Side inputs of streams: slowly updating ones, and ones with triggers."""

import apache_beam as beam
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms import trigger
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows
from apache_beam.transforms.window import GlobalWindows
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import run


def test_slowly_updating_in_windows():
    """Main windows of half a second read the side window of a second that they lie in."""
    seen = Journal()

    def build(p):
        start = int(Timestamp.now()) + 1
        side = (
            p | 'ticks' >> PeriodicImpulse(start, start + 3, 1, apply_windowing=True)
            | 'load' >> beam.Map(lambda t: int(t)))
        (p | 'events' >> PeriodicImpulse(start, start + 3, 0.1)
         | beam.WindowInto(FixedWindows(0.5))
         | 'look up' >> beam.Map(
             lambda t, version: seen.add((int(t), version)), beam.pvalue.AsSingleton(side)))

    run(build, streaming=True)
    assert len(seen) == 30
    assert all(second == version for second, version in seen.entries())


def test_slowly_updating_in_the_global_window():
    """Each firing replaces what the singleton was: later main elements see later values.

    The side input outlives the main input: Python's windows are EMIT_ALWAYS, so that the combine
    fn gets an empty pane at the end, which Python's own max does not take. And the SDK reads a side
    input of the global window only once for all bundles, unless the DoFn asks for its window.
    """
    seen = Journal()

    def latest(values):
        return max(values, default=-1)

    def build(p):
        now = Timestamp.now()
        side = (
            p | 'ticks' >> PeriodicImpulse(now, now + 7, 0.5, data=list(range(14)))
            | beam.WindowInto(
                GlobalWindows(), trigger=trigger.Repeatedly(trigger.AfterCount(1)),
                accumulation_mode=trigger.AccumulationMode.DISCARDING)
            | beam.CombineGlobally(latest).without_defaults())
        (p | 'events' >> PeriodicImpulse(now, now + 4, 0.1)
         | 'look up' >> beam.Map(
             lambda t, version, window=beam.DoFn.WindowParam: seen.add((t, version)),
             beam.pvalue.AsSingleton(side)))

    run(build, streaming=True)
    assert len(seen) == 40
    versions = [version for _, version in sorted(seen.entries(), key=lambda e: e[0])]
    assert versions == sorted(versions)
    assert versions[0] >= 0
    # Not one value for the whole stream: the job saw it change while it ran.
    assert len(set(versions)) >= 4


def _triggered(mode, want):
    def build(p):
        def at(value):
            return [TimestampedValue(value, 1)]

        streams = p | (
            TestStream(output_tags=['main', 'side'])
            .advance_watermark_to(0, tag='main').advance_watermark_to(0, tag='side')
            .add_elements(at(1), tag='side').add_elements(at(10), tag='main')
            .add_elements(at(2), tag='side').add_elements(at(20), tag='main')
            .advance_watermark_to_infinity(tag='main').advance_watermark_to_infinity(tag='side'))
        side = streams['side'] | 'window side' >> beam.WindowInto(
            FixedWindows(100), trigger=trigger.Repeatedly(trigger.AfterCount(1)),
            accumulation_mode=mode, allowed_lateness=0)
        seen = (
            streams['main'] | 'window main' >> beam.WindowInto(FixedWindows(100))
            | beam.Map(lambda m, s: (m, sorted(s)), beam.pvalue.AsIter(side)))
        assert_that(seen, equal_to(want))

    run(build, streaming=True)


def test_accumulating_firings_of_an_iterable():
    _triggered(trigger.AccumulationMode.ACCUMULATING, [(10, [1]), (20, [1, 2])])


def test_singleton_is_the_latest_firing():
    def build(p):
        def at(*values):
            return [TimestampedValue(v, 1) for v in values]

        streams = p | (
            TestStream(output_tags=['main', 'side'])
            .advance_watermark_to(0, tag='main').advance_watermark_to(0, tag='side')
            .add_elements(at(1), tag='side').add_elements(at(10), tag='main')
            .add_elements(at(2), tag='side').add_elements(at(20), tag='main')
            .advance_watermark_to_infinity(tag='main').advance_watermark_to_infinity(tag='side'))
        side = (
            streams['side'] | 'window side' >> beam.WindowInto(
                FixedWindows(100), trigger=trigger.Repeatedly(trigger.AfterCount(1)),
                accumulation_mode=trigger.AccumulationMode.ACCUMULATING, allowed_lateness=0)
            | beam.CombineGlobally(sum).without_defaults())
        seen = (
            streams['main'] | 'window main' >> beam.WindowInto(FixedWindows(100))
            | beam.Map(lambda m, s: (m, s), beam.pvalue.AsSingleton(side)))
        assert_that(seen, equal_to([(10, 1), (20, 3)]))

    run(build, streaming=True)
