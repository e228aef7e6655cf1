"""Jobs in containers on a real Docker engine, and what is left of them.

The suite starts services of its own: containers must see the files that jobs read and write, and one
of the services is killed.
"""

import collections
import pathlib
import re
import shutil
import subprocess
import time
import zipfile

import containers
import environments
import java_suite
from examples import GO_WORD
from examples import TEXT
from go_suite import run_limited
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED
from selection import asked_for
from service import ServiceError
from service import StartedService

PIPELINES = pathlib.Path(__file__).resolve().parent / 'pipelines' / 'containers'
JOB_SECONDS = 300
# By then the service has told where a bundle stands.
STUCK_SECONDS = JOB_SECONDS // 5
GONE_SECONDS = 20
REFUSED_SECONDS = 30
MESSAGE_CHARACTERS = 4000


class WrongResult(Exception):
    pass


def _words(pattern):
    return sorted(
        f'{w}: {n}'
        for w, n in collections.Counter(re.findall(pattern, TEXT.read_text())).items())


def _lines(directory, prefix):
    return sorted(
        line for path in directory.glob(f'{prefix}*') for line in path.read_text().splitlines())


def _expect(got, want):
    if got != want:
        raise WrongResult(f'want {str(want)[:1000]}, got {str(got)[:1000]}')


class ContainersSuite:
    def __init__(self, go_version, python_versions):
        self.go_version = go_version
        self.python_versions = python_versions

    def run(self, name, context):
        if context.start_command is None:
            raise environments.SetupError('this suite starts its services: it needs --start-command')
        containers.engine(context.target)
        directory = context.target / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        newest = self.python_versions[-1]
        tests = {
            **{f'python-{v}.wordcount': lambda run, v=v: run.python_wordcount(v)
               for v in self.python_versions},
            'java.wordcount': _Run.java_wordcount,
            'go.wordcount': lambda run: run.go_wordcount(self.go_version),
            'two_environments': lambda run: run.two_environments(newest),
            'staged_package': lambda run: run.staged_package(newest),
            'missing_image': lambda run: run.missing_image(newest),
            'killed_service': lambda run: run.killed_service(newest),
        }
        outcomes = []
        with _service(context, directory) as service:
            for test, body in tests.items():
                if asked_for(test, context):
                    outcomes.append(
                        context.tell(_outcome(name, test, body, _Run(service, directory / test))))
        return outcomes


def _outcome(suite, test, body, run):
    begin = time.monotonic()
    try:
        body(run)
        run.expect_no_containers()
        return Outcome(suite, test, PASSED, time.monotonic() - begin)
    except (WrongResult, ServiceError, environments.SetupError) as e:
        return Outcome(suite, test, FAILED, time.monotonic() - begin, str(e))


def _service(context, directory):
    state = directory / 'state'
    service = StartedService(
        f'{context.start_command} --state-dir {state} --docker-mounts {directory}:{directory} '
        f'--stuck-after {STUCK_SECONDS}s',
        directory / 'service.log', context.ready_seconds)
    service.state = state
    return service


