#!/usr/bin/env python3
"""Runs the Beam SDKs' own tests against a job service.

The service is either one that is there (--endpoint) or one that this run starts and stops
(--start-command). A run fails on every failure that is not listed in the file of expected failures,
on every listed test that passes, and on a suite that runs no test.
"""

import argparse
import copy
import json
import pathlib
import re
import sys
import threading
import time
import traceback
import xml.etree.ElementTree as ElementTree

import containers
import environments
import examples
import go_suite
import java_suite
from benchmark_suite import BenchmarkSuite
from containers_suite import ContainersSuite
from go_suite import GoSuite
from java_suite import JavaSuite
from memory_suite import MemorySuite
from outcome import EXPECTED_FAILURE
from outcome import ExpectedFailures
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED
from outcome import SKIPPED
from outcome import UNEXPECTED_PASS
from python_suite import PythonSuite
from service import Service
from service import ServiceError
from service import StartedService
from xlang import XlangSuite

HERE = pathlib.Path(__file__).resolve().parent
ALL_SUITES = (
    'python-2.71.0,python-2.71.0-streaming,python-2.71.0-validatesrunner,'
    'python-2.77.0,python-2.77.0-streaming,python-2.77.0-validatesrunner,'
    'python-2.77.0-process,go,go-process,pipelines-python,workers-python,pipelines-go,'
    'java,java-process,examples,benchmarks,memory,'
    'xlang-python-java,xlang-python-python,xlang-go-java,xlang-java-java,xlang-java-python,'
    'xlang-examples,containers,python-2.77.0-docker,go-docker,java-docker')
GO_VERSION = '2.77.0'
PIPELINES_PYTHON_VERSION = '2.77.0'
EXAMPLES_PYTHON_VERSION = '2.77.0'
XLANG_PYTHON_VERSION = '2.77.0'
CONTAINERS_PYTHON_VERSIONS = ('2.71.0', '2.77.0')
FAILURE_LINES = 25


class Context:
    """What a suite needs to know of the run."""

    def __init__(self, service, expected, arguments):
        self.service = service
        self.only = arguments.only
        self.test_seconds = arguments.test_timeout
        self.jobs = arguments.jobs
        self.target = arguments.target
        self.start_command = arguments.start_command
        self.ready_seconds = arguments.ready_timeout
        self._expected = expected
        self._verbose = arguments.verbose
        self._lock = threading.Lock()

    def patient(self, times):
        """The same for tests that may take so many times as long."""
        other = copy.copy(self)
        other.test_seconds *= times
        return other

    def tell(self, outcome):
        """Prints how a test went; returns the outcome as it came."""
        seen = self._expected.apply(outcome)
        if self._verbose or seen.status != PASSED:
            with self._lock:
                print(
                    f'{seen.suite}: {seen.test}: {seen.status} ({seen.seconds:.1f} s)', flush=True)
        return outcome


def suite_named(name):
    python = re.fullmatch(
        r'python-(\d+\.\d+\.\d+)(?:-(streaming|validatesrunner|process|docker|docker-whole))?', name)
    if python:
        return PythonSuite(python[1], python[2] or '')
    own_workers = re.fullmatch('(go|java)-(process|docker)(-whole)?', name)
    if own_workers:
        return suite_with_own_workers(own_workers[1], own_workers[2].upper(), own_workers[3])
    if name == 'go':
        return GoSuite(GO_VERSION)
    if name == 'pipelines-python':
        return PythonSuite(PIPELINES_PYTHON_VERSION, 'pipelines')
    if name == 'workers-python':
        return PythonSuite(PIPELINES_PYTHON_VERSION, 'workers')
    if name == 'pipelines-go':
        return GoSuite(GO_VERSION, pipelines=go_suite.PIPELINES)
    if name == 'java':
        return JavaSuite()
    if name == 'containers':
        return ContainersSuite(GO_VERSION, CONTAINERS_PYTHON_VERSIONS)
    if name == 'benchmarks':
        return BenchmarkSuite()
    if name == 'memory':
        return MemorySuite(GO_VERSION)
    if name == 'examples':
        return examples.Examples(EXAMPLES_PYTHON_VERSION, GO_VERSION)
    xlang = re.fullmatch(r'xlang-(python|go|java)-(python|java)|xlang-(examples)', name)
    if xlang:
        return XlangSuite(xlang[1] or xlang[3], xlang[2] or 'java', XLANG_PYTHON_VERSION, GO_VERSION)
    raise argparse.ArgumentTypeError(
        f'no suite {name!r}; there are python-VERSION, python-VERSION-streaming, '
        'python-VERSION-validatesrunner, python-VERSION-process, python-VERSION-docker, go, go-process, '
        'go-docker, java, java-process, java-docker, each with own workers also with -whole behind it, '
        'pipelines-python, pipelines-go, workers-python, examples, benchmarks, memory, '
        'xlang-CLIENT-SERVER, xlang-examples and containers')


