"""Just enough of Google Cloud Storage's HTTP interface to list and read a few objects."""

import http.server
import json
import threading
import urllib.parse


class ObjectStore:
    """Serves `bucket/object` names to clients that honour STORAGE_EMULATOR_HOST."""

    def __init__(self, objects):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                _answer(self, objects)

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.address = f'127.0.0.1:{self._server.server_address[1]}'

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()


def _answer(request, objects):
    url = urllib.parse.urlsplit(request.path)
    query = urllib.parse.parse_qs(url.query)
    parts = url.path.removeprefix('/storage/v1').removeprefix('/download').strip('/').split('/', 3)
    if parts[0] == 'b' and parts[2:] == ['o']:
        prefix = f'{parts[1]}/{query.get("prefix", [""])[0]}'
        items = [_metadata(n, b) for n, b in objects.items() if n.startswith(prefix)]
        _send(request, 200, json.dumps({'kind': 'storage#objects', 'items': items}).encode())
    elif parts[0] == 'b' and len(parts) == 2:
        _send(request, 200, json.dumps({'kind': 'storage#bucket', 'name': parts[1]}).encode())
    elif parts[0] == 'b' and len(parts) == 4:
        name = f'{parts[1]}/{urllib.parse.unquote(parts[3])}'
        if name not in objects:
            _send(request, 404, b'{}')
        elif query.get('alt') == ['media']:
            _send(request, 200, objects[name])
        else:
            _send(request, 200, json.dumps(_metadata(name, objects[name])).encode())
    else:
        content = objects.get(urllib.parse.unquote(url.path.lstrip('/')))
        _send(request, 404 if content is None else 200, content or b'')


def _metadata(name, content):
    bucket, _, key = name.partition('/')
    return {
        'kind': 'storage#object', 'bucket': bucket, 'name': key, 'size': str(len(content)),
        'generation': '1', 'metageneration': '1', 'updated': '2026-01-01T00:00:00Z',
        'timeCreated': '2026-01-01T00:00:00Z'
    }


def _send(request, status, content):
    request.send_response(status)
    request.send_header('Content-Length', str(len(content)))
    request.send_header('X-Goog-Generation', '1')
    request.end_headers()
    request.wfile.write(content)
