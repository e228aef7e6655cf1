"""Scores the rows of a PostgreSQL table with a model in Python, and writes the scores to another.

Java reads and writes the tables:

    CREATE TABLE visits (id BIGINT PRIMARY KEY, pages INT, seconds INT);
    CREATE TABLE scores (id BIGINT PRIMARY KEY, score DOUBLE PRECISION);

    python jdbc_scores.py --expansion_service=localhost:8097 \
      --jdbc_url=jdbc:postgresql://localhost/shop --username=ada --password=... \
      --runner=PortableRunner --job_endpoint=localhost:8073 --environment_type=LOOPBACK

A bundle that is tried again writes its rows again: the statement replaces those that are there.
"""

import argparse
import math
import typing

import apache_beam as beam
from apache_beam import coders
from apache_beam.io.jdbc import ReadFromJdbc
from apache_beam.io.jdbc import WriteToJdbc
from apache_beam.options.pipeline_options import PipelineOptions

DRIVER = 'org.postgresql.Driver'
UPSERT = (
    'INSERT INTO scores (id, score) VALUES (?, ?) '
    'ON CONFLICT (id) DO UPDATE SET score = EXCLUDED.score')


class Score(typing.NamedTuple):
  id: int
  score: float


coders.registry.register_coder(Score, coders.RowCoder)


class ScoreFn(beam.DoFn):
  """How likely a visitor buys: a logistic model of two features."""
  def setup(self):
    self._weights = {'pages': 0.3, 'seconds': 0.01}
    self._bias = -2.0

  def process(self, visit):
    logit = self._bias + sum(w * getattr(visit, name) for name, w in self._weights.items())
    yield Score(visit.id, 1 / (1 + math.exp(-logit)))


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--expansion_service', default='localhost:8097')
  parser.add_argument('--jdbc_url', required=True)
  parser.add_argument('--username', required=True)
  parser.add_argument('--password', default='')
  arguments, others = parser.parse_known_args()
  database = dict(
      driver_class_name=DRIVER, jdbc_url=arguments.jdbc_url, username=arguments.username,
      password=arguments.password, expansion_service=arguments.expansion_service)
  with beam.Pipeline(options=PipelineOptions(others)) as p:
    _ = (
        p
        | ReadFromJdbc(
            table_name='visits', query='SELECT id, pages, seconds FROM visits', **database)
        | beam.ParDo(ScoreFn()).with_output_types(Score)
        | WriteToJdbc(table_name='scores', statement=UPSERT, **database))


if __name__ == '__main__':
  main()
