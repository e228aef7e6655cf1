"""A step that imports a package which only the job brings."""

import argparse

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions


def greet(name):
    import staged_greeting
    return staged_greeting.greet(name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--output', required=True)
    arguments, rest = parser.parse_known_args()
    with beam.Pipeline(options=PipelineOptions(rest, save_main_session=True)) as pipeline:
        _ = (
            pipeline | beam.Create(['harbour']) | beam.Map(greet)
            | beam.io.WriteToText(arguments.output, num_shards=1))


if __name__ == '__main__':
    main()
