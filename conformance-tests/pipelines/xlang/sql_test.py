import support


def test_sql_joins_two_inputs(tmp_path):
  support.run(
      tmp_path, support.EXAMPLES / 'sql_join.py', f'--expansion_service={support.EXPANSION}',
      f'--output={tmp_path}/spent', *support.TO_SERVICE)
  assert sorted((tmp_path / 'spent').read_text().splitlines()) == [
      'Ada: 2 orders, 20.00', 'Grace: 2 orders, 4.00'
  ]


def test_yaml_uses_java_providers(tmp_path):
  support.run(
      tmp_path, '-m', 'apache_beam.yaml.main',
      f'--yaml_pipeline_file={support.EXAMPLES}/spent.yaml', '--jinja_variables='
      f'{{"expansion_service": "{support.EXPANSION}", "output": "{tmp_path}/spent"}}',
      *support.TO_SERVICE)
  lines = [l for file in tmp_path.glob('spent-*') for l in file.read_text().splitlines()]
  assert sorted(l for l in lines if l != 'name,cents') == ['Ada,2000', 'Grace,399']


def test_dataframes_sum_up_a_file(tmp_path):
  (tmp_path / 'orders.csv').write_text('name,cents\nAda,1250\nGrace,399\nAda,750\nGrace,1\n')
  support.run(
      tmp_path, support.EXAMPLES / 'dataframe.py', f'--input={tmp_path}/orders.csv',
      f'--output={tmp_path}/spent.csv', *support.TO_SERVICE)
  lines = [l for file in tmp_path.glob('spent.csv*') for l in file.read_text().splitlines()]
  assert sorted(l for l in lines if l != 'name,cents') == ['Ada,2000', 'Grace,399']
