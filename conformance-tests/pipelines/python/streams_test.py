"""TestStream in the shapes upstream's suites leave out, and lateness."""

import apache_beam as beam
from apache_beam.coders import StrUtf8Coder
from apache_beam.coders import TupleCoder
from apache_beam.coders import VarIntCoder
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms import trigger
from apache_beam.transforms import userstate
from apache_beam.transforms.window import FixedWindows
from apache_beam.transforms.window import Sessions
from apache_beam.transforms.window import TimestampedValue

from support import counter
from support import run


KEYED_NUMBERS = TupleCoder([StrUtf8Coder(), VarIntCoder()])


def at(seconds, *values):
    return [TimestampedValue(v, seconds) for v in values]


def sorted_groups(pcoll):
    return pcoll | beam.GroupByKey() | beam.MapTuple(lambda k, vs: (k, sorted(vs)))


class WithWindowAndPane(beam.DoFn):
    def process(self, kv, window=beam.DoFn.WindowParam, pane=beam.DoFn.PaneInfoParam):
        timing = {0: 'EARLY', 1: 'ON_TIME', 2: 'LATE', 3: 'UNKNOWN'}[int(pane.timing)]
        yield int(window.start), sorted(kv[1]), timing, pane.index


def test_several_streams_have_watermarks_of_their_own():
    def build(p):
        slow = p | 'slow' >> (
            TestStream(KEYED_NUMBERS).add_elements(at(1, ('k', 1))).advance_watermark_to(5)
            .add_elements(at(6, ('k', 2))).advance_watermark_to_infinity())
        fast = p | 'fast' >> (
            TestStream(KEYED_NUMBERS).advance_watermark_to(2).add_elements(at(3, ('k', 30)))
            .advance_watermark_to(100).add_elements(at(101, ('k', 40)))
            .advance_watermark_to_infinity())
        alone = (slow | 'window slow' >> beam.WindowInto(FixedWindows(10))
                 | 'group slow' >> beam.GroupByKey() | beam.MapTuple(lambda k, vs: sorted(vs)))
        both = (
            (slow, fast) | beam.Flatten() | beam.WindowInto(FixedWindows(10))
            | beam.GroupByKey() | 'sort' >> beam.MapTuple(lambda k, vs: sorted(vs)))
        assert_that(alone, equal_to([[1, 2]]), label='alone')
        assert_that(both, equal_to([[1, 2, 30], [40]]), label='both')

    run(build, streaming=True)


def test_outputs_have_watermarks_of_their_own():
    """The second output's window is closed while the first one's is open: its late data goes."""

    def build(p):
        streams = p | (
            TestStream(KEYED_NUMBERS, output_tags=['open', 'closed'])
            .add_elements(at(1, ('k', 1)), tag='open').add_elements(at(1, ('k', 10)), tag='closed')
            .advance_watermark_to(20, tag='closed')
            .add_elements(at(2, ('k', 2)), tag='open').add_elements(at(2, ('k', 20)), tag='closed')
            .advance_watermark_to_infinity(tag='open')
            .advance_watermark_to_infinity(tag='closed'))
        for name in ('open', 'closed'):
            groups = (
                streams[name] | f'window {name}' >> beam.WindowInto(FixedWindows(10))
                | f'group {name}' >> beam.GroupByKey()
                | f'sort {name}' >> beam.MapTuple(lambda k, vs: sorted(vs)))
            want = {'open': [[1, 2]], 'closed': [[10]]}[name]
            assert_that(groups, equal_to(want), label=name)

    run(build, streaming=True)


def test_output_feeds_a_side_input_and_main_input_waits_for_it():
    def build(p):
        streams = p | (
            TestStream(output_tags=['main', 'side'])
            .add_elements(at(1, 'early'), tag='main').advance_watermark_to(11, tag='main')
            .add_elements(at(2, 'one'), tag='side').add_elements(at(12, 'two'), tag='side')
            .add_elements(at(13, 'late'), tag='main')
            .advance_watermark_to_infinity(tag='main').advance_watermark_to_infinity(tag='side'))
        side = streams['side'] | 'window side' >> beam.WindowInto(FixedWindows(10))
        seen = (
            streams['main'] | 'window main' >> beam.WindowInto(FixedWindows(10))
            | beam.Map(lambda m, s: (m, sorted(s)), beam.pvalue.AsIter(side)))
        assert_that(seen, equal_to([('early', ['one']), ('late', ['two'])]))

    run(build, streaming=True)


class CountPerKey(beam.DoFn):
    COUNT = userstate.CombiningValueStateSpec('count', sum)

    def process(self, kv, count=beam.DoFn.StateParam(COUNT)):
        count.add(1)
        yield kv[0], kv[1], count.read()


def test_stateful_dofn_directly_on_stream():
    def build(p):
        counted = (
            p | TestStream(KEYED_NUMBERS)
            .add_elements(at(1, ('a', 1), ('b', 2))).advance_watermark_to(5)
            .add_elements(at(6, ('a', 3))).advance_watermark_to(7)
            .add_elements(at(8, ('a', 4), ('b', 5))).advance_watermark_to_infinity()
            | beam.ParDo(CountPerKey()))
        assert_that(
            counted,
            equal_to([('a', 1, 1), ('b', 2, 1), ('a', 3, 2), ('a', 4, 3), ('b', 5, 2)]))

    run(build, streaming=True)


