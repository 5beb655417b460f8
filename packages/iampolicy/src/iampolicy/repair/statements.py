"""The statements of a policy: which are kept, and each element of them repaired in turn.

Statements as they were read come in, plain ones go out by their places. The Allow statements are made first, for a
statement that does not say what it is counts as a Deny where something is allowed.
"""

import re
from collections.abc import Callable
from typing import Any

from iampolicy.document import STATEMENT_ELEMENTS
from iampolicy.repair.conditions import condition
from iampolicy.repair.elements import describes, effect_of, elements_of
from iampolicy.repair.entries import entries
from iampolicy.repair.loose import UNREADABLE, Object, items
from iampolicy.repair.principals import limits, principal
from iampolicy.repair.work import Draft, Drop, Work, shown

MAY_REPEAT = {"Action", "Resource", "Sid"}  # of an Allow: the last one counts, as in JSON


def statements(work: Work, listed: list[Any]) -> dict[int, dict[str, Any]]:
    """The statements that can be kept, by their places."""
    kept: dict[int, dict[str, Any]] = {}
    others = []
    for index, item in enumerate(listed):
        draft = _draft(work, index, item)
        if draft is None:
            continue
        if draft.allows:
            _keep(draft, kept)
            continue
        if draft.unknown:
            work.say(f"dropped {shown(draft.unknown[0])} from {draft.place}, which can only make it deny more")
        others.append(draft)
    if work.lost_deny and kept:
        work.say("dropped every Allow: what may deny or limit something could not be read")
        kept.clear()
    for draft in others:
        if draft.effect is None and not (kept and draft.elements.keys() - {"Sid", "Effect"}):
            work.say(f"dropped {draft.place}: it does not say Allow or Deny")
            continue
        if draft.effect is None:
            work.say(f"made {draft.place} a Deny: it does not say Allow or Deny, and a lost Deny would allow more")
            draft.effect = draft.elements["Effect"] = "Deny"
        _keep(draft, kept)
    return dict(sorted(kept.items()))


def _draft(work: Work, index: int, item: Any) -> Draft | None:
    place = f"Statement[{index}]"
    if not isinstance(item, Object) or not item.pairs:
        work.say(f"dropped {place}: it is {'empty' if isinstance(item, Object) else 'no object'}")
        work.lost_deny |= item is UNREADABLE or (isinstance(item, str) and "deny" in item.lower())
        return None
    found = elements_of(work, item, STATEMENT_ELEMENTS, place)
    doubtful = {name for name, value in found.earlier if value != found.known[name]}
    effect = None if "Effect" in doubtful else effect_of(found.known.get("Effect"))
    return Draft(work, index, item.whole, found.known, list(found.unknown), doubtful, effect)


def _keep(draft: Draft, kept: dict[int, dict[str, Any]]) -> None:
    """Make the statement and put it to those that are kept, or say why not."""
    try:
        (_check_allow if draft.allows else _prepare_deny)(draft)
        _complete(draft)
        made: dict[str, Any] = {}
        for name, value in draft.elements.items():
            made |= (ELEMENTS[name] if draft.work.has(name) else _removed)(draft, name, value)
    except Drop as drop:
        draft.say(f"dropped {draft.place}, {'an Allow' if draft.allows else 'a Deny'}: {drop}")
        return
    everything = "*" in items(made.get("Action")) and "*" in items(made.get("Resource", "*"))
    draft.work.denies_all |= draft.stronger and everything and not made.get("Condition")
    kept[draft.index] = made


def _check_allow(draft: Draft) -> None:
    """Drop an Allow if something that may limit it is lost."""
    if not draft.whole:
        raise Drop("it is not complete, and its end may limit it")
    if limit := next((key for key in draft.unknown if not describes(key)), None):
        raise Drop(f"its element {shown(limit)} may limit it, and nobody knows it")
    if twice := sorted(draft.doubtful - MAY_REPEAT):
        raise Drop(f"{twice[0]} stands there twice")
    for key in draft.unknown:
        draft.say(f"removed {shown(key)} from {draft.place}")


def _prepare_deny(draft: Draft) -> None:
    """Take from a Deny what may not be all of it."""
    for name in draft.doubtful - {"Effect"}:
        draft.elements[name] = UNREADABLE
    if not draft.whole:
        draft.strengthen(f"{draft.place} is not complete; it is kept without what was cut")
        draft.elements.pop("Condition", None)


def _complete(draft: Draft) -> None:
    """One of each pair of opposites: an Allow without it goes, a Deny takes all."""
    for name in filter(draft.work.has, ("Action", "Resource", "Principal")):
        count = (name in draft.elements) + (f"Not{name}" in draft.elements)
        if count != 1:
            what = f"has both {name} and Not{name}" if count else f"has no {name}"
            draft.cannot_keep(f"it {what}", f'{draft.place} {what}: it denies "*"')
            draft.elements.pop(f"Not{name}", None)
            draft.elements[name] = "*"


def _removed(draft: Draft, name: str, value: Any) -> dict[str, Any]:
    none = f"a policy of type {draft.work.kind} has none"
    if draft.allows and limits(name, value):
        raise Drop(f"its {name} limits it, and {none}")
    draft.say(f"removed {name} from {draft.place}: {none}")
    return {}


def _effect(draft: Draft, name: str, value: Any) -> dict[str, Any]:
    if value != draft.effect:
        draft.say(f"wrote the Effect {shown(value)} of {draft.place} as {draft.effect}")
    return {name: draft.effect}


def _sid(draft: Draft, name: str, value: Any) -> dict[str, Any]:
    if type(value) is str and draft.work.kind == "resource" and value:
        return {name: value}
    plain = re.sub(r"[^A-Za-z0-9]", "", value) if isinstance(value, str) else ""
    if plain != value or not plain:
        draft.say(f"wrote the Sid of {draft.place} as {plain}" if plain else f"removed the Sid of {draft.place}")
    return {name: plain} if plain else {}


# Element -> what makes it, as an object of none or one: {} where it is left out.
ELEMENTS: dict[str, Callable[[Draft, str, Any], dict[str, Any]]] = {
    "Sid": _sid,
    "Effect": _effect,
    "Principal": principal,
    "NotPrincipal": principal,
    "Action": entries,
    "NotAction": entries,
    "Resource": entries,
    "NotResource": entries,
    "Condition": condition,
}
