"""A service with little memory, and one with a full disk, under a GroupByKey that needs much of both."""

import contextlib
import os
import pathlib
import shlex
import subprocess
import tempfile

import environments
from go_suite import run_limited
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED
from outcome import SKIPPED
from selection import asked_for
from service import ServiceError
from service import StartedService

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / 'benchmarks' / 'groupbykey'
HEAP = 192
# Beside the heap, a JVM has its own code and buffers of sockets.
MOST_RESIDENT = 2 * HEAP + 128
MEGABYTES = 1024
HOT_MEGABYTES = 384
DISK_MEGABYTES = 64
TOO_LARGE = 256
SMALL = 16
MESSAGE_LINES = 40
PATIENCE = 5


class MemorySuite:
    """Go's harness makes and checks the values; each test has a service of its own."""

    def __init__(self, go_version):
        self.go_version = go_version

    def run(self, name, context):
        if context.start_command is None:
            return [context.tell(Outcome(name, 'service', SKIPPED, message='needs services of its own'))]
        program = environments.GoEnvironment(self.go_version).program_from(PROGRAM)
        tests = {'more-than-memory': _more_than_memory, 'full-disk': _full_disk}
        outcomes = []
        for test, run in tests.items():
            if asked_for(test, context):
                outcomes.append(context.tell(self._outcome(name, test, run, program, context)))
        return outcomes

    @staticmethod
    def _outcome(name, test, run, program, context):
        try:
            problem = run(_Job(program, context), context)
        except (Skipped, ServiceError) as e:
            status = SKIPPED if isinstance(e, Skipped) else FAILED
            return Outcome(name, test, status, message=str(e))
        return Outcome(name, test, FAILED if problem else PASSED, message=problem or '')


class Skipped(Exception):
    pass


class _Job:
    """Runs the program on a service."""

    def __init__(self, program, context):
        self._program = program
        self._limit = context.test_seconds * PATIENCE

    def run(self, service, megabytes, hot_megabytes):
        """Returns why it failed, or None."""
        with tempfile.TemporaryDirectory(prefix='conformance-memory-') as directory:
            code, output, seconds = run_limited(
                [
                    str(self._program), f'--megabytes={megabytes}', f'--hot_megabytes={hot_megabytes}',
                    '--keys=1000', '--shards=32', '--runner=universal',
                    f'--endpoint={service.endpoint}', '--environment_type=LOOPBACK'
                ], directory, self._limit)
        if code == 0:
            return None
        ending = '\n'.join(output.rstrip().split('\n')[-MESSAGE_LINES:])
        return ending if code is not None else f'{ending}\nno end after {seconds:.0f} s'


def _more_than_memory(job, context):
    with tempfile.TemporaryDirectory(prefix='conformance-memory-') as state:
        with _service(state, context, 'memory') as service:
            problem = job.run(service, MEGABYTES, HOT_MEGABYTES)
            resident = _peak_resident_megabytes(service.pid)
            left = _large_files(state)
    print(f'memory: {MEGABYTES} MiB through a heap of {HEAP} MiB, at most {resident} MiB resident')
    if problem:
        return problem
    if resident > MOST_RESIDENT:
        return f'{resident} MiB were resident, more than {MOST_RESIDENT}'
    return f'files are left: {left}' if left else None


def _full_disk(job, context):
    with _small_disk() as state, _service(state, context, 'full-disk') as service:
        problem = job.run(service, TOO_LARGE, 0)
        if problem is None:
            return f'{TOO_LARGE} MiB went through a disk of {DISK_MEGABYTES}'
        if 'No space left' not in problem:
            return f'the error does not say that the disk is full:\n{problem}'
        left = _large_files(state)
        if left:
            return f'files of the failed job are left: {left}'
        return job.run(service, SMALL, 0)


def _service(state, context, name):
    return StartedService(
        f'env TRESTLE_JAVA_OPTS=-Xmx{HEAP}m {context.start_command} --state-dir {shlex.quote(state)}',
        context.target / f'{name}-service.log', context.ready_seconds)


@contextlib.contextmanager
def _small_disk():
    if os.geteuid() != 0:
        raise Skipped('only root can mount a small disk')
    with tempfile.TemporaryDirectory(prefix='conformance-disk-') as directory:
        mounted = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', f'size={DISK_MEGABYTES}m', 'tmpfs', directory],
            capture_output=True, text=True)
        if mounted.returncode:
            raise Skipped(f'no small disk can be mounted: {mounted.stderr.strip()}')
        try:
            yield directory
        finally:
            subprocess.run(['umount', '--lazy', directory], check=True)


def _peak_resident_megabytes(pid):
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) // 1024
    raise ServiceError(f'process {pid} shows no peak of its memory')


def _large_files(directory):
    return [
        str(path) for path in pathlib.Path(directory).rglob('*')
        if path.is_file() and path.stat().st_size > 1 << 20]
