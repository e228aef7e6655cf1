"""Window functions and windows of the user's own, which the runner cannot decode."""

import apache_beam as beam
from apache_beam import coders
from apache_beam.coders.coders import IntervalWindowCoder
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms import trigger
from apache_beam.transforms import userstate
from apache_beam.transforms import window
from apache_beam.transforms.window import TimestampedValue

from support import create_at
from support import run


KEYED = coders.TupleCoder([coders.StrUtf8Coder(), coders.FastPrimitivesCoder()])


class GapOfValue(window.WindowFn):
    """Sessions whose gap is the second part of the value."""

    def assign(self, context):
        _, (_, gap) = context.element
        return [window.IntervalWindow(context.timestamp, context.timestamp + gap)]

    def merge(self, context):
        merged = []
        for w in sorted(context.windows, key=lambda w: w.start):
            if merged and w.start <= merged[-1][0].end:
                united, parts = merged[-1]
                merged[-1] = united.union(w), [*parts, w]
            else:
                merged.append((w, [w]))
        for united, parts in merged:
            if len(parts) > 1:
                context.merge(parts, united)

    def get_window_coder(self):
        return IntervalWindowCoder()


class Shift(window.BoundedWindow):
    """A day's early or late half, as a window type of its own."""

    DAY = 100

    def __init__(self, day, half):
        super().__init__((day + (1 if half == 'late' else 0.5)) * Shift.DAY)
        self.day = day
        self.half = half

    def __eq__(self, other):
        return type(other) is Shift and (self.day, self.half) == (other.day, other.half)

    def __hash__(self):
        return hash((self.day, self.half))

    def __repr__(self):
        return f'{self.half} {self.day}'


class ShiftCoder(coders.Coder):
    """Of varying length, and with a zero byte in it."""

    def encode(self, shift):
        return f'{shift.day}\0{shift.half}'.encode()

    def decode(self, encoded):
        day, half = encoded.decode().split('\0')
        return Shift(int(day), half)

    def is_deterministic(self):
        return True


class Shifts(window.NonMergingWindowFn):
    def assign(self, context):
        day, seconds = divmod(float(context.timestamp), Shift.DAY)
        return [Shift(int(day), 'early' if seconds < Shift.DAY / 2 else 'late')]

    def get_window_coder(self):
        return ShiftCoder()


def timed(*pairs):
    return [TimestampedValue(value, seconds) for seconds, value in pairs]


VISITS = timed((0, ('a', (1, 5))), (3, ('a', (2, 20))), (22, ('a', (3, 1))), (30, ('a', (4, 5))),
               (0, ('b', (5, 1))), (1, ('b', (6, 1))), (9, ('b', (7, 1))))
MERGED = [('a', [1, 2, 3]), ('a', [4]), ('b', [5, 6]), ('b', [7])]


def numbers(pcoll):
    return (pcoll | beam.GroupByKey()
            | beam.MapTuple(lambda k, values: (k, sorted(n for n, _ in values))))


def test_merging_windows_of_bounded_input():
    def build(p):
        visits = p | create_at(VISITS)
        assert_that(numbers(visits | beam.WindowInto(GapOfValue())), equal_to(MERGED))

    run(build)


def test_merging_windows_of_a_stream():
    def build(p):
        stream = TestStream(KEYED).advance_watermark_to(-1)
        for visit in sorted(VISITS, key=lambda v: v.timestamp):
            # Not to the visit itself, or a window that it touches has closed.
            if visit.timestamp - 1 > stream.watermarks[None]:
                stream.advance_watermark_to(visit.timestamp - 1)
            stream.add_elements([visit])
        visits = p | stream.advance_watermark_to_infinity()
        assert_that(numbers(visits | beam.WindowInto(GapOfValue())), equal_to(MERGED))

    run(build, streaming=True)


