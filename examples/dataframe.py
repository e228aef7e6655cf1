"""Sums up a CSV file with the DataFrame API: the pandas of a pipeline.

    python dataframe.py --input=orders.csv --output=spent.csv \
      --runner=PortableRunner --job_endpoint=localhost:8073 --environment_type=LOOPBACK

The input has the columns `name` and `cents`.
"""

import argparse

import apache_beam as beam
from apache_beam.dataframe.io import read_csv
from apache_beam.options.pipeline_options import PipelineOptions


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--input', required=True)
  parser.add_argument('--output', required=True)
  arguments, others = parser.parse_known_args()
  with beam.Pipeline(options=PipelineOptions(others)) as p:
    orders = p | read_csv(arguments.input)
    large = orders[orders.cents > 100]
    large.groupby('name').cents.sum().to_csv(arguments.output)


if __name__ == '__main__':
  main()
