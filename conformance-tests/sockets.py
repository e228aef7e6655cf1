"""TCP sockets of this machine: free ports, ports that answer, and which process holds what."""

import contextlib
import os
import pathlib
import re
import socket

ESTABLISHED = '01'
LISTENING = '0A'


def free_port():
    with socket.socket() as probe:
        probe.bind(('localhost', 0))
        return probe.getsockname()[1]


def answers(port):
    """Whether a server listens at a port."""
    try:
        socket.create_connection(('localhost', port), timeout=1).close()
        return True
    except OSError:
        return False


def connected_to(port):
    """Sockets of clients that are connected with a port."""
    return {
        number for _, remote, state, number in _table()
        if remote == port and state == ESTABLISHED}


def listening(port=None):
    """Sockets that listen, all or those at a port."""
    return {
        number for local, _, state, number in _table()
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
