"""The programs of the benchmarks with little input: each workload checks its own answer."""

import concurrent.futures
import fnmatch
import json
import pathlib
import sys
import tempfile

from go_suite import run_limited
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent / 'benchmarks'
SCALE = 0.02
MESSAGE_LINES = 60


class BenchmarkSuite:
    """One process for several workloads, as most of their time would be its start."""

    def run(self, name, context):
        sys.path.append(str(BENCHMARKS))
        import programs  # Not before the suite runs: it is no module of this directory.
        work = []
        for language, make in programs.PROGRAMS.items():
            for program in make():
                found = [
                    (f'{language}.{workload}', workload) for workload in program.workloads()
                    if fnmatch.fnmatchcase(f'{language}.{workload}', context.only or '*')]
                # Several processes for the longest list.
                half = (len(found) + 1) // 2
                work += [(program, part) for part in (found[:half], found[half:]) if part]
        with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
            parts = pool.map(lambda w: self._run(name, *w, context), work)
            return [outcome for part in parts for outcome in part]

    def _run(self, name, program, tests, context):
        if not context.service.alive() and not context.service.revive():
            return [
                context.tell(Outcome(name, test, FAILED, message='the job service is gone'))
                for test, _ in tests]
        command = program.command(
            [workload for _, workload in tests], context.service.endpoint, SCALE)
        with tempfile.TemporaryDirectory(prefix='conformance-benchmark-') as directory:
            code, output, seconds = run_limited(
                command, directory, context.test_seconds * len(tests))
        ending = context.service.no_end(seconds) if code is None else ''
        lines = {}
        for line in output.splitlines():
            if line.startswith('{"workload"'):
                result = json.loads(line)
                lines[result['workload']] = result
        return [
            context.tell(
                self._outcome(name, test, lines.get(workload), code, output, seconds, ending))
            for test, workload in tests]

    @staticmethod
    def _outcome(name, test, result, code, output, seconds, ending):
        if result is not None and 'error' not in result:
            return Outcome(name, test, PASSED, result['wall_seconds'])
        if result is None and code == 0 and test.partition('.')[2].startswith('load-'):
            # Upstream's programs tell by their exit code alone.
            return Outcome(name, test, PASSED, seconds)
        message = '\n'.join(output.rstrip().split('\n')[-MESSAGE_LINES:])
        if result is not None:
            message += f'\n{result["error"]}'
        elif ending:
            message += f'\n{ending}'
        return Outcome(name, test, FAILED, seconds, message)
