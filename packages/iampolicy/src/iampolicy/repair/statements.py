"""The statements of a policy: which are kept, and each element of them kept, put right, removed or made wider.

The Allow statements are made first, for a statement that does not say what it is counts as a Deny where something is
allowed. What cannot be kept may go where fewer entries mean less: from what is allowed and from what a Deny spares;
elsewhere an Allow goes, and a Deny takes more. A Condition of which one part cannot be read is spoilt, for every test
limits the statement.
"""

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from iampolicy.conditions import OPERATORS, QUANTIFIERS, read_operator
from iampolicy.document import STATEMENT_ELEMENTS
from iampolicy.grammar import FORMS
from iampolicy.patterns import covers
from iampolicy.repair.reading import UNREADABLE, List, Object, describes, effect_of, elements_of, items, shown
from iampolicy.repair.work import Drop, Work, WrittenStatement, arn

MAY_REPEAT = {"Action", "Resource", "Sid"}  # of an Allow: the last one counts, as in JSON, or what is narrower
KINDS = {  # kind of a principal -> how one looks
    "AWS": re.compile(r"\*|\d{12}|arn:[\w-]+:(iam|sts)::\d{12}:.+"),
    "Service": re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?"),
}
CLOSE_OPERATOR = 0.9  # how much an operator must look like the one that it is taken for
OPERATOR_NAMES = (*(known.name for known in OPERATORS.values()), "Null")  # in AWS's spelling


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


def _draft(work: Work, index: int, item: Any) -> WrittenStatement | None:
    place = f"Statement[{index}]"
    if not isinstance(item, Object) or not item.pairs:
        work.say(f"dropped {place}: it is {'empty' if isinstance(item, Object) else 'no object'}")
        work.lost_deny |= item is UNREADABLE or (isinstance(item, str) and "deny" in item.lower())
        return None
    found = elements_of(item, STATEMENT_ELEMENTS, place, work.say)
    doubtful = {name for name, value in found.earlier if value != found.known[name]}
    effect = None if "Effect" in doubtful else effect_of(found.known.get("Effect"))
    for name in sorted(doubtful & {"Action", "Resource"}) if effect == "Allow" else ():
        if both := _common([found.known[name], *(value for n, value in found.earlier if n == name)]):
            found.known[name] = both
            work.say(f"kept of each {name} in {place} what the others have, too")
    return WrittenStatement(work, index, item.whole, found.known, list(found.unknown), doubtful, effect)


def _common(values: list[Any]) -> List | None:
    """The entries that all of several lists have, themselves or under a wildcard; None if there are none."""
    if not all(isinstance(entry, str) for value in values for entry in items(value)):
        return None
    left, *others = [items(value) for value in values]
    for other in others:
        pairs = [(a, b) for a in left for b in other]
        left = [a for a, b in pairs if covers(b, a)] + [b for a, b in pairs if covers(a, b)]
    made = List(dict.fromkeys(left))
    made.whole = True
    return made if made else None


def _keep(draft: WrittenStatement, kept: dict[int, dict[str, Any]]) -> None:
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


def _check_allow(draft: WrittenStatement) -> None:
    """Drop an Allow if something that may limit it is lost."""
    if not draft.whole:
        raise Drop("it is not complete, and its end may limit it")
    if limit := next((key for key in draft.unknown if not describes(key)), None):
        raise Drop(f"its element {shown(limit)} may limit it, and nobody knows it")
    if twice := sorted(draft.doubtful - MAY_REPEAT):
        raise Drop(f"{twice[0]} stands there twice")
    for key in draft.unknown:
        draft.say(f"removed {shown(key)} from {draft.place}")


def _prepare_deny(draft: WrittenStatement) -> None:
    """Take from a Deny what may not be all of it."""
    for name in draft.doubtful - {"Effect"}:
        draft.elements[name] = UNREADABLE
    if not draft.whole:
        draft.strengthen(f"{draft.place} is not complete; it is kept without what was cut")
        draft.elements.pop("Condition", None)


def _complete(draft: WrittenStatement) -> None:
    """One of each pair of opposites: an Allow without it goes, a Deny takes all."""
    for name in filter(draft.work.has, ("Action", "Resource", "Principal")):
        count = (name in draft.elements) + (f"Not{name}" in draft.elements)
        if count != 1:
            what = f"has both {name} and Not{name}" if count else f"has no {name}"
            draft.cannot_keep(f"it {what}", f'{draft.place} {what}: it denies "*"')
            draft.elements.pop(f"Not{name}", None)
            draft.elements[name] = "*"


