"""Checks of answers that are part of the pipeline itself, so that they work on any runner."""

import hashlib

import apache_beam as beam
from apache_beam.transforms import window


def fingerprint(value):
    """The same for equal values in every process, unlike `hash`."""
    digest = hashlib.blake2b(repr(value).encode(), digest_size=8).digest()
    return int.from_bytes(digest, 'big')


def digest(values):
    """How many values, and a sum that does not depend on their order."""
    count = total = 0
    for value in values:
        count += 1
        total += fingerprint(value)
    return count, total % (1 << 64)


class _DigestFn(beam.CombineFn):
    def create_accumulator(self):
        return 0, 0

    def add_input(self, accumulator, value):
        count, total = accumulator
        return count + 1, (total + fingerprint(value)) % (1 << 64)

    def merge_accumulators(self, accumulators):
        count = total = 0
        for part_count, part_total in accumulators:
            count += part_count
            total += part_total
        return count, total % (1 << 64)

    def extract_output(self, accumulator):
        return accumulator


def _compare(found, wanted):
    if found != wanted:
        raise ValueError(f'wrong answer: {str(found)[:500]} instead of {str(wanted)[:500]}')


class ExpectValues(beam.PTransform):
    """Fails the job unless the input is these few values, in any order."""

    def __init__(self, *wanted):
        super().__init__()
        self.wanted = sorted(wanted)

    def expand(self, values):
        wanted = self.wanted
        return (
            values
            | 'forget windows' >> beam.WindowInto(window.GlobalWindows())
            | 'all' >> beam.combiners.ToList()
            | 'compare' >> beam.Map(lambda found: _compare(sorted(found), wanted)))


class ExpectDigest(beam.PTransform):
    """Fails the job unless the input has this digest; for large answers."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted = wanted

    def expand(self, values):
        wanted = self.wanted
        return (
            values
            | 'forget windows' >> beam.WindowInto(window.GlobalWindows())
            | 'digest' >> beam.CombineGlobally(_DigestFn())
            | 'compare' >> beam.Map(_compare, wanted))
