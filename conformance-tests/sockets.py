"""Which processes of this machine hold which TCP sockets."""

import contextlib
import os
import pathlib
import re

ESTABLISHED, LISTENING = '01', '0A'


def listening_at(port):
    """Sockets that accept connections at a port."""
    return _sockets(0, port, LISTENING)


def connected_to(port):
    """Sockets of clients that are connected with a port."""
    return _sockets(1, port, ESTABLISHED)


def _sockets(end, port, state):
    found = set()
    for table in ('tcp', 'tcp6'):
        for line in pathlib.Path('/proc/net', table).read_text().splitlines()[1:]:
            _, local, remote, its_state, *others = line.split()
            if (local, remote)[end].endswith(f':{port:04X}') and its_state == state:
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
