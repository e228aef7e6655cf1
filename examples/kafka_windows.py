"""Counts the words of a Kafka topic in windows of time, and writes each window to a file.

    python kafka_windows.py --expansion_service=localhost:8097 \
      --bootstrap_servers=localhost:9092 --topic=words --output=counts --window_seconds=10 \
      --runner=PortableRunner --job_endpoint=localhost:8073 --environment_type=LOOPBACK --streaming

A record is in the window in which the broker has got it: the topic is one with
`message.timestamp.type=LogAppendTime`. So no record is late, however long a producer takes to send it.

What is read is seen downstream when the reader takes a break. It takes one after its polling timeout, and
when the runner asks for one, which a reader that has caught up refuses: so the timeout is the longest time
that a window comes late.

Runs until it is drained or cancelled, as in `./trestle drain last`. The consumer group's offsets are
committed when what was read is safe with the runner.
"""

import argparse
import os

import apache_beam as beam
from apache_beam.io.kafka import ReadFromKafka
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import window

POLLING_SECONDS = 1


class WriteWindowFn(beam.DoFn):
  """Writes the counts of a window to a file of its own, whole or not at all."""
  def __init__(self, directory):
    self._directory = directory

  def process(self, counts, interval=beam.DoFn.WindowParam):
    os.makedirs(self._directory, exist_ok=True)
    path = os.path.join(self._directory, f'{interval.start.micros // 1000000}.txt')
    with open(path + '.partial', 'w', encoding='utf-8') as file:
      file.writelines(f'{word}: {count}\n' for word, count in sorted(counts))
    os.replace(path + '.partial', path)


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--expansion_service', default='localhost:8097')
  parser.add_argument('--bootstrap_servers', required=True)
  parser.add_argument('--topic', required=True)
  parser.add_argument('--group', default='kafka-windows')
  parser.add_argument('--output', required=True)
  parser.add_argument('--window_seconds', type=int, default=10)
  arguments, others = parser.parse_known_args()
  with beam.Pipeline(options=PipelineOptions(others)) as p:
    _ = (
        p
        | ReadFromKafka(
            consumer_config={
                'bootstrap.servers': arguments.bootstrap_servers, 'group.id': arguments.group,
                'auto.offset.reset': 'earliest'
            },
            topics=[arguments.topic], timestamp_policy=ReadFromKafka.log_append_time,
            consumer_polling_timeout=POLLING_SECONDS, commit_offset_in_finalize=True,
            expansion_service=arguments.expansion_service)
        | 'Words' >> beam.MapTuple(lambda key, value: value.decode())
        | beam.WindowInto(window.FixedWindows(arguments.window_seconds))
        | beam.combiners.Count.PerElement()
        | beam.CombineGlobally(beam.combiners.ToListCombineFn()).without_defaults()
        | beam.ParDo(WriteWindowFn(arguments.output)))


if __name__ == '__main__':
  main()
