"""User state of every kind the Python SDK has, over bundles, and timers."""

import time
from typing import Any

import apache_beam as beam
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.coders import StrUtf8Coder
from apache_beam.coders import TupleCoder
from apache_beam.coders import VarIntCoder
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms import userstate
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import run


KEYED_NUMBERS = TupleCoder([StrUtf8Coder(), VarIntCoder()])
KEYED = TupleCoder([StrUtf8Coder(), FastPrimitivesCoder()])


@beam.typehints.with_output_types(tuple[str, Any])
class EveryState(beam.DoFn):
    VALUE = userstate.ReadModifyWriteStateSpec('value', StrUtf8Coder())
    BAG = userstate.BagStateSpec('bag', VarIntCoder())
    SET = userstate.SetStateSpec('set', VarIntCoder())
    SUM = userstate.CombiningValueStateSpec('sum', sum)
    COUNT = userstate.CombiningValueStateSpec('count', combine_fn=beam.combiners.CountCombineFn())
    LIST = userstate.OrderedListStateSpec('list', VarIntCoder())
    END = userstate.TimerSpec('end', userstate.TimeDomain.WATERMARK)

    def process(
            self, kv, window=beam.DoFn.WindowParam, value=beam.DoFn.StateParam(VALUE),
            bag=beam.DoFn.StateParam(BAG), some=beam.DoFn.StateParam(SET),
            total=beam.DoFn.StateParam(SUM), count=beam.DoFn.StateParam(COUNT),
            ordered=beam.DoFn.StateParam(LIST), end=beam.DoFn.TimerParam(END)):
        key, number = kv
        before = value.read()
        value.write(f'{before or ""}{number}')
        bag.add(number)
        some.add(number % 2)
        total.add(number)
        count.add(number)
        ordered.add((Timestamp(100 - number), number))
        end.set(window.max_timestamp())
        # Own writes are seen at once.
        yield key, (
            value.read(), sorted(bag.read()), sorted(some.read()), total.read(), count.read(),
            [n for _, n in ordered.read()])

    @userstate.on_timer(END)
    def at_end(
            self, key=beam.DoFn.KeyParam, value=beam.DoFn.StateParam(VALUE),
            bag=beam.DoFn.StateParam(BAG), some=beam.DoFn.StateParam(SET),
            total=beam.DoFn.StateParam(SUM), ordered=beam.DoFn.StateParam(LIST)):
        yield key, (
            'end', value.read(), sorted(bag.read()), sorted(some.read()), total.read(),
            [n for _, n in ordered.read_range(Timestamp(98), Timestamp(100))])
        for state in (value, bag, some, total):
            state.clear()
        ordered.clear_range(Timestamp(0), Timestamp(99))
        yield key, (
            'cleared', value.read(), sorted(bag.read()), sorted(some.read()), total.read(),
            [n for _, n in ordered.read()])


def test_every_state_over_bundles_of_a_stream():
    def build(p):
        stream = TestStream(KEYED_NUMBERS).advance_watermark_to(0)
        for n in (3, 1, 2):
            stream.add_elements([TimestampedValue(('a', n), 1)])
            stream.advance_watermark_to(2 + stream.watermarks[None])
        states = (
            p | stream.advance_watermark_to_infinity() | beam.WindowInto(FixedWindows(100))
            | beam.ParDo(EveryState()))
        assert_that(
            states,
            equal_to([
                ('a', ('3', [3], [1], 3, 1, [3])),
                ('a', ('31', [1, 3], [1], 4, 2, [3, 1])),
                ('a', ('312', [1, 2, 3], [0, 1], 6, 3, [3, 2, 1])),
                ('a', ('end', '312', [1, 2, 3], [0, 1], 6, [2, 1])),
                ('a', ('cleared', None, [], [], 0, [1]))]))

    run(build, streaming=True)


def test_every_state_of_bounded_input():
    def build(p):
        states = (
            p | beam.Create([('a', 1), ('b', 2)]) | beam.WindowInto(FixedWindows(100))
            | beam.ParDo(EveryState()))
        assert_that(
            states,
            equal_to([
                ('a', ('1', [1], [1], 1, 1, [1])), ('b', ('2', [2], [0], 2, 1, [2])),
                ('a', ('end', '1', [1], [1], 1, [1])), ('b', ('end', '2', [2], [0], 2, [2])),
                ('a', ('cleared', None, [], [], 0, [1])), ('b', ('cleared', None, [], [], 0, []))]))

    run(build)


