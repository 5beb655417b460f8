"""A draft: everything asked for in one example, and the policy that it takes.

A maker of examples fills a Draft; `policy` turns it into the document in canonical element order. The sentences
are made elsewhere from the same Draft.
"""

from dataclasses import dataclass
from typing import Any

from lib.data.written.limits import Limit, merged, scalar
from lib.data.written.resources import Scene, Target
from lib.data.written.wants import Grant, Want

VERSION = "2012-10-17"


@dataclass(frozen=True)
class Ban:
    """Something denied, for everybody the policy is attached to; with a limit, only where the limit is not met."""

    want: Want
    limit: Limit | None = None


@dataclass(frozen=True)
class Party:
    """The principal of a bucket policy's statements: words, the Principal element, conditions it brings."""

    words: str
    plural: bool
    principal: Any
    condition: tuple[tuple[str, str, object], ...] = ()


@dataclass(frozen=True)
class Draft:
    """One example before it is put into sentences. `party` is set for bucket policies, and only there."""

    wants: tuple[Want, ...] = ()
    limits: tuple[Limit, ...] = ()
    bans: tuple[Ban, ...] = ()
    who: str | None = None
    scene: Scene = Scene()
    exception: Want | None = None  # denied, and said as "except ..."
    party: Party | None = None
    bucket: Target | None = None
    extra: tuple[tuple[str, dict[str, Any]], ...] = ()  # (sentence, statement) of bucket policies
    purpose: str = ""
    called_it: bool = False  # the clauses of a bucket policy say "it" for the bucket
    complement: bool = False  # the exception is NotAction of an Allow, not a Deny


def policy(draft: Draft) -> dict[str, Any]:
    """The document that the draft asks for."""
    statements = []
    own = draft.party.condition if draft.party else ()
    for want in draft.wants:
        for grant in want.grants:
            condition = merged(grant.condition, own, *(limit.allow for limit in draft.limits))
            if draft.complement and draft.exception:
                statements.append(_complement(draft.exception, grant, condition))
            else:
                statements.append(_statement("Allow", grant, condition, draft.party))
    if draft.exception and not draft.complement:
        statements += [_statement("Deny", grant, {}, draft.party) for grant in draft.exception.grants]
    for ban in draft.bans:
        for grant in ban.want.grants:
            condition = merged(grant.condition, *([ban.limit.deny] if ban.limit else []))
            statements.append(_statement("Deny", grant, condition, draft.party))
    statements += [statement for _, statement in draft.extra]
    return {"Version": VERSION, "Statement": _joined(statements)}


def _statement(effect: str, grant: Grant, condition: dict[str, Any], party: Party | None = None) -> dict[str, Any]:
    principal = {} if party is None else {"Principal": "*" if effect == "Deny" else party.principal}
    statement = {"Effect": effect, **principal, "Action": scalar(grant.actions), "Resource": scalar(grant.resources)}
    return statement | ({"Condition": condition} if condition else {})


def _complement(exception: Want, grant: Grant, condition: dict[str, Any]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "NotAction": scalar(exception.actions), "Resource": scalar(grant.resources)}
    return statement | ({"Condition": condition} if condition else {})


def _joined(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Statements that differ only in their actions, joined when they share a service and more than "*"."""
    joined: list[dict[str, Any]] = []
    for statement in statements:
        for earlier in joined:
            if _mergeable(earlier, statement):
                actions = [*_list(earlier["Action"]), *_list(statement["Action"])]
                earlier["Action"] = scalar(list(dict.fromkeys(actions)))
                break
        else:
            joined.append(dict(statement))
    return joined


def _mergeable(one: dict[str, Any], two: dict[str, Any]) -> bool:
    if "Action" not in one or "Action" not in two:
        return False
    same = all(one.get(k) == two.get(k) for k in ("Effect", "Principal", "Resource", "Condition"))
    services = {action.split(":")[0] for s in (one, two) for action in _list(s["Action"])}
    return same and len(services) == 1


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
