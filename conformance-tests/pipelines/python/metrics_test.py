"""User metrics of every kind, attempted and committed, of batch and live jobs."""

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.metrics import MetricsFilter
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.utils.timestamp import Timestamp

from support import counter
from support import Journal
from support import LiveJob
from support import run
from support import wait_until

SPACE = 'conformance'


class EveryMetric(beam.DoFn):
    def __init__(self):
        self._counter = Metrics.counter(SPACE, 'counter')
        self._distribution = Metrics.distribution(SPACE, 'distribution')
        self._gauge = Metrics.gauge(SPACE, 'gauge')
        self._strings = Metrics.string_set(SPACE, 'strings')
        self._trie = Metrics.bounded_trie(SPACE, 'trie')

    def process(self, n):
        self._counter.inc(n)
        self._distribution.update(n)
        self._gauge.set(7)
        self._strings.add(f's{n % 2}')
        self._trie.add(['a', f'b{n % 3}'])
        yield n


def check_all(result):
    metrics = result.metrics().query(MetricsFilter().with_namespace(SPACE))
    found = {m.key.metric.name: m for kind in metrics.values() for m in kind}
    assert set(found) == {'counter', 'distribution', 'gauge', 'strings', 'trie'}
    for version in ('attempted', 'committed'):
        values = {name: getattr(m, version) for name, m in found.items()}
        assert all(v is not None for v in values.values()), f'{version}: {values}'
        assert values['counter'] == 45
        d = values['distribution']
        assert (d.sum, d.count, d.min, d.max) == (45, 10, 0, 9)
        assert values['gauge'].value == 7
        strings = values['strings']
        assert set(getattr(strings, 'string_set', strings)) == {'s0', 's1'}
        # Paths, and whether each stands for the longer ones that were cut off.
        assert set(values['trie'].flattened()) == {
            ('a', 'b0', False), ('a', 'b1', False), ('a', 'b2', False)}


def test_every_kind_attempted_and_committed():
    check_all(run(lambda p: p | beam.Create(range(10)) | beam.ParDo(EveryMetric())))


def test_every_kind_over_several_bundles():
    """Each element of a bundle of its own, or of few others, on both sides of a shuffle."""

    def build(p):
        (p | beam.Create(range(10)) | beam.Map(lambda n: (n, n)) | beam.GroupByKey() | beam.Keys()
         | beam.ParDo(EveryMetric()))

    check_all(run(build))


def test_committed_leaves_out_failed_bundles():
    attempts = Journal()

    def fail_once(n):
        Metrics.counter(SPACE, 'tried').inc()
        attempts.add(n)
        if n == 9 and attempts.entries().count(9) == 1:
            raise ValueError('the first attempt fails')

    result = run(lambda p: p | beam.Create(range(10)) | beam.Map(fail_once))
    [found] = result.metrics().query(MetricsFilter().with_name('tried'))['counters']
    assert attempts.entries().count(9) == 2
    assert found.committed == 10
    assert found.attempted >= found.committed


def test_of_a_live_job():
    seen = Journal()

    def count(x):
        Metrics.counter(SPACE, 'live').inc()
        seen.add(x)

    def build(p):
        p | PeriodicImpulse(Timestamp.now(), fire_interval=0.05) | beam.Map(count)

    with LiveJob(build) as job:
        seen.wait_for(10)

        def counted():
            job._result._metrics = None
            return counter(job, 'live') >= 10

        wait_until(counted)
