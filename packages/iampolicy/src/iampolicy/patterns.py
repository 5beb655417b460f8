"""Patterns of `*` and `?`, as actions, resources and conditions have them: what they match, and how two compare.

Patterns come in as they stand in a policy, True or False goes out. Where comparing two exactly would need a theory of
strings, the answer errs towards "not covered" and "can both match".
"""

import re
from functools import lru_cache

NO_SLASH = "\ue001"  # a wildcard of an ARN format that stands for a name without a slash
MARK = "\ue000"  # a private character before one that is literal, whatever it is


def has_wildcard(text: str) -> bool:
    """Whether IAM reads the text as a pattern."""
    return "*" in text or "?" in text


def glob(pattern: str, text: str) -> bool:
    """Whether the text matches a pattern of `*` and `?`; what `literal` made is literal."""
    if pattern == "*" or pattern == text:
        return True
    stars = pattern.count("*")
    if not stars and "?" not in pattern:
        return False
    if len(pattern) - stars > len(text) + pattern.count(MARK):  # each other character takes one of the text
        return False
    if stars == 1 and pattern[-1] == "*" and "?" not in pattern and MARK not in pattern:
        return text.startswith(pattern[:-1])
    return _compiled(pattern).fullmatch(text) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN matches a pattern, field by field: a wildcard of one field does not reach into the next.

    The last field may hold colons, as the resource of an ARN does.
    """
    if pattern == "*":
        return True
    wanted = pattern.split(":", 5)
    given = arn.split(":", len(wanted) - 1)
    return len(wanted) == len(given) and all(w == g or glob(w, g) for w, g in zip(wanted, given, strict=True))


def resource_matches(pattern: str, arn: str) -> bool:
    """Whether a Resource value matches an ARN: field by field, but a star that ends a field may run over the next.

    Source: IAM User Guide, "IAM JSON policy elements: Resource". ARN operators of conditions have no such rule.
    """
    return arn_matches(pattern, arn) or ("*:" in pattern and glob(pattern, arn))


def literal(text: str) -> str:
    """A text as a pattern that only it matches."""
    return "".join(MARK + c if c in "*?" else c for c in text)


def plain(pattern: str) -> str:
    """A substituted pattern as the text that it stands for, for comparisons without wildcards."""
    return pattern.replace(MARK, "")


@lru_cache(maxsize=65_536)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Runs of stars are one star, and each star but the last is an atomic lazy group: matching never goes back over
    # an earlier star, so a hostile pattern costs no more than pattern times text.
    pieces: list[str] = [""]
    position = 0
    while position < len(pattern):
        c = pattern[position]
        if c == MARK and position + 1 < len(pattern):
            position += 1
            pieces[-1] += re.escape(pattern[position])
        elif c == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        else:
            pieces[-1] += "." if c == "?" else re.escape(c)
        position += 1
    if len(pieces) == 1:
        text = pieces[0]
    else:
        first, *middle, last = pieces
        text = first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"
    return re.compile(text, re.DOTALL)


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
