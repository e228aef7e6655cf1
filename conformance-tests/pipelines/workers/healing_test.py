"""Workers that die, fail or hang, and jobs that live on."""

import collections
import os
import pathlib
import re
import signal
import threading
import time

import apache_beam as beam
import harnesses
import pytest
from apache_beam.coders import StrUtf8Coder
from apache_beam.coders import VarIntCoder
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms.combiners import CountCombineFn
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import CombiningValueStateSpec
from apache_beam.transforms.userstate import TimerSpec
from apache_beam.transforms.userstate import on_timer
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Timestamp

KILL_SECONDS = 5
# With workers that come and go, this much more time.
MOST_TIMES = 1.3
# What a kill costs is mostly the start of another worker, and a short job ends before its pool has
# workers in reserve.
MOST_TIMES_IN_BATCH = MOST_TIMES if harnesses.FULL else 1.7
# The first workers of a job connect.
START_SECONDS = 8
# A job with kills says itself what took too long, if its test is not ended before.
MOST_SECONDS = 600 if harnesses.FULL else 120
WORKERS = 4


@pytest.fixture
def workers():
    with harnesses.harnesses() as made:
        yield made


PAUSE = 0.1
ONE_AT_A_TIME = threading.Lock()


class Work(beam.DoFn):
    """Takes its time for one element after the other, however many bundles its worker has at once."""

    def process(self, number):
        with ONE_AT_A_TIME:
            time.sleep(PAUSE)
        yield number % 10, number


@pytest.mark.timeout(MOST_SECONDS)
def test_batch_job_lives_through_kills(workers):
    seconds = 180 if harnesses.FULL else 24
    count = int(seconds * WORKERS / PAUSE)

    def build(pipeline):
        sums = (
            pipeline | beam.Create(range(count)) | beam.Reshuffle()
            | beam.ParDo(workers.says_it_works()) | beam.ParDo(Work()) | beam.CombinePerKey(sum))
        expected = collections.Counter()
        for number in range(count):
            expected[number % 10] += number
        assert_that(sums, equal_to(list(expected.items())))

    options = workers.options(num_workers=WORKERS, max_num_workers=WORKERS)
    with workers.killed_now_and_then(KILL_SECONDS) as killed:
        harnesses.run(build, options)
    took = time.time() - workers.first_worked()
    print(f'{took:.1f} s for {seconds} s of work, {len(killed)} workers killed')
    assert len(killed) >= seconds // KILL_SECONDS // 2
    assert took <= MOST_TIMES_IN_BATCH * seconds


class CountInWindow(beam.DoFn):
    """Counts the elements of a key and window; a timer gives out the count at the window's end."""

    COUNT = CombiningValueStateSpec('count', VarIntCoder(), CountCombineFn())
    END = TimerSpec('end', TimeDomain.WATERMARK)

    def process(
            self, element, window=beam.DoFn.WindowParam, count=beam.DoFn.StateParam(COUNT),
            end=beam.DoFn.TimerParam(END)):
        count.add(1)
        end.set(window.end)

    @on_timer(END)
    def at_end(
            self, key=beam.DoFn.KeyParam, window=beam.DoFn.WindowParam,
            count=beam.DoFn.StateParam(COUNT)):
        yield key, float(window.end), count.read()


class WriteDown(beam.DoFn):
    """A file for each key and window: written again by a second attempt, with the same content."""

    def __init__(self, directory):
        self._directory = directory

    def process(self, element):
        key, end, count = element
        (pathlib.Path(self._directory) / f'{key}-{end}').write_text(str(count))


@pytest.mark.timeout(MOST_SECONDS)
def test_state_and_timers_of_a_streaming_job_live_through_kills(workers, tmp_path):
    seconds = 180 if harnesses.FULL else 24
    interval = 0.05

    def build(pipeline):
        start = Timestamp.now() + 5
        _ = (
            pipeline
            | PeriodicImpulse(start, start + seconds, interval)
            | beam.Map(lambda at: (str(int(float(at) * 20) % 8), 1)).with_output_types(
                beam.typehints.Tuple[str, int])
            | beam.WindowInto(FixedWindows(2))
            | beam.ParDo(CountInWindow())
            | beam.Reshuffle()
            | beam.ParDo(workers.says_it_works())
            | beam.ParDo(WriteDown(str(tmp_path))))

    options = workers.options(streaming=True, num_workers=2, max_num_workers=2)
    with workers.killed_now_and_then(KILL_SECONDS) as killed:
        took = harnesses.run(build, options)
    total = sum(int(path.read_text()) for path in tmp_path.iterdir())
    print(f'{took:.1f} s for {seconds} s of input, {len(killed)} workers killed, {total} elements')
    assert len(killed) >= 3
    assert total == round(seconds / interval)
    assert took <= MOST_TIMES * seconds + 2 * START_SECONDS


