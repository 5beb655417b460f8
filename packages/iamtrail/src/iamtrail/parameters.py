"""The request parameters that decide an action or name a resource.

An event's `requestParameters` come in as parsed JSON, and go out as sorted pairs (dotted name, text) of the few names
that the mapping reads; all others, which may be long or secret, are dropped. names.txt has the names that derive.py
finds in botocore's models; the tables of exceptions and of naming add theirs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from iamtrail import exceptions
from iamtrail.literal import LONGEST
from iamtrail.naming import ALIASES, WHOLE
from iamtrail.shapes import api_paths

Parameters = Mapping[str, Any] | Iterable[tuple[str, Any]]

DEEPEST = 8  # levels of nesting that are looked into
MOST = 500  # pairs that one event keeps
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # what CloudTrail writes in the place of a secret value

KEYED = frozenset({"requestitems"})  # objects whose keys are names of resources (DynamoDB's BatchGetItem)
TAGS, TAGGED = "tags", ("tags", "taglist", "tagslist", "tagset")  # that something is tagged is kept, not with what
FIRST_WORD = frozenset({"statement", "statements.statement", "transactstatements.statement"})  # only the verb counts
MATCHED = (  # what the patterns of parameter names in exceptions.txt stand for
    *("statement", "statements.statement", "transactStatements.statement", "tagsToAdd.key", "tagsToRemove"),
    # read by mapping.py and roles.py
    *("serviceNamespace", "deliverLogsPermissionArn", "roles.authenticated", "roles.unauthenticated"),
    *("credentials", "credentialsArn", "authorizerCredentials", "authorizerCredentialsArn"),
    *("smsConfiguration.snsCallerArn", "smsMfaConfiguration.smsConfiguration.snsCallerArn", "patchOperations.value"),
    *("parameters.automationAssumeRole", "attributeValue", "attributeName", "patchOperations.path"),
    "attributes.successFeedbackRoleArn",
    *("createBucketConfiguration.tags.key", "createBucketConfiguration.tags.tag.key", "tagSpecification.resourceType"),
    *("launchTemplate.launchTemplateName", "launchTemplate.version"),
    *(
        f"{above}x-amz-grant-{what}"
        for above in ("", "accessControlList.")
        for what in ("read", "write", "read-acp", "write-acp", "full-control")
    ),
    *("putIntegrationInput.credentials", "createAuthorizerInput.authorizerCredentials"),
    *(f"transactItems.{verb}.tableName" for verb in ("get", "put", "update", "delete", "conditionCheck")),
)
# EC2's newer operations are logged under one more name: {"CreateNatGatewayRequest": {"SubnetId": ...}}.
TAGGED_XML = frozenset({"tag", "content"})  # and each of their list's entries: {"tag": 1, "content": "rtb-1"}
_WRAPPED = re.compile(r"[A-Z]\w+Request")


@cache
def kept() -> tuple[str, ...]:
    """The names that matter, sorted, dotted where nested, in CloudTrail's usual spelling ("tableName").

    Services differ in the case of the first letter, so names are compared without regard to case. Entries of a list
    share one name.
    """
    text = resources.files("iamtrail").joinpath("names.txt").read_text(encoding="utf-8")
    derived = {line for line in text.splitlines() if line and not line.startswith("#")}
    deciding = {row.parameter for row in exceptions.rows() if row.parameter and "*" not in row.parameter}
    aliases = {name for names in ALIASES.values() for name in names}
    in_paths = {name for paths in api_paths().values() for path in paths for name in re.findall(r"\{(\w+)\}", path)}
    return tuple(sorted(derived | deciding | aliases | in_paths | {*MATCHED, *WHOLE}))


def flatten(parameters: Parameters | None) -> tuple[tuple[str, str], ...]:
    """The pairs of an event's request parameters that matter, sorted and distinct; hidden and empty values left out.

    Args:
        parameters: parsed JSON, or pairs that this function made before; None and what is no object give ().
    """
    if isinstance(parameters, Mapping):
        pairs: Iterable[tuple[str, Any]] = _unwrapped(parameters).items()
    elif isinstance(parameters, str | bytes) or not isinstance(parameters, Iterable):
        return ()
    else:
        pairs = [pair for pair in parameters if isinstance(pair, tuple) and len(pair) == 2]
    wanted, pairs = _wanted(), [(str(name), value) for name, value in pairs]
    found = set()
    for name, value in _leaves(pairs, "", 0):
        if name.lower() in wanted:
            text = value.split(None, 1)[0] if name.lower() in FIRST_WORD and value.strip() else value
            if text and text != HIDDEN and len(text) <= LONGEST:
                found.add((name, text))
    if any(name.lower() in TAGGED and value for name, value in pairs):
        found = {pair for pair in found if pair[0].lower() not in TAGGED} | {(TAGS, "given")}
    return tuple(sorted(found)[:MOST])


@cache
def _wanted() -> frozenset[str]:
    return frozenset(name.lower() for name in kept())


def _unwrapped(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    (name, inside) = next(iter(parameters.items()), ("", None))
    alone = len(parameters) == 1 and _WRAPPED.fullmatch(str(name)) and isinstance(inside, Mapping)
    return inside if alone else parameters


def _leaves(pairs: Iterable[tuple[str, Any]], above: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        return
    for name, value in pairs:
        path = above + ".".join(map(_lower_first, str(name).split(".")))
        for entry in value if isinstance(value, list | tuple) else [value]:
            if isinstance(entry, Mapping) and "content" in entry and entry.keys() <= TAGGED_XML:
                yield from _leaves([(name, entry["content"])], above, depth + 1)
            elif isinstance(entry, Mapping):
                if path.lower() in KEYED:
                    yield from ((path, str(key)) for key in entry)
                yield from _leaves(entry.items(), f"{path}.", depth + 1)
            elif isinstance(entry, bool):
                yield path, str(entry).lower()
            elif isinstance(entry, str | int):
                yield path, str(entry)


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
