import collections
import contextlib
import itertools
import threading
import time

import apache_beam as beam
from apache_beam.io.kafka import WriteToKafka
from apache_beam.options.pipeline_options import PipelineOptions
from kafka import KafkaAdminClient
from kafka import KafkaConsumer
from kafka import KafkaProducer
from kafka import TopicPartition
from kafka.admin import NewTopic
from kafka.errors import CoordinatorNotAvailableError

import servers
import support

TOPIC = 'words'
PARTITIONS = 2
GROUP = 'kafka-windows'
WINDOW_SECONDS = 2
LATEST_SECONDS = 2
WORDS = ('lever', 'pulley', 'wedge')
RECORDS_A_SECOND = 20
MEASURED = 10


class Broker:
  """A Kafka broker with a topic of two partitions, which says when it got each record."""

  def __init__(self, port):
    self.port = port
    self.address = f'127.0.0.1:{port}'
    self._admin = KafkaAdminClient(bootstrap_servers=self.address)
    self._admin.create_topics([
        NewTopic(
            TOPIC, PARTITIONS, 1, topic_configs={'message.timestamp.type': 'LogAppendTime'})
    ])

  def committed(self):
    """How many records of the topic are before the offsets that the group has committed."""
    try:
      offsets = self._admin.list_consumer_group_offsets(GROUP)
    except CoordinatorNotAvailableError:
      return 0  # the broker knows of no group yet
    return sum(max(0, o.offset) for partition, o in offsets.items() if partition.topic == TOPIC)

  def records(self):
    """All records of the topic."""
    partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    with contextlib.closing(KafkaConsumer(bootstrap_servers=self.address)) as consumer:
      consumer.assign(partitions)
      consumer.seek_to_beginning()
      count = sum(consumer.end_offsets(partitions).values())
      return list(itertools.islice(consumer, count))

  def counts(self):
    """Window start -> word -> how many records, of all that the topic has."""
    counts = collections.defaultdict(collections.Counter)
    for record in self.records():
      start = record.timestamp // 1000 // WINDOW_SECONDS * WINDOW_SECONDS
      counts[start][record.value.decode()] += 1
    return counts

  def close(self):
    self._admin.close()


@contextlib.contextmanager
def broker():
  with servers.kafka() as port:
    with contextlib.closing(Broker(port)) as running:
      yield running


class Producer:
  """Sends words to both partitions at a steady pace."""

  def __init__(self, address):
    self.count = 0
    self._producer = KafkaProducer(bootstrap_servers=address, linger_ms=0)
    self._stop = threading.Event()
    self._thread = threading.Thread(target=self._run)

  def __enter__(self):
    self._thread.start()
    return self

  def __exit__(self, *failure):
    self.stop()

  def stop(self):
    self._stop.set()
    self._thread.join()
    self._producer.close()

  def _run(self):
    while not self._stop.wait(1 / RECORDS_A_SECOND):
      word = WORDS[self.count % len(WORDS)].encode()
      self._producer.send(TOPIC, key=b'', value=word, partition=self.count % PARTITIONS)
      self.count += 1


class Windows:
  """The files of the example, one a window."""

  def __init__(self, directory):
    self.directory = directory

  def counts(self):
    """Window start -> word -> count."""
    found = {}
    for file in self.directory.glob('*.txt'):
      lines = (line.split(': ') for line in file.read_text().splitlines())
      found[int(file.stem)] = {word: int(count) for word, count in lines}
    return found

  def lateness(self):
    """Window start -> seconds between the end of the window and its file."""
    return {
        int(f.stem): f.stat().st_mtime - int(f.stem) - WINDOW_SECONDS
        for f in self.directory.glob('*.txt')
    }


@contextlib.contextmanager
def _example(broker, tmp_path):
  name = f'kafka-windows-{broker.port}'
  job = support.Job(name)
  command = (
      support.EXAMPLES / 'kafka_windows.py', f'--expansion_service={support.EXPANSION}',
      f'--bootstrap_servers={broker.address}', f'--topic={TOPIC}', f'--group={GROUP}',
      f'--output={tmp_path}/windows', f'--window_seconds={WINDOW_SECONDS}', '--streaming',
      f'--job_name={name}', *support.TO_SERVICE)
  with support.running(tmp_path, *command) as example:
    try:
      yield example, job
    finally:
      job.cancel()


def _await(example, windows, want):
  assert want
  support.eventually('all windows', lambda: example.runs() and len(windows.counts()) >= len(want))
  assert windows.counts() == want


def test_windows_come_in_time_and_offsets_are_committed(tmp_path):
  windows = Windows(tmp_path / 'windows')
  with broker() as kafka, _example(kafka, tmp_path) as (example, job):
    with Producer(kafka.address) as producer:
      # What was sent while the workers started is not what is measured.
      support.eventually(
          'a window in time',
          lambda: example.runs() and any(s <= LATEST_SECONDS for s in windows.lateness().values()))
      begin = time.time()
      support.eventually(
          'windows', lambda: example.runs() and sum(s > begin for s in windows.counts()) >= MEASURED)
    late = sorted(seconds for start, seconds in windows.lateness().items() if start > begin)
    print('seconds after the end of the window:', late)
    # Not the last one: other tests run on the same processors.
    assert late[len(late) // 2] <= LATEST_SECONDS, late
    _await(example, windows, kafka.counts())
    support.eventually(
        'a commit of all offsets', lambda: example.runs() and kafka.committed() == producer.count)
    job.drain()
    support.eventually('the end of the job', lambda: job.state() == 'DRAINED')
    assert windows.counts() == kafka.counts()


def test_a_killed_harness_loses_no_record_and_repeats_none(tmp_path):
  windows = Windows(tmp_path / 'windows')
  with broker() as kafka, _example(kafka, tmp_path) as (example, job):
    with Producer(kafka.address):
      support.eventually('two windows', lambda: example.runs() and len(windows.counts()) >= 2)
      support.kill_java_harnesses(kafka.port)
      killed = time.time()
      support.eventually(
          'windows after that',
          lambda: example.runs() and sum(s > killed for s in windows.counts()) >= 2)
    _await(example, windows, kafka.counts())


def test_what_a_pipeline_writes_is_in_the_topic(tmp_path):
  rows = [(b'%d' % (n % 7), b'row %d' % n) for n in range(1000)]
  with broker() as kafka:
    with beam.Pipeline(options=PipelineOptions(list(support.TO_SERVICE))) as p:
      _ = (
          p | beam.Create(rows) | beam.Reshuffle()
          | WriteToKafka(
              producer_config={'bootstrap.servers': kafka.address}, topic=TOPIC,
              expansion_service=support.EXPANSION))
    assert sorted((r.key, r.value) for r in kafka.records()) == sorted(rows)