class BagPages(beam.DoFn):
    BAG = userstate.BagStateSpec('bag', beam.coders.BytesCoder())
    END = userstate.TimerSpec('end', userstate.TimeDomain.WATERMARK)

    def process(self, kv, bag=beam.DoFn.StateParam(BAG), end=beam.DoFn.TimerParam(END)):
        for _ in range(100):
            bag.add(kv[1] * 100_000)
        end.set(1)

    @userstate.on_timer(END)
    def at_end(self, bag=beam.DoFn.StateParam(BAG)):
        yield sum(len(b) for b in bag.read())


def test_state_of_one_key_larger_than_a_message():
    def build(p):
        sizes = p | beam.Create([(0, b'x')]) | beam.ParDo(BagPages())
        assert_that(sizes, equal_to([10_000_000]))

    run(build)


class EventTimeLoop(beam.DoFn):
    COUNT = userstate.CombiningValueStateSpec('count', sum)
    TICK = userstate.TimerSpec('tick', userstate.TimeDomain.WATERMARK)

    def process(
            self, kv, count=beam.DoFn.StateParam(COUNT), tick=beam.DoFn.TimerParam(TICK),
            time_of=beam.DoFn.TimestampParam):
        count.add(1)
        tick.set(time_of + 10)

    @userstate.on_timer(TICK)
    def on_tick(
            self, count=beam.DoFn.StateParam(COUNT), tick=beam.DoFn.TimerParam(TICK),
            time_of=beam.DoFn.TimestampParam):
        yield int(time_of), count.read()
        if time_of < 40:
            tick.set(time_of + 10)


def test_looping_timer_in_event_time():
    """The timer fires for idle intervals too, each at its time, with the state of that time."""

    def build(p):
        ticks = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0)
            .add_elements([TimestampedValue(('a', 1), 0)]).advance_watermark_to(25)
            .add_elements([TimestampedValue(('a', 2), 30)]).advance_watermark_to(50)
            .advance_watermark_to_infinity()
            | beam.ParDo(EventTimeLoop()))
        # The second element moves the timer from 30 to 40.
        assert_that(ticks, equal_to([(10, 1), (20, 1), (40, 2)]))

    run(build, streaming=True)


def test_looping_timer_in_processing_time():
    """Fires again and again while the source lives, never before its time."""
    fired = Journal()
    period = 0.2

    class Loop(beam.DoFn):
        FIRST = userstate.ReadModifyWriteStateSpec('first', VarIntCoder())
        TICK = userstate.TimerSpec('tick', userstate.TimeDomain.REAL_TIME)

        def process(
                self, kv, first=beam.DoFn.StateParam(FIRST), tick=beam.DoFn.TimerParam(TICK)):
            if first.read() is None:
                first.write(1)
                tick.set(Timestamp.of(time.time() + period))

        @userstate.on_timer(TICK)
        def on_tick(self, tick=beam.DoFn.TimerParam(TICK)):
            fired.add(time.time())
            if len(fired) < 5:
                tick.set(Timestamp.of(time.time() + period))

    stop = time.time() + 5

    def build(p):
        (p | PeriodicImpulse(Timestamp.now(), stop, 0.1) | beam.Map(lambda x: ('k', x))
         | beam.ParDo(Loop()))

    run(build, streaming=True)
    times = fired.entries()
    assert len(times) == 5
    # A timer's time is in milliseconds.
    assert all(later - earlier > period - 0.002 for earlier, later in zip(times, times[1:]))
    assert times[-1] < stop


class SetAndClear(beam.DoFn):
    A = userstate.TimerSpec('a', userstate.TimeDomain.WATERMARK)

    def process(self, kv, a=beam.DoFn.TimerParam(A)):
        for tag, when in kv[1]:
            if when is None:
                a.clear(dynamic_timer_tag=tag)
            else:
                a.set(when, dynamic_timer_tag=tag)

    @userstate.on_timer(A)
    def on_a(self, tag=beam.DoFn.DynamicTimerTagParam, when=beam.DoFn.TimestampParam):
        yield tag, int(when)


def test_timers_are_replaced_and_cleared_over_bundles():
    def build(p):
        fired = (
            p | TestStream(KEYED).advance_watermark_to(0)
            .add_elements([('k', [('kept', 10), ('moved', 20), ('cleared', 30)])])
            .advance_watermark_to(5)
            .add_elements([('k', [('moved', 40), ('cleared', None)])])
            .advance_watermark_to(50).advance_watermark_to_infinity()
            | beam.ParDo(SetAndClear()))
        assert_that(fired, equal_to([('kept', 10), ('moved', 40)]))

    run(build, streaming=True)