class _Run:
    """One test: a service, and a directory that its containers see."""

    def __init__(self, service, directory):
        self.service = service
        self.directory = directory
        directory.mkdir()
        self.text = directory / TEXT.name
        shutil.copyfile(TEXT, self.text)

    def _containers(self, *options):
        return containers.of_service((self.service.state / 'service-id').read_text(), *options)

    def expect_no_containers(self):
        deadline = time.monotonic() + GONE_SECONDS
        while self._containers('-a'):
            if time.monotonic() > deadline:
                raise WrongResult(f'left after {GONE_SECONDS} s: {self._containers("-a")}')
            time.sleep(0.1)

    def _run(self, command, limit=JOB_SECONDS):
        code, output, seconds = run_limited(command, self.directory, limit)
        return code, output[-MESSAGE_CHARACTERS:], seconds

    def _checked(self, command):
        code, output, seconds = self._run(command)
        if code != 0:
            how = self.service.no_end(seconds) if code is None else f'exit code {code}'
            raise WrongResult(f'{output}\n{self.service.log_tail()}\n{how}')

    def _python(self, version, *program, image=None):
        python = environments.python_with_beam(version)
        return [
            str(python), *program, '--runner=PortableRunner',
            f'--job_endpoint={self.service.endpoint}', '--environment_type=DOCKER',
            f'--environment_config={image or containers.image("python", version)}'
        ]

    def python_wordcount(self, version):
        self._checked(self._python(
            version, '-m', 'apache_beam.examples.wordcount', f'--input={self.text}',
            f'--output={self.directory / "out"}'))
        _expect(_lines(self.directory, 'out'), _words(r"[\w']+"))

    def java_wordcount(self):
        self._checked([
            *java_suite.java_command('org.trestle.client.conformance.WordCount'),
            '--runner=TrestleRunner', f'--jobEndpoint={self.service.endpoint}',
            '--defaultEnvironmentType=DOCKER',
            f'--defaultEnvironmentConfig={containers.image("java")}', f'--input={self.text}',
            f'--output={self.directory / "out"}'
        ])
        _expect(_lines(self.directory, 'out'), _words(r'[^\W\d_]+'))

    def go_wordcount(self, version):
        program = environments.GoEnvironment(version).program('examples/wordcount')
        self._checked([
            str(program), '--runner=universal', f'--endpoint={self.service.endpoint}',
            '--environment_type=DOCKER', f'--environment_config={containers.image("go")}',
            f'--worker_binary={program}', f'--input={self.text}',
            f'--output={self.directory / "out.txt"}'
        ])
        _expect(_lines(self.directory, 'out'), _words(GO_WORD))

    def two_environments(self, version):
        self._checked(self._python(
            version, str(PIPELINES / 'two_environments.py'), f'--output={self.directory / "out"}'))
        _expect(_lines(self.directory, 'out'), ['large 768000000', 'small 512000000'])

    def staged_package(self, version):
        wheel = self.directory / 'staged_greeting-1.0-py3-none-any.whl'
        info = 'staged_greeting-1.0.dist-info'
        with zipfile.ZipFile(wheel, 'w') as archive:
            archive.writestr(
                'staged_greeting.py', 'def greet(name):\n    return f"greetings from the {name}"\n')
            archive.writestr(
                f'{info}/METADATA', 'Metadata-Version: 2.1\nName: staged-greeting\nVersion: 1.0\n')
            archive.writestr(
                f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
            archive.writestr(
                f'{info}/RECORD', f'staged_greeting.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n')
        self._checked(self._python(
            version, str(PIPELINES / 'staged_package.py'), f'--output={self.directory / "out"}',
            f'--extra_package={wheel}'))
        _expect(_lines(self.directory, 'out'), ['greetings from the harbour'])

    def missing_image(self, version):
        image = 'trestle/no-such-image:1'
        code, output, seconds = self._run(
            self._python(version, str(PIPELINES / 'sleeper.py'), image=image))
        if code in (0, None) or f"image '{image}' is not on the Docker engine" not in output:
            raise WrongResult(f'exit code {code} after {seconds:.0f} s:\n{output}')
        if seconds > REFUSED_SECONDS:
            raise WrongResult(f'refused after {seconds:.0f} s')

    def killed_service(self, version):
        client = subprocess.Popen(
            self._python(version, str(PIPELINES / 'sleeper.py')), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + JOB_SECONDS
            while not self._containers():
                if client.poll() is not None or time.monotonic() > deadline:
                    raise WrongResult(f'no container came:\n{self.service.log_tail()}')
                time.sleep(0.2)
            self.service.kill()
            if not self._containers('-a'):
                raise WrongResult('no container outlived its service')
            self.service.start()
            self.expect_no_containers()
        finally:
            client.kill()
            client.wait()
