"""The table of a comparison, in Markdown."""

import statistics


def _median(measurements, attribute):
    values = [getattr(m, attribute) for m in measurements]
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


class Row:
    """The runs of one workload in one language on all targets."""

    def __init__(self, language, workload, by_target):
        self.language = language
        self.workload = workload
        self.by_target = by_target

    def error(self, target):
        return next((m.error for m in self.by_target.get(target, ()) if m.error), None)

    def figure(self, target, attribute):
        if target not in self.by_target or self.error(target):
            return None
        return _median(self.by_target[target], attribute)

    def ratio(self, target):
        """The target's time as a multiple of the fastest other's; None if there is none."""
        own = self.figure(target, 'seconds')
        others = [
            self.figure(other, 'seconds') for other in self.by_target if other != target]
        others = [seconds for seconds in others if seconds is not None]
        # A delay can be about nothing, or below.
        if own is None or not others or min(others) <= 0:
            return None
        return own / min(others)


def markdown(rows, targets, facts, repeats, scale):
    """`targets` are names, the first of which is compared with the fastest of the others."""
    first = targets[0]
    header = ['workload']
    for target in targets:
        header.append(target)
    header += ['ratio', 'asleep', 'stolen']
    header += [*(f'{target}: busy' for target in targets), f'{first}: CPU']
    header += [f'{target}: RSS' for target in targets if _has_memory(rows, target)]
    lines = [
        f'Medians of {repeats} runs at scale {scale:g}, targets in turn, each run in a process of '
        f'its own. The ratio is {first} to the fastest of the others. "Busy" is the processor time '
        f'of the process that has client and harness, as a share of the job\'s time; "asleep" the '
        f'share, with {first}, for which it slept because a sampler of the Python SDK did; '
        f'"stolen" the part of the time all processes would have computed, with {first}, that the '
        f'hypervisor gave to others. CPU and RSS (peak) are those of the service.',
        '',
        '| ' + ' | '.join(header) + ' |',
        '|---' * len(header) + '|',
    ]
    for row in rows:
        cells = [f'{row.language} {row.workload}']
        cells += [_seconds(row, target) for target in targets]
        cells.append(_shown(row.ratio(first), '.2f'))
        cells.append(_shown(row.figure(first, 'harness_asleep'), '.0%'))
        cells.append(_shown(row.figure(first, 'stolen'), '.0%'))
        cells += [_shown(row.figure(target, 'harness_busy'), '.0%') for target in targets]
        cells.append(_shown(row.figure(first, 'service_cpu_seconds'), '.2f', ' s'))
        for target in targets:
            if _has_memory(rows, target):
                cells.append(_shown(row.figure(target, 'service_peak_mib'), '.0f', ' MiB'))
        lines.append('| ' + ' | '.join(cells) + ' |')
    failures = [
        f'- {row.language} {row.workload} on {target}: {row.error(target)}'
        for row in rows for target in targets if row.error(target)]
    if failures:
        lines += ['', 'Failed:', '', *failures]
    lines += ['', '| machine | |', '|---|---|']
    lines += [f'| {name} | {value} |' for name, value in facts.items()]
    return '\n'.join(lines) + '\n'


def _has_memory(rows, target):
    return any(row.figure(target, 'service_peak_mib') is not None for row in rows)


def _shown(figure, form, unit=''):
    return '–' if figure is None else f'{figure:{form}}{unit}'


def _seconds(row, target):
    if target not in row.by_target:
        return '–'
    if row.error(target):
        return 'failed'
    return f'{row.figure(target, "seconds"):.2f} s'
