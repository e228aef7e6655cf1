"""Python tests against the job service, in pytest processes that share them out."""

import concurrent.futures
import copy
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import containers
import environments
from outcome import FAILED
from outcome import Outcome
from service import StartedService

HERE = pathlib.Path(__file__).resolve().parent
PLUGINS = HERE / 'python'
PIPELINES = HERE / 'pipelines'
# Directories of our own tests, by variant.
OWN_TESTS = {
    'pipelines': PIPELINES / 'python',
    'workers': PIPELINES / 'workers',
    'xlang-examples': PIPELINES / 'xlang',
}
XLANG_TESTS = 'transforms/validate_runner_xlang_test.py'
# Pytest ends a test at its limit; when that does not help, the process is killed this much later.
KILL_GRACE_SECONDS = 30
# A process ends early when the service died or a test hung or crashed it.
MOST_PROCESSES = 30
# What the services of some variants are started with: one hears early of workers that hang, and in one
# containers see the files that tests leave for their pipelines.
SERVICE_OPTIONS = {
    'workers': '--stuck-after 10s',
    'docker-whole': f'--docker-mounts {tempfile.gettempdir()}:{tempfile.gettempdir()}',
}
# Of FnApiRunnerTest, what goes through state, timers, side inputs, splits and metrics: each job starts
# containers, which takes seconds.
IN_CONTAINERS = (
    'test_assert_that', 'test_pardo', 'test_pardo_side_inputs', 'test_pardo_side_input_dependencies',
    'test_multimap_side_input', 'test_pardo_state_only', 'test_pardo_timers', 'test_gbk_side_input',
    'test_combine_per_key', 'test_flatten', 'test_windowing', 'test_custom_merging_window',
    'test_sdf_with_sdf_initiated_checkpointing', 'test_metrics', 'test_error_message_includes_stage',
)


class PythonSuite:
    """`variant` is '', 'streaming', 'validatesrunner', 'process', 'docker' or 'docker-whole' for workers
    of their own, 'xlang', or 'pipelines', 'workers' or 'xlang-examples' for tests of our own.

    `environment` is added to that of the test processes.
    """

    def __init__(self, version, variant='', environment=None):
        self.version = version
        self.variant = variant
        self.environment = environment or {}
        self.workers = environments.LOOPBACK

    def run(self, name, context):
        options = SERVICE_OPTIONS.get(self.variant)
        if options is None or context.start_command is None:
            return self._run(name, context)
        directory = context.target / name
        directory.mkdir(parents=True, exist_ok=True)
        with StartedService(
                f'{context.start_command} {options}', directory / 'service.log',
                context.ready_seconds) as service:
            own = copy.copy(context)
            own.service = service
            return self._run(name, own)

    def _run(self, name, context):
        make = (
            environments.python_for_xlang
            if self.variant.startswith('xlang') else environments.python_with_beam)
        python = make(self.version)
        if self.variant.startswith('docker'):
            context = containers.ready(context)
            self.workers = f'DOCKER:{containers.image("python", self.version)}'
        arguments = self._arguments(python)
        directory = context.target / name
        directory.mkdir(parents=True, exist_ok=True)
        if self.variant == 'process':
            self.workers = 'PROCESS:' + json.dumps({'command': _harness(python, directory)})
        shards = [
            _Shard(self, name, context, python, arguments, directory, i, context.jobs)
            for i in range(context.jobs)]
        with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
            outcomes = {t: o for found in pool.map(_Shard.run, shards) for t, o in found.items()}
        if any(shard.orphans for shard in shards):
            # Of several tests under way when the service died, one alone did it: run each alone.
            last = _Shard(self, name, context, python, arguments, directory, 0, 1)
            outcomes.update(last.run(done=outcomes, alone=True))
        if not outcomes and not context.only:
            log = (directory / 'pytest-0-0.log').read_text(errors='replace')
            outcomes['collect'] = Outcome(
                name, 'collect', FAILED, message=f'pytest ran no test:\n{log[-4000:]}')
        return list(outcomes.values())

    def _arguments(self, python):
        if self.variant in OWN_TESTS:
            # What passing tests print is in the log as well: the figures of those that measure.
            return ['-rP', str(OWN_TESTS[self.variant])]
        if self.variant == 'xlang':
            return ['--import-mode=importlib', str(_beam_directory(python) / XLANG_TESTS)]
        if self.variant == 'docker':
            module = f'{PLUGINS / "job_service_tests.py"}::JobServiceTest'
            return ['--import-mode=importlib', *(f'{module}::{test}' for test in IN_CONTAINERS)]
        if self.variant != 'validatesrunner':
            return ['--import-mode=importlib', str(PLUGINS / 'job_service_tests.py')]
        # Dataflow's own tests want a Google Cloud project.
        finder = (
            'import apache_beam, pathlib\n'
            'root = pathlib.Path(apache_beam.__file__).parent\n'
            'for path in sorted(root.rglob("*_test.py")):\n'
            '  if "dataflow" not in path.parts and "mark.it_validatesrunner" in path.read_text():\n'
            '    print(path)\n')
        found = subprocess.run([str(python), '-c', finder], text=True, capture_output=True)
        return ['--import-mode=importlib', '-m', 'it_validatesrunner', *found.stdout.split()]


def _harness(python, directory):
    """A command that starts a worker of this Python."""
    return environments.script(
        directory / 'harness', f'export PYTHONPATH={PLUGINS}',
        f'exec {python} {HERE / "python_harness.py"} "$@"')