def _removed(draft: WrittenStatement, name: str, value: Any) -> dict[str, Any]:
    none = f"a policy of type {draft.work.kind} has none"
    if draft.allows and limits(name, value):
        raise Drop(f"its {name} limits it, and {none}")
    draft.say(f"removed {name} from {draft.place}: {none}")
    return {}


def _effect(draft: WrittenStatement, name: str, value: Any) -> dict[str, Any]:
    if value != draft.effect:
        draft.say(f"wrote the Effect {shown(value)} of {draft.place} as {draft.effect}")
    return {name: draft.effect}


def _sid(draft: WrittenStatement, name: str, value: Any) -> dict[str, Any]:
    if type(value) is str and draft.work.kind == "resource" and value:
        return {name: value}
    plain = re.sub(r"[^A-Za-z0-9]", "", value) if isinstance(value, str) else ""
    if plain != value or not plain:
        draft.say(f"wrote the Sid of {draft.place} as {plain}" if plain else f"removed the Sid of {draft.place}")
    return {name: plain} if plain else {}


def entries(draft: WrittenStatement, name: str, value: Any) -> dict[str, Any]:
    """One of the four elements, as an object of one: a NotAction that is left empty becomes an Action.

    Raises:
        Drop: if the statement cannot be kept.
    """
    positive = name.removeprefix("Not")
    given = value if isinstance(value, List) else [value]
    if name == positive and isinstance(value, List) and not value.whole:
        draft.strengthen(f'{draft.place}.{name} is not complete: it is "*"')
        given = ["*"]
    if name == positive and not given:
        raise Drop(f"{name} is empty")
    kept: list[str] = []
    there = {entry for entry in given if type(entry) is str}
    for entry in given:
        made = _made(draft, name, entry)
        if made is not None and (made == entry or made not in there):
            kept.append(made)
            there.add(made)
    if kept:
        return {name: kept if isinstance(value, List) else kept[0]}
    if draft.allows or name == positive:
        raise Drop(f"nothing is left of its {name}")
    draft.strengthen(f'replaced the empty {draft.place}.{name} by {positive} "*", which denies more')
    return {positive: "*"}


def _made(draft: WrittenStatement, name: str, entry: Any) -> str | None:
    """What is kept for one entry; None if it can go."""
    inverted, is_action, where = name.startswith("Not"), name.endswith("Action"), f"{draft.place}.{name}"
    actions = draft.work.actions
    meant = actions.meant(entry) if is_action else arn(entry, draft.work.kind)
    guessed = meant is not None and meant != entry and not (is_action and meant.lower() == entry.lower())
    # What a Deny spares is not guessed: a wrong guess would spare more.
    if meant is not None and not (guessed and inverted and not draft.allows):
        if meant != entry:
            draft.say(f"replaced {shown(entry)} in {where} by {shown(meant)}")
        return meant
    if draft.allows != inverted or (not draft.allows and entry in (None, "")):
        draft.say(f"removed {shown(entry)} from {where}")
        return None
    if draft.allows:
        raise Drop(f"{shown(entry)} in {name} cannot be read, and without it more would be allowed")
    wide = actions.covering(entry) if is_action else "*"
    draft.strengthen(f"replaced {shown(entry)} in {where} by {shown(wide)}, which denies more")
    return wide


def principal(draft: WrittenStatement, name: str, value: Any) -> dict[str, Any]:
    """Principal or NotPrincipal, as an object of one.

    Raises:
        Drop: if it cannot be read, and the statement is an Allow.
    """
    made = _with_kinds(value)
    if made is None or not FORMS[name].holds(made):
        change = f'replaced {name} of {draft.place} by "*": it cannot be read'
        draft.cannot_keep(f"its {name} cannot be read", change)
        return {"Principal": "*"}
    if made != _plain(value):
        draft.say(f"wrote {name} of {draft.place} as {shown(made)}")
    return {name: made}


def limits(name: str, value: Any) -> bool:
    """Whether a statement would hold for others without this element: it names services, say, or spares somebody."""
    others = isinstance(value, Object) and any(kind != "AWS" for kind, _ in value.pairs)
    return name == "NotPrincipal" or (name == "Principal" and others)


