"""Runs workloads of the Python SDK on one runner, and prints a line of JSON for each.

With --endpoint a job service runs them, with workers in this process (LOOPBACK); without, Beam's
FnApiRunner in this process does. `seconds` is from the submission to the end of the job, in
`harness_seconds` of processor time of this process, which is client and harness in one;
for `asleep_seconds` it slept because of the SDK's samplers.
"""

import argparse
import json
import logging
import os
import sys
import time
import traceback

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import PipelineState

import load_tests
import sampler
import workloads
from nexmark import workloads as nexmark

SAMPLERS = sampler.SamplerSleep()
WORKLOADS = {**workloads.WORKLOADS, **nexmark.WORKLOADS}


def runner_and_options(endpoint):
    """The runner as an object: for one named in options, the client runs `pip freeze` at each job."""
    if endpoint is None:
        return FnApiRunner(), []
    return PortableRunner(), [f'--job_endpoint={endpoint}', '--environment_type=LOOPBACK']


class Stopwatch:
    """Time by the clock, of this process's processors, and of its samplers' sleep."""

    def __enter__(self):
        self._asleep = SAMPLERS.seconds
        self._cpu = time.process_time()
        self._begin = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self._begin
        self.cpu_seconds = time.process_time() - self._cpu
        self.asleep_seconds = SAMPLERS.seconds - self._asleep

    def figures(self):
        return {
            'seconds': self.seconds,
            'wall_seconds': self.seconds,
            'harness_seconds': self.cpu_seconds,
            'asleep_seconds': self.asleep_seconds,
        }


def run_workload(workload, endpoint, scale):
    size = max(1, int(workload.size * scale))
    runner, options = runner_and_options(endpoint)
    if workload.streaming:
        options.append('--streaming')
    pipeline = beam.Pipeline(runner, PipelineOptions(options))
    at_end = workload.build(pipeline, size)
    with Stopwatch() as watch:
        state = pipeline.run().wait_until_finish()
    if state != PipelineState.DONE:
        raise RuntimeError(f'the job ended in state {state}')
    figure = at_end() if at_end else None
    figures = watch.figures()
    if figure is not None:
        figures['seconds'] = figure
    return {**figures, 'size': size, 'unit': workload.unit}


def run_load_test(name, endpoint, scale):
    test = load_tests.prepared(name, *runner_and_options(endpoint), scale)
    with Stopwatch() as watch:
        test.run()
    return {**watch.figures(), 'size': load_tests.records_of(name, scale), 'unit': 'records'}


def main(argv):
    names = [*WORKLOADS, *load_tests.LOAD_TESTS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('workloads', nargs='*', metavar='WORKLOAD', help=', '.join(names))
    parser.add_argument('--endpoint', metavar='HOST:PORT')
    parser.add_argument('--scale', type=float, default=1.0, help='factor for all sizes (1)')
    parser.add_argument('--list', action='store_true', help='prints the names of the workloads')
    arguments = parser.parse_args(argv)
    if arguments.list:
        print('\n'.join(names))
        return 0
    logging.getLogger().setLevel(logging.ERROR)
    SAMPLERS.watch()
    failed = False
    for name in arguments.workloads:
        line = {'workload': name}
        try:
            if name in WORKLOADS:
                line.update(run_workload(WORKLOADS[name], arguments.endpoint, arguments.scale))
            else:
                line.update(run_load_test(name, arguments.endpoint, arguments.scale))
        except Exception as failure:  # Of one workload; the others are to run.
            traceback.print_exc()
            line['error'] = (str(failure).strip() or repr(failure)).split('\n')[-1]
            failed = True
        print(json.dumps(line), flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Beam's threads can hold the process up.
    os._exit(code)
