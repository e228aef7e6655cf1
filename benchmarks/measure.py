"""Measured runs: a fresh process each, with a time limit, and what the service used meanwhile."""

import dataclasses
import json
import os
import resource
import signal
import subprocess
import tempfile
import time

import machine

CLOCK_TICKS = os.sysconf('SC_CLK_TCK')
ERROR_LENGTH = 160


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one run of a workload took; `error` says why there are no figures."""

    seconds: float | None = None
    harness_busy: float | None = None
    harness_asleep: float | None = None
    stolen: float | None = None
    service_cpu_seconds: float | None = None
    service_peak_mib: int | None = None
    error: str | None = None


class ServiceProbe:
    """Processor time and peak memory of a process between two moments."""

    def __init__(self, pid):
        self._pid = pid
        self._cpu = self._cpu_seconds()
        self._reset_peak()

    def _reset_peak(self):
        try:
            with open(f'/proc/{self._pid}/clear_refs', 'w', encoding='ascii') as control:
                control.write('5')
        except OSError:
            pass  # The peak is then that since the start of the process.

    def _cpu_seconds(self):
        try:
            with open(f'/proc/{self._pid}/stat', encoding='ascii') as stat:
                fields = stat.read().rpartition(')')[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def cpu_seconds(self):
        now = self._cpu_seconds()
        return None if now is None or self._cpu is None else now - self._cpu

    def peak_mib(self):
        try:
            with open(f'/proc/{self._pid}/status', encoding='ascii') as status:
                for line in status:
                    if line.startswith('VmHWM:'):
                        return int(line.split()[1]) // 1024
        except OSError:
            pass
        return None


def run(program, workload, target, scale, limit_seconds):
    """Runs a workload once on a target that has been started."""
    command = program.command([workload], target.endpoint, scale)
    probe = ServiceProbe(target.pid) if target.pid else None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    stolen = machine.StolenTime()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='trestle-benchmark-') as directory:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors='replace', start_new_session=True)
        try:
            output, errors = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Measurement(error=f'no end within {limit_seconds:.0f} s')
    wall_seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = _result(output)
    if process.returncode or (result and 'error' in result):
        return Measurement(error=_error(result, errors, process.returncode))
    if result is None:
        # A program that tells nothing of itself is measured as a whole.
        cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        result = {
            'seconds': wall_seconds, 'wall_seconds': wall_seconds, 'harness_seconds': cpu_seconds}
    asleep_seconds = result.get('asleep_seconds')
    return Measurement(
        seconds=result['seconds'],
        harness_busy=result['harness_seconds'] / result['wall_seconds'],
        harness_asleep=(
            None if asleep_seconds is None else asleep_seconds / result['wall_seconds']),
        stolen=stolen.share(),
        service_cpu_seconds=probe.cpu_seconds() if probe else None,
        service_peak_mib=probe.peak_mib() if probe else None)


def _result(output):
    for line in reversed(output.splitlines()):
        if line.startswith('{"workload"'):
            return json.loads(line)
    return None


def _error(result, errors, code):
    lines = [line for line in errors.splitlines() if line.strip()]
    text = (result or {}).get('error') or (lines[-1] if lines else f'exit code {code}')
    return text.strip().splitlines()[-1][:ERROR_LENGTH]
