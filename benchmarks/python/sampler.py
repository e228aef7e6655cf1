"""How long this process slept only because the SDK's samplers did."""

import threading
import time

from apache_beam.runners.worker.statesampler import StateSampler


class SamplerSleep:
    """The time in which a bundle waited for the end of its sampler, less what was computed.

    At the end of a bundle the SDK joins the thread that samples states, which sleeps for a period
    that has grown with the bundle: a runner cannot shorten it, only have another bundle run.
    """

    def __init__(self):
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = None

    def watch(self):
        """Counts from now on, in all samplers of the process."""
        stop = StateSampler.stop

        def timed_stop(sampler):
            self._begin()
            try:
                stop(sampler)
            finally:
                self._end()

        StateSampler.stop = timed_stop

    def _begin(self):
        with self._lock:
            if self._waiting == 0:
                self._since = time.monotonic(), time.process_time()
            self._waiting += 1

    def _end(self):
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0:
                since, cpu = self._since
                computed = time.process_time() - cpu
                self.seconds += max(0.0, time.monotonic() - since - computed)
