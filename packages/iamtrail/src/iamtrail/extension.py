"""The smallest extension of a policy that lets denied calls through.

An action joins a statement only on that statement's resources, and a resource only for all of that statement's actions,
so that nothing is granted but what was asked.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from iampolicy import words
from iampolicy.document import Policy, PolicyLike, as_list, as_policy
from iampolicy.review import Change, diff
from iamtrail.drafting import VERSION, single
from iamtrail.observed import counted
from iamtrail.watch import CURABLE, Explained

SHOWN = 3  # changes that are alike but for their resources

Group = tuple[frozenset[str], frozenset[str]]  # actions, and the ARNs that each of them was asked for on


@dataclass(frozen=True)
class Extension:
    """A policy with what it lacked, and what no extension cures."""

    policy: Policy
    changes: tuple[str, ...]  # sentences of iampolicy.review.diff, worst first; of many that are alike the first
    left: tuple[Explained, ...]


def extend(policy: PolicyLike, explained: Iterable[Explained]) -> Extension:
    """Add what the rows of kind "action" and "resource" lacked, and nothing else.

    An Allow statement without a condition takes an action if it has the very resources, and actions of the service
    already, and a resource if it has the very actions. The rest makes new statements, one for each service and set of
    resources. A row is left, too, if the policy has its actions and ARNs already, as with a name that is still to be
    filled in; and if its ARNs need a policy variable, but the policy has an older Version and "${" as plain text.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    old = as_policy(policy)
    data = copy.deepcopy(old.data)
    statements = list(as_list(data.get("Statement")))
    plain = data.get("Version") != VERSION and "${" in old.to_json()  # a newer Version would give it a meaning
    cured: dict[str, set[str]] = {}
    left = []
    for row in explained:
        pairs = {(action, arn) for action in row.actions for arn in row.arns}
        pairs -= {pair for pair in pairs if any(_lists(each, *pair) for each in statements)}
        if row.kind not in CURABLE or not pairs or (plain and any("${" in arn for _, arn in pairs)):
            left.append(row)
            continue
        for action, arn in pairs:
            cured.setdefault(action, set()).add(arn)
    if not cured:
        return Extension(old, (), tuple(left))
    if not plain and (not statements or any("${" in arn for arns in cured.values() for arn in arns)):
        data["Version"] = VERSION
    _add(statements, _groups(cured))
    extended = Policy({**data, "Statement": statements})
    return Extension(extended, tuple(_sentences(diff(old, extended))), tuple(left))


def _sentences(changes: Iterable[Change]) -> Iterator[str]:
    """What changes, of many resources of the same actions the first few and how many more there are."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for change in changes:
        alike.setdefault((change.kind, change.actions), []).append(change.sentence)
    for (_, actions), sentences in alike.items():
        yield from sentences[:SHOWN]
        if (more := len(sentences) - SHOWN) > 0:
            yield f"{counted(more, 'more change')} like these, of {words.listed(actions, most=SHOWN)}."


def _groups(cured: dict[str, set[str]]) -> list[Group]:
    """Actions of one service that were asked for on the same ARNs, together; sorted."""
    alike: dict[tuple[str, frozenset[str]], set[str]] = {}
    for action, arns in cured.items():
        alike.setdefault((_prefix(action), frozenset(arns)), set()).add(action)
    groups = [(frozenset(actions), arns) for (_, arns), actions in alike.items()]
    return sorted(groups, key=lambda group: (sorted(group[0]), sorted(group[1])))


def _add(statements: list[Any], groups: Sequence[Group]) -> None:
    """Put the groups into statements that fit them, or into new ones; an addition may make the next one fit."""
    waiting = list(groups)
    while waiting:
        fitting = next(((g, s, e) for g in waiting for s in statements if (e := _element(s, g))), None)
        if fitting:
            group, statement, element = fitting
            # The actions that a statement has in another case are not added again.
            new, fold = (group[0], str.lower) if element == "Action" else (group[1], str)
            have = as_list(statement[element])
            statement[element] = [*have, *sorted(value for value in new if fold(value) not in set(map(fold, have)))]
        else:
            group = waiting[0]
            statements.append(_statement(group, {str(s.get("Sid")) for s in statements if isinstance(s, dict)}))
        waiting.remove(group)


def _element(statement: Any, group: Group) -> str | None:
    """The element of a statement that can take the group and grants nothing else by that."""
    if not _takes(statement):
        return None
    actions, arns = _texts(statement["Action"]), _texts(statement["Resource"])
    if arns == group[1] and _prefix(min(group[0])) in {_prefix(action) for action in actions or ()}:
        return "Action"
    # The group's actions have no wildcard, so neither have the statement's if they are the same.
    return "Resource" if {a.lower() for a in actions or ()} == {a.lower() for a in group[0]} else None


def _takes(statement: Any) -> bool:
    """Whether it is a plain Allow: without condition, and for everybody to whom it is attached."""
    return (
        isinstance(statement, dict)
        and statement.get("Effect") == "Allow"
        and set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        and {"Action", "Resource"} <= set(statement)
        and statement.get("Condition", {}) == {}
    )


def _texts(value: Any) -> frozenset[str] | None:
    """The texts of an element; None if something else is among them."""
    values = as_list(value)
    return frozenset(values) if values and all(isinstance(each, str) for each in values) else None


def _lists(statement: Any, action: str, arn: str) -> bool:
    """Whether a plain Allow has the very action and ARN."""
    if not _takes(statement):
        return False
    actions, arns = _texts(statement["Action"]) or (), _texts(statement["Resource"]) or ()
    return arn in arns and action.lower() in {each.lower() for each in actions}


def _statement(group: Group, taken: set[str]) -> dict[str, Any]:
    words = "".join(part.capitalize() for part in _prefix(min(group[0])).split("-"))
    sids = (f"Added{words}" if number == 1 else f"Added{number}{words}" for number in range(1, len(taken) + 2))
    return {
        "Sid": next(sid for sid in sids if sid not in taken),
        "Effect": "Allow",
        "Action": single(sorted(group[0])),
        "Resource": single(sorted(group[1])),
    }


def _prefix(action: str) -> str:
    return action.partition(":")[0].lower()
