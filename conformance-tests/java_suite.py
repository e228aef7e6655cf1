"""The Java SDK's ValidatesRunner tests, handed one by one to a few Java processes.

A process runs the tests in the order they are given to it, so a test that hangs costs its time limit
and a new process, and the others go on. Workers are threads of the same process (LOOPBACK), processes,
or containers.
"""

import json
import os
import pathlib
import queue
import select
import signal
import subprocess
import threading
import time

import containers
import environments
from environments import DOCKER
from environments import LOOPBACK
from environments import PROCESS
from outcome import FAILED
from outcome import Outcome
from selection import asked_for
from selection import matches

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIENT = ROOT / 'java-client'
HARNESS = ROOT / 'java-harness' / 'boot'
PROGRAM = 'org.trestle.client.conformance.TestServer'
START_SECONDS = 120
DUMP_SECONDS = 2
HEAP = '-Xmx2g'
MESSAGE_LINES = 60
# They need an expansion service, and are suites of their own.
XLANG_TESTS = 'util.construction.ValidateRunnerXlangTest*'
# These look at the container they run in.
OF_CONTAINERS = 'SdkHarnessEnvironmentTest.*'
# For workers of their own: each job starts one, which is a Java virtual machine.
ONE_WORKER = ('--numWorkers=1', '--maxNumWorkers=1')
WITH_OWN_WORKERS = (
    OF_CONTAINERS, 'transforms.CombineTest$BasicTests.*', 'transforms.GroupByKeyTest$BasicTests.testGroupByKey',
    'transforms.ParDoTest$StateTests.testValueStateSimple', 'transforms.ViewTest.testMultimapSideInput')
# Tests that take long by what they do, in seconds.
SLOW_TESTS = {
    'transforms.GroupByKeyTest$BasicTests.testLargeKeys100MB': 300,
    # A hundred elements wait for ten seconds each.
    'transforms.ViewTest.testTriggeredLatestSingleton': 180,
}


