"""Queries 0 to 12 as pipelines: from a PCollection of events to one of plain tuples."""

import os

import apache_beam as beam
from apache_beam.transforms import trigger
from apache_beam.transforms import userstate
from apache_beam.transforms import window
from apache_beam.utils.timestamp import Timestamp

from nexmark.events import Auction
from nexmark.events import Bid
from nexmark.events import events
from nexmark.events import Person

WINDOW_SECONDS = 10
SLIDE_SECONDS = 5
SESSION_GAP_MILLIS = 3000
EURO_PER_1000_DOLLAR = 908
AUCTION_EVERY = 7
LOCAL_STATES = ('OR', 'ID', 'CA')
LOCAL_CATEGORY = 10
LAST_AUCTIONS = 10
LOG_SHARDS = 4

CHUNK = 1000


class Events(beam.PTransform):
    """The first events, stamped with their times, made inside the harness."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def expand(self, pipeline):
        count = self.count

        def chunk(first):
            for made in events(first, min(CHUNK, count - first)):
                yield window.TimestampedValue(made, Timestamp(micros=made.time * 1000))

        return (
            pipeline
            | beam.Create(range(0, count, CHUNK))
            | beam.Reshuffle()
            | beam.FlatMap(chunk))


def _only(kind):
    return f'only {kind.__name__}' >> beam.Filter(lambda made: isinstance(made, kind))


def _window_end_millis(some_window):
    return some_window.end.micros // 1000


def pass_through(made):
    """Query 0: everything, as it is."""
    return made | beam.Map(tuple)


def currency_conversion(made):
    """Query 1: bids, with their prices in euros."""
    return (
        made
        | _only(Bid)
        | beam.Map(
            lambda bid: (bid.auction, bid.bidder, bid.price * EURO_PER_1000_DOLLAR // 1000, bid.time)))


def selection(made):
    """Query 2: bids on some of the auctions."""
    return (
        made
        | _only(Bid)
        | beam.Filter(lambda bid: bid.auction % AUCTION_EVERY == 0)
        | beam.Map(lambda bid: (bid.auction, bid.price)))


class _JoinSellers(beam.DoFn):
    """Auctions wait for their seller, who is then remembered."""

    SELLER = userstate.ReadModifyWriteStateSpec('seller', beam.coders.FastPrimitivesCoder())
    WAITING = userstate.BagStateSpec('waiting', beam.coders.FastPrimitivesCoder())

    def process(
        self,
        element,
        seller=beam.DoFn.StateParam(SELLER),
        waiting=beam.DoFn.StateParam(WAITING)):
        _, (kind, value) = element
        if kind == 'person':
            seller.write(value)
            for auction in waiting.read():
                yield (*value, auction)
            waiting.clear()
        else:
            person = seller.read()
            if person is None:
                waiting.add(value)
            else:
                yield (*person, value)


def local_items(made):
    """Query 3: who sells in three states in one category, joined by state of a DoFn."""
    sellers = (
        made
        | _only(Person)
        | beam.Filter(lambda person: person.state in LOCAL_STATES)
        | beam.Map(
            lambda person:
            (person.id, ('person', (person.name, person.city, person.state)))))
    auctions = (
        made
        | _only(Auction)
        | beam.Filter(lambda auction: auction.category == LOCAL_CATEGORY)
        | beam.Map(lambda auction: (auction.seller, ('auction', auction.id))))
    return (
        (sellers, auctions)
        | beam.Flatten()
        | 'one window' >> beam.WindowInto(window.GlobalWindows())
        | beam.ParDo(_JoinSellers()))


def _best_bid(element):
    _, found = element
    for auction in found['auctions']:
        valid = [
            (price, -time, bidder) for price, time, bidder in found['bids']
            if auction.time <= time < auction.expires and price >= auction.reserve]
        if valid:
            price, minus_time, bidder = max(valid)
            yield auction, (price, -minus_time, bidder)


def _winners(made):
    """Each auction that was won, with price, time and bidder of the winning bid."""
    joined = {
        'auctions': made | _only(Auction) | beam.Map(lambda auction: (auction.id, auction)),
        'bids': (
            made
            | _only(Bid)
            | beam.Map(lambda bid: (bid.auction, (bid.price, bid.time, bid.bidder)))),
    } | beam.CoGroupByKey()
    return joined | 'best bid' >> beam.FlatMap(_best_bid)


class _WholeMeanFn(beam.CombineFn):
    """The mean, rounded down."""

    def create_accumulator(self):
        return 0, 0

    def add_input(self, accumulator, value):
        return accumulator[0] + value, accumulator[1] + 1

    def merge_accumulators(self, accumulators):
        totals, counts = zip(*accumulators)
        return sum(totals), sum(counts)

    def extract_output(self, accumulator):
        total, count = accumulator
        return total // count if count else 0


def price_by_category(made):
    """Query 4: the mean of winning prices in each category."""
    return (
        _winners(made)
        | beam.MapTuple(lambda auction, best: (auction.category, best[0]))
        | beam.CombinePerKey(_WholeMeanFn()))


class _MostFn(beam.CombineFn):
    """All keys that share the highest count."""

    def create_accumulator(self):
        return 0, ()

    def add_input(self, accumulator, value):
        key, count = value
        return self.merge_accumulators([accumulator, (count, (key,))])

    def merge_accumulators(self, accumulators):
        most, keys = 0, ()
        for count, some in accumulators:
            if count > most:
                most, keys = count, some
            elif count == most:
                keys += some
        return most, keys

    def extract_output(self, accumulator):
        return accumulator


def hot_items(made):
    """Query 5: the auctions with most bids in each of the sliding windows."""

    def answers(found, of=beam.DoFn.WindowParam):
        count, auctions = found
        for auction in auctions:
            yield _window_end_millis(of), auction, count

    return (
        made
        | _only(Bid)
        | beam.Map(lambda bid: bid.auction)
        | beam.WindowInto(window.SlidingWindows(WINDOW_SECONDS, SLIDE_SECONDS))
        | beam.combiners.Count.PerElement()
        | beam.CombineGlobally(_MostFn()).without_defaults()
        | beam.FlatMap(answers))


class _LastMeanFn(beam.CombineFn):
    """The mean price, rounded down, of those auctions that closed last."""

    def create_accumulator(self):
        return []

    def add_input(self, accumulator, value):
        return self._last([*accumulator, value])

    def merge_accumulators(self, accumulators):
        return self._last([value for part in accumulators for value in part])

    def extract_output(self, accumulator):
        return sum(price for _, _, price in accumulator) // len(accumulator)

    @staticmethod
    def _last(values):
        return sorted(values)[-LAST_AUCTIONS:]


def price_by_seller(made):
    """Query 6: the mean price of each seller's last auctions."""
    return (
        _winners(made)
        | beam.MapTuple(
            lambda auction, best: (auction.seller, (auction.expires, auction.id, best[0])))
        | beam.CombinePerKey(_LastMeanFn()))