def _with_kinds(value: Any) -> Any:
    """A Principal as plain data, with its kind where it can only be one; None if it cannot be read."""
    if isinstance(value, Object):
        plain = _plain(value)
        return plain if value.whole and len(plain) == len(value.pairs) else None
    if value == "*":
        return value
    if isinstance(value, List) and not value.whole:
        return None
    kinds: dict[str, list[str]] = {}
    for who in items(value):
        kind = next((k for k, look in KINDS.items() if isinstance(who, str) and look.fullmatch(who)), None)
        if kind is None:
            return None
        kinds.setdefault(kind, []).append(str(who))
    return {kind: found if len(found) > 1 else found[0] for kind, found in kinds.items()} or None


def _plain(value: Any) -> Any:
    """What was read, as Python's own data; None in the place of all that is no text."""
    if isinstance(value, Object):
        return {key: _plain(inner) for key, inner in value.pairs}
    if isinstance(value, List):
        return [_plain(inner) for inner in value] if value.whole else None
    return value if type(value) is str else None


class _Unreadable(Exception):
    """A part of a Condition cannot be read."""


def condition(draft: WrittenStatement, name: str, value: Any) -> dict[str, Any]:
    """The Condition, as an object of one, or of none if it holds nothing or a Deny loses it.

    Raises:
        Drop: if it cannot be read, and the statement is an Allow.
    """
    if value is None or value == []:
        draft.say(f"removed the Condition of {draft.place}, which holds nothing")
        return {}
    if isinstance(value, List) and len(value) == 1:
        draft.say(f"took the Condition of {draft.place} out of its list")
        (value,) = value
    changes: list[str] = []
    try:
        made = _tests(value, draft.place, draft.allows, changes.append)
    except _Unreadable:
        change = f"dropped the Condition of {draft.place}, which cannot be read: it denies more"
        draft.cannot_keep("its Condition cannot be read", change)
        return {}
    for change in changes:
        draft.say(change)
    return {name: made}


def _tests(value: Any, place: str, merge: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """A Condition as plain data.

    Args:
        merge: whether operators that stand there twice may become one, which then demands all their tests.
    """
    made: dict[str, Any] = {}
    for name, tests in _pairs(value):
        operator = _operator(name)
        if operator is None or (operator in made and not merge):
            raise _Unreadable
        if operator != name:
            say(f"wrote the operator {shown(name)} of {place} as {operator}")
        if operator in made:
            say(f"put the tests of {operator}, which stands twice in {place}, together")
        block = made.setdefault(operator, {})
        for key, values in _pairs(tests):
            where = f"{place}.Condition.{operator}"
            texts = [_text(v, f"{shown(key)} in {where}", say) for v in items(values)]
            wanted = texts if isinstance(values, List) else texts[0]
            if key in block:
                if block[key] != wanted:
                    raise _Unreadable
                say(f"removed {shown(key)} from {where}: it stands there twice")
            block[key] = wanted
    return made


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Object):
        raise _Unreadable
    return value.pairs


def _text(value: Any, where: str, say: Callable[[str], None]) -> str:
    if not isinstance(value, str | bool):
        raise _Unreadable
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if type(value) is not str:
        say(f'wrote {text} of {where} as "{text}"')
    return text


@lru_cache(maxsize=4_096)
def _operator(name: str) -> str | None:
    """A condition operator as it stands if AWS knows it, else the one that is meant, else None."""
    quantifier, plain, if_exists = read_operator(name)
    if quantifier not in QUANTIFIERS or len(name) > 80:
        return None
    if plain in OPERATORS or (plain == "null" and not if_exists):
        return name
    # "Not" must neither come nor go, however it is misspelt: with an n or a sign that no operator has there, it may.
    likely = [o for o in OPERATOR_NAMES if o[:1].lower() == plain[:1] and ("Not" in o) == ("not" in plain)]
    best = sorted(((SequenceMatcher(None, plain, o.lower()).ratio(), o) for o in likely), reverse=True)
    if not best or best[0][0] < CLOSE_OPERATOR or (len(best) > 1 and best[1][0] >= best[0][0]):
        return None
    changes = SequenceMatcher(None, best[0][1].lower(), plain).get_opcodes()
    if any(re.search(r"n|[^a-z]", plain[start:end]) for kind, _, _, start, end in changes if kind != "equal"):
        return None
    before = name[: name.rfind(":") + 1]
    return f"{before}{best[0][1]}{'IfExists' if if_exists else ''}"


# Element -> what makes it, as an object of none or one: {} where it is left out.
ELEMENTS: dict[str, Callable[[WrittenStatement, str, Any], dict[str, Any]]] = {
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