class JavaSuite:
    """Tests by patterns of their ids; `properties` are those of the Java processes."""

    def __init__(
            self, tests=('*',), left_out=(XLANG_TESTS, OF_CONTAINERS), properties=None,
            workers=LOOPBACK):
        self.tests = tests
        self.left_out = left_out
        self.properties = properties or {}
        self.workers = workers

    def run(self, name, context):
        if self.workers == DOCKER:
            context = containers.ready(context)
        directory = context.target / name
        directory.mkdir(parents=True, exist_ok=True)
        command = _command(context.service.endpoint, self._environment(), self.properties)
        first = _TestProcess(command, directory / 'tests-0.log')
        wanted = [
            t for t in first.tests
            if matches(t, self.tests) and not matches(t, self.left_out) and asked_for(t, context)]
        if not wanted:
            first.kill()
            return []
        tests = queue.SimpleQueue()
        for test in wanted:
            tests.put(test)
        run = _Run(name, context, command, directory, tests)
        threads = [
            threading.Thread(target=run.work, args=(number, first if number == 0 else None))
            for number in range(max(1, min(context.jobs, len(wanted))))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # With several tests under way when the service died, only a second run tells which did it.
        for orphan in run.orphans:
            tests.put(orphan)
        run.last_chance = True
        run.work(len(threads), None)
        return run.outcomes

    def _environment(self):
        config = {
            LOOPBACK: lambda: '',
            PROCESS: lambda: json.dumps({'command': str(HARNESS)}),
            DOCKER: lambda: containers.image('java'),
        }[self.workers]()
        return [
            f'--defaultEnvironmentType={self.workers}', f'--defaultEnvironmentConfig={config}',
            *([] if self.workers == LOOPBACK else ONE_WORKER)
        ]


class _Run:
    """What the threads of one run share. Appending to a list is atomic."""

    def __init__(self, name, context, command, directory, tests):
        self.name = name
        self.context = context
        self.command = command
        self.directory = directory
        self.tests = tests
        self.outcomes = []
        self.orphans = []
        self.last_chance = False

    def work(self, number, process):
        log = self.directory / f'tests-{number}.log'
        while True:
            try:
                test = self.tests.get_nowait()
            except queue.Empty:
                break
            if not self.context.service.alive() and not self.context.service.revive():
                self._tell(Outcome(self.name, test, FAILED, message='the job service is gone'))
                continue
            try:
                process = process or _TestProcess(self.command, log)
                limit = max(self.context.test_seconds, SLOW_TESTS.get(test, 0))
                outcome = process.run(self.name, test, limit, self.context.service)
            except environments.SetupError as e:
                outcome = Outcome(self.name, test, FAILED, message=str(e))
            if process is not None and process.over:
                process.kill()
                process = None
            died = outcome.status == FAILED and not self.context.service.alive()
            if died and not self.last_chance:
                self.orphans.append(test)
                continue
            if died:
                outcome.message += '\nthe job service died'
            self._tell(outcome)
        if process is not None:
            process.end()

    def _tell(self, outcome):
        self.outcomes.append(self.context.tell(outcome))


def java_command(main_class, *options):
    """Starts a program of `java-client`, its tests or its libraries."""
    java = os.path.join(os.environ['JAVA_HOME'], 'bin', 'java') if 'JAVA_HOME' in os.environ else 'java'
    class_path = os.pathsep.join(
        [str(CLIENT / 'target' / 'test-classes'), str(CLIENT / 'target' / 'classes'), _libraries()])
    return [java, HEAP, '-XX:+UseSerialGC', *options, '-cp', class_path, main_class]


def _libraries():
    class_path_file = CLIENT / 'target' / 'test-class-path'
    if not class_path_file.exists() or not (CLIENT / 'target' / 'test-classes').exists():
        raise environments.SetupError(
            f'{CLIENT.name} is not built: mvn -B -DskipTests -pl java-client package')
    return class_path_file.read_text().strip()


def _command(endpoint, environment, properties):
    tests_jar = next(
        (p for p in _libraries().split(os.pathsep)
         if pathlib.Path(p).name.startswith('beam-sdks-java-core-') and p.endswith('-tests.jar')), None)
    if tests_jar is None:
        raise environments.SetupError('no jar of the SDK\'s tests among the libraries of java-client')
    options = json.dumps([
        '--runner=TestTrestleRunner', f'--jobEndpoint={endpoint}', *environment
    ])
    return [
        *java_command(
            PROGRAM, '-XX:+ExitOnOutOfMemoryError', f'-DbeamTestPipelineOptions={options}',
            *(f'-D{k}={v}' for k, v in properties.items())), tests_jar
    ]


class _TestProcess:
    """A Java process that runs the tests it is given, and says how each went."""

    def __init__(self, command, log_path):
        self.log_path = log_path
        self.over = False
        with open(log_path, 'ab') as log:
            try:
                self.process = subprocess.Popen(
                    command, cwd=log_path.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=log, start_new_session=True)
            except OSError as e:
                raise environments.SetupError(f'cannot start Java: {e}') from e
        self._rest = b''
        listed = self._answer(START_SECONDS)
        if listed is None:
            self.kill()
            raise environments.SetupError(f'{PROGRAM} did not start:\n{self._log_from(0)[-4000:]}')
        self.tests = listed['tests']

    def run(self, suite, test, limit_seconds, service):
        begin = time.monotonic()
        log_start = self.log_path.stat().st_size
        try:
            self.process.stdin.write(f'{test}\n'.encode())
            self.process.stdin.flush()
            answer = self._answer(limit_seconds)
        except BrokenPipeError:
            answer = None
        seconds = time.monotonic() - begin
        if answer is not None:
            message = '\n'.join(answer['message'].split('\n')[:MESSAGE_LINES])
            return Outcome(suite, test, answer['status'], answer['seconds'], message)
        self.over = True
        if self.process.poll() is not None:
            end = '\n'.join(self._log_from(log_start).split('\n')[-MESSAGE_LINES:])
            return Outcome(
                suite, test, FAILED, seconds,
                f'the test process ended with exit code {self.process.returncode}:\n{end}')
        stack = self._thread_of(test)
        return Outcome(
            suite, test, FAILED, seconds,
            f'{service.no_end(seconds)}\nthe stack of the test, all others are in '
            f'{self.log_path}:\n{stack}')

    def _answer(self, limit_seconds):
        """The next line, or None if none comes in time or the process ends."""
        deadline = time.monotonic() + limit_seconds
        while b'\n' not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                self.process.wait()
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b'\n')
        return json.loads(line)

    def _thread_of(self, test):
        """Makes Java print the stacks of all threads, which goes to its output; returns the test's."""
        os.kill(self.process.pid, signal.SIGQUIT)
        text = b''
        deadline = time.monotonic() + DUMP_SECONDS
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                text += data
        dump = text.decode(errors='replace')
        with open(self.log_path, 'a', encoding='utf-8') as log:
            log.write(dump)
        threads = dump.split('\n\n')
        place = f'.{test}('
        found = [t for t in threads if place in t] or [t for t in threads if t.startswith('"main"')]
        return '\n'.join(t.strip() for t in found)

    def _log_from(self, position):
        with open(self.log_path, encoding='utf-8', errors='replace') as log:
            log.seek(position)
            return log.read()

    def end(self):
        """Lets the process end by itself, as it does when there are no more tests."""
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
