"""The queries as workloads, each checked against the reference."""

import shutil
import tempfile

from checks import digest
from checks import ExpectDigest
from nexmark import queries
from nexmark import reference
from nexmark.events import events
from workloads import Workload

EVENTS = 40_000

_QUERIES = (
    'pass_through',
    'currency_conversion',
    'selection',
    'local_items',
    'price_by_category',
    'hot_items',
    'price_by_seller',
    'highest_bid',
    'new_users',
    'winning_bids',
    'event_log',
    'user_sessions',
    'processing_time_windows',
)


def _answers(name, size):
    found = getattr(reference, name)(list(events(0, size)))
    if not found:
        raise ValueError(f'{size} events are too few: query {name} has no answer')
    return digest(found)


def _build(name):
    def build(pipeline, size):
        wanted = _answers(name, size)
        made = pipeline | 'events' >> queries.Events(size)
        _ = getattr(queries, name)(made) | 'answers' >> ExpectDigest(wanted)

    return build


def _build_event_log(pipeline, size):
    directory = tempfile.mkdtemp(prefix='trestle-benchmark-log-')
    wanted = _answers('event_log', size)
    made = pipeline | 'events' >> queries.Events(size)
    _ = queries.event_log(directory)(made) | 'answers' >> ExpectDigest(wanted)
    return lambda: shutil.rmtree(directory)


WORKLOADS = {
    f'nexmark-q{number}': Workload(
        _build_event_log if name == 'event_log' else _build(name), EVENTS, 'events')
    for number, name in enumerate(_QUERIES)
}
