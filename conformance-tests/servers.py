"""Real servers for a test: PostgreSQL as installed on the machine, Kafka from Maven's artifacts."""

import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import time

import sockets

READY_SECONDS = 120
STOP_SECONDS = 20
POSTGRESQL_USER = 'trestle'
KAFKA_CLASS_PATH = pathlib.Path(__file__).resolve().parent / 'target' / 'kafka-class-path'


class ServerError(Exception):
    """A server that cannot be started; the text says what to install, or what it logged."""


@contextlib.contextmanager
def postgresql():
    """A server with the empty database `postgres`, gone after the block; gives its port."""
    programs = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'))
    if not programs:
        raise ServerError('PostgreSQL is not installed; on Debian: apt-get install postgresql')
    initdb, postgres, pg_isready = (
        str(programs[-1] / name) for name in ('initdb', 'postgres', 'pg_isready'))
    port = sockets.free_port()
    with tempfile.TemporaryDirectory(prefix='xlang-postgresql-') as directory:
        # The server refuses to run as root.
        as_user = []
        if os.geteuid() == 0:
            shutil.chown(directory, 'postgres', 'postgres')
            # By a program: for an argument `user` Python forks, and the threads that gRPC starts
            # again in its copy of this process now and then crash that before the program runs.
            as_user = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
        data = os.path.join(directory, 'data')
        _do(
            [
                *as_user, initdb, '-D', data, '-U', POSTGRESQL_USER, '-A', 'trust', '-E', 'UTF8',
                '--no-sync'
            ], cwd=directory)
        command = [
            *as_user, postgres, '-D', data, '-p', str(port), '-k', directory, '-c',
            'listen_addresses=127.0.0.1', '-c', 'fsync=off'
        ]
        is_ready = [pg_isready, '-q', '-h', '127.0.0.1', '-p', str(port)]
        with _server(
                command, pathlib.Path(directory, 'log'),
                lambda: subprocess.run(is_ready).returncode == 0, cwd=directory):
            yield port


@contextlib.contextmanager
def kafka():
    """A broker that is its own controller, gone after the block; gives its port."""
    if not KAFKA_CLASS_PATH.exists():
        raise ServerError(
            'there is no class path of Kafka: mvn -B -DskipTests -pl conformance-tests package')
    java = [
        os.path.join(os.environ['JAVA_HOME'], 'bin', 'java') if 'JAVA_HOME' in os.environ else 'java',
        # It lives for a minute or two.
        '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp',
        KAFKA_CLASS_PATH.read_text().strip()
    ]
    port, controller = sockets.free_port(), sockets.free_port()
    with tempfile.TemporaryDirectory(prefix='xlang-kafka-') as directory:
        properties = pathlib.Path(directory, 'server.properties')
        properties.write_text(
            'process.roles=broker,controller\nnode.id=1\n'
            f'controller.quorum.voters=1@127.0.0.1:{controller}\n'
            f'listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n'
            f'advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n'
            'controller.listener.names=CONTROLLER\n'
            'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n'
            f'log.dirs={directory}/data\n'
            'offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n'
            'transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n'
            'group.initial.rebalance.delay.ms=0\n')
        _do(
            [
                *java, 'kafka.tools.StorageTool', 'format', '-t', 'xlang-tests-cluster-01', '-c',
                str(properties)
            ], cwd=directory)
        with _server(
                [*java, 'kafka.Kafka', str(properties)], pathlib.Path(directory, 'log'),
                lambda: sockets.answers(port), cwd=directory):
            yield port


def _do(command, cwd):
    done = subprocess.run(
        command, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    if done.returncode:
        # Java's class path is long.
        what = shlex.join(command)[:400]
        raise ServerError(f'{what} ended with {done.returncode}:\n{done.stdout[-3000:]}')


@contextlib.contextmanager
def _server(command, log, ready, cwd):
    with open(log, 'wb') as output:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until(ready, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(ready, process, log):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(
                f'the server ended with {process.returncode}:\n{log.read_text()[-3000:]}')
        if ready():
            return
        time.sleep(0.1)
    raise ServerError(
        f'the server is not ready after {READY_SECONDS} s:\n{log.read_text()[-3000:]}')
