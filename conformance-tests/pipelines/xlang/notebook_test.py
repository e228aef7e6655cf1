import nbclient
import nbformat

import support


def test_a_notebook_shows_what_came_out(monkeypatch):
  monkeypatch.setenv('TRESTLE_ENDPOINT', support.ENDPOINT)
  notebook = nbformat.read(support.EXAMPLES / 'words.ipynb', as_version=4)
  nbclient.NotebookClient(notebook, timeout=support.SECONDS).execute()
  shown = notebook.cells[-1].outputs[-1]['data']['text/plain'].split('\n')
  assert [line.split()[1:] for line in shown[1:]] == [['the', '3'], ['quick', '2'], ['lazy', '1']]
