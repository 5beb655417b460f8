"""Levels of access and families of actions that a sentence asks for as a whole: "read-only access to DynamoDB".

A sentence comes in, wildcards go out: `svc:*` for everything, the reading verbs for read access, `svc:Verb*` for "all
Describe calls", and every wildcard that is written out.
"""

import re

from iampolicy import catalogue
from lib.data.written.levels import patterns
from lib.retrieval.services import evidence, order

# level -> what asks for it, the narrowest first: the first that is said counts
_LEVELS = {
    "list": (
        r"list-only|list access|only list|list everything",
        r"list all (?:things|resources)",
    ),
    "read": (
        r"read[- ]?only|view[- ]?only|read(?:ing)? access|only (?:read|view|look)",
        r"look(?:ing)? at (?:everything|anything)",
        r"(?:read|view|see)(?:ing)? (?:everything|anything|all (?:of|the resources))",
        r"without (?:being able to )?chang\w+|without (?:making|any) changes|not (?:change|modify) anything",
    ),
    "full": (
        r"full(?:y)? (?:access|control|manage|managing|administ\w+|admin|permissions?)",
        r"admin(?:istrator|istrative)? (?:access|permissions?|rights)|administ(?:er|ering|rate)\b",
        r"complete (?:access|control)|unrestricted|manage everything",
        r"do(?:ing)? (?:anything|everything|whatever)",
        r"(?:every|any) (?:action|operation|call)\b|everything (?:in|on|with) (?!one|the same)(?!\w+-\w+-\d)",
        r"all (?:the )?(?:[\w-]+ ){0,3}?(?:actions|operations|permissions|calls)\b",
    ),
}
_SAID = {level: re.compile(rf"\b(?:{'|'.join(said)})", re.IGNORECASE) for level, said in _LEVELS.items()}
_VERBS = r"([A-Z][A-Za-z]+(?:(?:,? and |,? or |, )[A-Z][A-Za-z]+){0,20})"
# What begins a sentence in upper case and is no verb of an operation, though "All*" would match ec2:AllocateAddress.
_NO_VERB = r"(?!(?:Allow|All|Any|Every|Each|Grant|Permit|Give|Let|Deny|Only|The|Please|Use|Make)\b)"
_FAMILY = re.compile(
    rf"\b{_NO_VERB}{_VERBS}\*? (?:[\w ]{{0,40}}?)(?:actions?|calls?|operations?|APIs?)\b"
    rf"|(?:start(?:s|ing)?|begin(?:s|ning)?) with {_VERBS}"
)
_WRITTEN = re.compile(r"(?<![\w:/.-])([a-z][a-z0-9-]*:(?:[A-Z]\w*)?\*)")


def wildcards(sentence: str, around: str = "") -> list[str]:
    """The wildcards that a sentence asks for, in the reference's spelling; empty if it asks for single actions.

    Args:
        around: the whole request, which may name the service where the sentence does not.
    """
    found = [p for p in _WRITTEN.findall(sentence) if catalogue.load().expand(p)]
    services = _services(sentence) or _services(around)
    families = [match[1] or match[2] for match in _FAMILY.finditer(sentence)]
    verbs = [verb for family in families for verb in re.findall("[A-Z][A-Za-z]+", family)]
    found += [p for s in services for verb in verbs if catalogue.load().expand(p := f"{s}:{verb}*")]
    if not found:
        level = next((level for level, said in _SAID.items() if said.search(sentence)), None)
        found = [p for s in services for p in patterns(catalogue.load(), s, level)] if level else []
    return list(dict.fromkeys(found))


def _services(text: str) -> list[str]:
    weights = evidence(text)
    most = weights.max(initial=0)
    return [p for p, i in order().items() if weights[i] >= max(0.3, 0.7 * most)][:4]
