"""Bundle finalisation: after the bundle is committed, and never for one that failed."""

import apache_beam as beam
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.utils.timestamp import Timestamp

from support import Journal
from support import LiveJob
from support import run


def finalizing(seen, finalized, fails=lambda x: False):
    class Finalizing(beam.DoFn):
        def process(self, x, finalizer=beam.DoFn.BundleFinalizerParam):
            finalizer.register(lambda: finalized.add(x))
            seen.add(x)
            if fails(x):
                raise ValueError('the first attempt fails')
            yield x

    return Finalizing()


def test_batch_job():
    seen, finalized = Journal(), Journal()

    def build(p):
        p | beam.Create(range(20)) | beam.Reshuffle() | beam.ParDo(finalizing(seen, finalized))

    run(build)
    finalized.wait_for(20)
    assert sorted(finalized.entries()) == sorted(seen.entries()) == list(range(20))


def test_live_job():
    """Callbacks come while the job runs, not at its end."""
    seen, finalized = Journal(), Journal()

    def build(p):
        (p | PeriodicImpulse(Timestamp.now(), fire_interval=0.05)
         | beam.ParDo(finalizing(seen, finalized)))

    with LiveJob(build):
        finalized.wait_for(20)


def test_failed_bundle_is_not_finalized():
    seen, finalized = Journal(), Journal()

    def fails(x):
        return seen.entries().count(x) == 1

    def build(p):
        p | beam.Create([1]) | beam.Reshuffle() | beam.ParDo(finalizing(seen, finalized, fails))

    run(build)
    finalized.wait_for(1)
    assert seen.entries() == [1, 1]
    assert finalized.entries() == [1]
