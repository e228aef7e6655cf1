"""Upstream's runner tests, submitted to a job service in LOOPBACK or with workers of their own.

Upstream's PortableRunnerTest is FnApiRunnerTest behind a job service, with some tests skipped on
every portable runner. Here each of them runs: a runner's gaps belong in expected-failures.
"""

import json

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions
from apache_beam.options.pipeline_options import PortableOptions
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.runners.portability import portable_runner_test
from apache_beam.runners.portability.fn_api_runner import fn_runner_test
from conformance_plugin import ENDPOINT
from conformance_plugin import PROCESS
from conformance_plugin import STREAMING


class JobServiceTest(portable_runner_test.PortableRunnerTest):
  @classmethod
  def _create_job_endpoint(cls):
    return ENDPOINT

  # FnApiRunner is told by its constructor to drain from the start, a job service by an option.
  def create_pipeline(self, is_drain=False):
    options = self.create_options()
    if is_drain:
      options.view_as(DebugOptions).add_experiment('drain_at_start')
    return beam.Pipeline(self.get_runner(), options)

  def create_options(self):
    options = super().create_options()
    environment = options.view_as(PortableOptions)
    environment.environment_type = 'PROCESS' if PROCESS else 'LOOPBACK'
    if PROCESS:
      environment.environment_config = json.dumps({'command': PROCESS})
    options.view_as(StandardOptions).streaming = STREAMING
    return options


def _without_skip(test):
  while getattr(test, '__unittest_skip__', False):
    test = test.__wrapped__
  return test


for _name, _member in vars(fn_runner_test.FnApiRunnerTest).items():
  if _name.startswith('test'):
    setattr(JobServiceTest, _name, _without_skip(_member))
