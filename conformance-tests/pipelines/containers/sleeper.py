"""A job that is at work till somebody stops it."""

import sys
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions


def main():
    with beam.Pipeline(options=PipelineOptions(sys.argv[1:])) as pipeline:
        _ = pipeline | beam.Create([600]) | beam.Map(time.sleep)


if __name__ == '__main__':
    main()
