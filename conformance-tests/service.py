"""The job service under test: one that this run starts and stops, or one that is there already."""

import os
import pathlib
import queue
import shlex
import signal
import socket
import subprocess
import threading
import time

import sockets

LOG_TAIL_LINES = 60
LAUNCHER = pathlib.Path(__file__).resolve().parent.parent / 'trestle'
EXPLAINED_JOBS = 2
EXPLAINED_LINES = 60
EXPLAIN_SECONDS = 20


class ServiceError(Exception):
    pass


class Service:
    """A job service at an endpoint that somebody else looks after."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def start(self):
        if not self.alive():
            raise ServiceError(f'nothing answers at {self.endpoint}')

    def alive(self):
        host, _, port = self.endpoint.rpartition(':')
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
            return True
        except OSError:
            return False

    def revive(self):
        """Makes the service answer again after it died; False when that cannot be done."""
        return self.alive()

    def no_end(self, seconds):
        """Says that a test has not come to its end, and what the service knows of the jobs that run."""
        said = [f'no end after {seconds:.0f} s']
        jobs = self._ask('jobs')
        running = [line.split()[0] for line in jobs.split('\n') if ' RUNNING ' in line]
        for job in running[:EXPLAINED_JOBS]:
            said += [self._ask('logs', job), self._ask('show', job)]
        return '\n'.join(said if running else [*said, jobs])

    def _ask(self, *command):
        try:
            answer = subprocess.run(
                [str(LAUNCHER), *command], env={**os.environ, 'TRESTLE_ENDPOINT': self.endpoint},
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=EXPLAIN_SECONDS).stdout
        except (OSError, subprocess.TimeoutExpired) as e:
            answer = f'{" ".join(command)}: {e}'
        return '\n'.join(answer.rstrip().split('\n')[-EXPLAINED_LINES:])

    def renew(self):
        """Ends what jobs may have been left, where that can be done."""

    def stop(self):
        """Returns what was wrong with the way the service stopped, or None."""
        return None


class StartedService(Service):
    """Runs a command that prints `ready` on a line of its own and stops cleanly on SIGTERM."""

    RESTARTS = 10

    def __init__(self, command, log_path, ready_seconds):
        port = sockets.free_port()
        super().__init__(f'localhost:{port}')
        self.command = shlex.split(command.replace('{port}', str(port)))
        self.log_path = log_path
        self.ready_seconds = ready_seconds
        self.deaths = 0
        self._log_start = 0
        self._process = None
        self._lock = threading.Lock()

    def start(self):
        if os.path.exists(self.log_path):
            self._log_start = os.path.getsize(self.log_path)
        try:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as e:
            raise ServiceError(f'cannot start {shlex.join(self.command)}: {e}') from e
        ready = queue.Queue()
        threading.Thread(
            target=self._copy_output, args=(self._process, ready), daemon=True).start()
        begin = time.monotonic()
        try:
            said_ready = ready.get(timeout=self.ready_seconds)
        except queue.Empty:
            said_ready = False
        if not said_ready:
            code = self._process.poll()
            self._kill_group(signal.SIGKILL)
            how = 'said nothing of being ready' if code is None else f'ended with exit code {code}'
            raise ServiceError(
                f'{shlex.join(self.command)} {how} after {time.monotonic() - begin:.0f} s\n'
                + self.log_tail())

    def _copy_output(self, process, ready):
        with open(self.log_path, 'ab', buffering=0) as log:
            for line in process.stdout:
                log.write(line)
                if line.strip() == b'ready':
                    ready.put(True)
        ready.put(False)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self.stop()

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process is not None and self._process.poll() is None and super().alive()

    def revive(self):
        with self._lock:
            if self.alive():
                return True
            self.deaths += 1
            code = self._process.poll()
            how = 'does not answer' if code is None else f'died with exit code {code}'
            print(f'*** the service {how}; the end of its log:\n{self.log_tail()}\n***', flush=True)
            self._kill_group(signal.SIGKILL)
            if self.deaths > self.RESTARTS:
                return False
            try:
                self.start()
            except ServiceError as e:
                print(f'*** {e}', flush=True)
                return False
            return True

    def renew(self):
        complaint = self.stop()
        if complaint:
            raise ServiceError(complaint)
        self.start()

    def stop(self):
        if self._process is None or self._process.poll() is not None:
            return None
        self._process.terminate()
        try:
            code = self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._kill_group(signal.SIGKILL)
            return 'the service still ran 20 s after SIGTERM'
        self._kill_group(signal.SIGKILL)
        if code not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            return f'the service ended with exit code {code} after SIGTERM'
        return None

    def kill(self):
        """Ends the service as a crash does."""
        self._kill_group(signal.SIGKILL)

    def _kill_group(self, number):
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass
        self._process.wait()

    def log_tail(self):
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as log:
                log.seek(self._log_start)
                return ''.join(log.readlines()[-LOG_TAIL_LINES:]).rstrip()
        except FileNotFoundError:
            return '(no log)'
