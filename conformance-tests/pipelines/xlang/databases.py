"""Real databases for a test: PostgreSQL, as installed on the machine."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import psycopg

READY_SECONDS = 120


def free_port():
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]


def _wait_until(ready, process, log):
  deadline = time.monotonic() + READY_SECONDS
  while time.monotonic() < deadline:
    if process.poll() is not None:
      raise AssertionError(f'the server ended with {process.returncode}:\n{log.read_text()[-3000:]}')
    if ready():
      return
    time.sleep(0.1)
  raise AssertionError(f'the server is not ready after {READY_SECONDS} s:\n{log.read_text()[-3000:]}')


@contextlib.contextmanager
def _server(command, log, ready, **options):
  with open(log, 'wb') as output:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options)
  try:
    _wait_until(ready, process, log)
    yield
  finally:
    process.terminate()
    try:
      process.wait(timeout=20)
    except subprocess.TimeoutExpired:
      process.kill()
      process.wait()


class PostgreSql:
  USER = 'trestle'

  def __init__(self, port):
    self.jdbc_url = f'jdbc:postgresql://127.0.0.1:{port}/postgres'
    self._address = f'host=127.0.0.1 port={port} user={self.USER} dbname=postgres connect_timeout=5'

  def execute(self, statement, *parameters):
    with psycopg.connect(self._address, autocommit=True) as connection:
      cursor = connection.execute(statement, parameters or None)
      return cursor.fetchall() if cursor.description else []

  @contextlib.contextmanager
  def locked(self, table):
    """Keeps others from writing a table; gives what lets them."""
    with psycopg.connect(self._address) as connection:
      connection.execute(f'LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE')
      yield connection.rollback

  def answers(self):
    try:
      self.execute('SELECT 1')
      return True
    except psycopg.OperationalError:
      return False


@contextlib.contextmanager
def postgresql():
  """A server with an empty database, gone after the block."""
  programs = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'))
  assert programs, 'PostgreSQL is not installed; on Debian: apt-get install postgresql'
  port = free_port()
  with tempfile.TemporaryDirectory(prefix='xlang-postgresql-') as directory:
    # The server refuses to run as root.
    user = {'user': 'postgres', 'group': 'postgres'} if os.geteuid() == 0 else {}
    if user:
      shutil.chown(directory, 'postgres', 'postgres')
    data = os.path.join(directory, 'data')
    subprocess.run(
        [
            str(programs[-1] / 'initdb'), '-D', data, '-U', PostgreSql.USER, '-A', 'trust', '-E',
            'UTF8', '--no-sync'
        ],
        check=True, capture_output=True, cwd=directory, **user)
    database = PostgreSql(port)
    command = [
        str(programs[-1] / 'postgres'), '-D', data, '-p', str(port), '-k', directory, '-c',
        'listen_addresses=127.0.0.1', '-c', 'fsync=off'
    ]
    log = pathlib.Path(directory, 'log')
    with _server(command, log, database.answers, cwd=directory, **user):
      yield database