def test_late_data_is_dropped_and_counted():
    def build(p):
        groups = sorted_groups(
            p | TestStream(KEYED_NUMBERS).add_elements(at(1, ('k', 1))).advance_watermark_to(15)
            .add_elements(at(2, ('k', 2), ('k', 3))).add_elements(at(16, ('k', 4)))
            .advance_watermark_to_infinity()
            | beam.WindowInto(FixedWindows(10)))
        assert_that(groups, equal_to([('k', [1]), ('k', [4])]))

    result = run(build, streaming=True)
    assert counter(result, 'droppedDueToLateness') == 2


def test_state_of_an_expired_window_is_not_seen_again():
    """Late data never reaches a stateful DoFn, and each window begins with empty state."""

    def build(p):
        counted = (
            p | TestStream(KEYED_NUMBERS).add_elements(at(1, ('a', 1))).advance_watermark_to(5)
            .add_elements(at(6, ('a', 2))).advance_watermark_to(15)
            .add_elements(at(7, ('a', 3))).add_elements(at(16, ('a', 4)))
            .advance_watermark_to_infinity()
            | beam.WindowInto(FixedWindows(10)) | beam.ParDo(CountPerKey()))
        assert_that(counted, equal_to([('a', 1, 1), ('a', 2, 2), ('a', 4, 1)]))

    run(build, streaming=True)


def test_late_panes_within_allowed_lateness():
    def build(p):
        panes = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0)
            .add_elements(at(1, ('k', 1))).advance_watermark_to(12)
            .add_elements(at(2, ('k', 2))).advance_watermark_to(14)
            .add_elements(at(3, ('k', 3))).advance_watermark_to(40)
            .add_elements(at(4, ('k', 4))).advance_watermark_to_infinity()
            | beam.WindowInto(
                FixedWindows(10), trigger=trigger.AfterWatermark(late=trigger.AfterCount(1)),
                accumulation_mode=trigger.AccumulationMode.ACCUMULATING, allowed_lateness=20)
            | beam.GroupByKey() | beam.ParDo(WithWindowAndPane()))
        # Python's windows are EMIT_ALWAYS: they close with a pane even if nothing was added.
        assert_that(
            panes,
            equal_to([
                (0, [1], 'ON_TIME', 0), (0, [1, 2], 'LATE', 1), (0, [1, 2, 3], 'LATE', 2),
                (0, [1, 2, 3], 'LATE', 3)]))

    run(build, streaming=True)


def test_early_panes_by_count():
    def build(p):
        panes = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0)
            .add_elements(at(1, ('k', 1), ('k', 2))).advance_watermark_to(3)
            .add_elements(at(4, ('k', 3))).advance_watermark_to(5)
            .add_elements(at(6, ('k', 4))).advance_watermark_to(7)
            .add_elements(at(8, ('k', 5))).advance_watermark_to_infinity()
            | beam.WindowInto(
                FixedWindows(10), trigger=trigger.AfterWatermark(early=trigger.AfterCount(2)),
                accumulation_mode=trigger.AccumulationMode.DISCARDING)
            | beam.GroupByKey() | beam.ParDo(WithWindowAndPane()))
        assert_that(
            panes,
            equal_to([
                (0, [1, 2], 'EARLY', 0), (0, [3, 4], 'EARLY', 1), (0, [5], 'ON_TIME', 2)]))

    run(build, streaming=True)


def test_early_panes_by_processing_time():
    def build(p):
        panes = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0)
            .add_elements(at(1, ('k', 1))).advance_processing_time(3)
            .add_elements(at(2, ('k', 2))).advance_processing_time(3)
            .add_elements(at(3, ('k', 3))).advance_watermark_to_infinity()
            | beam.WindowInto(
                FixedWindows(10),
                trigger=trigger.AfterWatermark(early=trigger.AfterProcessingTime(5)),
                accumulation_mode=trigger.AccumulationMode.DISCARDING)
            | beam.GroupByKey() | beam.ParDo(WithWindowAndPane())
            | beam.MapTuple(lambda start, values, timing, index: (values, timing)))
        assert_that(panes, equal_to([([1, 2], 'EARLY'), ([3], 'ON_TIME')]))

    run(build, streaming=True)


def test_sessions_merge_over_bundles():
    def build(p):
        groups = sorted_groups(
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0)
            .add_elements(at(1, ('k', 1)) + at(14, ('k', 14)) + at(40, ('k', 40)))
            .advance_watermark_to(2)
            .add_elements(at(8, ('k', 8))).advance_watermark_to(60)
            .add_elements(at(61, ('k', 61))).advance_watermark_to_infinity()
            | beam.WindowInto(Sessions(10)))
        assert_that(groups, equal_to([('k', [1, 8, 14]), ('k', [40]), ('k', [61])]))

    run(build, streaming=True)