def suite_with_own_workers(language, workers, whole):
    """Some tests of a language's suite, or all."""
    if language == 'go':
        return GoSuite(
            GO_VERSION, tests=('*',) if whole else go_suite.WITH_OWN_WORKERS, workers=workers)
    left_out = (java_suite.XLANG_TESTS,)
    if workers != environments.DOCKER:
        left_out += (java_suite.OF_CONTAINERS,)
    return JavaSuite(
        tests=('*',) if whole else java_suite.WITH_OWN_WORKERS, left_out=left_out, workers=workers)


def suites_named(names):
    names = ALL_SUITES if names == 'all' else names
    return {name: suite_named(name) for name in names.replace(' ', '').split(',') if name}


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    service = parser.add_mutually_exclusive_group(required=True)
    service.add_argument('--endpoint', metavar='HOST:PORT', help='a job service that is there')
    service.add_argument(
        '--start-command', metavar='COMMAND',
        help='starts a job service: {port} stands for its port, and it prints "ready"')
    parser.add_argument(
        '--suite', '--suites', type=suites_named, default='all', metavar='NAMES',
        help=f'comma-separated, or "all" (the default): {ALL_SUITES}')
    parser.add_argument('--only', metavar='PATTERN', help='only tests whose id matches, as in *side*')
    parser.add_argument(
        '--expected-failures', type=pathlib.Path, default=HERE / 'expected-failures', metavar='FILE')
    parser.add_argument(
        '--test-timeout', type=int, default=60, metavar='SECONDS', help='for each test (60)')
    parser.add_argument(
        '--ready-timeout', type=int, default=120, metavar='SECONDS',
        help='for the service to print "ready" (120)')
    parser.add_argument('--jobs', type=int, default=2, help='tests and examples at a time (2)')
    parser.add_argument('--target', type=pathlib.Path, default=HERE / 'target', metavar='DIRECTORY')
    parser.add_argument('--verbose', action='store_true', help='also print tests that pass')
    return parser.parse_args(argv)


def run_suite(name, suite, context):
    """All outcomes of a suite; what keeps it from running is a failure of its `setup`."""
    print(f'--- {name}', flush=True)
    begin = time.monotonic()
    try:
        outcomes = suite.run(name, context)
    except environments.SetupError as e:
        outcomes = [Outcome(name, 'setup', FAILED, message=str(e))]
    except Exception:  # A fault of one suite must not lose the results of the others.
        outcomes = [Outcome(name, 'setup', FAILED, message=traceback.format_exc())]
    if not any(o.status != SKIPPED for o in outcomes):
        outcomes.append(Outcome(name, 'setup', FAILED, message='the suite ran no test'))
    return outcomes, time.monotonic() - begin


def stale_entries(expected, outcomes, suites):
    """A listed test that is in no suite any more must go from the list."""
    whole = [s for s in suites if not any(o.suite == s and o.test == 'setup' for o in outcomes)]
    return [
        Outcome(
            'expected-failures', f'line {e.line}', FAILED,
            message=f'{expected.path}:{e.line}: no suite of this run has a test {e.test}')
        for e in expected.naming_no_test(outcomes, whole)
    ]


def count(outcomes, *statuses):
    return sum(o.status in statuses for o in outcomes)


def print_failures(outcomes):
    for outcome in outcomes:
        if outcome.breaks_the_run:
            print(f'\n*** {outcome.suite}: {outcome.test}: {outcome.status}')
            if outcome.status == UNEXPECTED_PASS:
                print(f'listed as an expected failure: {outcome.reason}')
            for line in outcome.message.rstrip().split('\n')[-FAILURE_LINES:]:
                print(f'    {line[:400]}')


def print_expected_failures(outcomes):
    expected = [o for o in outcomes if o.status == EXPECTED_FAILURE]
    if expected:
        print('\nExpected failures')
        for o in expected:
            print(f'  {o.suite}: {o.test}  # {o.reason}')