def highest_bid(made):
    """Query 7: the highest bids of each window, found with a side input."""
    bids = (
        made
        | _only(Bid)
        | beam.WindowInto(window.FixedWindows(WINDOW_SECONDS)))
    highest = (
        bids
        | beam.Map(lambda bid: bid.price)
        | beam.CombineGlobally(max).without_defaults())
    return (
        bids
        | beam.Filter(
            lambda bid, price: bid.price == price, beam.pvalue.AsSingleton(highest))
        | beam.Map(tuple))


def new_users(made):
    """Query 8: persons who opened an auction in the window in which they came."""

    def sellers(element, of=beam.DoFn.WindowParam):
        person, found = element
        for name in found['persons']:
            for auction in found['auctions']:
                yield _window_end_millis(of), person, name, auction

    windowed = made | beam.WindowInto(window.FixedWindows(WINDOW_SECONDS))
    return {
        'persons': (
            windowed | _only(Person) | beam.Map(lambda person: (person.id, person.name))),
        'auctions': (
            windowed | _only(Auction) | beam.Map(lambda auction: (auction.seller, auction.id))),
    } | beam.CoGroupByKey() | 'sellers' >> beam.FlatMap(sellers)


def winning_bids(made):
    """Query 9: each auction with its winning bid."""
    return _winners(made) | beam.MapTuple(lambda auction, best: (auction.id, *best))


def event_log(directory):
    """Query 10: all events in files, one for each shard and window; answers are their lines."""

    def write(element, of=beam.DoFn.WindowParam):
        shard, lines = element
        path = os.path.join(directory, f'{_window_end_millis(of)}-{shard}')
        with open(path, 'w', encoding='utf-8') as log:
            log.writelines(line + '\n' for line in lines)
        return path

    def read(path):
        end, _, shard = os.path.basename(path).partition('-')
        with open(path, encoding='utf-8') as log:
            for line in log:
                yield int(end), int(shard), line.rstrip('\n')

    def expand(made):
        return (
            made
            | beam.WindowInto(window.FixedWindows(WINDOW_SECONDS))
            | beam.Map(lambda one: (one.time % LOG_SHARDS, repr(tuple(one))))
            | beam.GroupByKey()
            | beam.Map(write)
            | beam.FlatMap(read))

    return expand


def user_sessions(made):
    """Query 11: how many bids each person made in each session."""

    def answers(element, of=beam.DoFn.WindowParam):
        bidder, count = element
        return bidder, of.start.micros // 1000, count

    return (
        made
        | _only(Bid)
        | beam.Map(lambda bid: (bid.bidder, 1))
        | beam.WindowInto(window.Sessions(SESSION_GAP_MILLIS / 1000))
        | beam.CombinePerKey(sum)
        | beam.Map(answers))


def processing_time_windows(made):
    """Query 12: bids of each person as they come in; where panes end is up to the runner."""
    return (
        made
        | _only(Bid)
        | beam.Map(lambda bid: (bid.bidder, 1))
        | beam.WindowInto(
            window.GlobalWindows(),
            trigger=trigger.Repeatedly(trigger.AfterProcessingTime(1)),
            accumulation_mode=trigger.AccumulationMode.DISCARDING)
        | 'panes' >> beam.CombinePerKey(sum)
        | 'all panes' >> beam.WindowInto(
            window.GlobalWindows(), trigger=trigger.DefaultTrigger(),
            accumulation_mode=trigger.AccumulationMode.DISCARDING)
        | 'sums' >> beam.CombinePerKey(sum))
