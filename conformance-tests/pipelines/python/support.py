"""Pipelines on the job service under test, and what they leave behind in this process.

Workers run in this process (LOOPBACK): a DoFn writes to a Journal, and the test reads it.
"""

import collections
import os
import threading
import time
import uuid

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.transforms.window import TimestampedValue

RUNNING = 'RUNNING'
TERMINAL = ('DONE', 'FAILED', 'CANCELLED', 'UPDATED', 'DRAINED')
RPC_SECONDS = 10

_journals = collections.defaultdict(list)
_changed = threading.Condition()


class Journal:
    """A list that DoFns append to and the test waits on. A copy of it writes to the same list."""

    def __init__(self):
        self._name = uuid.uuid4().hex

    def add(self, entry):
        with _changed:
            _journals[self._name].append(entry)
            _changed.notify_all()

    def entries(self):
        with _changed:
            return list(_journals[self._name])

    def __len__(self):
        with _changed:
            return len(_journals[self._name])

    def wait_for(self, count, seconds=20):
        """Waits until there are so many entries; fails the test after so many seconds."""
        with _changed:
            enough = _changed.wait_for(lambda: len(_journals[self._name]) >= count, seconds)
            assert enough, f'{len(_journals[self._name])} of {count} entries after {seconds} s'


def options(streaming):
    flags = [f'--job_endpoint={os.environ["CONFORMANCE_ENDPOINT"]}', '--environment_type=LOOPBACK']
    return PipelineOptions(flags, streaming=streaming)


def run(build, streaming=False, edit=None):
    """Runs what `build` applies to a pipeline until it is DONE; `edit` may change its proto."""
    if os.environ.get('PIPELINES_RUNNER'):
        return _run_in_process(build, os.environ['PIPELINES_RUNNER'], streaming, edit)
    runner, job_options = PortableRunner(), options(streaming)
    pipeline = beam.Pipeline(runner=runner, options=job_options)
    build(pipeline)
    if edit is None:
        result = pipeline.run()
    else:
        proto = PortableRunner.get_proto_pipeline(pipeline, job_options)
        edit(proto)
        result = runner.run_portable_pipeline(proto, job_options)
    assert result.wait_until_finish() == 'DONE'
    return result


def _run_in_process(build, name, streaming, edit):
    """Checks the tests themselves on one of Beam's own runners that has no job service."""
    assert edit is None, 'needs a job service'
    from apache_beam.runners.direct import direct_runner
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    runner = FnApiRunner() if name == 'FnApiRunner' else getattr(direct_runner, name)()
    pipeline = beam.Pipeline(
        runner=runner, options=PipelineOptions([], streaming=streaming))
    build(pipeline)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def create_at(timestamped_values):
    """Bounded input with these timestamps."""
    pairs = [(float(tv.timestamp), tv.value) for tv in timestamped_values]
    return beam.Create(pairs) | beam.MapTuple(lambda seconds, v: TimestampedValue(v, seconds))


class LiveJob:
    """A streaming job that runs until the test ends it; leaving the block cancels it."""

    def __init__(self, build):
        pipeline = beam.Pipeline(runner=PortableRunner(), options=options(streaming=True))
        build(pipeline)
        self._result = pipeline.run()
        self.id = self._result._job_id
        self._jobs = self._result._job_service
        self._states = Journal()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        request = beam_job_api_pb2.GetJobStateRequest(job_id=self.id)
        for event in self._jobs.GetStateStream(request):
            self._states.add(beam_job_api_pb2.JobState.Enum.Name(event.state))

    @property
    def states(self):
        return self._states.entries()

    def drain(self):
        self._jobs.Drain(beam_job_api_pb2.DrainJobRequest(job_id=self.id), timeout=RPC_SECONDS)

    def cancel(self):
        self._jobs.Cancel(beam_job_api_pb2.CancelJobRequest(job_id=self.id), timeout=RPC_SECONDS)

    def metrics(self):
        return self._result.metrics()

    def wait_for(self, state, seconds=30):
        deadline = time.monotonic() + seconds
        while state not in self.states:
            ended = [s for s in self.states if s in TERMINAL]
            assert not ended, f'{ended[0]} instead of {state}'
            left = deadline - time.monotonic()
            assert left > 0, f'not {state} after {seconds} s, but {self.states}'
            with _changed:
                _changed.wait(min(left, 1))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        try:
            if not any(s in TERMINAL for s in self.states):
                self.cancel()
        finally:
            self._result._cleanup()


def wait_until(condition, seconds=20):
    """Waits until something is so that no Journal tells of."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'not so after {seconds} s'
        time.sleep(0.02)


def stateful_pardos(proto):
    """The payloads of the proto's transforms with user state or timers, with their transforms."""
    from apache_beam.portability.api import beam_runner_api_pb2
    for transform in proto.components.transforms.values():
        if transform.spec.urn == 'beam:transform:pardo:v1':
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            if payload.state_specs or payload.timer_family_specs:
                yield transform, payload


def counter(result, name):
    found = result.metrics().query(beam.metrics.MetricsFilter().with_name(name))['counters']
    return sum(c.result for c in found)
