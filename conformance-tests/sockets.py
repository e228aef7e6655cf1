"""Which processes of this machine hold which TCP sockets."""

import contextlib
import os
import pathlib
import re

ESTABLISHED = '01'


def connected_to(port):
    """Sockets of clients that are connected with a port."""
    found = set()
    for table in ('tcp', 'tcp6'):
        for line in pathlib.Path('/proc/net', table).read_text().splitlines()[1:]:
            _, _, remote, state, *others = line.split()
            if remote.endswith(f':{port:04X}') and state == ESTABLISHED:
                found.add(others[5])
    return found


def held_by(process):
    """Sockets of a process; none if there is no such process."""
    found = set()
    with contextlib.suppress(OSError):
        for file in pathlib.Path('/proc', str(process), 'fd').iterdir():
            with contextlib.suppress(OSError):
                target = re.fullmatch(r'socket:\[(\d+)\]', os.readlink(file))
                if target:
                    found.add(target[1])
    return found