def print_table(by_suite, seconds):
    header = ('suite', PASSED, FAILED, 'expected failures', 'unexpected passes', SKIPPED, 'time')
    rows = [header]
    for name, outcomes in by_suite.items():
        rows.append((
            name, count(outcomes, PASSED), count(outcomes, FAILED),
            count(outcomes, EXPECTED_FAILURE), count(outcomes, UNEXPECTED_PASS),
            count(outcomes, SKIPPED), f'{seconds.get(name, 0):.0f} s'))
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(header))]
    print()
    for row in rows:
        print('  '.join(
            str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))))
    print()


def summary(outcomes):
    """Expected failures count as skipped, as pytest and JUnit reports have it."""
    text = (
        f'{count(outcomes, PASSED)} passed, {count(outcomes, FAILED, UNEXPECTED_PASS)} failed')
    skipped = count(outcomes, SKIPPED, EXPECTED_FAILURE)
    return text + (f', {skipped} skipped' if skipped else '')


def write_reports(by_suite, seconds, target):
    all_outcomes = [vars(o) for outcomes in by_suite.values() for o in outcomes]
    (target / 'results.json').write_text(
        json.dumps({'seconds': seconds, 'tests': all_outcomes}, indent=1))
    root = ElementTree.Element('testsuites')
    for name, outcomes in by_suite.items():
        suite = ElementTree.SubElement(
            root, 'testsuite', name=name, tests=str(len(outcomes)),
            failures=str(sum(o.breaks_the_run for o in outcomes)),
            skipped=str(count(outcomes, SKIPPED, EXPECTED_FAILURE)),
            time=f'{seconds.get(name, 0):.3f}')
        for o in outcomes:
            case = ElementTree.SubElement(
                suite, 'testcase', classname=name, name=o.test, time=f'{o.seconds:.3f}')
            if o.breaks_the_run:
                failure = ElementTree.SubElement(case, 'failure', message=o.status)
                failure.text = _xml_text(o.message or o.reason)
            elif o.status != PASSED:
                ElementTree.SubElement(
                    case, 'skipped', message=_xml_text(o.reason or o.message), type=o.status)
    ElementTree.ElementTree(root).write(
        target / 'junit.xml', encoding='utf-8', xml_declaration=True)


def _xml_text(text):
    return re.sub('[^\t\n\r\x20-\ud7ff\ue000-\ufffd]', '?', text)


def main(argv):
    arguments = parse_arguments(argv)
    arguments.target = arguments.target.resolve()
    arguments.target.mkdir(parents=True, exist_ok=True)
    try:
        expected = ExpectedFailures(arguments.expected_failures)
    except (OSError, ValueError) as e:
        sys.exit(str(e))
    if arguments.endpoint:
        service = Service(arguments.endpoint)
    else:
        log_path = arguments.target / 'service.log'
        log_path.unlink(missing_ok=True)
        service = StartedService(arguments.start_command, log_path, arguments.ready_timeout)
    context = Context(service, expected, arguments)

    by_suite, seconds = {}, {}
    try:
        service.start()
        broken = False
        for name, suite in arguments.suite.items():
            if broken:
                service.renew()
            outcomes, seconds[name] = run_suite(name, suite, context)
            by_suite[name] = [expected.apply(o) for o in outcomes]
            broken = any(o.breaks_the_run for o in by_suite[name])
    except ServiceError as e:
        by_suite['service'] = [Outcome('service', 'start', FAILED, message=str(e))]
    finally:
        complaint = service.stop()
    if complaint:
        by_suite['service'] = [Outcome('service', 'stop', FAILED, message=complaint)]
    flat = [o for outcomes in by_suite.values() for o in outcomes]
    if not arguments.only and 'service' not in by_suite:
        stale = stale_entries(expected, flat, list(by_suite))
        if stale:
            by_suite['expected-failures'] = stale
            flat += stale

    write_reports(by_suite, seconds, arguments.target)
    print_failures(flat)
    print_expected_failures(flat)
    print_table(by_suite, seconds)
    for note in containers.notes:
        print(note)
    for name, outcomes in by_suite.items():
        print(f'{name}: {summary(outcomes)}')
    print(summary(flat), flush=True)
    return 1 if any(o.breaks_the_run for o in flat) else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
