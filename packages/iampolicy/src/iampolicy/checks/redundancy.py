"""What is said twice: values that another value of their list covers, and statements that another one covers."""

import re
from collections.abc import Callable
from functools import cached_property
from json import dumps

from iampolicy import catalogue
from iampolicy.checks.view import Findings, Value, View, finding, shown
from iampolicy.patterns import covers, glob, has_wildcard

_WILDCARD = re.compile(r"[*?]")
MOST_PATTERNS = 500  # that a value is held against; a policy within the quotas has fewer
MOST_STATEMENTS = (
    400  # that are held against each other; with more, a policy is over every quota, and a finding says so
)


def redundant(
    values: list[Value], what: str, covers: Callable[[str, str], bool], field: int, fold: bool = False
) -> Findings:
    """One finding for the values that another value of the list covers; of equal ones the first stays.

    Args:
        what: ACTION or RESOURCE.
        field: place of the service between the colons; only values of one service are held against each other.
        fold: whether case does not count.
    """
    texts = [value.text.lower() if fold else value.text for value in values]
    starts: dict[str, int] = {}  # what stands before a star that is the only wildcard, the last character
    inner: dict[str, list[int]] = {}  # service -> other patterns
    for place, text in enumerate(texts):
        if text.endswith("*") and not has_wildcard(text[:-1]):
            starts.setdefault(text[:-1], place)
        elif has_wildcard(text):
            service = _field(text, field)
            inner.setdefault("*" if has_wildcard(service) else service, []).append(place)
    lengths = sorted({len(start) for start in starts})
    first: dict[str, int] = {}
    needless: list[tuple[int, int]] = []  # place of the value, place of what makes it needless
    for place, text in enumerate(texts):
        if text in first:
            needless.append((place, first[text]))
            continue
        first[text] = place
        rivals = [starts[text[:n]] for n in lengths if n < len(text) and text[:n] in starts]
        rivals += [*inner.get(_field(text, field), ()), *inner.get("*", ())][:MOST_PATTERNS]
        over = next((p for p in rivals if texts[p] != text and covers(texts[p], text)), None)
        if over is not None:
            needless.append((place, over))
    if needless:
        place, other = needless[0]
        why = "stands here twice" if texts[place] == texts[other] else f"is covered by {shown(values[other].text)}"
        more = f" ({len(needless) - 1} more like it)" if len(needless) > 1 else ""
        yield finding(f"REDUNDANT_{what}", values[place].path, shown(values[place].text), why, more)


def _field(text: str, place: int) -> str:
    fields = text.split(":", place + 1)
    return fields[place] if len(fields) > place else ""


def covers_action(wide: str, narrow: str) -> bool:
    """Whether an Action value takes in all that another one does, both read without regard to case."""
    wide, narrow = wide.lower(), narrow.lower()
    return not ("?" in wide and "*" in narrow) and glob(wide, narrow)


class _Reach:
    """What a statement reaches, in a form that is quick to compare."""

    def __init__(self, view: View) -> None:
        self.view = view
        kept = {k: v for k, v in view.data.items() if k not in ("Sid", "Action", "Resource")}
        self.rest = dumps(kept, sort_keys=True, default=str)  # must be the same in both statements
        self.same = frozenset(v.text.lower() for v in view.actions), frozenset(v.text for v in view.resources)

    @cached_property
    def actions(self) -> int:
        return catalogue.load().bits_of(tuple(value.text for value in self.view.actions))

    def within(self, wide: "_Reach") -> bool:
        return (
            not self.actions & ~wide.actions
            and _all_covered(self.view.resources, wide.view.resources, covers)
            and _all_covered(self.view.actions, wide.view.actions, covers_action)
        )


def check_redundancy(views: list[View]) -> Findings:
    """One finding for each statement that stands twice, and one for each that another one covers (a code of ours)."""
    groups: dict[str, list[_Reach]] = {}
    first: dict[tuple[object, ...], _Reach] = {}
    for view in views:
        if not view.actions and not view.not_actions:
            continue
        reach = _Reach(view)
        same = first.setdefault((reach.rest, *reach.same), reach)
        if same is not reach:
            yield finding("REDUNDANT_STATEMENT", view.path, same.view.path)
        else:
            groups.setdefault(reach.rest, []).append(reach)
    if len(views) <= MOST_STATEMENTS:
        for group in groups.values():
            yield from _narrower(group)


def _narrower(group: list[_Reach]) -> Findings:
    """Statements that are alike but for actions and resources: those that another one covers."""
    starts: dict[str, list[int]] = {}  # what each resource begins with, up to its first wildcard
    for place, reach in enumerate(group):
        for value in reach.view.resources:
            starts.setdefault(_WILDCARD.split(value.text, maxsplit=1)[0], []).append(place)
    lengths = sorted({len(start) for start in starts})
    for place, narrow in enumerate(group):
        # One that covers a resource begins with what that begins with, too.
        text = narrow.view.resources[0].text if narrow.view.resources else ""
        begun = [starts.get(text[:length], ()) for length in lengths if length <= len(text)]
        likely = {other for places in begun for other in places} if text else set(range(len(group)))
        for other in sorted(likely - {place}):
            wide = group[other]
            if narrow.within(wide) and not (place < other and wide.within(narrow)):
                yield finding("REDUNDANT_NARROWER_STATEMENT", narrow.view.path, wide.view.path)
                break


def _all_covered(narrow: list[Value], wide: list[Value], covers: Callable[[str, str], bool]) -> bool:
    texts = {value.text for value in wide}
    return all(n.text in texts or any(covers(w, n.text) for w in texts) for n in narrow)
