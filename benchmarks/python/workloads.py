"""Workloads for the Python SDK, each the least pipeline that stresses one thing.

A workload is a function that adds its transforms to a pipeline, with a check of their answer. It may
return a function that gives the figure to report when the job is over; the figure of the others
is the time of the job.
"""

import dataclasses
import os
import random
import statistics
import tempfile
import time
import typing

import apache_beam as beam
from apache_beam.transforms import trigger
from apache_beam.transforms import userstate
from apache_beam.transforms import window
from apache_beam.transforms.periodicsequence import PeriodicImpulse

from checks import ExpectValues

CHUNK = 1000


@dataclasses.dataclass(frozen=True)
class Workload:
    """`build(pipeline, size)` adds the transforms; `size` is in `unit`s, for a scale of 1."""

    build: typing.Callable
    size: int
    unit: str
    streaming: bool = False


def count_all(label):
    return label >> beam.CombineGlobally(beam.combiners.CountCombineFn())


def _chunks(pipeline, size, expand):
    """Elements made inside the harness, of as many small seeds as there are chunks."""
    seeds = range(max(1, size // CHUNK))
    return (
        pipeline
        | 'seeds' >> beam.Create(seeds)
        | 'spread' >> beam.Reshuffle()
        | 'elements' >> beam.FlatMap(expand)), len(seeds) * CHUNK


def startup(pipeline, size):
    """What a job costs that does nothing."""
    numbers = pipeline | beam.Create(range(size)) | beam.Map(lambda n: n + 1)
    _ = numbers | ExpectValues(*range(1, size + 1))


def wordcount(pipeline, size):
    """A text file, split into words and counted: ParDo, lifted Combine, shuffle."""
    vocabulary, per_line = 4000, 12
    lines = max(1, size // per_line)
    path = os.path.join(tempfile.gettempdir(), f'trestle-benchmark-words-{lines}.txt')
    if not os.path.exists(path):
        dice = random.Random(lines)
        with tempfile.NamedTemporaryFile('w', dir=tempfile.gettempdir(), delete=False) as text:
            for _ in range(lines):
                words = (f'word{dice.randrange(vocabulary)}' for _ in range(per_line))
                text.write(' '.join(words) + '\n')
        os.rename(text.name, path)
    counts = (
        pipeline
        | beam.io.ReadFromText(path)
        | beam.FlatMap(lambda line: line.split(' '))
        | beam.combiners.Count.PerElement())
    _ = counts | beam.Values() | beam.CombineGlobally(sum) | ExpectValues(lines * per_line)


def gbk(pipeline, size):
    """Values of 100 bytes over 20,000 keys through one GroupByKey."""
    value = bytes(range(100))

    def pairs(seed):
        first = seed * CHUNK
        for n in range(first, first + CHUNK):
            yield n * 7919 % 20_000, value

    elements, total = _chunks(pipeline, size, pairs)
    sizes = elements | beam.GroupByKey() | beam.MapTuple(lambda _, values: sum(map(len, values)))
    _ = sizes | beam.CombineGlobally(sum) | ExpectValues(total * len(value))


def passthrough(pipeline, size):
    """Three Reshuffles in a row: moving elements through the runner, and nothing else."""
    elements, total = _chunks(
        pipeline, size, lambda seed: range(seed * CHUNK, seed * CHUNK + CHUNK))
    for step in range(3):
        elements |= f'reshuffle {step}' >> beam.Reshuffle()
    _ = elements | beam.CombineGlobally(sum) | ExpectValues(total * (total - 1) // 2)


def hotkey(pipeline, size):
    """Nine of ten elements have one key: Combine against skew."""

    def pairs(seed):
        for n in range(CHUNK):
            yield ('hot' if n % 10 else f'cold{n % 200}'), 1

    elements, total = _chunks(pipeline, size, pairs)
    sums = elements | beam.CombinePerKey(sum)
    _ = sums | beam.Values() | beam.CombineGlobally(sum) | ExpectValues(total)


def sideinput(pipeline, size):
    """A map of 20,000 entries, looked up for each element."""
    entries = 20_000
    table = pipeline | 'entries' >> beam.Create([(n, 1) for n in range(entries)])
    elements, total = _chunks(
        pipeline, size, lambda seed: range(seed * CHUNK, seed * CHUNK + CHUNK))
    found = elements | beam.Map(
        lambda n, entry_of: entry_of[n % entries], beam.pvalue.AsDict(table))
    _ = found | beam.CombineGlobally(sum) | ExpectValues(total)


class _SumPerKey(beam.DoFn):
    TOTAL = userstate.CombiningValueStateSpec('total', sum)
    END = userstate.TimerSpec('end', userstate.TimeDomain.WATERMARK)

    def process(
        self,
        element,
        total=beam.DoFn.StateParam(TOTAL),
        end=beam.DoFn.TimerParam(END)):
        total.add(element[1])
        end.set(60)

    @userstate.on_timer(END)
    def finish(self, total=beam.DoFn.StateParam(TOTAL)):
        yield total.read()


def stateful(pipeline, size):
    """State of 1,000 keys changed by each element, and a timer set by it."""

    def pairs(seed):
        for n in range(CHUNK):
            yield window.TimestampedValue((f'key{n}', 1), 5)

    elements, total = _chunks(pipeline, size, pairs)
    _ = (
        elements
        | beam.ParDo(_SumPerKey())
        | beam.CombineGlobally(sum)
        | ExpectValues(total))


def windowed(pipeline, size):
    """Sliding windows, so that each element is in six, summed per key and window."""
    overlap = 6

    def pairs(seed):
        for n in range(CHUNK):
            yield window.TimestampedValue((f'key{n % 40}', 1), n)

    elements, total = _chunks(pipeline, size // overlap, pairs)
    _ = (
        elements
        | beam.WindowInto(window.SlidingWindows(size=60, period=60 // overlap))
        | beam.CombinePerKey(sum)
        | beam.Values()
        | 'one window' >> beam.WindowInto(window.GlobalWindows())
        | beam.CombineGlobally(sum)
        | ExpectValues(total * overlap))


def cpu(pipeline, size):
    """Pure computation, which is limited by the cores that the runner finds for it."""
    rounds = 350_000

    def compute(seed):
        value = seed
        for _ in range(rounds):
            value = (value * 69069 + 1) & 0xffffffff
        return 1

    _ = (
        pipeline
        | beam.Create(range(size))
        | beam.Reshuffle()
        | beam.Map(compute)
        | beam.CombineGlobally(sum)
        | ExpectValues(size))


def chain(pipeline, size):
    """Many cheap transforms in a few branches: what a transform costs."""
    branches, elements = 6, 1000
    length = max(1, size // branches)
    source = pipeline | beam.Create(range(elements))
    ends = []
    for branch in range(branches):
        values = source
        for step in range(length):
            values |= f'step {branch}.{step}' >> beam.Map(lambda n: n + 1)
        ends.append(values)
    merged = ends | beam.Flatten()
    wanted = branches * (elements * (elements - 1) // 2 + elements * length)
    _ = merged | beam.CombineGlobally(sum) | ExpectValues(wanted)


def streaming(pipeline, size):
    """A live source, windows of a second, GroupByKey; the figure is the delay of a pane.

    That is from the end of the window to the moment when its pane is processed. It can be below
    zero, as the source's watermark is ahead of its elements by an interval.
    """
    interval = 0.05
    handle, path = tempfile.mkstemp(prefix='trestle-benchmark-delays-')
    os.close(handle)

    def note(_, end=beam.DoFn.WindowParam):
        with open(path, 'a', encoding='ascii') as delays:
            delays.write(f'{time.time() - float(end.end)}\n')

    now = time.time()
    _ = (
        pipeline
        | PeriodicImpulse(now, now + size, interval)
        | beam.Map(lambda element: ('key', element))
        | beam.WindowInto(
            window.FixedWindows(1), trigger=trigger.DefaultTrigger(),
            accumulation_mode=trigger.AccumulationMode.DISCARDING)
        | beam.GroupByKey()
        | beam.Map(note))

    def median_delay():
        with open(path, encoding='ascii') as lines:
            delays = [float(line) for line in lines]
        os.remove(path)
        if len(delays) < size:
            raise ValueError(f'wrong answer: {len(delays)} panes instead of {size} or more')
        return statistics.median(delays)

    return median_delay


WORKLOADS = {
    'startup': Workload(startup, 1, 'elements'),
    'wordcount': Workload(wordcount, 400_000, 'words'),
    'gbk': Workload(gbk, 200_000, 'elements'),
    'passthrough': Workload(passthrough, 100_000, 'elements'),
    'hotkey': Workload(hotkey, 300_000, 'elements'),
    'sideinput': Workload(sideinput, 100_000, 'elements'),
    'stateful': Workload(stateful, 40_000, 'elements'),
    'windowed': Workload(windowed, 240_000, 'panes'),
    'cpu': Workload(cpu, 64, 'elements'),
    'chain': Workload(chain, 60, 'transforms'),
    'streaming': Workload(streaming, 8, 'seconds', streaming=True),
}
