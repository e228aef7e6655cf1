"""Two steps in containers of their own: each writes its name and its container's memory limit."""

import argparse
import pathlib

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

LIMITS = ('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes')


def place(step):
    limit = next(path for path in map(pathlib.Path, LIMITS) if path.exists())
    return f'{step} {limit.read_text().strip()}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--output', required=True)
    arguments, rest = parser.parse_known_args()
    options = PipelineOptions([*rest, '--resource_hint=min_ram=512MB'], save_main_session=True)
    with beam.Pipeline(options=options) as pipeline:
        _ = (
            pipeline | beam.Create(['small'])
            | 'Small' >> beam.Map(place)
            | beam.Reshuffle()
            | 'Large' >> beam.FlatMap(
                lambda line: [line, place('large')]).with_resource_hints(min_ram='768MB')
            | beam.io.WriteToText(arguments.output, num_shards=1))


if __name__ == '__main__':
    main()
