"""Texts and values that tell conditions apart: one for each way in which a set of patterns or tests can be met.

Patterns or the tests on one condition key come in; representatives go out. Whatever holds for all of them holds for
every text or value there is, so that one policy can be held against another by trying.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from iampolicy import catalogue
from iampolicy.conditions import FAMILIES, GLOBAL_KEYS, date_of, network_of, number_of, read_operator
from iampolicy.patterns import MARK, NO_SLASH, plain

OTHER = "\ue005"  # a character that stands in no policy
TEXT, FOLDED, PATTERN, ARN = "text", "folded", "pattern", "arn"  # how a text is matched
WORDS = {"StringEquals": TEXT, "StringLike": PATTERN, "StringEqualsIgnoreCase": FOLDED, "Arn": ARN}
MOST_STATES = 4_000  # of one set of patterns; those of a policy within its quotas have some hundreds
MOST_CHARACTERS = 12_000  # of one set of patterns
MOST_IN_PAIRS = 12  # values of a key with several; of more, not every pair is tried
Value = str | tuple[str, ...] | None  # of a condition key; None: the request does not carry it


class TooManyError(ValueError):
    """More patterns, or more intricate ones, than can be told apart in reasonable time."""


class Step(NamedTuple):
    """One place of a pattern."""

    only: frozenset[str] | None  # the characters that pass; None: all
    but: str  # characters that do not
    again: bool  # whether it may be passed any number of times


class Found(NamedTuple):
    """A text, and which of the patterns it matches."""

    text: str
    matches: tuple[bool, ...]


@lru_cache(maxsize=16_384)
def told_apart(patterns: tuple[tuple[str, str], ...]) -> tuple[Found, ...]:
    """A text for each way in which texts match some of the patterns and not the others.

    >>> [found.matches for found in told_apart((("pattern", "a*"), ("text", "ab")))]
    [(False, False), (True, False), (True, True)]

    Args:
        patterns: how each is matched, and its text; characters after MARK are literal.

    Raises:
        TooManyError: if they are too many.
    """
    if sum(len(pattern) for _, pattern in patterns) > MOST_CHARACTERS:
        raise TooManyError
    steps = [_steps(*pattern) for pattern in patterns]
    shared = _shared(steps)
    lead = "".join(next(iter(step.only or "")) for step in steps[0][:shared]) if shared else ""
    rest = [of[shared:] for of in steps]
    ends = [1 << len(of) for of in rest]
    start = tuple(_closed(1, of) for of in rest)
    # A text that leaves what all begin with matches none of them.
    found: dict[tuple[bool, ...], str] = {(False,) * len(rest): OTHER} if shared else {}
    seen, waiting = {start}, [(start, lead)]
    for state, text in waiting:
        found.setdefault(tuple(bool(at & end) for at, end in zip(state, ends, strict=True)), text)
        if not any(state):
            continue
        if len(seen) > MOST_STATES:
            raise TooManyError
        for character in _next(state, rest):
            after = tuple(_passed(at, of, character) if at else 0 for at, of in zip(state, rest, strict=True))
            if after not in seen:
                seen.add(after)
                waiting.append((after, text + character))
    return tuple(Found(text, matches) for matches, text in found.items())


@lru_cache(maxsize=16_384)
def _steps(how: str, pattern: str) -> tuple[Step, ...]:
    if how in (TEXT, FOLDED):
        return tuple(Step(_cases(c) if how == FOLDED else frozenset(c), "", False) for c in plain(pattern))
    steps: list[Step] = []
    position = fields = 0
    while position < len(pattern):
        character = pattern[position]
        # A wildcard of an ARN's field does not reach into the next; the last field may hold colons.
        within = ":" if how == ARN and pattern != "*" and fields < min(5, pattern.count(":")) else ""
        if character == MARK and position + 1 < len(pattern):
            position += 1
            steps.append(Step(frozenset(pattern[position]), "", False))
        elif character in "*?":
            if not (character == "*" and steps and steps[-1] == Step(None, within, True)):
                steps.append(Step(None, within, character == "*"))
        elif character == NO_SLASH:
            steps.append(Step(None, within + "/", True))
        else:
            fields += character == ":"
            steps.append(Step(frozenset(character), "", False))
        position += 1
    return tuple(steps)


def _cases(character: str) -> frozenset[str]:
    forms = {character, character.lower(), character.upper(), character.title()}
    return frozenset(form for form in forms if len(form) == 1 and form.lower() == character.lower())


def _shared(steps: Sequence[tuple[Step, ...]]) -> int:
    """How many first characters all patterns have in common."""
    count = 0
    for places in zip(*steps, strict=False):
        first = places[0].only
        if first is None or len(first) > 1 or any(place.only != first or place.again for place in places):
            break
        count += 1
    return count


def _closed(at: int, steps: tuple[Step, ...]) -> int:
    """The places, as bits, with those behind what may be passed no times."""
    bits = at
    while bits:
        low = bits & -bits
        place = low.bit_length() - 1
        bits ^= low
        if place < len(steps) and steps[place].again and not at & low << 1:
            at |= low << 1
            bits |= low << 1
    return at


def _passed(at: int, steps: tuple[Step, ...], character: str) -> int:
    after = 0
    while at:
        low = at & -at
        at ^= low
        place = low.bit_length() - 1
        if place < len(steps):
            only, but, again = steps[place]
            if (only is None or character in only) and character not in but:
                after |= low if again else low << 1
    return _closed(after, steps)


def _next(state: Sequence[int], steps: Sequence[tuple[Step, ...]]) -> Iterator[str]:
    """The characters that make a difference next; one that stands in no pattern for all the others."""
    found: dict[str, None] = {}
    for at, of in zip(state, steps, strict=True):
        while at:
            low = at & -at
            at ^= low
            place = low.bit_length() - 1
            if place < len(of):
                found |= dict.fromkeys(of[place].only or of[place].but)
    yield from sorted(found)
    yield OTHER


Tests = Iterable[tuple[str, str, Iterable[str]]]  # operator, key and values


def values_for(key: str, tests: Tests, named: Iterable[str] = ()) -> list[Value]:
    """Values of a condition key for each way in which they pass some of the tests and not the others.

    Args:
        key: in lower case.
        tests: on this key; their variables replaced.
        named: texts that the value might be beside.

    Raises:
        TooManyError: if their patterns are too many.
    """
    texts: dict[str, None] = dict.fromkeys(named)
    patterns: dict[tuple[str, str], None] = {}
    quantified = False
    for name, _, wanted in tests:
        quantifier, bare, _ = read_operator(name)
        family = FAMILIES.get(bare, "")
        quantified |= bool(quantifier)
        if family in ("String", "Arn"):
            how = ARN if family == "Arn" else HOW[bare.replace("not", "")]
            patterns |= dict.fromkeys((how, value) for value in wanted)
        elif family in SAMPLES:
            texts |= dict.fromkeys(SAMPLES[family](list(wanted)))
    if _type(key) == "Bool":
        texts = dict.fromkeys(("true", "false"))
    elif patterns or not texts:
        # What is compared as text and otherwise, too, may be any of these.
        patterns |= dict.fromkeys((TEXT, text) for text in texts)
        texts |= dict.fromkeys(found.text for found in told_apart(tuple(patterns)))
    single: list[Value] = [None, *texts]
    several = quantified and _type(key) in ("", "several")
    return single + ([*_sets(list(texts))] if several else [])


def _type(key: str) -> str:
    """What is known of a key's values: "several", "Bool", "one" or nothing."""
    named = GLOBAL_KEYS.get(key) or GLOBAL_KEYS.get(catalogue.spellings(key)[1])
    kind = named.type if named else known.type if (known := catalogue.load().condition_key(key)) else ""
    if kind.startswith("ArrayOf"):
        return "several"
    return kind if kind in ("Bool", "") else "one"


