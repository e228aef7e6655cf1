"""Which processes of this machine hold which TCP sockets."""

import contextlib
import os
import pathlib
import re

ESTABLISHED = '01'
LISTENING = '0A'


def connected_to(port):
    """Sockets of clients that are connected with a port."""
    return {
        socket for _, remote, state, socket in _table()
        if remote == port and state == ESTABLISHED}


def listening(port=None):
    """Sockets that listen, all or those at a port."""
    return {
        socket for local, _, state, socket in _table()
        if state == LISTENING and port in (None, local)}


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


def _table():
    """Local and remote port, state and number of each socket."""
    for table in ('tcp', 'tcp6'):
        for line in pathlib.Path('/proc/net', table).read_text().splitlines()[1:]:
            _, local, remote, state, *others = line.split()
            yield _port(local), _port(remote), state, others[5]


def _port(address):
    return int(address.rpartition(':')[2], 16)
