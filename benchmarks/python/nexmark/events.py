"""Events of an auction site: of fifty in a row, one is a person, three are auctions, the rest bids.

An event depends on nothing but its number, so any part of the stream can be made anywhere.
Times are in milliseconds since the beginning of Unix time, prices in cents.
"""

import typing

PERSON_EVERY = 50
AUCTIONS_EACH = 3
MILLIS_BETWEEN = 10
BEGIN_MILLIS = 1_600_000_000_000
CATEGORIES = 5
HOT_EVERY = 25
IN_FLIGHT = 60

_SEED = 0x5DEECE66D
_CITIES = (
    ('Portland', 'OR'), ('Boise', 'ID'), ('San Diego', 'CA'), ('Phoenix', 'AZ'),
    ('Seattle', 'WA'), ('Cheyenne', 'WY'), ('Bend', 'OR'), ('Oakland', 'CA'))
_FIRST = ('Ada', 'Ben', 'Cleo', 'Dov', 'Edda', 'Finn', 'Gita', 'Hugo', 'Ines', 'Jan')
_LAST = ('Abel', 'Brandt', 'Cruz', 'Dahl', 'Eco', 'Frey', 'Gold', 'Hahn', 'Ito')


class Person(typing.NamedTuple):
    id: int
    name: str
    email: str
    city: str
    state: str
    time: int


class Auction(typing.NamedTuple):
    id: int
    item: str
    initial_bid: int
    reserve: int
    time: int
    expires: int
    seller: int
    category: int


class Bid(typing.NamedTuple):
    auction: int
    bidder: int
    price: int
    time: int


class _Dice:
    """SplitMix64: a sequence of numbers that is as good as random, for each event its own."""

    def __init__(self, number):
        self.state = (number * 0x9E3779B97F4A7C15 + _SEED) & 0xFFFFFFFFFFFFFFFF

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        return (mixed ^ (mixed >> 31)) % bound


def event(number):
    """The event of that number; numbers begin at 0."""
    dice = _Dice(number)
    time = BEGIN_MILLIS + number * MILLIS_BETWEEN
    epoch, place = divmod(number, PERSON_EVERY)
    if place == 0:
        city, state = _CITIES[dice.below(len(_CITIES))]
        first, last = _FIRST[dice.below(len(_FIRST))], _LAST[dice.below(len(_LAST))]
        return Person(
            epoch, f'{first} {last}', f'{first}.{last}{epoch}@example.org', city, state, time)
    if place <= AUCTIONS_EACH:
        initial_bid = 100 + dice.below(2000)
        return Auction(
            id=epoch * AUCTIONS_EACH + place - 1,
            item=f'item {dice.below(10_000)}',
            initial_bid=initial_bid,
            reserve=initial_bid + dice.below(3000),
            time=time,
            expires=time + 2000 + dice.below(20_000),
            seller=_some_of(dice, epoch),
            category=10 + dice.below(CATEGORIES))
    return Bid(
        auction=_some_of(dice, epoch * AUCTIONS_EACH + AUCTIONS_EACH - 1),
        bidder=_some_of(dice, epoch),
        price=100 + dice.below(10_000),
        time=time)


def _some_of(dice, last):
    """One of the latest ids; every second time, the hot one among them."""
    if dice.below(2):
        return last // HOT_EVERY * HOT_EVERY
    return max(0, last - dice.below(IN_FLIGHT))


def events(first, count):
    return (event(number) for number in range(first, first + count))
