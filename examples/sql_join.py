"""Joins two inputs with SQL: how much each customer spent.

    python sql_join.py --expansion_service=localhost:8097 --output=spent \
      --runner=PortableRunner --job_endpoint=localhost:8073 --environment_type=LOOPBACK
"""

import argparse
import typing

import apache_beam as beam
from apache_beam import coders
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.sql import SqlTransform


class Customer(typing.NamedTuple):
  id: int
  name: str


class Order(typing.NamedTuple):
  customer: int
  cents: int


coders.registry.register_coder(Customer, coders.RowCoder)
coders.registry.register_coder(Order, coders.RowCoder)

CUSTOMERS = [Customer(1, 'Ada'), Customer(2, 'Grace'), Customer(3, 'Edsger')]
ORDERS = [Order(1, 1250), Order(2, 399), Order(1, 750), Order(2, 1)]
QUERY = """
    SELECT customers.name, COUNT(*) AS orders, SUM(orders.cents) AS cents
    FROM customers JOIN orders ON customers.id = orders.customer
    GROUP BY customers.name"""


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--expansion_service', default='localhost:8097')
  parser.add_argument('--output', required=True)
  arguments, others = parser.parse_known_args()
  with beam.Pipeline(options=PipelineOptions(others)) as p:
    customers = p | 'Customers' >> beam.Create(CUSTOMERS).with_output_types(Customer)
    orders = p | 'Orders' >> beam.Create(ORDERS).with_output_types(Order)
    _ = (
        {'customers': customers, 'orders': orders}
        | SqlTransform(QUERY, expansion_service=arguments.expansion_service)
        | beam.Map(lambda row: f'{row.name}: {row.orders} orders, {row.cents / 100:.2f}')
        | beam.io.WriteToText(arguments.output, num_shards=1, shard_name_template=''))


if __name__ == '__main__':
  main()
