"""What the tests of the examples share: running one, killing its worker."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.portability.api import beam_job_api_pb2_grpc
import grpc

import sockets

ENDPOINT = os.environ['CONFORMANCE_ENDPOINT']
EXPANSION = f'localhost:{os.environ["EXPANSION_PORT"]}'
EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / 'examples'
SECONDS = 180
TO_SERVICE = (
    '--runner=PortableRunner', f'--job_endpoint={ENDPOINT}', '--environment_type=LOOPBACK')


def eventually(what, condition, seconds=SECONDS):
  """Waits until a condition gives something; returns that."""
  deadline = time.monotonic() + seconds
  while time.monotonic() < deadline:
    found = condition()
    if found:
      return found
    time.sleep(0.05)
  raise AssertionError(f'{what} did not happen within {seconds} s')


class Example:
  """An example that runs in a process of its own, as a user would start it."""

  def __init__(self, command, log):
    self._log = log
    with open(log, 'wb') as output:
      self._process = subprocess.Popen(
          [sys.executable, *command], stdin=subprocess.DEVNULL, stdout=output,
          stderr=subprocess.STDOUT)

  def succeeds(self):
    code = self._process.wait(timeout=SECONDS)
    assert code == 0, f'exit code {code}:\n{self.log()[-6000:]}'

  def runs(self):
    if self._process.poll() is not None:
      raise AssertionError(f'ended with {self._process.returncode}:\n{self.log()[-6000:]}')
    return True

  def log(self):
    return self._log.read_text(errors='replace')

  def kill(self):
    if self._process.poll() is None:
      self._process.kill()
      self._process.wait()


@contextlib.contextmanager
def running(directory, *command):
  example = Example([str(c) for c in command], directory / 'example.log')
  try:
    yield example
  finally:
    example.kill()


def run(directory, *command):
  """Runs an example to its end."""
  with running(directory, *command) as example:
    example.succeeds()


class Job:
  """The job that an example submits under a name."""

  def __init__(self, name):
    self._name = name
    self._stub = beam_job_api_pb2_grpc.JobServiceStub(grpc.insecure_channel(ENDPOINT))

  def _info(self):
    jobs = self._stub.GetJobs(beam_job_api_pb2.GetJobsRequest(), timeout=20).job_info
    return next((job for job in jobs if job.job_name == self._name), None)

  def state(self):
    return beam_job_api_pb2.JobState.Enum.Name(self._info().state)

  def cancel(self):
    """Asks the job to stop, if there is one."""
    job = self._info()
    if job:
      self._stub.Cancel(beam_job_api_pb2.CancelJobRequest(job_id=job.job_id), timeout=20)

  def drain(self):
    request = beam_job_api_pb2.DrainJobRequest(job_id=self._info().job_id)
    self._stub.Drain(request, timeout=20)


def java_harnesses(port):
  """Processes that are Java harnesses of workers and connected with the server at a port.

  Other tests run at the same time, each with servers and harnesses of its own.
  """
  connected = sockets.connected_to(port)
  found = []
  for process in pathlib.Path('/proc').glob('[0-9]*'):
    with contextlib.suppress(OSError):
      arguments = (process / 'cmdline').read_bytes().decode(errors='replace').split('\0')
      if (any(re.fullmatch('--id=w-[0-9a-f]+', a) for a in arguments)
          and any('trestle-java-harness' in a for a in arguments)
          and connected & sockets.held_by(process.name)):
        found.append(int(process.name))
  return found


def kill_java_harnesses(port):
  """Ends all harnesses that are connected with a server, as a crash does."""
  harnesses = java_harnesses(port)
  assert harnesses, f'no Java harness is connected with port {port}'
  for harness in harnesses:
    os.kill(harness, signal.SIGKILL)