def _beam_directory(python):
    found = subprocess.run(
        [str(python), '-c', 'import apache_beam; print(apache_beam.__path__[0])'], text=True,
        capture_output=True, check=True)
    return pathlib.Path(found.stdout.strip())


class _Shard:
    """Every n-th test of a suite, in one pytest process or, after a crash, the next one."""

    def __init__(self, suite, name, context, python, arguments, directory, index, count):
        self.suite = suite
        self.name = name
        self.context = context
        self.python = python
        self.arguments = arguments
        self.directory = directory
        self.index = index
        self.count = count
        # Tests that ran when the service died, with other shards running theirs.
        self.orphans = set()

    def run(self, done=(), alone=False):
        outcomes = {}
        label = 'alone' if alone else str(self.index)
        for attempt in range(MOST_PROCESSES):
            done_path = self.directory / f'done-{label}.txt'
            done_path.write_text('\n'.join([*done, *outcomes, *self.orphans]))
            events_path = self.directory / f'events-{label}-{attempt}.jsonl'
            events_path.unlink(missing_ok=True)
            process = self._pytest(
                events_path, done_path, self.directory / f'pytest-{label}-{attempt}.log')
            events = _Events(self.name, events_path, self.context.test_seconds)
            reason = self._follow(process, events)
            outcomes.update(events.outcomes)
            if reason is None and not events.service_gone:
                break
            alive = self.context.service.alive()
            if events.running is not None:
                if alive or alone or self.count == 1:
                    self._fail(outcomes, events.running, reason or 'the job service died')
                else:
                    self.orphans.add(events.running)
            if not alive and not alone:
                self._disown_failures_of(events, outcomes)
            if not self.context.service.revive():
                for test in events.collected or ():
                    if test not in outcomes:
                        self._fail(outcomes, test, 'the job service is gone')
                break
        return outcomes

    def _disown_failures_of(self, events, outcomes):
        """The test that the dying service failed last may be another shard's victim."""
        last = next(reversed(events.outcomes.values()), None)
        if self.count > 1 and last is not None and last.status == FAILED:
            del outcomes[last.test]
            self.orphans.add(last.test)

    def _fail(self, outcomes, test, message):
        outcomes[test] = self.context.tell(Outcome(self.name, test, FAILED, message=message))

    def _pytest(self, events_path, done_path, log_path):
        environment = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join([str(PLUGINS), *self._own_modules()]),
            PYTHONDONTWRITEBYTECODE='1',
            CONFORMANCE_ENDPOINT=self.context.service.endpoint,
            CONFORMANCE_EVENTS=str(events_path),
            CONFORMANCE_DONE=str(done_path),
            CONFORMANCE_ONLY=self.context.only or '',
            CONFORMANCE_SECONDS=str(self.context.test_seconds),
            CONFORMANCE_ENVIRONMENT=self.suite.workers,
            CONFORMANCE_SHARD=f'{self.index}/{self.count}',
            CONFORMANCE_STREAMING='1' if self.suite.variant == 'streaming' else '',
            **self.suite.environment)
        with open(log_path, 'wb') as log:
            return subprocess.Popen(
                [
                    str(self.python), '-m', 'pytest', '-p', 'conformance_plugin', '-p',
                    'no:cacheprovider', '-q', '--tb=native', f'--rootdir={self.directory}',
                    *self.arguments
                ],
                cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)

    def _own_modules(self):
        """Directories of what our own tests import."""
        own = OWN_TESTS.get(self.suite.variant)
        return [str(own), str(HERE)] if own else []

    def _follow(self, process, events):
        """Waits for pytest; returns why it did not get to its end, or None."""
        last_event = time.monotonic()
        while process.poll() is None:
            time.sleep(0.2)
            if self._tell_new(events):
                last_event = time.monotonic()
            limit = events.limit + KILL_GRACE_SECONDS
            if events.collected is not None and time.monotonic() - last_event > limit:
                # Asked while the client is there: a job in LOOPBACK ends with it.
                ending = self.context.service.no_end(limit)
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._tell_new(events)
                return f'{ending}\nthe process was killed'
        self._tell_new(events)
        if process.returncode in (0, 1, 5) or events.service_gone:
            return None
        return f'the test process ended with exit code {process.returncode}'

    def _tell_new(self, events):
        news = events.read()
        for outcome in news:
            self.context.tell(outcome)
        return news


class _Events:
    """What the plugin in the pytest process has written so far."""

    def __init__(self, suite, path, limit):
        self.suite = suite
        self.limit = limit
        self.path = path
        self.collected = None
        self.outcomes = {}
        self.running = None
        self.service_gone = False
        self._read_to = 0

    def read(self):
        if not self.path.exists():
            return []
        with open(self.path, encoding='utf-8') as file:
            file.seek(self._read_to)
            text = file.read()
        whole = text.rpartition('\n')[0]
        if not whole:
            return []
        self._read_to += len((whole + '\n').encode())
        return [o for o in map(self._apply, map(json.loads, whole.split('\n'))) if o]

    def _apply(self, event):
        kind = event['event']
        if kind == 'collected':
            self.collected = event['tests']
        elif kind == 'started':
            self.running = event['test']
            self.limit = event['limit']
        elif kind == 'service-gone':
            self.service_gone = True
        elif kind == 'finished':
            self.running = None
            outcome = Outcome(
                self.suite, event['test'], event['status'], event['seconds'], event['message'])
            self.outcomes[outcome.test] = outcome
            return outcome
        return None
