import math

import support
from databases import postgresql

VISITS = 20000


def _score(number):
  return 1 / (1 + math.exp(2.0 - 0.3 * (number % 17) - 0.01 * (number % 301)))


def _fill(database):
  database.execute('CREATE TABLE visits (id BIGINT PRIMARY KEY, pages INT, seconds INT)')
  database.execute('CREATE TABLE scores (id BIGINT PRIMARY KEY, score DOUBLE PRECISION)')
  database.execute(
      'INSERT INTO visits SELECT n, n %% 17, n %% 301 FROM generate_series(1, %s) AS n', VISITS)


def _check(database):
  scores = database.execute('SELECT id, score FROM scores ORDER BY id')
  assert [number for number, _ in scores] == list(range(1, VISITS + 1))
  assert all(math.isclose(score, _score(number)) for number, score in scores)


def _command(database):
  return (
      support.EXAMPLES / 'jdbc_scores.py', f'--expansion_service={support.EXPANSION}',
      f'--jdbc_url={database.jdbc_url}', f'--username={database.USER}', *support.TO_SERVICE)


def test_a_table_is_scored_into_another(tmp_path):
  with postgresql() as database:
    _fill(database)
    support.run(tmp_path, *_command(database))
    _check(database)


def test_a_harness_killed_in_the_middle_changes_no_row(tmp_path):
  with postgresql() as database:
    _fill(database)
    # The first row to be written waits until the worker that wants to write it is dead.
    database.execute('INSERT INTO scores VALUES (1, 0)')
    with database.locked('scores') as unlock:
      with support.running(tmp_path, *_command(database)) as example:

        def blocked():
          return example.runs() and database.execute(
              "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

        support.eventually('a write', blocked)
        support.kill_java_harnesses(database.port)
        unlock()
        example.succeeds()
    _check(database)