def _sets(texts: list[str]) -> Iterator[tuple[str, ...]]:
    """Sets of values: a test of some value and one of every value are told apart by two and by all."""
    yield from combinations(texts[:MOST_IN_PAIRS], 2)
    if len(texts) > 2:
        yield from combinations(texts[: MOST_IN_PAIRS // 2], 3)
        yield tuple(texts)


def _numbers(wanted: list[str]) -> Iterator[str]:
    numbers = sorted({n for value in wanted if (n := number_of(value)) is not None and n.is_finite()})
    ends = [n - 1 for n in numbers[:1]] + [n + 1 for n in numbers[-1:]]
    between = [(a + b) / 2 for a, b in zip(numbers, numbers[1:], strict=False)]
    yield from (str(Decimal(n)) for n in (*numbers, *ends, *between))


def _dates(wanted: list[str]) -> Iterator[str]:
    dates = sorted({d for value in wanted if (d := date_of(value))})
    beside = [d + by for d in dates for by in (timedelta(0), timedelta(seconds=1), -timedelta(seconds=1)) if _near(d)]
    yield from (d.isoformat() for d in dict.fromkeys(beside))


def _near(date: object) -> bool:
    return 1 < getattr(date, "year", 0) < 9_999


def _addresses(wanted: list[str]) -> Iterator[str]:
    """Where a range begins, and what comes after it: between two such addresses nothing changes."""
    yield from ("0.0.0.0", "::")
    for value in wanted:
        if network := network_of(value):
            yield str(network.network_address)
            after = int(network.broadcast_address) + 1
            if after < 1 << network.max_prefixlen:
                yield str(type(network.network_address)(after))


def _truths(wanted: list[str]) -> Iterator[str]:
    yield from ("true", "false")


def _binaries(wanted: list[str]) -> Iterator[str]:
    yield from (*wanted, "AA==", "AAA=")


SAMPLES = {  # family of operators -> values that its tests tell apart
    "Numeric": _numbers,
    "Date": _dates,
    "IpAddress": _addresses,
    "Bool": _truths,
    "Binary": _binaries,
}
HOW = {name.lower(): how for name, how in WORDS.items()}