class FailsSoOften(beam.DoFn):
    def __init__(self, directory, failures):
        self._directory = directory
        self._failures = failures

    def process(self, element):
        before = len(list(pathlib.Path(self._directory).iterdir()))
        if before < self._failures:
            (pathlib.Path(self._directory) / str(before)).touch()
            raise ValueError(f'no luck with {element}')
        yield element


@pytest.mark.parametrize('failures', (3, 4))
def test_user_code_has_four_attempts(workers, tmp_path, failures):
    def build(pipeline):
        _ = (
            pipeline | beam.Create(['pearl']) | beam.Reshuffle()
            | beam.ParDo(FailsSoOften(str(tmp_path), failures)))

    job = harnesses.Job(build, workers.options(num_workers=1, max_num_workers=1))
    assert job.wait() == ('DONE' if failures < 4 else 'FAILED')
    messages = job.messages()
    assert len([m for m in messages if 'trying again' in m]) == 3
    if failures == 4:
        assert "raise ValueError(f'no luck with {element}')" in messages[-1]
        assert any('that failed has 1 elements' in m and 'pearl' in m for m in messages)


class EndsItsProcess(beam.DoFn):
    """As a crash in a library does, or the kernel when memory is short."""

    def process(self, element):
        if element == 'poison':
            # Others beside it are done by then, and what it is is seen.
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        yield element


def test_work_that_ends_every_worker_fails_the_job_and_is_shown(workers):
    elements = ['bread', 'poison', 'salt', 'honey', 'wine', 'oil']

    def build(pipeline):
        _ = (
            pipeline | beam.Create(elements, reshuffle=False) | beam.Reshuffle()
            | 'Eat' >> beam.ParDo(EndsItsProcess()))

    job = harnesses.Job(build, workers.options(num_workers=2, max_num_workers=2))
    assert job.wait() == 'FAILED'
    messages = job.messages()
    # A bundle beside it on one of these workers loses that as well.
    for lost in range(1, 8):
        assert any(f'lost its worker (worker {lost} of 8)' in m for m in messages)
    assert 'has ended every worker it was on, 8 one after another' in messages[-1]
    assert 'Eat' in messages[-1]
    sample = next(m for m in messages if 'its worker was last seen at number' in m)
    # How many elements the bundle has, and so where the sample begins, is the scheduler's choice.
    seen, first = map(int, re.search(r'last seen at number (\d+); from number (\d+) on', sample).groups())
    assert 'poison' in sample.splitlines()[1 + seen - first], sample


def test_worker_that_hangs_is_named_with_its_threads(workers):
    """The service must run with --stuck-after of at most some seconds."""
    seconds = 25

    def dream(element):
        time.sleep(seconds)
        return element

    def build(pipeline):
        _ = pipeline | beam.Create([1]) | 'Dream' >> beam.Map(dream)

    job = harnesses.Job(build, workers.options(num_workers=1, max_num_workers=1))
    assert job.wait() == 'DONE'
    notice = next(m for m in job.messages() if 'has made no progress for' in m)
    assert 'Dream' in notice
    assert 'on worker w-' in notice
    assert 'in dream' in notice


def test_workers_that_always_crash_fail_the_job_with_what_they_said(workers):
    workers.command.write_text('#!/bin/sh\necho "the library is missing"\nexit 3\n')

    def build(pipeline):
        _ = pipeline | beam.Create([1]) | beam.Map(print)

    job = harnesses.Job(build, workers.options())
    assert job.wait() == 'FAILED'
    assert 'it exited with code 3' in job.messages()[-1]
    assert 'the library is missing' in job.messages()[-1]
