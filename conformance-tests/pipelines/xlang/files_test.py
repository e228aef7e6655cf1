"""Rows that Java writes into files of each format, and reads from them again."""

import json

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that
from apache_beam.testing.util import equal_to
from apache_beam.transforms.external_transform_provider import ExternalTransformProvider
import pytest

import support

READ = 'beam:schematransform:org.trestle:file_read:v1'
WRITE = 'beam:schematransform:org.trestle:file_write:v1'
SCHEMA = json.dumps({
    'type': 'record',
    'name': 'Visit',
    'fields': [
        {'name': 'id', 'type': 'long'},
        {'name': 'page', 'type': 'string'},
        {'name': 'seconds', 'type': 'double'},
        {'name': 'known', 'type': 'boolean'},
    ],
})
VISITS = [(n, f'"page, {n % 7}"\nof "{n}"', n / 4, n % 2 == 0) for n in range(200)]


@pytest.fixture(scope='module')
def transforms():
  provider = ExternalTransformProvider(
      support.EXPANSION, urn_pattern=r'^beam:schematransform:org\.trestle:([\w-]+):(\w+)$')
  return {urn: provider.get_urn(urn) for urn in (READ, WRITE)}


def _pipeline():
  return beam.Pipeline(options=PipelineOptions(list(support.TO_SERVICE)))


def _fields(row):
  return row.id, row.page, row.seconds, row.known


@pytest.mark.parametrize('file_format', ['csv', 'json', 'avro', 'parquet'])
def test_rows_come_back_from_files(transforms, tmp_path, file_format):
  with _pipeline() as p:
    _ = (
        p | beam.Create(VISITS)
        | beam.MapTuple(
            lambda id, page, seconds, known: beam.Row(
                id=int(id), page=str(page), seconds=float(seconds), known=bool(known)))
        | transforms[WRITE](
            format=file_format, filename_prefix=f'{tmp_path}/visits',
            filename_suffix=f'.{file_format}', num_shards=2))
  assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
      f'visits-0000{n}-of-00002.{file_format}' for n in (0, 1)
  ]
  with _pipeline() as p:
    rows = p | transforms[READ](
        format=file_format, filepattern=f'{tmp_path}/visits*', schema=SCHEMA)
    assert_that(rows | beam.Map(_fields), equal_to(VISITS))


def test_lines_come_back_from_compressed_files(transforms, tmp_path):
  lines = [f'line {n}' for n in range(100)]
  with _pipeline() as p:
    names = (
        p | beam.Create(lines) | beam.Map(lambda line: beam.Row(line=str(line)))
        | transforms[WRITE](
            format='line', filename_prefix=f'{tmp_path}/lines', filename_suffix='.txt', num_shards=1,
            compression='gzip'))
    assert_that(
        names | beam.Map(lambda row: row.filename),
        equal_to([f'{tmp_path}/lines-00000-of-00001.txt.gz']))
  with _pipeline() as p:
    read = p | transforms[READ](format='line', filepattern=f'{tmp_path}/lines*')
    assert_that(read | beam.Map(lambda row: row.line), equal_to(lines))


@pytest.mark.parametrize(
    'configuration,said', [
        (dict(format='xml', filepattern='*'), "there is no format 'xml', only avro, csv, json"),
        (dict(format='csv', filepattern='*'), "field 'schema' is missing"),
        (dict(format='csv', filepattern='*', schema='{}'), "field 'schema' is no Avro schema"),
        (dict(format='line', filepattern='*', schema=SCHEMA), "format 'line' takes none"),
    ])
def test_a_wrong_configuration_is_told(transforms, configuration, said):
  with pytest.raises(Exception, match=said):
    _ = beam.Pipeline() | transforms[READ](**configuration)
