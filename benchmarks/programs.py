"""The programs that submit workloads: which there are, and the command that runs one."""

import json
import pathlib
import subprocess

from targets import BEAM_VERSION
from targets import environments

HERE = pathlib.Path(__file__).resolve().parent


class PythonProgram:
    """`python/job.py`; also runs where there is no job service."""

    language = 'Python'

    def __init__(self):
        self._python = str(environments.python_with_beam(BEAM_VERSION))
        self._script = str(HERE / 'python' / 'job.py')

    def workloads(self):
        listed = subprocess.run(
            [self._python, self._script, '--list'], text=True, capture_output=True, check=True)
        return listed.stdout.split()

    def command(self, workloads, endpoint, scale):
        at = ['--endpoint', endpoint] if endpoint else []
        return [self._python, self._script, *at, '--scale', str(scale), *workloads]


class GoProgram:
    """`go/`: workloads written for the Go SDK."""

    language = 'Go'

    def __init__(self):
        self._program = str(
            environments.GoEnvironment(BEAM_VERSION).program_from(HERE / 'go'))

    def workloads(self):
        listed = subprocess.run(
            [self._program, '--list'], text=True, capture_output=True, check=True)
        return listed.stdout.split()

    def command(self, workloads, endpoint, scale):
        return [
            self._program, '--runner=universal', f'--endpoint={endpoint}',
            '--environment_type=LOOPBACK', f'--scale={scale}', '--workloads=' + ','.join(workloads)]


class GoLoadTest:
    """A program of Beam's Go load tests, unchanged: its time is that of the whole process."""

    language = 'Go'
    TESTS = {
        'load-pardo': ('pardo', 1_000_000, ('--iterations=10', )),
        'load-gbk': ('group_by_key', 200_000, ('--fanout=1', '--iterations=1')),
        'load-cogbk': ('cogbk', 100_000, ('--iterations=1', )),
        'load-combine': ('combine', 1_000_000, ('--fanout=1', '--top_count=20')),
        'load-sideinput': ('sideinput', 100_000, ('--access_percentage=100', )),
    }

    def __init__(self, name):
        self.name = name
        self._package, self._records, self._options = self.TESTS[name]
        self._program = str(
            environments.GoEnvironment(BEAM_VERSION).program(f'test/load/{self._package}'))

    def workloads(self):
        return [self.name]

    def command(self, _, endpoint, scale):
        options = list(self._options)
        records = max(1, int(self._records * scale))
        options.append('--input_options=' + self._input(records))
        if self._package == 'cogbk':
            options.append('--co_input_options=' + self._input(max(1, records // 10)))
        return [
            self._program, '--runner=universal', f'--endpoint={endpoint}',
            '--environment_type=LOOPBACK', *options]

    @staticmethod
    def _input(records):
        return json.dumps({'num_records': records, 'key_size': 10, 'value_size': 90})


class JavaProgram:
    """`java/`: workloads written for the Java SDK, submitted with Trestle's client."""

    language = 'Java'
    MAIN = 'org.trestle.benchmark.Workloads'

    def __init__(self):
        class_path_file = HERE / 'java' / 'target' / 'class-path'
        if not class_path_file.exists():
            raise environments.SetupError(
                'benchmarks/java is not built: mvn -B -DskipTests -pl benchmarks/java -am package')
        class_path = f'{HERE / "java" / "target" / "classes"}:{class_path_file.read_text().strip()}'
        self._java = ['java', '-Xmx1g', '-cp', class_path, self.MAIN]

    def workloads(self):
        listed = subprocess.run(
            [*self._java, '--list'], text=True, capture_output=True, check=True)
        return listed.stdout.split()

    def command(self, workloads, endpoint, scale):
        # The first job of a JVM is not measured: it is about loading classes.
        if workloads != ['startup']:
            workloads = ['startup', *workloads]
        return [
            *self._java, f'--jobEndpoint={endpoint}', f'--scale={scale}',
            '--workloads=' + ','.join(workloads)]


def _go_load_tests():
    return [GoLoadTest(name) for name in GoLoadTest.TESTS]


# Each makes programs; a setup that fails is reported for its language and ends nothing else.
PROGRAMS = {
    'python': lambda: [PythonProgram()],
    'go': lambda: [GoProgram(), *_go_load_tests()],
    'java': lambda: [JavaProgram()],
}
