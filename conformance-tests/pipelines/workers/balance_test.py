"""Work is shared between unequal workers."""

import os
import pathlib
import threading
import time

import apache_beam as beam
import harnesses
import pytest
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.restriction_trackers import OffsetRestrictionTracker
from apache_beam.transforms.core import RestrictionProvider

WORKERS = 2
MOST_TIMES = 1.25
# Work that waits gets more bundles at once; a worker of these tests does one thing at a time.
ONE_AT_A_TIME = threading.Lock()


@pytest.fixture
def workers():
    with harnesses.harnesses() as made:
        yield made


class Diary:
    """When work began and ended, of all workers: a file each, with a line for each piece."""

    def __init__(self, directory):
        self._directory = str(directory)

    def sleep(self, seconds):
        with ONE_AT_A_TIME:
            begin = time.time()
            time.sleep(seconds)
            with open(pathlib.Path(self._directory) / str(os.getpid()), 'a') as file:
                file.write(f'{begin} {time.time()}\n')

    def span(self):
        times = [
            float(word)
            for path in pathlib.Path(self._directory).iterdir()
            for word in path.read_text().split()]
        return max(times) - min(times)


def test_large_elements_do_not_keep_others_waiting(workers, tmp_path):
    diary = Diary(tmp_path)
    pauses = [3.0] * 3 + [0.05] * 300

    def build(pipeline):
        _ = pipeline | beam.Create(pauses) | beam.Map(diary.sleep)

    harnesses.run(build, workers.options(num_workers=WORKERS, max_num_workers=WORKERS))
    ideal = sum(pauses) / WORKERS
    print(f'{diary.span():.1f} s, ideal {ideal:.1f} s')
    assert diary.span() <= MOST_TIMES * ideal


def test_live_job_gets_other_numbers_of_workers(workers):
    seconds, pause = 40, 0.2

    def build(pipeline):
        numbers = pipeline | beam.Create(range(int(seconds / pause))) | beam.Reshuffle()
        slow = numbers | beam.Map(lambda number: (time.sleep(pause), number)[1])
        beam.testing.util.assert_that(
            slow, beam.testing.util.equal_to(list(range(int(seconds / pause)))))

    def await_workers(count):
        deadline = time.monotonic() + 20
        while len(workers.alive()) != count:
            assert time.monotonic() < deadline, (count, workers.alive())
            time.sleep(0.1)

    job = harnesses.Job(build, workers.options(num_workers=1, max_num_workers=1))
    await_workers(1)
    job.scale(3, 3)
    await_workers(3)
    job.scale(1, 2)
    await_workers(2)
    assert job.wait() == 'DONE'
    assert 'between 3 and 3 workers are asked for' in job.messages()


class Positions(RestrictionProvider):
    def initial_restriction(self, element):
        return OffsetRange(0, element)

    def create_tracker(self, restriction):
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element, restriction):
        return restriction.size()


class ReadSlowly(beam.DoFn):
    def __init__(self, diary, pause):
        self._diary = diary
        self._pause = pause

    def process(self, element, tracker=beam.DoFn.RestrictionParam(Positions())):
        position = tracker.current_restriction().start
        while tracker.try_claim(position):
            self._diary.sleep(self._pause)
            yield position
            position += 1


def test_one_restriction_is_shared(workers, tmp_path):
    diary = Diary(tmp_path)
    count, pause = 200, 0.1

    def build(pipeline):
        positions = (
            pipeline | beam.Create([count], reshuffle=False) | beam.ParDo(ReadSlowly(diary, pause)))
        beam.testing.util.assert_that(
            positions, beam.testing.util.equal_to(list(range(count))))

    harnesses.run(build, workers.options(num_workers=WORKERS, max_num_workers=WORKERS))
    ideal = count * pause / WORKERS
    print(f'{diary.span():.1f} s, ideal {ideal:.1f} s')
    assert diary.span() <= MOST_TIMES * ideal


def test_processors_are_all_in_use(workers):
    """Each of two workers wants a processor nearly all the time, from the first second to the last."""
    seconds = 120 if harnesses.FULL else 16
    samples = []
    stop = threading.Event()

    def sample():
        before = {}
        while not stop.wait(0.5):
            now = {pid: (time.monotonic(), harnesses.wanted_seconds(pid)) for pid in workers.alive()}
            samples.append(sum(
                (now[pid][1] - before[pid][1]) / (now[pid][0] - before[pid][0])
                for pid in now if pid in before))
            before = now

    def burn(pause):
        end = time.process_time() + pause
        while time.process_time() < end:
            pass

    def build(pipeline):
        _ = (
            pipeline | beam.Create([0.05] * (20 * seconds * WORKERS // 2)) | beam.Reshuffle()
            | beam.Map(burn))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    harnesses.run(build, workers.options())
    stop.set()
    thread.join()
    # Workers start one after the other, and the last bundle has no other beside it.
    busy = samples[len(samples) // 3: -len(samples) // 8]
    share = sum(min(WORKERS, s) for s in busy) / len(busy) / WORKERS
    print(f'{share:.0%} of {WORKERS} processors')
    assert share >= 0.9
