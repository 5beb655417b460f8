"""Resource patterns compared with each other: does one cover another, can both match one ARN.

Patterns as they stand in Resource elements come in, True or False goes out. Where an exact answer would need a theory
of strings, the answer errs towards "not covered" and "can both match".
"""

from functools import lru_cache

from iampolicy.conditions import arn_matches, glob

NO_SLASH = "\ue001"  # a wildcard of an ARN format that stands for a name without a slash


@lru_cache(maxsize=65_536)
def covers(wide: str, narrow: str) -> bool:
    """Whether every ARN that `narrow` matches is matched by `wide`, too."""
    if wide in ("*", narrow):
        return True
    if "?" in wide and "*" in narrow:
        return False
    if wide.count(":") < 5 and "*:" in wide:  # a star at the end of a field runs over the next
        return glob(wide, narrow)
    # A star of the narrow pattern is one character of its text, which only a star of the wide one matches.
    return arn_matches(wide, narrow)


@lru_cache(maxsize=65_536)
def overlaps(one: str, two: str) -> bool:
    """Whether some ARN is matched by both patterns, fields compared one by one as `arn_matches` does."""
    if "*" in (one, two) or one == two:
        return True
    if min(one.count(":"), two.count(":")) < 5 and ("*:" in one or "*:" in two):
        return _meet(one, two)
    last = min(5, one.count(":"), two.count(":"))  # the last field may hold colons
    fields = zip(one.split(":", last), two.split(":", last), strict=True)
    return all(a == b or _meet(a, b) for a, b in fields)


def _meet(one: str, two: str) -> bool:
    """Whether two patterns of `*`, `?` and NO_SLASH match a text in common."""
    for pattern, text in ((one, two), (two, one)):
        if not any(c in "*?" or c == NO_SLASH for c in text):
            return glob(pattern.replace(NO_SLASH, "*"), text) and not (NO_SLASH in pattern and _slashed(pattern, text))
    if _prefix(one, two) is False or _prefix(one[::-1], two[::-1]) is False:
        return False
    return _product(one, two)


def _slashed(pattern: str, text: str) -> bool:
    return text.count("/") > pattern.count("/") and "*" not in pattern


def _prefix(one: str, two: str) -> bool | None:
    """False if the plain beginnings of both already differ."""
    for a, b in zip(one, two, strict=False):
        if a in "*?" or b in "*?" or NO_SLASH in (a, b):
            return None
        if a != b:
            return False
    return None


def _product(one: str, two: str) -> bool:
    """Walk both patterns side by side; a state is a place in each."""
    states, seen = [(0, 0)], set()
    while states:
        state = states.pop()
        if state in seen:
            continue
        seen.add(state)
        i, j = state
        if i == len(one) and j == len(two):
            return True
        a, b = one[i : i + 1], two[j : j + 1]
        if a in ("*", NO_SLASH):
            states.append((i + 1, j))
        if b in ("*", NO_SLASH):
            states.append((i, j + 1))
        if a and b and _share(a, b):
            states.append((i if a in ("*", NO_SLASH) else i + 1, j if b in ("*", NO_SLASH) else j + 1))
    return False


def _share(a: str, b: str) -> bool:
    if NO_SLASH in (a, b):
        return "/" not in (a, b)
    return a == b or a in "*?" or b in "*?"
