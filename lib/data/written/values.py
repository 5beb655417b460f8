"""Values that conditions compare with: each drawn together with the words that say it.

A random source comes in; (words, value) goes out.
"""

from collections.abc import Callable
from random import Random

from lib.data.written import vocabulary
from lib.data.written.limits import scalar
from lib.data.written.names import hexadecimal
from lib.data.written.words import listed


def some(pool: tuple[str, ...], most: int) -> Callable[[Random], tuple[str, object]]:
    def draw(rng: Random) -> tuple[str, object]:
        values = rng.sample(pool, rng.choices(range(1, most + 1), (5, 2, 1)[:most])[0])
        return listed(values), scalar(values)

    return draw


def made(prefix: str, length: int) -> Callable[[Random], tuple[str, object]]:
    def draw(rng: Random) -> tuple[str, object]:
        value = prefix + hexadecimal(rng, length)
        return value, value

    return draw


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _date(rng: Random, year: int) -> tuple[str, str]:
    month, day = rng.randint(1, 12), rng.choice((1, 1, 15, 28, rng.randint(1, 28)))
    stamp = f"{year}-{month:02}-{day:02}"
    said = rng.choice(
        (
            stamp,
            stamp,
            f"{day} {_MONTHS[month - 1]} {year}",
            f"{_MONTHS[month - 1]} {day}, {year}",
            f"{stamp}T00:00:00Z",
        )
    )
    return said, f"{stamp}T00:00:00Z"


def one_date(rng: Random) -> tuple[str, object]:
    return _date(rng, rng.randint(2026, 2029))


def two_dates(rng: Random) -> tuple[str, object]:
    year = rng.randint(2026, 2028)
    (first, start), (last, end) = _date(rng, year), _date(rng, year + 1)
    return f"{first} and {last}", (start, end)


def tag(rng: Random) -> tuple[str, object]:
    key, values = rng.choice(vocabulary.TAGS)
    value = rng.choice(values)
    return rng.choice((f"{key}={value}", f"{key}={value}", f"{key} = {value}")), (key, value)


AGES = ((900, "15 minutes"), (1800, "30 minutes"), (3600, "hour"), (7200, "2 hours"), (14400, "4 hours"))


def organisation(rng: Random) -> tuple[str, object]:
    value = "o-" + "".join(rng.choices("abcdefghijkmnpqrstuvwxyz0123456789", k=10))
    return value, value


def tag_keys(rng: Random) -> tuple[str, object]:
    keys = rng.sample([key for key, _ in vocabulary.TAGS], rng.randint(1, 3))
    return listed(keys), scalar(keys)
