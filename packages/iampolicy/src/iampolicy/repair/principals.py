"""Principal and NotPrincipal, of the policies whose statements name somebody.

An element as it was read comes in and the element as it is kept goes out. Accounts, ARNs and services that stand there
without their kind get it; a Principal that cannot be read drops an Allow, and makes a Deny hold for everybody.
"""

import re
from typing import Any

from iampolicy.grammar import FORMS
from iampolicy.repair.loose import List, Object, items
from iampolicy.repair.work import Draft, shown

KINDS = {  # kind of a principal -> how one looks
    "AWS": re.compile(r"\*|\d{12}|arn:[\w-]+:(iam|sts)::\d{12}:.+"),
    "Service": re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?"),
}


def principal(draft: Draft, name: str, value: Any) -> dict[str, Any]:
    """Principal or NotPrincipal, as an object of one.

    Raises:
        Drop: if it cannot be read, and the statement is an Allow.
    """
    made = _with_kinds(value)
    if made is None or not FORMS[name][0](made):
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
