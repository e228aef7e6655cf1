"""What the user of a Python client reads when a transform cannot be expanded; the service goes on."""

import apache_beam as beam
from apache_beam.transforms.external import ExternalTransform
from apache_beam.transforms.external import ImplicitSchemaPayloadBuilder
from apache_beam.transforms.external import JavaExternalTransform
from apache_beam.transforms.external import SchemaAwareExternalTransform
from apache_beam.transforms.sql import SqlTransform
import pytest

import support

SQL = 'beam:external:java:sql:v1'
JDBC_READ = 'beam:schematransform:org.apache.beam:jdbc_read:v1'


def _schema_transform(**configuration):
  return SchemaAwareExternalTransform(
      JDBC_READ, support.EXPANSION, rearrange_based_on_discovery=False, **configuration)


def _sql(**configuration):
  return ExternalTransform(SQL, ImplicitSchemaPayloadBuilder(configuration), support.EXPANSION)


@pytest.mark.parametrize(
    'transform,said', [
        pytest.param(
            lambda: ExternalTransform('beam:no:such:v1', b'', support.EXPANSION),
            ['beam:no:such:v1', 'known are', SQL, 'schemaio_jdbc_read', '--jar'], id='unknown URN'),
        pytest.param(
            lambda: SchemaAwareExternalTransform('beam:none:v1', support.EXPANSION),
            ['beam:none:v1', JDBC_READ], id='unknown SchemaTransform'),
        pytest.param(
            lambda: _schema_transform(read_query='SELECT 1'),
            ["field 'jdbc_url' is missing", 'read_query STRING (optional)'], id='missing field'),
        pytest.param(
            lambda: _schema_transform(jdbc_url='jdbc:', bogus=1), ["there is no field 'bogus'"],
            id='unknown field'),
        pytest.param(
            lambda: _schema_transform(jdbc_url=7), ["field 'jdbc_url' is INT64, wanted is STRING"],
            id='wrong type'),
        pytest.param(
            lambda: _sql(dialect='calcite'), ["field 'query'", 'missing'], id='SQL without query'),
        pytest.param(
            lambda: _sql(query='SELECT 1', colour='red'), ['colour'], id='SQL with unknown field'),
        pytest.param(
            lambda: JavaExternalTransform('com.example.Gone', support.EXPANSION)(),
            ['com.example.Gone', 'does not enable'], id='missing class'),
    ])
def test_a_wrong_transform_is_told_what_was_expected(transform, said):
  with pytest.raises(Exception) as refused:
    _ = beam.Pipeline() | transform()
  assert [text for text in said if text not in str(refused.value)] == []
  _ = beam.Pipeline() | SqlTransform('SELECT 1 AS x', expansion_service=support.EXPANSION)
