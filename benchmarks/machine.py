"""Facts of the machine and of the versions, without which figures mean nothing."""

import os
import platform
import re
import shutil
import subprocess
import time


def facts(beam_version):
    return {
        'date': time.strftime('%Y-%m-%d', time.gmtime()),
        'processor': f'{_processor()}, {os.cpu_count()} cores',
        'memory': f'{_memory_gib():.0f} GiB',
        'kernel': f'{platform.system()} {platform.release()}',
        'load before': ', '.join(f'{load:.1f}' for load in os.getloadavg()),
        'Java': _version(['java', '-version']),
        'Python': platform.python_version(),
        'Go': _version(['go', 'version']),
        'Beam': f'{beam_version} (Python and Go)',
        'revision': _version(['git', 'describe', '--always', '--dirty']),
    }


class StolenTime:
    """What the hypervisor takes of the time that this machine's processors would compute."""

    def __init__(self):
        self._begin = self._ticks()

    @staticmethod
    def _ticks():
        try:
            with open('/proc/stat', encoding='ascii') as stat:
                user, nice, system, _, _, irq, soft_irq, stolen = map(
                    int, stat.readline().split()[1:9])
        except (OSError, ValueError):
            return None
        return stolen, user + nice + system + irq + soft_irq + stolen

    def share(self):
        """The part of that time since this object was made; None if the machine does not tell."""
        now = self._ticks()
        if now is None or self._begin is None or now[1] == self._begin[1]:
            return None
        return (now[0] - self._begin[0]) / (now[1] - self._begin[1])

    def facts(self):
        share = self.share()
        if share is None:
            return {}
        return {'stolen by the hypervisor': f'{share:.1%} of the time computed'}


def _processor():
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as lines:
            found = re.search(r'^model name\s*: (.*)$', lines.read(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def _memory_gib():
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30


def _version(command):
    if shutil.which(command[0]) is None:
        return 'none'
    ran = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=os.path.dirname(os.path.abspath(__file__)))
    return ran.stdout.splitlines()[0].strip() if ran.stdout.strip() else 'none'
