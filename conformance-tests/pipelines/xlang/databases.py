"""Databases of a test, with what it asks them by itself."""

import contextlib

import psycopg

import servers


class PostgreSql:
  USER = servers.POSTGRESQL_USER

  def __init__(self, port):
    self.port = port
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


@contextlib.contextmanager
def postgresql():
  """A server with an empty database, gone after the block."""
  with servers.postgresql() as port:
    yield PostgreSql(port)
