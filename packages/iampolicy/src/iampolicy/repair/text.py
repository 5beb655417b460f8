"""The policy in an answer: which of its brackets begin it, what belongs to it, and what was lost around it.

A text comes in; the policy's elements and its statements go out, as they were read. Where a Deny may stand in what
could not be read, the Work is told so; where a bracket was closed too early, the last statement counts as cut.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from iampolicy.document import POLICY_ELEMENTS
from iampolicy.repair.elements import describes, effect_of, elements_of, is_policy, is_statement
from iampolicy.repair.loose import List, Object, Read, items, read
from iampolicy.repair.work import Work, shown

_START = re.compile(r"""\[\s*+(?=\{)|\{(?=\s*+["'“”„‟‘’‚‛\w/\#}])""")
_DENIES = re.compile(r"""["'“”‘’]\s*(deny|d(en?)?\Z)""", re.IGNORECASE)  # also one that was cut
_LIMITS = re.compile(r"""condit\w*["'“”‘’]?\s*:""", re.IGNORECASE)
_MORE_OBJECTS = re.compile(r"[\s,\]}]*+(?=\{)")
_VERSION = re.compile(r"version|20(08|12)-10-17", re.IGNORECASE)
_MORE_JSON = re.compile(r"""[\s\]}]*+,\s*+["'“{\[]""")


class Found(NamedTuple):
    """What of a text is the policy."""

    header: dict[str, Any]  # the policy's elements, in their order
    statements: list[Any]
    cut: bool  # the end of the JSON was not reached
    torn: bool  # a Version stands in the text around it, which may be its own


def find(work: Work, text: str) -> Found | None:
    """Find the first policy, or statements without one; None if the text has neither."""
    answer = position = text.rfind("</think>") + 1  # drafts of a model that thinks aloud are no answer
    while match := _START.search(text, position):
        first = read(text, match.start())
        if any(is_policy(v) or is_statement(v) for v in items(first.value)) or any(_inner(first.value)):
            return _found(work, text, answer, match.start(), first)
        position = max(first.end, match.end())
    return None


def _found(work: Work, text: str, answer: int, start: int, first: Read) -> Found:
    last, more, notes = first, [], dict(first.notes)
    while last.inside is None and (match := _MORE_OBJECTS.match(text, last.end)):
        following = read(text, match.end())
        if not is_statement(following.value) or is_policy(following.value):
            break
        more.append(following.value)
        last, notes = following, notes | following.notes
    cut, rest = last.inside is not None, text[last.end :]
    _say_around(work, text[:start].strip(), rest.strip(), cut)
    for note in notes:
        work.say(note)
    value = first.value
    if not is_policy(value):
        value = List([value]) if is_statement(value) else _unwrapped(work, value, text)
    loose = isinstance(value, List)
    if loose:
        work.say("put the statements into a policy")
    header, statements = ({"Statement": value}, value) if loose else _elements(work, value)
    if more:
        work.say("put the statements that follow into the policy")
    listed = [s for item in [*statements, *more] for s in items(item)]
    broken = cut and last.stopped_by
    continued = not cut and _MORE_JSON.match(text, last.end)
    # Around loose statements there may be others of the same policy; around a policy there is prose.
    if (loose and _DENIES.search(text[answer:start])) or ((loose or broken or continued) and _DENIES.search(rest)):
        work.lost_deny = True
    at_list = last.inside is value or last.inside is header["Statement"]
    early = continued or (broken and at_list and (last.stopped_by != "word" or _LIMITS.search(rest)))
    if early and (objects := [item for item in listed if isinstance(item, Object)]):
        objects[-1].whole = False  # a bracket was closed too early: what follows may limit the last statement
    torn = _VERSION.search(text[answer:start] + rest) is not None
    return Found(header, listed, cut, torn)


def _say_around(work: Work, before: str, after: str, cut: bool) -> None:
    if cut:
        work.say(f"closed the JSON after its last whole part: what followed is lost, {shown(after[:60])}")
    elif before.strip("`json \n\r\t") or after.strip("`]} \n\r\t"):
        work.say("removed the text around the JSON")
    elif before or after:
        work.say("removed the marks around the JSON")


def _inner(value: Any) -> Iterator[Object]:
    """The policies inside an object that is none: {"PolicyDocument": {...}}."""
    level = [value]
    for _ in range(3):
        level = [v for o in level for v in (o if isinstance(o, List) else [v for _, v in o.pairs])]
        level = [v for v in level if isinstance(v, List | Object)]
        yield from filter(is_policy, level)


def _unwrapped(work: Work, value: Any, text: str) -> Any:
    """The policy in the value around it, or a list of loose statements as it is."""
    if isinstance(value, List) and not any(map(is_policy, value)):
        return value
    inside = [v for v in value if isinstance(v, Object)] if isinstance(value, List) else [*_inner(value)]
    work.say("took the policy out of the value around it")
    if len(inside) > 1:
        work.say(f"kept the first of {len(inside)} policies")
        work.lost_deny |= bool(_DENIES.search(text))
    return next(filter(is_policy, inside))


def _elements(work: Work, policy: Object) -> tuple[dict[str, Any], list[Any]]:
    """The elements of a policy and its statements; that something else may limit them is remembered."""
    found = elements_of(work, policy, POLICY_ELEMENTS, "the policy")
    for key, name in found.unknown.items():
        limits = name != "Sid" and not describes(key)
        work.say(f"dropped the policy's element {shown(key)}" + (": it may limit statements" if limits else ""))
        work.lost_deny |= limits
    last = found.known["Statement"]
    if not isinstance(last, List):
        work.say("put the single statement into a list")
    earlier = [s for name, value in found.earlier if name == "Statement" for s in items(value)]
    denies = [s for s in earlier if not (is_statement(s) and effect_of(dict(s.pairs).get("Effect")) == "Allow")]
    if denies:  # the last one counts in JSON, yet no Deny must be lost
        work.say("kept what the earlier Statement denies")
    return found.known, [*denies, *items(last)]
