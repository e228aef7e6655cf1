#!/usr/bin/env python3
"""Runs the same workloads on Trestle and its peers, in turn, and writes a table.

Exits with 1 if Trestle failed a workload; what a peer fails is in the table.
"""

import argparse
import fnmatch
import json
import pathlib
import signal
import sys
import time

import machine
import measure
import programs
import report
from targets import BEAM_VERSION
from targets import environments
from targets import TargetError
from targets import TARGETS

HERE = pathlib.Path(__file__).resolve().parent


def names_of(known):
    def parse(text):
        names = [name for name in text.replace(' ', '').split(',') if name]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f'{name!r} is none of {", ".join(known)}')
        return names

    return parse


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--targets', type=names_of(TARGETS), default=['trestle', 'prism', 'fnapi', 'flink'],
        metavar='NAMES', help='comma-separated, the first is compared with the others '
        f'(default: all that are there of {", ".join(TARGETS)})')
    parser.add_argument(
        '--languages', type=names_of(programs.PROGRAMS), default=list(programs.PROGRAMS),
        metavar='NAMES', help=f'comma-separated (default: {",".join(programs.PROGRAMS)})')
    parser.add_argument(
        '--workloads', default='*', metavar='PATTERNS',
        help="comma-separated, as in 'startup,nexmark-*' (default: all)")
    parser.add_argument('--repeats', type=int, default=3, help='runs on each target (3)')
    parser.add_argument('--scale', type=float, default=1.0, help='factor for all sizes (1)')
    parser.add_argument(
        '--settle', type=float, default=90, metavar='SECONDS',
        help='how long services have stood before the first job (90)')
    parser.add_argument(
        '--time-limit', type=float, default=300, metavar='SECONDS', help='for each run (300)')
    parser.add_argument(
        '--output', type=pathlib.Path, default=HERE / 'target', metavar='DIRECTORY',
        help='for results.md, results.json and the logs of services (benchmarks/target)')
    parser.add_argument('--list', action='store_true', help='prints the workloads, runs none')
    return parser.parse_args(argv)


def load_programs(languages):
    """The programs of each language that this machine can build."""
    found = []
    for language in languages:
        try:
            found += programs.PROGRAMS[language]()
        except environments.SetupError as e:
            print(f'{language} is left out: {e}', file=sys.stderr)
    return found


def load_targets(names, directory):
    found = []
    for name in names:
        try:
            target = TARGETS[name](directory)
            target.start()
            found.append(target)
        except (TargetError, environments.SetupError) as e:
            print(f'{name} is left out: {e}', file=sys.stderr)
    return found


def chosen(workloads, patterns):
    wanted = patterns.replace(' ', '').split(',')
    return [w for w in workloads if any(fnmatch.fnmatchcase(w, pattern) for pattern in wanted)]


def measure_row(program, workload, targets, arguments):
    """Targets take turns, so that noise of the machine comes over all alike."""
    able = [target for target in targets if program.language in target.languages]
    by_target = {target.name: [] for target in able}
    for _ in range(arguments.repeats):
        for target in able:
            if any(m.error for m in by_target[target.name]):
                continue
            try:
                target.start()
                measurement = measure.run(
                    program, workload, target, arguments.scale, arguments.time_limit)
            except TargetError as e:
                measurement = measure.Measurement(error=str(e).splitlines()[0])
            by_target[target.name].append(measurement)
            print(
                f'{program.language} {workload} {target.name}: ' + (
                    measurement.error or
                    f'{measurement.seconds:.3f} s, harness busy {measurement.harness_busy:.0%}'),
                flush=True)
    return report.Row(program.language, workload, by_target)


def warm_up(work, targets, arguments):
    """One run on each target that does not count: the first job of a process is not like others."""
    for target in targets:
        for program, workload in work:
            if program.language in target.languages:
                measure.run(program, workload, target, arguments.scale, arguments.time_limit)
                break


def write(rows, targets, facts, arguments):
    table = report.markdown(
        rows, [target.name for target in targets], facts, arguments.repeats, arguments.scale)
    (arguments.output / 'results.md').write_text(table)
    (arguments.output / 'results.json').write_text(
        json.dumps(
            {
                'facts': facts,
                'rows': [
                    {
                        'language': row.language,
                        'workload': row.workload,
                        'runs': {
                            target: [vars(m) for m in runs]
                            for target, runs in row.by_target.items()
                        },
                    } for row in rows
                ],
            }, indent=1))
    return table


def main(argv):
    arguments = parse_arguments(argv)
    # Like Ctrl-C: the services that were started are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments.output = arguments.output.resolve()
    arguments.output.mkdir(parents=True, exist_ok=True)
    work = [
        (program, workload) for program in load_programs(arguments.languages)
        for workload in chosen(program.workloads(), arguments.workloads)]
    if arguments.list:
        print('\n'.join(f'{program.language} {workload}' for program, workload in work))
        return 0
    if not work:
        sys.exit(f'no workload matches {arguments.workloads}')
    facts = machine.facts(BEAM_VERSION)
    stolen = machine.StolenTime()
    targets = load_targets(arguments.targets, arguments.output)
    rows = []
    try:
        if any(target.pid for target in targets):
            time.sleep(arguments.settle)
        warm_up(work, targets, arguments)
        for program, workload in work:
            rows.append(measure_row(program, workload, targets, arguments))
            # After each, so that a run that is ended early has shown something.
            table = write(rows, targets, {**facts, **stolen.facts()}, arguments)
    finally:
        for target in targets:
            target.stop()
    print()
    print(table)
    print(f'written to {arguments.output / "results.md"}')
    return 1 if any(row.error(targets[0].name) for row in rows) else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
