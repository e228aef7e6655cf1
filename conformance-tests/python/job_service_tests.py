"""Upstream's runner tests, submitted to a job service.

Upstream's PortableRunnerTest is FnApiRunnerTest behind a job service, with some tests skipped on
every portable runner. Here each of them runs: a runner's gaps belong in expected-failures.
"""

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions
from apache_beam.options.pipeline_options import PortableOptions
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.runners.portability import portable_runner_test
from apache_beam.runners.portability.fn_api_runner import fn_runner_test
from conformance_plugin import ENDPOINT
from conformance_plugin import ENVIRONMENT
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
    environment_type, _, config = ENVIRONMENT.partition(':')
    options.view_as(PortableOptions).environment_type = environment_type
    options.view_as(PortableOptions).environment_config = config or None
    options.view_as(StandardOptions).streaming = STREAMING
    return options


def _without_skip(test):
  while getattr(test, '__unittest_skip__', False):
    test = test.__wrapped__
  return test


for _name, _member in vars(fn_runner_test.FnApiRunnerTest).items():
  if _name.startswith('test'):
    setattr(JobServiceTest, _name, _without_skip(_member))
