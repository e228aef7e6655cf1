"""The Go SDK's tests that submit pipelines, each test in a process of its own."""

import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import containers
import environments
from environments import DOCKER
from environments import LOOPBACK
from environments import PROCESS
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED
from outcome import SKIPPED
from selection import asked_for
from selection import matches

# Left out are packages that need cloud services or databases, regression/coders/fromyaml, which
# submits nothing, and those that need expansion services, which are a suite of their own.
PACKAGES = (
    'test/integration/primitives',
    'test/integration/synthetic',
    'test/integration/wordcount',
    'test/regression',
)
HERE = pathlib.Path(__file__).resolve().parent
PIPELINES = HERE / 'pipelines' / 'go'
# Reads until somebody drains it; the client gives the job its name.
DRAINED = {'primitives.TestDrain': 'go-testdrain-'}
DRAINED_AFTER_SECONDS = 3
PYTHON_VERSION = '2.77.0'
MESSAGE_LINES = 60
# What goes through side inputs, state, timers and windows, for workers of their own: each job starts one.
WITH_OWN_WORKERS = (
    'TestCoGBK', 'TestReshuffle*', 'TestFlatten*', 'TestParDo*', 'TestValueState*', 'TestMapState*',
    'TestTimers_EventTime*', 'TestWindowSums*', 'TestPanes', 'TestCheckpointing')


class GoSuite:
    """Upstream's packages, or a directory of our own pipelines, with a kind of environment."""

    def __init__(
            self, version, pipelines=None, packages=PACKAGES, tests=('*',), flags=(),
            workers=LOOPBACK):
        self.version = version
        self.tests = tests
        self.pipelines = pipelines
        self.packages = packages
        self.flags = flags
        self.workers = workers

    def _binaries(self):
        go = environments.GoEnvironment(self.version)
        if self.pipelines:
            return {'': go.test_binary_from(self.pipelines)}
        return {package.rpartition('/')[2] + '.': go.test_binary(package) for package in self.packages}

    def _environment(self, binary, directory):
        """Flags for the workers of a program's tests."""
        config = {
            LOOPBACK: lambda: '',
            PROCESS: lambda: json.dumps({'command': _harness(binary, directory)}),
            DOCKER: lambda: containers.image('go'),
        }[self.workers]()
        return [f'--environment_type={self.workers}', f'--environment_config={config}']

    def run(self, name, context):
        if self.workers == DOCKER:
            context = containers.ready(context)
        directory = context.target / name
        directory.mkdir(parents=True, exist_ok=True)
        tests = []
        for prefix, binary in self._binaries().items():
            environment = self._environment(binary, directory)
            for test in self._list(binary):
                if matches(test, self.tests) and asked_for(prefix + test, context):
                    tests.append((prefix + test, binary, test, environment))
        outcomes, orphans = [], []
        with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
            for result in pool.map(lambda t: self._run(name, *t, context), tests):
                (outcomes if isinstance(result, Outcome) else orphans).append(result)
        # With several tests under way when the service died, only a second run tells which did it.
        for orphan in orphans:
            result = self._run(name, *orphan, context, last_chance=True)
            outcomes.append(result)
        return outcomes

    def _list(self, binary):
        listed = subprocess.run(
            [str(binary), '-test.list', '.*'], text=True, capture_output=True, cwd=tempfile.gettempdir())
        if listed.returncode:
            raise environments.SetupError(f'{binary} cannot list its tests:\n{listed.stderr}')
        return [line for line in listed.stdout.split() if line.startswith('Test')]

    def _run(self, name, test_id, binary, test, environment, context, last_chance=False):
        if not context.service.alive() and not context.service.revive():
            return context.tell(Outcome(name, test_id, FAILED, message='the job service is gone'))
        drainer = None
        if test_id in DRAINED:
            drainer = subprocess.Popen([
                str(environments.python_with_beam(PYTHON_VERSION)),
                str(HERE / 'drain_job.py'), context.service.endpoint, DRAINED[test_id],
                str(DRAINED_AFTER_SECONDS)])
        with tempfile.TemporaryDirectory(prefix='conformance-go-') as directory:
            code, output, seconds = run_limited(
                [
                    str(binary), '-test.run', f'^{re.escape(test)}$', '-test.v',
                    f'-test.timeout={context.test_seconds}s', '--runner=universal',
                    f'--endpoint={context.service.endpoint}', f'--worker_binary={binary}',
                    *environment, *self.flags
                ],
                directory, context.test_seconds + 10)
        if drainer is not None:
            drainer.kill()
            drainer.wait()
        if code == 0:
            status = SKIPPED if f'--- SKIP: {test} ' in output else PASSED
            if f'--- {"SKIP" if status == SKIPPED else "PASS"}: {test} ' not in output:
                return context.tell(Outcome(name, test_id, FAILED, seconds, f'did not run:\n{output}'))
            return context.tell(Outcome(name, test_id, status, seconds))
        died = not context.service.alive()
        if died and not last_chance:
            return test_id, binary, test, environment
        message = '\n'.join(output.rstrip().split('\n')[-MESSAGE_LINES:])
        if code is None:
            message += f'\n{context.service.no_end(seconds)}'
        if died:
            message += '\nthe job service died'
        return context.tell(Outcome(name, test_id, FAILED, seconds, message))


def _harness(binary, directory):
    """A command that starts workers of this program."""
    python = environments.python_with_beam(PYTHON_VERSION)
    return environments.script(
        directory / f'harness-{binary.name}',
        f'exec {python} {HERE / "python_harness.py"} --go_program={binary} "$@"')


def run_limited(command, directory, limit_seconds, environment=None):
    """Runs a command; returns exit code (None past the limit), all its output, and seconds."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command, cwd=directory, env=dict(os.environ, **(environment or {})), text=True,
        errors='replace', stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit_seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        code = None
    return code, output, time.monotonic() - begin
