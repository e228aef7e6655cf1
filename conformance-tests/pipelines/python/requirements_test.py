"""What a pipeline may require of a runner, and no API of the Python SDK asks for.

The Python harness needs no part in either: the runner sorts the input, and fires a timer family at
the expiry of windows. So the pipelines' protos are edited to ask for it.
"""

import apache_beam as beam
from apache_beam.coders import StrUtf8Coder
from apache_beam.coders import TupleCoder
from apache_beam.coders import VarIntCoder
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms import userstate
from apache_beam.transforms.window import FixedWindows
from apache_beam.transforms.window import TimestampedValue

from support import counter
from support import create_at
from support import run
from support import stateful_pardos

TIME_SORTED = 'beam:requirement:pardo:time_sorted_input:v1'
KEYED_NUMBERS = TupleCoder([StrUtf8Coder(), VarIntCoder()])
ON_WINDOW_EXPIRATION = 'beam:requirement:pardo:on_window_expiration:v1'


def require_time_sorted_input(proto):
    for transform, payload in stateful_pardos(proto):
        payload.requires_time_sorted_input = True
        transform.spec.payload = payload.SerializeToString()
    proto.requirements.append(TIME_SORTED)


def require_on_window_expiration(proto):
    for transform, payload in stateful_pardos(proto):
        payload.on_window_expiration_timer_family_spec = 'ts-expiry'
        transform.spec.payload = payload.SerializeToString()
    proto.requirements.append(ON_WINDOW_EXPIRATION)


class Numbered(beam.DoFn):
    """Outputs in which order its input came."""

    COUNT = userstate.CombiningValueStateSpec('count', sum)

    def process(self, kv, count=beam.DoFn.StateParam(COUNT)):
        yield kv[0], count.read(), kv[1]
        count.add(1)


def at(seconds, key='k'):
    return TimestampedValue((key, seconds), seconds)


def test_time_sorted_bounded_input():
    def build(p):
        numbered = (
            p | create_at([at(s, k) for s in (7, 2, 9, 0, 5) for k in 'ab'])
            | beam.ParDo(Numbered()))
        want = [(k, i, s) for i, s in enumerate((0, 2, 5, 7, 9)) for k in 'ab']
        assert_that(numbered, equal_to(want))

    run(build, edit=require_time_sorted_input)


def test_time_sorted_stream():
    """An element waits until the watermark has passed it: only then can no earlier one come."""

    def build(p):
        numbered = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0).add_elements([at(7), at(2)])
            .add_elements([at(5)]).advance_watermark_to(6).add_elements([at(9), at(6)])
            .advance_watermark_to_infinity()
            | beam.ParDo(Numbered()))
        assert_that(numbered, equal_to([('k', i, s) for i, s in enumerate((2, 5, 6, 7, 9))]))

    run(build, streaming=True, edit=require_time_sorted_input)


def test_time_sorted_stream_drops_late_data():
    def build(p):
        numbered = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0).add_elements([at(2)])
            .advance_watermark_to(15).add_elements([at(3), at(16)]).advance_watermark_to_infinity()
            | beam.WindowInto(FixedWindows(10)) | beam.ParDo(Numbered()))
        assert_that(numbered, equal_to([('k', 0, 2), ('k', 0, 16)]))

    result = run(build, streaming=True, edit=require_time_sorted_input)
    assert counter(result, 'droppedDueToLateness') == 1


class SumAtExpiry(beam.DoFn):
    """Never sets its timer: the runner fires it when the window expires."""

    SUM = userstate.CombiningValueStateSpec('sum', sum)
    EXPIRY = userstate.TimerSpec('expiry', userstate.TimeDomain.WATERMARK)

    def process(
            self, kv, total=beam.DoFn.StateParam(SUM), unused=beam.DoFn.TimerParam(EXPIRY)):
        total.add(kv[1])

    @userstate.on_timer(EXPIRY)
    def on_expiry(
            self, key=beam.DoFn.KeyParam, window=beam.DoFn.WindowParam,
            total=beam.DoFn.StateParam(SUM)):
        yield key, int(window.start), total.read()


def test_on_window_expiration_of_bounded_input():
    def build(p):
        sums = (
            p | create_at([at(s, k) for s in (1, 2, 11) for k in 'ab'])
            | beam.WindowInto(FixedWindows(10)) | beam.ParDo(SumAtExpiry()))
        assert_that(sums, equal_to([(k, w, s) for k in 'ab' for w, s in ((0, 3), (10, 11))]))

    run(build, edit=require_on_window_expiration)


def test_on_window_expiration_comes_after_the_allowed_lateness():
    def build(p):
        sums = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0).add_elements([at(1)])
            .advance_watermark_to(14).add_elements([at(2)])  # Late, but allowed.
            .advance_watermark_to(16).add_elements([at(3)])  # Later than allowed.
            .advance_watermark_to_infinity()
            | beam.WindowInto(FixedWindows(10), allowed_lateness=5) | beam.ParDo(SumAtExpiry()))
        assert_that(sums, equal_to([('k', 0, 3)]))

    run(build, streaming=True, edit=require_on_window_expiration)
