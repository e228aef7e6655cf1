"""Upstream's example pipelines, unmodified, submitted to a job service.

What they write is compared with what the same example writes on upstream's in-process FnApiRunner
(Python), or with counts made here (Go).
"""

import collections
import concurrent.futures
import dataclasses
import json
import math
import pathlib
import re
import shutil
from typing import Callable

import environments
from go_suite import run_limited
from object_store import ObjectStore
from outcome import FAILED
from outcome import Outcome
from outcome import PASSED
from selection import asked_for

DATA = pathlib.Path(__file__).resolve().parent / 'data'
TEXT = DATA / 'harbour.txt'
MESSAGE_CHARACTERS = 6000
# An example is given this many times a test's limit: some compute for long.
LIMIT_FACTOR = 3
# minimal_wordcount is for Prism and parses no flags; with them parsed, it submits to an endpoint.
PARSES_FLAGS = 'package main\n\nimport "flag"\n\nfunc init() { flag.Parse() }\n'


class WrongOutput(Exception):
    pass


def _sorted_lines(directory):
    """Lines of all output files by output name, without the shard numbers and the order."""
    lines = collections.defaultdict(list)
    for path in directory.iterdir():
        name = re.sub(r'-\d{5}-of-\d{5}', '', path.name)
        lines[name] += path.read_text().splitlines()
    return {name: sorted(some) for name, some in lines.items()}


def _contacts(directory):
    """Mail addresses and telephone numbers of a person are joined in any order."""
    return {
        name: sorted(
            '\t'.join(','.join(sorted(field.strip('"').split(','))) for field in line.split('\t'))
            for line in lines)
        for name, lines in _sorted_lines(directory).items()
    }


def _is_pi(directory):
    """The trials are random: only what must hold of any of them can be compared."""
    return {
        name: [(json.loads(line)[0], math.isclose(json.loads(line)[2], math.pi, abs_tol=0.005))
               for line in lines]
        for name, lines in _sorted_lines(directory).items()
    }


@dataclasses.dataclass(frozen=True)
class PythonExample:
    module: str
    arguments: tuple[str, ...] = ('--input={text}', '--output={out}/out')
    written: Callable = _sorted_lines


# Of the cookbook, what is missing needs BigQuery, Bigtable or Datastore, or is a library.
PYTHON_EXAMPLES = (
    PythonExample('wordcount'),
    PythonExample('wordcount_minimal'),
    PythonExample('wordcount_debugging'),
    PythonExample('wordcount_with_metrics'),
    PythonExample('cookbook.coders', ('--input={data}/matches.txt', '--output={out}/out')),
    PythonExample('cookbook.custom_ptransform'),
    PythonExample('cookbook.group_with_coder', ('--input={data}/points.txt', '--output={out}/out')),
    PythonExample(
        'cookbook.mergecontacts', (
            '--input_email={data}/emails.tsv', '--input_phone={data}/phones.tsv',
            '--input_snailmail={data}/addresses.tsv', '--output_tsv={out}/tsv',
            '--output_stats={out}/stats'), _contacts),
    PythonExample('cookbook.multiple_output_pardo'),
    PythonExample('complete.autocomplete'),
    PythonExample('complete.estimate_pi', ('--output={out}/out',), _is_pi),
    PythonExample('complete.tfidf', ('--uris={data}/[hw]*.txt', '--output={out}/out')),
)


# A word, as the Go examples have it.
GO_WORD = r"[a-zA-Z]+(?:'[a-z])?"


def _counts(text, keep=lambda word: True):
    words = re.findall(GO_WORD, text)
    return sorted(f'{w}: {n}' for w, n in collections.Counter(filter(keep, words)).items())


def _check_lines(path, want):
    got = sorted(path.read_text().splitlines()) if path.exists() else 'no such file'
    if got != want:
        raise WrongOutput(f'{path.name}: {_difference(want, got)}')


def _difference(want, got):
    if isinstance(got, list) and isinstance(want, list):
        missing = collections.Counter(map(str, want)) - collections.Counter(map(str, got))
        surplus = collections.Counter(map(str, got)) - collections.Counter(map(str, want))
        return f'missing {list(missing.elements())[:10]}, unexpected {list(surplus.elements())[:10]}'
    return f'want {want!r}, got {got!r}'


def _check_wordcount(directory, output):
    _check_lines(directory / 'counts.txt', _counts(TEXT.read_text()))


def _check_minimal_wordcount(directory, output):
    _check_lines(directory / 'wordcounts.txt', _counts(TEXT.read_text()))


def _check_multiout(directory, output):
    text = TEXT.read_text()
    _check_lines(directory / 'small.txt', _counts(text, lambda word: len(word) <= 5))
    _check_lines(directory / 'big.txt', _counts(text, lambda word: len(word) > 5))


def _check_yatzy(directory, output):
    """The roll is made when the pipeline is, and comes out in the log of the worker."""
    rolls = re.findall(r'Roll: \[([\d ]+)\]', output)
    verdict = re.search(
        r'Yatzy!|Four of a kind!|Full house!|(?:Small|Big) straight!|Sorry, try again\.', output)
    if not rolls or not verdict:
        raise WrongOutput(
            f"the worker's log lines, the roll and the verdict, did not arrive:\n{output[-3000:]}")
    dice = [int(die) for die in rolls[0].split()]
    if len(dice) != 5 or not all(1 <= die <= 6 for die in dice) or verdict[0] != _yatzy(dice):
        raise WrongOutput(f'{dice} is not {verdict[0]!r}')


