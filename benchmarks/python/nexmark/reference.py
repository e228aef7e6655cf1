"""The answers to the queries, by the plainest loops over a list of all events."""

import collections

from nexmark import queries
from nexmark.events import Auction
from nexmark.events import Bid
from nexmark.events import Person


def _bids(made):
    return [one for one in made if isinstance(one, Bid)]


def _auctions(made):
    return [one for one in made if isinstance(one, Auction)]


def _persons(made):
    return [one for one in made if isinstance(one, Person)]


def _window_end(time):
    size = queries.WINDOW_SECONDS * 1000
    return time // size * size + size


def _sliding_window_ends(time):
    size, slide = queries.WINDOW_SECONDS * 1000, queries.SLIDE_SECONDS * 1000
    start = time // slide * slide
    while start > time - size:
        yield start + size
        start -= slide


def _winners(made):
    """By auction: the auction, and the bid that won."""
    auctions = {auction.id: auction for auction in _auctions(made)}
    best = {}
    for bid in _bids(made):
        auction = auctions.get(bid.auction)
        if auction is None or bid.price < auction.reserve:
            continue
        if not auction.time <= bid.time < auction.expires:
            continue
        leader = best.get(auction.id)
        if leader is None or bid.price > leader.price:
            best[auction.id] = bid
    return [(auctions[number], bid) for number, bid in best.items()]


def pass_through(made):
    return [tuple(one) for one in made]


def currency_conversion(made):
    rate = queries.EURO_PER_1000_DOLLAR
    return [(b.auction, b.bidder, b.price * rate // 1000, b.time) for b in _bids(made)]


def selection(made):
    return [(b.auction, b.price) for b in _bids(made) if b.auction % queries.AUCTION_EVERY == 0]


def local_items(made):
    persons = {person.id: person for person in _persons(made)}
    found = []
    for auction in _auctions(made):
        person = persons.get(auction.seller)
        if (person is not None and auction.category == queries.LOCAL_CATEGORY and
                person.state in queries.LOCAL_STATES):
            found.append((person.name, person.city, person.state, auction.id))
    return found


def price_by_category(made):
    prices = collections.defaultdict(list)
    for auction, bid in _winners(made):
        prices[auction.category].append(bid.price)
    return [(category, sum(some) // len(some)) for category, some in prices.items()]


def hot_items(made):
    counts = collections.defaultdict(collections.Counter)
    for bid in _bids(made):
        for end in _sliding_window_ends(bid.time):
            counts[end][bid.auction] += 1
    return [
        (end, auction, count) for end, of_window in counts.items()
        for auction, count in of_window.items() if count == max(of_window.values())]


def price_by_seller(made):
    sales = collections.defaultdict(list)
    for auction, bid in _winners(made):
        sales[auction.seller].append((auction.expires, auction.id, bid.price))
    found = []
    for seller, some in sales.items():
        last = sorted(some)[-queries.LAST_AUCTIONS:]
        found.append((seller, sum(price for _, _, price in last) // len(last)))
    return found


def highest_bid(made):
    highest = collections.defaultdict(int)
    for bid in _bids(made):
        highest[_window_end(bid.time)] = max(highest[_window_end(bid.time)], bid.price)
    return [tuple(b) for b in _bids(made) if b.price == highest[_window_end(b.time)]]


def new_users(made):
    persons = {person.id: person for person in _persons(made)}
    found = []
    for auction in _auctions(made):
        person = persons.get(auction.seller)
        if person is not None and _window_end(person.time) == _window_end(auction.time):
            found.append((_window_end(auction.time), person.id, person.name, auction.id))
    return found


def winning_bids(made):
    return [(a.id, b.price, b.time, b.bidder) for a, b in _winners(made)]


def event_log(made):
    return [
        (_window_end(one.time), one.time % queries.LOG_SHARDS, repr(tuple(one))) for one in made]


def user_sessions(made):
    times = collections.defaultdict(list)
    for bid in _bids(made):
        times[bid.bidder].append(bid.time)
    found = []
    for bidder, some in times.items():
        start = last = None
        count = 0
        for time in sorted(some):
            if last is not None and time - last >= queries.SESSION_GAP_MILLIS:
                found.append((bidder, start, count))
                start, count = None, 0
            start = time if start is None else start
            last, count = time, count + 1
        found.append((bidder, start, count))
    return found


def processing_time_windows(made):
    return list(collections.Counter(bid.bidder for bid in _bids(made)).items())
