"""A service that has run many jobs holds no more than one that has run a few."""

import concurrent.futures
import time

import apache_beam as beam
import harnesses
import pytest

IN_SEQUENCE = 200 if harnesses.FULL else 12
AT_ONCE = 20 if harnesses.FULL else 4
# Threads of pools come and go.
SPARE = {'threads': 12, 'files': 12, 'listening': 0, 'children': 0}
SETTLE_SECONDS = 20
# Each job starts a Python process, which takes seconds on a busy machine.
MOST_SECONDS = 900 if harnesses.FULL else 240


def small_job(made):
    def build(pipeline):
        _ = (
            pipeline | beam.Create(range(20)) | beam.Map(lambda n: (n % 3, n))
            | beam.GroupByKey() | beam.Map(len))

    harnesses.run(build, made.options(num_workers=1, max_num_workers=1))


@pytest.mark.timeout(MOST_SECONDS)
def test_many_jobs_leave_nothing_behind():
    pid = harnesses.service_pid()
    with harnesses.harnesses() as made:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(small_job, [made] * AT_ONCE))
        before = harnesses.resources(pid)
        for _ in range(IN_SEQUENCE):
            small_job(made)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(small_job, [made] * AT_ONCE))
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            after = harnesses.resources(pid)
            more = {what: after[what] - before[what] for what in before}
            left = made.alive()
            if not left and all(more[what] <= SPARE[what] for what in more):
                break
            assert time.monotonic() < deadline, (before, after, left)
            time.sleep(0.5)
    print(f'{IN_SEQUENCE} jobs and {AT_ONCE} at once: {before}, then {after}')
