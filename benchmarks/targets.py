"""The runners that are compared: how each is started and what its process uses."""

import glob
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / 'conformance-tests'))

import environments  # Of the conformance tests: Python and Go with Beam, made once. pylint: disable=wrong-import-position
import sockets  # Of the conformance tests as well. pylint: disable=wrong-import-position

BEAM_VERSION = '2.77.0'
FLINK_JARS = '~/.m2/repository/org/apache/beam/beam-runners-flink-*-job-server/*/*.jar'
LOG_LINES = 5


class TargetError(Exception):
    """A target that cannot be started; the text says why."""


class InProcess:
    """Beam's FnApiRunner, which runs in the process of a Python client and in no other."""

    name = 'FnApiRunner'
    endpoint = None
    languages = ('Python',)
    pid = None

    def start(self):
        pass

    def stop(self):
        pass


class JobServer:
    """A job service in a process of its own; {port} in its command is replaced."""

    languages = ('Python', 'Go', 'Java')

    def __init__(self, name, command, log_directory, ready_seconds, environment=None):
        self.name = name
        self.endpoint = None
        self._command = command
        self._environment = environment
        self._log_path = log_directory / f'{name.lower()}.log'
        self._ready_seconds = ready_seconds
        self._process = None

    @property
    def pid(self):
        return self._process.pid if self._process else None

    def start(self):
        """Starts it and waits until its port answers; returns at once if it runs already."""
        if self._process is not None and self._process.poll() is None:
            return
        port = sockets.free_port()
        command = [part.replace('{port}', str(port)) for part in self._command]
        with open(self._log_path, 'ab') as log:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=dict(os.environ, **(self._environment or {})), start_new_session=True)
            except OSError as e:
                raise TargetError(f'{shlex.join(command)}: {e}') from e
        deadline = time.monotonic() + self._ready_seconds
        while not sockets.answers(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise TargetError(f'{shlex.join(command)} did not start:\n{self._log_tail()}')
            time.sleep(0.1)
        self.endpoint = f'localhost:{port}'

    def stop(self):
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process = None

    def _log_tail(self):
        lines = self._log_path.read_text(errors='replace').splitlines()
        return '\n'.join(lines[-LOG_LINES:])


def trestle(directory):
    command = [
        str(HERE.parent / 'trestle'), 'serve', '--port', '{port}',
        '--state-dir', str(directory / 'trestle-state')]
    # A first start builds the service.
    return JobServer('Trestle', command, directory, ready_seconds=900)


def prism(directory):
    program = environments.GoEnvironment(BEAM_VERSION).program('cmd/prism')
    command = [str(program), '-job_port', '{port}', '-serve_http=false', '-log_level', 'error']
    return JobServer('Prism', command, directory, ready_seconds=30)


def fn_api_runner(_):
    return InProcess()


def flink(directory):
    """The job server of Beam's Flink runner, from a jar that is on this machine."""
    named = os.environ.get('FLINK_JOB_SERVER_JAR')
    found = [named] if named else sorted(glob.glob(os.path.expanduser(FLINK_JARS)))
    if not found:
        raise TargetError(
            'no jar of a Flink job server: name one with FLINK_JOB_SERVER_JAR, or get one with '
            'mvn dependency:get -Dartifact=org.apache.beam:beam-runners-flink-VERSION-job-server:'
            f'{BEAM_VERSION} -Dtransitive=false')
    java = shutil.which('java')
    if java is None:
        raise TargetError('no java on the PATH')
    command = [
        java, '-jar', found[-1], '--job-port={port}', '--artifact-port=0', '--expansion-port=0',
        '--flink-master=[local]', f'--artifacts-dir={directory / "flink-artifacts"}']
    return JobServer('Flink', command, directory, ready_seconds=120)


TARGETS = {'trestle': trestle, 'prism': prism, 'fnapi': fn_api_runner, 'flink': flink}
