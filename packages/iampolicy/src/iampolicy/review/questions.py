"""What a draft leaves open, as questions to whoever asked for it.

A policy comes in, questions go out, each about one assumption: resources that are "*" although the actions can be
limited to some, regions and accounts that are "*", and a pass to roles without a service.
"""

import re
from collections import Counter
from functools import cache

from iampolicy import catalogue
from iampolicy.catalogue import Action
from iampolicy.document import PolicyLike, Statement, as_policy

# Of 33 policies that people want for their requests and that are on "*" where they need not be, 28 were asked for so.
_ALL = re.compile(
    r"\b(?:any|all|every|each|whatever|whichever|everything|anything|anywhere|whole|entire|regardless)\b|\*",
    re.IGNORECASE,
)
MOST = 6  # questions; a list that nobody reads asks nothing


def questions(policy: PolicyLike, request: str = "") -> list[str]:
    """The questions that a policy leaves open: on which resources, then in which places, then for which services.

    Within these in the order of the statements; each once, and at most MOST.

    Args:
        request: what was asked for, in English. Where it says "any" or "all", nobody is asked on which resources.

    Raises:
        PolicySyntaxError: if it is text that is not a policy.
    """
    statements = as_policy(policy).statements
    allowing = [s for s in statements if s.effect == "Allow"]
    found: dict[str, None] = {}
    resources = [] if _ALL.search(request) else allowing
    for about, of in ((_about_resources, resources), (_about_places, statements), (_about_passing, allowing)):
        for statement in of:
            found |= dict.fromkeys(about(statement))
    return list(found)[:MOST]


def _about_resources(statement: Statement) -> list[str]:
    if "*" not in (statement.resources or ()):
        return []
    kinds: dict[tuple[str, str], list[str]] = {}
    for pattern in statement.actions or ():
        for name in sorted(catalogue.load().expand(pattern)):
            action = catalogue.load().action(name)
            if action and action.resource_types:
                kinds.setdefault((action.service, _kind(action)), []).append(pattern)
    return [
        f"On which {kind} resources of {catalogue.load().services[service].title}? "
        f"The request names none, so {_several(list(dict.fromkeys(patterns)))} may be called on all of them."
        for (service, kind), patterns in kinds.items()
    ]


def _kind(action: Action) -> str:
    """The resource type that an action is most about: one that its name has, or one that many actions take."""
    common = _common(action.service)
    return max(action.resource_types, key=lambda kind: (kind.lower() in action.operation.lower(), common[kind]))


@cache
def _common(service: str) -> Counter[str]:
    return Counter(kind for a in catalogue.load().services[service].actions.values() for kind in a.resource_types)


def _about_places(statement: Statement) -> list[str]:
    asked = []
    for arn in statement.resources or ():
        parts = arn.split(":", 5)
        if len(parts) == 6:
            missing = [word for word, part in (("region", parts[3]), ("account", parts[4])) if part == "*"]
            if missing:
                asked.append(f"In which {' and '.join(missing)} is {arn}? The request does not say, so it is any.")
    return asked


def _about_passing(statement: Statement) -> list[str]:
    if not any("iam:PassRole" in catalogue.load().expand(p) for p in statement.actions or ()):
        return []
    blocks = [block for block in statement.condition.values() if isinstance(block, dict)]
    if any(key.lower() == "iam:passedtoservice" for block in blocks for key in block):
        return []
    return ["To which service may roles be passed? The request does not say, so it is any."]


def _several(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
