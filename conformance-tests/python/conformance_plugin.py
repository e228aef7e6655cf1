"""Pytest plugin: runs upstream tests against a job service and reports each test as it happens.

The environment says what to do:

  CONFORMANCE_ENDPOINT   host:port of the job service
  CONFORMANCE_EVENTS     file that receives one JSON object a line
  CONFORMANCE_DONE       file with the test ids that earlier processes finished, one a line
  CONFORMANCE_ONLY       shell pattern; other tests are left out
  CONFORMANCE_SHARD      "1/3": of the tests, this process runs the second, fifth and so on
  CONFORMANCE_SECONDS    limit of a test
  CONFORMANCE_STREAMING  "1" submits every pipeline with --streaming
  CONFORMANCE_ENVIRONMENT  type of environment, and after a colon its configuration
"""

import fnmatch
import functools
import json
import os
import socket
import subprocess
import time

import pytest
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability import portable_runner
from apache_beam.runners.portability import stager
from apache_beam.testing.test_pipeline import TestPipeline

ENDPOINT = os.environ['CONFORMANCE_ENDPOINT']
STREAMING = os.environ.get('CONFORMANCE_STREAMING') == '1'
ENVIRONMENT = os.environ['CONFORMANCE_ENVIRONMENT']
SERVICE_GONE = 42
TEST_SECONDS = int(os.environ['CONFORMANCE_SECONDS'])
# Pipelines of hundreds of combines: the SDK takes long to make, optimise and run them.
SLOW = '*.test_run_packable_combine_*'
SLOW_FACTOR = 4

_submitted = []
_events = open(os.environ['CONFORMANCE_EVENTS'], 'a', buffering=1)


def _report(**event):
  _events.write(json.dumps(event) + '\n')


def _test_id(item):
  module = item.module.__name__
  if item.path.stem == 'job_service_tests':
    return item.name
  # Upstream's modules by their path, ours by what they are about.
  upstream = module.startswith('apache_beam.')
  parts = [
      module.removeprefix('apache_beam.') if upstream else item.path.stem.removesuffix('_test')]
  if item.cls is not None:
    parts.append(item.cls.__name__)
  return '.'.join(parts + [item.name])


def _service_answers():
  host, _, port = ENDPOINT.rpartition(':')
  try:
    socket.create_connection((host, int(port)), timeout=10).close()
    return True
  except OSError:
    return False


def _record_submissions():
  run = portable_runner.PortableRunner.run_portable_pipeline

  def run_and_record(self, pipeline, options):
    result = run(self, pipeline, options)
    _submitted.append(result)
    return result

  portable_runner.PortableRunner.run_portable_pipeline = run_and_record


class _Subprocess:
  """The module, but what a command has put out once is its output ever after.

  At each submission the SDK asks pip for a list of all packages, which takes longer than the job.
  """
  def __getattr__(self, name):
    return getattr(subprocess, name)

  @functools.cache
  def _output(self, command):
    return subprocess.check_output(command)

  def check_output(self, command, **options):
    if options or not isinstance(command, list):
      return subprocess.check_output(command, **options)
    return self._output(tuple(command))


def _cancel_submitted():
  for result in _submitted:
    try:
      result._job_service.Cancel(
          beam_job_api_pb2.CancelJobRequest(job_id=result._job_id), timeout=5)
    except Exception:  # The job may be over, or the service gone: both are seen elsewhere.
      pass


def pytest_configure(config):
  config.addinivalue_line('markers', 'it_validatesrunner: runs on every runner')
  config.addinivalue_line('markers', 'it_postcommit: runs on every runner, outside the suites')
  options = [
      '--runner=PortableRunner', f'--job_endpoint={ENDPOINT}', '--environment_type=LOOPBACK'
  ]
  TestPipeline.pytest_test_pipeline_options = ' '.join(
      options + (['--streaming'] if STREAMING else []))
  stager.subprocess = _Subprocess()
  _record_submissions()


# Last, after those that the mark of -m leaves out have gone.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
  with open(os.environ['CONFORMANCE_DONE']) as file:
    done = set(file.read().split('\n'))
  only = os.environ.get('CONFORMANCE_ONLY') or '*'
  shard, shards = map(int, os.environ['CONFORMANCE_SHARD'].split('/'))
  chosen, left_out = [], []
  for i, item in enumerate(items):
    item.stash[_ID] = _test_id(item)
    wanted = (
        i % shards == shard and fnmatch.fnmatchcase(item.stash[_ID], only) and
        item.stash[_ID] not in done)
    (chosen if wanted else left_out).append(item)
    limit = TEST_SECONDS * (SLOW_FACTOR if fnmatch.fnmatchcase(item.stash[_ID], SLOW) else 1)
    item.stash[_LIMIT] = limit
    item.add_marker(pytest.mark.timeout(limit, method='signal'))
  items[:] = chosen
  config.hook.pytest_deselected(items=left_out)
  _report(event='collected', tests=[item.stash[_ID] for item in chosen])


def pytest_collectreport(report):
  if report.failed:
    _report(
        event='finished', test='collect.' + report.nodeid.rpartition('/')[2], status='failed',
        seconds=0, message=report.longreprtext)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
  if not _service_answers():
    _report(event='service-gone')
    pytest.exit('the job service does not answer', returncode=SERVICE_GONE)
  _submitted.clear()
  item.stash[_REPORTS] = []
  _report(event='started', test=item.stash[_ID], limit=item.stash[_LIMIT])
  begin = time.monotonic()
  yield
  reports = item.stash[_REPORTS]
  broken = next((r for r in reports if r.failed), None)
  skipped = next((r for r in reports if r.skipped), None)
  status = 'failed' if broken else 'skipped' if skipped else 'passed'
  message = ''
  if broken:
    message = broken.longreprtext
    _cancel_submitted()
  elif not skipped and [r.when for r in item.stash[_REPORTS]] != ['setup', 'call', 'teardown']:
    # Pytest itself failed in a phase, which leaves no report of it.
    status, message = 'failed', 'pytest did not get to the end of the test'
    _cancel_submitted()
  elif skipped:
    # A skip carries (file, line, reason).
    message = str(
        skipped.longrepr[2] if isinstance(skipped.longrepr, tuple) else skipped.longrepr)
  _report(
      event='finished', test=item.stash[_ID], status=status,
      seconds=time.monotonic() - begin, message=message)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
  outcome = yield
  item.stash[_REPORTS].append(outcome.get_result())


_ID = pytest.StashKey()
_LIMIT = pytest.StashKey()
_REPORTS = pytest.StashKey()