def test_merging_windows_with_a_trigger_of_their_state():
    """The count of elements towards the trigger is that of the merged window."""

    def build(p):
        stream = (
            TestStream(KEYED).advance_watermark_to(0)
            .add_elements(timed((0, ('a', (1, 5))), (8, ('a', (2, 5))))).advance_watermark_to(1)
            .add_elements(timed((4, ('a', (3, 5))))).advance_watermark_to(9)
            .add_elements(timed((10, ('a', (4, 5))))).advance_watermark_to_infinity())
        panes = numbers(
            p | stream | beam.WindowInto(
                GapOfValue(), trigger=trigger.AfterWatermark(early=trigger.AfterCount(3)),
                accumulation_mode=trigger.AccumulationMode.DISCARDING))
        assert_that(panes, equal_to([('a', [1, 2, 3]), ('a', [4])]))

    run(build, streaming=True)


WORK = timed((10, ('k', 1)), (60, ('k', 2)), (70, ('k', 3)), (110, ('k', 4)), (20, ('k', 5)))


class WithWindow(beam.DoFn):
    def process(self, element, shift=beam.DoFn.WindowParam):
        yield repr(shift), element


def test_window_type_with_a_coder_of_its_own_in_group_by_key():
    def build(p):
        groups = (
            p | create_at(WORK) | beam.WindowInto(Shifts()) | beam.GroupByKey()
            | beam.MapTuple(lambda k, vs: sorted(vs)) | beam.ParDo(WithWindow()))
        assert_that(groups, equal_to([('early 0', [1, 5]), ('late 0', [2, 3]), ('early 1', [4])]))

    run(build)


def test_window_type_with_a_coder_of_its_own_in_a_stream():
    def build(p):
        stream = (
            TestStream(KEYED).advance_watermark_to(0).add_elements(WORK[:3] + WORK[4:])
            .advance_watermark_to(105).add_elements(timed((80, ('k', 9)))).add_elements(WORK[3:4])
            .advance_watermark_to_infinity())
        groups = (
            p | stream | beam.WindowInto(Shifts()) | beam.GroupByKey()
            | beam.MapTuple(lambda k, vs: sorted(vs)) | beam.ParDo(WithWindow()))
        # The end of the shift comes from the window function, in the SDK: 9 is late.
        assert_that(groups, equal_to([('early 0', [1, 5]), ('late 0', [2, 3]), ('early 1', [4])]))

    run(build, streaming=True)


def test_window_type_with_a_coder_of_its_own_in_a_side_input():
    def build(p):
        side = (
            p | 'side' >> create_at(WORK) | 'side shifts' >> beam.WindowInto(Shifts())
            | beam.Values())
        seen = (
            p | 'main' >> create_at(timed((0, 'x'), (99, 'y'), (149, 'z')))
            | 'main shifts' >> beam.WindowInto(Shifts())
            | beam.Map(lambda m, s: (m, sorted(s)), beam.pvalue.AsIter(side)))
        assert_that(seen, equal_to([('x', [1, 5]), ('y', [2, 3]), ('z', [4])]))

    run(build)


class SumAtEndOfShift(beam.DoFn):
    SUM = userstate.CombiningValueStateSpec('sum', sum)
    END = userstate.TimerSpec('end', userstate.TimeDomain.WATERMARK)

    def process(
            self, kv, shift=beam.DoFn.WindowParam, total=beam.DoFn.StateParam(SUM),
            end=beam.DoFn.TimerParam(END)):
        total.add(kv[1])
        end.set(shift.max_timestamp())

    @userstate.on_timer(END)
    def at_end(self, shift=beam.DoFn.WindowParam, total=beam.DoFn.StateParam(SUM)):
        yield repr(shift), total.read()


def test_window_type_with_a_coder_of_its_own_in_state_and_timers():
    def build(p):
        sums = p | create_at(WORK) | beam.WindowInto(Shifts()) | beam.ParDo(SumAtEndOfShift())
        assert_that(sums, equal_to([('early 0', 6), ('late 0', 5), ('early 1', 4)]))

    run(build)
