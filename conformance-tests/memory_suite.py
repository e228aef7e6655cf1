"""Services with little memory, or a full disk, under jobs that need much of both: a GroupByKey of large
values, and state and timers of many keys."""

import contextlib
import os
import pathlib
import shlex
import subprocess
import tempfile
import time

import environments
from go_suite import run_limited
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED
from outcome import SKIPPED
from selection import asked_for
from service import ServiceError
from service import StartedService

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent / 'benchmarks'
HEAP = 192
KEYS = 150_000
# Too little for the timers of TOO_MANY_KEYS.
SMALL_HEAP = 80
TOO_MANY_KEYS = 250_000
FEW_KEYS = 5_000
# Beside the heap, a JVM has its own code and buffers of sockets.
MOST_RESIDENT = 2 * HEAP + 128
MEGABYTES = 1024
HOT_MEGABYTES = 384
DISK_MEGABYTES = 64
TOO_LARGE = 256
SMALL = 16
MESSAGE_LINES = 40
PATIENCE = 5
RELEASE_SECONDS = 10


class MemorySuite:
    """Go's harness makes and checks the values; each test has a service of its own."""

    def __init__(self, go_version):
        self.go_version = go_version

    def run(self, name, context):
        if context.start_command is None:
            return [context.tell(Outcome(name, 'service', SKIPPED, message='needs services of its own'))]
        tests = {
            'more-than-memory': _more_than_memory,
            'full-disk': _full_disk,
            'many-keys': _many_keys,
            'too-many-keys': _too_many_keys,
        }
        jobs = _Jobs(environments.GoEnvironment(self.go_version), context)
        outcomes = []
        for test, run in tests.items():
            if asked_for(test, context):
                outcomes.append(context.tell(self._outcome(name, test, run, jobs, context)))
        return outcomes

    @staticmethod
    def _outcome(name, test, run, jobs, context):
        try:
            problem = run(jobs, context)
        except (Skipped, ServiceError) as e:
            status = SKIPPED if isinstance(e, Skipped) else FAILED
            return Outcome(name, test, status, message=str(e))
        return Outcome(name, test, FAILED if problem else PASSED, message=problem or '')


class Skipped(Exception):
    pass


class _Jobs:
    """Runs programs on a service; each returns why it failed, or None."""

    def __init__(self, go, context):
        self._go = go
        self._limit = context.test_seconds * PATIENCE

    def group(self, service, megabytes, hot_megabytes):
        return self._run(
            service, 'groupbykey', f'--megabytes={megabytes}', f'--hot_megabytes={hot_megabytes}',
            '--keys=1000', '--shards=32')

    def keys(self, service, count):
        return self._run(service, 'go', '--workloads=manykeys', f'--size={count}')

    def _run(self, service, program, *arguments):
        command = [
            str(self._go.program_from(BENCHMARKS / program)), *arguments, '--runner=universal',
            f'--endpoint={service.endpoint}', '--environment_type=LOOPBACK'
        ]
        with tempfile.TemporaryDirectory(prefix='conformance-memory-') as directory:
            code, output, seconds = run_limited(command, directory, self._limit)
        if code == 0:
            return None
        ending = '\n'.join(output.rstrip().split('\n')[-MESSAGE_LINES:])
        return ending if code is not None else f'{ending}\n{service.no_end(seconds)}'


def _more_than_memory(jobs, context):
    return _in_little_memory(
        context, 'memory', f'{MEGABYTES} MiB',
        lambda service: jobs.group(service, MEGABYTES, HOT_MEGABYTES))


def _many_keys(jobs, context):
    """More state than the service may hold in memory, in small pieces."""
    return _in_little_memory(
        context, 'many-keys', f'{KEYS} keys with state and a timer',
        lambda service: jobs.keys(service, KEYS))


def _in_little_memory(context, name, what, run):
    with tempfile.TemporaryDirectory(prefix='conformance-memory-') as state:
        with _service(state, context, name) as service:
            problem = run(service)
            resident = _peak_resident_megabytes(service.pid)
            left = _large_files(state)
    print(f'memory: {what} through a heap of {HEAP} MiB, at most {resident} MiB resident')
    if problem:
        return problem
    if resident > MOST_RESIDENT:
        return f'{resident} MiB were resident, more than {MOST_RESIDENT}'
    return f'files are left: {left}' if left else None


def _full_disk(jobs, context):
    with _small_disk() as state, _service(state, context, 'full-disk') as service:
        problem = jobs.group(service, TOO_LARGE, 0)
        if problem is None:
            return f'{TOO_LARGE} MiB went through a disk of {DISK_MEGABYTES}'
        if 'No space left' not in problem:
            return f'the error does not say that the disk is full:\n{problem}'
        left = _large_files(state)
        if left:
            return f'files of the failed job are left: {left}'
        return jobs.group(service, SMALL, 0)


def _too_many_keys(jobs, context):
    """More timers than the heap holds: the job fails, and the next one does not."""
    with tempfile.TemporaryDirectory(prefix='conformance-memory-') as state:
        with _service(state, context, 'too-many-keys', SMALL_HEAP) as service:
            problem = jobs.keys(service, TOO_MANY_KEYS)
            if problem is None:
                return f'{TOO_MANY_KEYS} timers went through a heap of {SMALL_HEAP} MiB'
            if 'the service has no memory left' not in problem:
                return f'the error does not say that the memory is full:\n{problem}'
            return jobs.keys(service, FEW_KEYS)


def _service(state, context, name, heap=HEAP):
    return StartedService(
        f'env TRESTLE_JAVA_OPTS=-Xmx{heap}m {context.start_command} --state-dir {shlex.quote(state)}',
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
    """Those that are still there when a job that has just ended had time to let go of them."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while True:
        left = [
            str(path) for path in pathlib.Path(directory).rglob('*')
            if path.is_file() and path.stat().st_size > 1 << 20]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)
