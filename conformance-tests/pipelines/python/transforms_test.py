"""Transforms of the SDK that are made of state and timers."""

import time

import apache_beam as beam
from apache_beam.coders import StrUtf8Coder
from apache_beam.coders import TupleCoder
from apache_beam.coders import VarIntCoder
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms.deduplicate import Deduplicate
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows
from apache_beam.transforms.window import GlobalWindows
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import run

KEYED_NUMBERS = TupleCoder([StrUtf8Coder(), VarIntCoder()])


def batches_while_the_source_lives(into_batches):
    batches = Journal()
    stop = time.time() + 4

    def build(p):
        (p | PeriodicImpulse(Timestamp.now(), stop, 0.05) | beam.Map(lambda x: ('k', x))
         | beam.WindowInto(GlobalWindows()) | into_batches
         | beam.Map(lambda kv: batches.add((time.time(), list(kv[1])))))

    run(build, streaming=True)
    elements = [x for _, batch in batches.entries() for x in batch]
    assert len(elements) == len(set(elements)) >= 70
    assert sum(when < stop for when, _ in batches.entries()) >= 3


def test_group_into_batches_waits_no_longer_than_told():
    batches_while_the_source_lives(
        beam.GroupIntoBatches(1_000_000, max_buffering_duration_secs=0.5))


def test_group_into_batches_with_sharded_key_waits_no_longer_than_told():
    batches_while_the_source_lives(
        beam.GroupIntoBatches.WithShardedKey(1_000_000, max_buffering_duration_secs=0.5))


def test_group_into_batches_by_size_and_end_of_window():
    def build(p):
        sizes = (
            p | TestStream(KEYED_NUMBERS).advance_watermark_to(0)
            .add_elements([TimestampedValue(('k', n), n) for n in range(7)])
            .advance_watermark_to(15)
            .add_elements([TimestampedValue(('k', n), n) for n in range(15, 18)])
            .advance_watermark_to(30).advance_watermark_to_infinity()
            | beam.WindowInto(FixedWindows(10)) | beam.GroupIntoBatches(5)
            | beam.MapTuple(lambda k, batch: len(list(batch))))
        assert_that(sizes, equal_to([5, 2, 3]))

    run(build, streaming=True)


def test_deduplicate_in_event_time():
    def build(p):
        kept = (
            p | TestStream().advance_watermark_to(0)
            .add_elements([TimestampedValue(v, 1) for v in 'aab']).advance_watermark_to(3)
            .add_elements([TimestampedValue('a', 3)]).advance_watermark_to(20)
            .add_elements([TimestampedValue('a', 21)]).advance_watermark_to_infinity()
            | Deduplicate(event_time_duration=5))
        assert_that(kept, equal_to(['a', 'a', 'b']))

    run(build, streaming=True)


def test_deduplicate_in_processing_time():
    kept = Journal()

    def build(p):
        now = Timestamp.now()
        (p | PeriodicImpulse(now, now + 3, 0.05, data=['same']) | beam.WindowInto(GlobalWindows())
         | Deduplicate(processing_time_duration=0.5) | beam.Map(kept.add))

    run(build, streaming=True)
    # Again after each half second of three seconds, unless the machine is very slow.
    assert 2 <= len(kept) <= 6


def test_a_chain_longer_than_the_stack_of_the_sdk():
    """Python's harness takes some 250 transforms in a row."""

    def build(p):
        numbers = p | beam.Create([1, 2])
        for i in range(600):
            numbers = numbers | f'step {i}' >> beam.Map(lambda x: x + 1)
        assert_that(numbers, equal_to([601, 602]))

    run(build)
