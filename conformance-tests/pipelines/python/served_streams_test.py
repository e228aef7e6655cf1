"""TestStreams whose events a service gives out, as the interactive runner has for its recordings.

The service is the SDK's own; only what it reads from is made here.
"""

import queue

import apache_beam as beam
import pytest
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.test_stream_service import TestStreamServiceController
from apache_beam.transforms.window import FixedWindows

from support import Journal
from support import LiveJob
from support import run
from streams_test import at
from streams_test import KEYED_NUMBERS
from streams_test import sorted_groups

END = object()


class Recording:
    """What a service reads: events of a TestStream, as they are put in, until END."""

    def __init__(self):
        self._events = queue.Queue()

    def put(self, stream):
        """Takes the events of a stream that is never run."""
        for event in stream._events:
            self._events.put(event.to_runner_api(stream.coder))

    def end(self, how=END):
        self._events.put(how)

    def read_multiple(self, labels):
        while True:
            event = self._events.get(timeout=60)
            if event is END:
                return
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
def recording():
    return Recording()


@pytest.fixture
def service(recording):
    controller = TestStreamServiceController(recording)
    controller.start()
    yield controller
    controller.stop()


def script(tags=()):
    return TestStream(KEYED_NUMBERS, output_tags=tags)


def test_served_events_are_as_those_of_the_pipeline(recording, service):
    recording.put(
        script(('early', 'late'))
        .advance_watermark_to(20, tag='late').add_elements(at(1, ('k', 1)), tag='early')
        .add_elements(at(2, ('k', 2)), tag='late').add_elements(at(21, ('k', 3)), tag='late')
        .advance_watermark_to(5, tag='early').add_elements(at(6, ('k', 4)), tag='early')
        .advance_watermark_to_infinity(tag='early').advance_watermark_to_infinity(tag='late'))
    recording.end()
    early, late = Journal(), Journal()

    def build(p):
        outputs = p | TestStream(
            KEYED_NUMBERS, output_tags=('early', 'late'), endpoint=service.endpoint)
        for tag, journal in (('early', early), ('late', late)):
            windows = outputs[tag] | f'{tag} windows' >> beam.WindowInto(FixedWindows(10))
            _ = (windows | f'{tag} groups' >> beam.GroupByKey()
                 | f'{tag} sorted' >> beam.MapTuple(lambda k, vs: (k, sorted(vs)))
                 | f'{tag} kept' >> beam.Map(journal.add))

    run(build, streaming=True)
    assert early.entries() == [('k', [1, 4])]
    assert late.entries() == [('k', [3])]


def test_events_are_taken_as_they_are_served(recording, service):
    groups = Journal()

    def build(p):
        events = p | TestStream(KEYED_NUMBERS, endpoint=service.endpoint)
        _ = (sorted_groups(events | beam.WindowInto(FixedWindows(10))) | beam.Map(groups.add))

    with LiveJob(build) as job:
        recording.put(script().add_elements(at(1, ('k', 1))).advance_watermark_to(10))
        groups.wait_for(1)
        assert groups.entries() == [('k', [1])]
        recording.put(script().add_elements(at(11, ('k', 2))).advance_watermark_to(20))
        groups.wait_for(2)
        recording.end()
        job.wait_for('DONE')
    assert groups.entries() == [('k', [1]), ('k', [2])]


def test_a_service_that_fails_fails_the_job_by_name(recording, service):
    recording.put(script().add_elements(at(1, ('k', 1))).advance_watermark_to(10))
    recording.end(IOError('the recording is torn'))

    def build(p):
        events = p | 'recorded' >> TestStream(KEYED_NUMBERS, endpoint=service.endpoint)
        _ = events | beam.Map(lambda element: None)

    with pytest.raises(RuntimeError) as failure:
        run(build, streaming=True)
    assert service.endpoint in str(failure.value)
    assert 'the recording is torn' in str(failure.value)
