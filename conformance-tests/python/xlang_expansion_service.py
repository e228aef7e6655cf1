"""Upstream's Python transforms for cross-language tests, with workers in this process.

The only argument is the port. Prints `ready` when it accepts requests.
"""

import signal
import sys
import threading

# Registers the transforms.
from apache_beam.runners.portability import expansion_service_main
from apache_beam.runners.portability import expansion_service_test  # pylint: disable=unused-import

# Called when the server has started, instead of waiting for signals silently.
wait = signal.pause


def ready_and_wait():
  print('ready', flush=True)
  wait()


signal.pause = ready_and_wait
expansion_service_main.main([
    sys.argv[0], f'--port={sys.argv[1]}', '--serve_loopback_worker',
    '--fully_qualified_name_glob=*'
])
