#!/usr/bin/env python3
"""Runs a live pipeline for minutes and reports how late its panes are and what the runner needs.

    soak.py --endpoint localhost:8073 --pid PID --rate 2000 --minutes 30

The pipeline is PeriodicImpulse, windows of a second, GroupByKey over some keys. Every ten seconds
it prints a line, and at the end the figures of the whole run; --json keeps all samples. Needs a
Python with apache-beam, such as ~/.cache/trestle/conformance/python-2.77.0/bin/python.

Delay and lag are measured in this process, where the workers run as well (LOOPBACK):

  pane delay     from the end of a pane's window to the call of the DoFn behind the GroupByKey
  watermark lag  how long ago the newest window ended that all keys have given out: a second
                 more just before the next one than at its best
  RSS            of --pid and its descendants; its slope is a least-squares line
                 over the run without its first fifth, in which heaps and caches fill

The exit code is 1 if elements were lost or repeated, or the job ended by itself.
"""

import argparse
import collections
import json
import math
import os
import pathlib
import statistics
import sys
import threading
import time

import apache_beam as beam
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Timestamp

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / 'pipelines' / 'python'))

REPORT_SECONDS = 10
# Not a divisor of a window's second: samples then fall on all of it.
SAMPLE_SECONDS = 0.3
WARM_UP_FRACTION = 0.2
# After the source's end, this long for the last windows.
CLOSING_SECONDS = 60


class Measurements:
    """What has come out of the pipeline; DoFns of this process write to the one instance."""

    def __init__(self):
        self._lock = threading.Lock()
        self._delays = []
        self._counts = collections.Counter()
        self._keys_of_window = collections.Counter()
        self._newest_whole_window = None

    def add(self, window_end, count, keys):
        now = time.time()
        with self._lock:
            self._delays.append((now, now - window_end))
            self._counts[window_end] += count
            self._keys_of_window[window_end] += 1
            if self._keys_of_window[window_end] == keys:
                self._newest_whole_window = max(window_end, self._newest_whole_window or 0)

    def delays(self, since=0.0):
        with self._lock:
            return [delay for when, delay in self._delays if when >= since]

    def lag(self):
        with self._lock:
            newest = self._newest_whole_window
        return math.nan if newest is None else time.time() - newest

    def counts(self):
        with self._lock:
            return dict(self._counts)


MEASURED = Measurements()


class Measure(beam.DoFn):
    def __init__(self, keys):
        self._keys = keys

    def process(self, kv, window=beam.DoFn.WindowParam):
        MEASURED.add(float(window.end), sum(1 for _ in kv[1]), self._keys)


def pipeline(arguments, start, stop):
    keys = arguments.keys
    interval = 1 / arguments.rate

    def build(p):
        (p | PeriodicImpulse(Timestamp.of(start), Timestamp.of(stop), interval)
         | 'key' >> beam.Map(lambda t: (round(float(t) / interval) % keys, 1))
         | beam.WindowInto(FixedWindows(1)) | beam.GroupByKey() | beam.ParDo(Measure(keys)))

    return build


def process_tree(pid):
    yield pid
    for path in pathlib.Path(f'/proc/{pid}/task').glob('*/children'):
        for child in path.read_text().split():
            yield from process_tree(int(child))


def rss_mib(pid):
    pages = 0
    for member in process_tree(pid):
        try:
            pages += int(pathlib.Path(f'/proc/{member}/statm').read_text().split()[1])
        except (OSError, IndexError):
            pass  # It ended meanwhile.
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def slope_per_hour(samples):
    """Of the least-squares line through (seconds, value) pairs."""
    if len(samples) < 10:
        return math.nan
    fit = statistics.linear_regression([t for t, _ in samples], [v for _, v in samples])
    return fit.slope * 3600


def quantile(values, fraction):
    return sorted(values)[min(len(values) - 1, int(len(values) * fraction))] if values else math.nan


def follow(job, arguments, start, stop, terminal):
    """Samples until all windows are out or the job has ended."""
    rss, lags = [], []
    windows = math.ceil(stop) - math.floor(start)
    next_report = time.time() + REPORT_SECONDS
    reported = 0.0
    while time.time() < stop + CLOSING_SECONDS:
        time.sleep(SAMPLE_SECONDS)
        now = time.time()
        if arguments.pid:
            rss.append((now - start, rss_mib(arguments.pid)))
        if now < stop:
            lags.append((now - start, MEASURED.lag()))
        if now >= next_report:
            recent = MEASURED.delays(since=reported)
            memory = f'  RSS {rss[-1][1]:.0f} MiB' if rss else ''
            print(
                f'{now - start:6.0f} s  panes {len(recent):6}  delay median '
                f'{quantile(recent, 0.5):.3f} s  p99 {quantile(recent, 0.99):.3f} s  watermark lag '
                f'{MEASURED.lag():.3f} s{memory}', flush=True)
            reported, next_report = now, now + REPORT_SECONDS
        if any(state in terminal for state in job.states):
            break
        if now > stop and len(MEASURED.counts()) >= windows and MEASURED.lag() > 5:
            break
    return rss, lags


def report(arguments, states, rss, lags, start, stop):
    steady = WARM_UP_FRACTION * (stop - start)
    delays = MEASURED.delays()
    steady_delays = MEASURED.delays(since=start + steady)
    steady_lags = [lag for t, lag in lags if t >= steady and not math.isnan(lag)]
    steady_rss = [sample for sample in rss if sample[0] >= steady]
    expected = math.ceil((stop - start) * arguments.rate)
    arrived = sum(MEASURED.counts().values())
    figures = {
        'elements': arrived,
        'elements_expected': expected,
        'panes': len(delays),
        'delay_median_s': quantile(steady_delays, 0.5),
        'delay_p99_s': quantile(steady_delays, 0.99),
        'delay_max_s': max(delays, default=math.nan),
        'watermark_lag_median_s': quantile(steady_lags, 0.5),
        'watermark_lag_max_s': max(steady_lags, default=math.nan),
        'rss_peak_mib': max((r for _, r in rss), default=math.nan),
        'rss_slope_mib_per_hour': slope_per_hour(steady_rss),
        'states': states,
    }
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps({**figures, 'rss': rss, 'lags': lags}))
    # PeriodicImpulse may give the element at its end or not, by how the interval is rounded.
    whole = abs(arrived - expected) <= 1
    return 0 if whole and not set(states) & {'FAILED', 'CANCELLED'} else 1


def main(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--endpoint', default='localhost:8073', metavar='HOST:PORT')
    parser.add_argument('--pid', type=int, help='process of the service, for its memory')
    parser.add_argument('--rate', type=float, default=2000, help='elements a second (2000)')
    parser.add_argument('--minutes', type=float, default=30)
    parser.add_argument('--keys', type=int, default=10)
    parser.add_argument('--json', type=pathlib.Path, metavar='FILE', help='receives all samples')
    arguments = parser.parse_args(argv)
    os.environ['CONFORMANCE_ENDPOINT'] = arguments.endpoint
    import support
    start = math.floor(time.time()) + 3.0
    stop = start + arguments.minutes * 60
    with support.LiveJob(pipeline(arguments, start, stop)) as job:
        rss, lags = follow(job, arguments, start, stop, support.TERMINAL)
        states = job.states
    return report(arguments, states, rss, lags, start, stop)


if __name__ == '__main__':
    # DoFns are pickled by the name of their module: run as one that they can import.
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    import soak
    sys.exit(soak.main(sys.argv[1:]))