def _yatzy(dice):
    most = sorted(collections.Counter(dice).values(), reverse=True)
    if most == [5]:
        return 'Yatzy!'
    if most == [4, 1]:
        return 'Four of a kind!'
    if most == [3, 2]:
        return 'Full house!'
    if dice == [1, 2, 3, 4, 5]:
        return 'Small straight!'
    if dice == [2, 3, 4, 5, 6]:
        return 'Big straight!'
    return 'Sorry, try again.'


@dataclasses.dataclass(frozen=True)
class GoExample:
    name: str
    arguments: tuple[str, ...]
    check: Callable
    runner: tuple[str, ...] = ('--runner=universal',)
    extra_files: tuple[tuple[str, str], ...] = ()
    checks_messages: bool = False


GO_EXAMPLES = (
    GoExample('wordcount', ('--input={text}', '--output={out}/counts.txt'), _check_wordcount),
    GoExample(
        'minimal_wordcount', (), _check_minimal_wordcount, runner=(),
        extra_files=(('parse_flags.go', PARSES_FLAGS),)),
    GoExample(
        'multiout', ('--input={text}', '--small={out}/small.txt', '--big={out}/big.txt'),
        _check_multiout),
    GoExample('yatzy', (), _check_yatzy, checks_messages=True),
)


class Examples:
    def __init__(self, python_version, go_version):
        self.python_version = python_version
        self.go_version = go_version

    def run(self, name, context):
        python_examples = [e for e in PYTHON_EXAMPLES if asked_for(f'python.{e.module}', context)]
        go_examples = [e for e in GO_EXAMPLES if asked_for(f'go.{e.name}', context)]
        directory = context.target / name
        shutil.rmtree(directory, ignore_errors=True)
        work, outcomes = [], []
        if python_examples:
            python = environments.python_with_beam(self.python_version)
            work += [lambda e=e: self._python(name, e, python, directory, context)
                     for e in python_examples]
        if go_examples:
            try:
                programs = self._go_programs(go_examples)
            except environments.SetupError as e:
                outcomes.append(context.tell(Outcome(name, 'setup', FAILED, message=str(e))))
                go_examples = []
            work += [lambda e=e: self._go(name, e, programs[e.name], directory, context)
                     for e in go_examples]
        # What the Go examples read from a public bucket comes from here.
        with ObjectStore({'apache-beam-samples/shakespeare/kinglear.txt': TEXT.read_bytes()}) as store:
            self._object_store = store.address
            with concurrent.futures.ThreadPoolExecutor(context.jobs) as pool:
                outcomes += pool.map(lambda job: job(), work)
        return outcomes

    def _go_programs(self, go_examples):
        go = environments.GoEnvironment(self.go_version)
        return {
            e.name: go.program_from_copy(f'examples/{e.name}', dict(e.extra_files))
            if e.extra_files else go.program(f'examples/{e.name}')
            for e in go_examples
        }

    def _python(self, name, example, python, directory, context):
        def run(side, *options):
            out = directory / example.module / side
            out.mkdir(parents=True)
            arguments = [a.format(text=TEXT, data=DATA, out=out) for a in example.arguments]
            seconds = self._checked_run(
                [str(python), '-m', f'apache_beam.examples.{example.module}', *arguments, *options],
                out.parent, context)[1]
            return example.written(out), seconds

        def check():
            want, _ = run('reference', '--runner=FnApiRunner')
            if not want:
                raise WrongOutput('the example writes nothing on FnApiRunner')
            got, seconds = run(
                'service', '--runner=PortableRunner', f'--job_endpoint={context.service.endpoint}',
                '--environment_type=LOOPBACK')
            for file in sorted({*want, *got}):
                if want.get(file) != got.get(file):
                    raise WrongOutput(f'{file}: {_difference(want.get(file), got.get(file))}')
            return seconds

        return self._outcome(name, f'python.{example.module}', check, context)

    def _go(self, name, example, program, directory, context):
        def check():
            out = directory / f'go.{example.name}'
            out.mkdir(parents=True)
            arguments = [a.format(text=TEXT, out=out) for a in example.arguments]
            output, seconds = self._checked_run(
                [
                    str(program), *arguments, *example.runner, f'--endpoint={context.service.endpoint}',
                    '--environment_type=LOOPBACK'
                ],
                out, context)
            if example.checks_messages:
                output += self._messages(output, out, context)
            example.check(out, output)
            return seconds

        return self._outcome(name, f'go.{example.name}', check, context)

    def _messages(self, output, directory, context):
        """The messages of the job that a Go client submitted.

        Once its worker has started, a Go program in LOOPBACK sends all its log lines to the runner,
        those of the client as well: they come out of the job's message stream.
        """
        job = re.search(r'Submitted job: ([^\s"]+)', output)
        if not job:
            raise WrongOutput(f'no job was submitted:\n{output[-MESSAGE_CHARACTERS:]}')
        python = environments.python_with_beam(self.python_version)
        script = pathlib.Path(__file__).parent / 'job_messages.py'
        return self._checked_run(
            [str(python), str(script), context.service.endpoint, job[1]], directory, context)[0]

    def _checked_run(self, command, directory, context):
        code, output, seconds = run_limited(
            command, directory, LIMIT_FACTOR * context.test_seconds,
            {'STORAGE_EMULATOR_HOST': self._object_store})
        if code != 0:
            how = context.service.no_end(seconds) if code is None else f'exit code {code}'
            raise WrongOutput(f'{output[-MESSAGE_CHARACTERS:]}\n{how}')
        return output, seconds

    def _outcome(self, name, test, check, context):
        if not context.service.alive() and not context.service.revive():
            return context.tell(Outcome(name, test, FAILED, message='the job service is gone'))
        try:
            return context.tell(Outcome(name, test, PASSED, check()))
        except WrongOutput as e:
            return context.tell(Outcome(name, test, FAILED, message=str(e)))
