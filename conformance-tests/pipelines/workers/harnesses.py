"""Jobs whose workers are processes of their own (PROCESS), and what happens to these.

WORKERS_FULL=1 runs the same tests for minutes and with more jobs; give --test-timeout 900 then.
"""

import contextlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.portable_runner import PortableRunner
from google.protobuf import struct_pb2

import environments
import sockets

# Workers, which load this as well, are told of their service otherwise.
ENDPOINT = os.environ.get('CONFORMANCE_ENDPOINT', '')
FULL = os.environ.get('WORKERS_FULL') == '1'
HARNESS = pathlib.Path(__file__).resolve().parents[2] / 'python_harness.py'


class Harnesses:
    """A command for the PROCESS environment that tells which processes it has become."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self._pids = self.directory / 'pids'
        self._pids.mkdir()
        self._working = self.directory / 'working'
        self._working.mkdir()
        self.command = self.directory / 'harness'
        environments.script(
            self.command, f'touch {self._pids}/$$',
            f'export PYTHONPATH={os.environ.get("PYTHONPATH", "")}',
            f'exec {sys.executable} {HARNESS} "$@"')

    def started(self):
        return [int(path.name) for path in self._pids.iterdir()]

    def alive(self):
        return [pid for pid in self.started() if pathlib.Path(f'/proc/{pid}/task').exists()]

    def says_it_works(self):
        """A DoFn that lets elements pass; a worker that runs it can be killed."""
        return SaysItWorks(str(self._working))

    def working(self):
        return [pid for pid in self.alive() if (self._working / str(pid)).exists()]

    def first_worked(self):
        """When the first of them began to work, in seconds of the epoch."""
        return min(path.stat().st_mtime for path in self._working.iterdir())

    def options(self, streaming=False, **more):
        return PipelineOptions(
            [f'--job_endpoint={ENDPOINT}', '--environment_type=PROCESS'],
            environment_config=json.dumps({'command': str(self.command)}),
            streaming=streaming, **more)

    @contextlib.contextmanager
    def killed_now_and_then(self, seconds):
        """Kills one that works, again and again, while the block runs; gives the list of them."""
        stop, killed = threading.Event(), []

        def kill():
            while not stop.wait(seconds):
                working = self.working()
                if working:
                    killed.append(random.choice(working))
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(killed[-1], signal.SIGKILL)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        try:
            yield killed
        finally:
            stop.set()
            thread.join()


class SaysItWorks(beam.DoFn):
    def __init__(self, directory):
        self._directory = directory

    def setup(self):
        path = pathlib.Path(self._directory) / str(os.getpid())
        # Called for each of its bundles' processors: the first one says when it began.
        if not path.exists():
            path.touch()

    def process(self, element):
        yield element


@contextlib.contextmanager
def harnesses():
    with tempfile.TemporaryDirectory() as directory:
        yield Harnesses(directory)


class Job:
    """A job that has been submitted."""

    def __init__(self, build, options):
        pipeline = beam.Pipeline(runner=PortableRunner(), options=options)
        build(pipeline)
        self._result = pipeline.run()
        self.id = self._result._job_id
        self._jobs = self._result._job_service

    def wait(self):
        """Its last state."""
        request = beam_job_api_pb2.GetJobStateRequest(job_id=self.id)
        state = None
        for event in self._jobs.GetStateStream(request):
            state = beam_job_api_pb2.JobState.Enum.Name(event.state)
        self._result._cleanup()
        return state

    def scale(self, least, most):
        """Sets how many workers it may have from now on."""
        request = struct_pb2.Struct()
        request.update({'job': self.id, 'min': least, 'max': most})
        with grpc.insecure_channel(ENDPOINT) as channel:
            channel.unary_unary(
                '/trestle.v1.Admin/ScaleJob',
                request_serializer=struct_pb2.Struct.SerializeToString,
                response_deserializer=struct_pb2.Struct.FromString)(request, timeout=30)

    def messages(self):
        """All its messages, after its end."""
        request = beam_job_api_pb2.JobMessagesRequest(job_id=self.id)
        return [
            response.message_response.message_text
            for response in self._jobs.GetMessageStream(request)
            if response.HasField('message_response')]


def run(build, options):
    """Runs a job that must succeed; returns how many seconds it took."""
    begin = time.monotonic()
    job = Job(build, options)
    state = job.wait()
    assert state == 'DONE', (state, job.messages()[-5:])
    return time.monotonic() - begin


def wanted_seconds(pid):
    """How long the threads of a process ran or waited for a processor."""
    total = 0
    for statistics in pathlib.Path(f'/proc/{pid}/task').glob('*/schedstat'):
        with contextlib.suppress(OSError):
            on_processor, in_queue, _ = statistics.read_text().split()
            total += int(on_processor) + int(in_queue)
    return total / 1e9


def service_pid():
    """The process that listens at the endpoint; it must be on this machine."""
    at_endpoint = sockets.listening(int(ENDPOINT.rpartition(':')[2]))
    for process in pathlib.Path('/proc').glob('[0-9]*'):
        if sockets.held_by(process.name) & at_endpoint:
            return int(process.name)
    raise AssertionError(f'no process here listens at {ENDPOINT}')


def resources(pid):
    """What a process holds: threads, open files, listening ports, child processes."""
    process = pathlib.Path(f'/proc/{pid}')
    children = sum(
        len(path.read_text().split()) for path in process.glob('task/*/children'))
    return {
        'threads': len(list((process / 'task').iterdir())),
        'files': len(list((process / 'fd').iterdir())),
        'listening': len(sockets.held_by(pid) & sockets.listening()),
        'children': children,
    }
