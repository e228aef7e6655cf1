"""Beam's own load tests of the Python SDK, as apache_beam.testing.load_tests has them."""

import dataclasses
import importlib
import json
import shlex
import sys


@dataclasses.dataclass(frozen=True)
class LoadTest:
    module: str
    test_class: str
    records: int
    options: tuple = ()


def _input(records, hot_keys=0):
    options = {'num_records': records, 'key_size': 10, 'value_size': 90}
    if hot_keys:
        options.update(num_hot_keys=hot_keys, hot_key_fraction=1)
    return json.dumps(options)


LOAD_TESTS = {
    'load-pardo': LoadTest(
        'pardo_test', 'ParDoTest', 40_000,
        ('--iterations=10', '--number_of_counters=1', '--number_of_counter_operations=10')),
    'load-gbk': LoadTest(
        'group_by_key_test', 'GroupByKeyTest', 60_000, ('--fanout=1', '--iterations=1')),
    'load-cogbk': LoadTest('co_group_by_key_test', 'CoGroupByKeyTest', 30_000, ('--iterations=1',)),
    'load-combine': LoadTest('combine_test', 'CombineTest', 60_000, ('--fanout=1', '--top_count=20')),
    'load-sideinput': LoadTest(
        'sideinput_test', 'SideInputTest', 20_000, ('--side_input_type=iter',)),
}


def prepared(name, runner, pipeline_options, scale):
    """A load test that `run()` runs to its end; it raises if the job fails."""
    test = LOAD_TESTS[name]
    records = max(1000, int(test.records * scale))
    options = [*pipeline_options, *test.options]
    if name == 'load-gbk':
        options.append('--input_options=' + _input(records, hot_keys=1000))
    else:
        options.append('--input_options=' + _input(records))
    if name == 'load-cogbk':
        options.append('--co_input_options=' + _input(records // 10))
    # The load tests take their options from the command line only.
    sys.argv = ['load_tests', '--test-pipeline-options=' + shlex.join(options)]
    module = importlib.import_module(f'apache_beam.testing.load_tests.{test.module}')
    load_test = getattr(module, test.test_class)()
    load_test.pipeline.runner = runner
    return load_test


def records_of(name, scale):
    return max(1000, int(LOAD_TESTS[name].records * scale))
