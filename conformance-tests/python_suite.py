"""The Python SDK's tests, in one pytest process for each suite."""

import json
import os
import pathlib
import signal
import subprocess
import time

import environments
from outcome import FAILED
from outcome import Outcome

PLUGINS = pathlib.Path(__file__).resolve().parent / 'python'
# Pytest ends a test at its limit; when that does not help, the process is killed this much later.
KILL_GRACE_SECONDS = 30
# A process ends early when the service died or a test hung or crashed it.
MOST_PROCESSES = 30


class PythonSuite:
    def __init__(self, version, variant=''):
        self.version = version
        self.variant = variant

    def run(self, name, context):
        python = environments.python_with_beam(self.version)
        targets, options = self._targets(python)
        directory = context.target / name
        directory.mkdir(parents=True, exist_ok=True)
        done_path = directory / 'done.txt'
        outcomes = {}
        for attempt in range(MOST_PROCESSES):
            done_path.write_text('\n'.join(outcomes))
            events_path = directory / f'events-{attempt}.jsonl'
            events_path.unlink(missing_ok=True)
            process = self._pytest(
                python, [*options, *targets], context, directory, events_path, done_path, attempt)
            events = _Events(name, events_path)
            reason = self._follow(process, events, context)
            outcomes.update(events.outcomes)
            if reason is None and not events.service_gone:
                break
            if events.running is not None:
                outcomes[events.running] = Outcome(
                    name, events.running, FAILED, message=reason or 'the job service died')
                context.tell(outcomes[events.running])
            if not context.service.revive():
                for test in events.collected:
                    if test not in outcomes:
                        outcomes[test] = Outcome(
                            name, test, FAILED, message='the job service is gone')
                break
        self._no_event_is_a_failure(name, outcomes, directory, context)
        return list(outcomes.values())

    def _targets(self, python):
        if self.variant != 'validatesrunner':
            return [str(PLUGINS / 'job_service_tests.py')], []
        # Dataflow's own tests want a Google Cloud project.
        finder = (
            'import apache_beam, pathlib\n'
            'root = pathlib.Path(apache_beam.__file__).parent\n'
            'for path in sorted(root.rglob("*_test.py")):\n'
            '  if "dataflow" not in path.parts and "mark.it_validatesrunner" in path.read_text():\n'
            '    print(path)\n')
        found = subprocess.run([str(python), '-c', finder], text=True, capture_output=True)
        return found.stdout.split(), ['-m', 'it_validatesrunner']

    def _pytest(self, python, arguments, context, directory, events_path, done_path, attempt):
        environment = dict(
            os.environ,
            PYTHONPATH=str(PLUGINS),
            PYTHONDONTWRITEBYTECODE='1',
            CONFORMANCE_ENDPOINT=context.service.endpoint,
            CONFORMANCE_EVENTS=str(events_path),
            CONFORMANCE_DONE=str(done_path),
            CONFORMANCE_ONLY=context.only or '',
            CONFORMANCE_STREAMING='1' if self.variant == 'streaming' else '')
        with open(directory / f'pytest-{attempt}.log', 'wb') as log:
            return subprocess.Popen(
                [
                    str(python), '-m', 'pytest', '-p', 'conformance_plugin', '-p',
                    'no:cacheprovider', '-q', '--import-mode=importlib', f'--rootdir={directory}',
                    f'--timeout={context.test_seconds}', '--timeout-method=signal', *arguments
                ],
                cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)

    def _follow(self, process, events, context):
        """Waits for pytest; returns why it did not get to its end, or None."""
        last_event = time.monotonic()
        while process.poll() is None:
            time.sleep(0.2)
            if self._tell_new(events, context):
                last_event = time.monotonic()
            limit = context.test_seconds + KILL_GRACE_SECONDS
            if events.collected is not None and time.monotonic() - last_event > limit:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._tell_new(events, context)
                return f'no end after {limit} s: the process was killed'
        self._tell_new(events, context)
        if process.returncode in (0, 1, 5) or events.service_gone:
            return None
        return f'the test process ended with exit code {process.returncode}'

    def _tell_new(self, events, context):
        news = events.read()
        for outcome in news:
            context.tell(outcome)
        return news

    def _no_event_is_a_failure(self, name, outcomes, directory, context):
        if outcomes or context.only:
            return
        log = (directory / 'pytest-0.log').read_text(errors='replace')
        outcomes['collect'] = Outcome(
            name, 'collect', FAILED, message=f'pytest ran no test:\n{log[-4000:]}')


class _Events:
    """What the plugin in the pytest process has written so far."""

    def __init__(self, suite, path):
        self.suite = suite
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
        elif kind == 'service-gone':
            self.service_gone = True
        elif kind == 'finished':
            self.running = None
            outcome = Outcome(
                self.suite, event['test'], event['status'], event['seconds'], event['message'])
            self.outcomes[outcome.test] = outcome
            return outcome
        return None
