"""The form of a document: its elements, their JSON types, what a type of policy demands and forbids, and its size."""

import re
from collections.abc import Iterator
from typing import Any

from iampolicy.checks.finding import Said, shown
from iampolicy.checks.view import View, as_list
from iampolicy.document import EFFECTS, POLICY_ELEMENTS, QUOTAS, STATEMENT_ELEMENTS, VERSIONS, Policy

QUOTA_CODES = {  # "Policy size exceeds ... quota"
    "identity": "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA",
    "resource": "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA",
    "trust": "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA",
    "scp": "POLICY_SIZE_EXCEEDS_SCP_QUOTA",
    "rcp": "POLICY_SIZE_EXCEEDS_RCP_QUOTA",
}
JSON_TYPES = {  # element of a statement -> the types that it may have ("Data type mismatch")
    "Sid": (str,),
    "Effect": (str,),
    "Principal": (str, dict, list),  # a list is "Invalid principal format"
    "NotPrincipal": (str, dict, list),
    "Action": (str, list),
    "NotAction": (str, list),
    "Resource": (str, list),
    "NotResource": (str, list),
    "Condition": (dict,),
}
DEMANDED = {  # policy type -> elements, with their opposites, that each statement needs ("Missing ...")
    "identity": ("Action", "Resource"),
    "resource": ("Principal", "Action", "Resource"),
    "trust": ("Principal", "Action"),
    "scp": ("Action", "Resource"),
    "rcp": ("Principal", "Action", "Resource"),
}
WITHOUT_RESOURCE = {"ecr", "ecr-public"}  # their resource policies name no Resource (Amazon ECR User Guide)
UNSUPPORTED = {  # policy type, element -> code
    ("identity", "Principal"): "UNSUPPORTED_PRINCIPAL",
    ("identity", "NotPrincipal"): "UNSUPPORTED_PRINCIPAL",
    ("scp", "Principal"): "SCP_SYNTAX_ERROR_PRINCIPAL",
    ("scp", "NotPrincipal"): "SCP_SYNTAX_ERROR_PRINCIPAL",
    ("rcp", "NotPrincipal"): "RCP_SYNTAX_ERROR_PRINCIPAL",
    ("rcp", "NotAction"): "RCP_SYNTAX_ERROR_NOTACTION",
    ("trust", "NotPrincipal"): "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
    ("trust", "Resource"): "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
    ("trust", "NotResource"): "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
}
EMPTY_CONDITION = {  # quantifier -> code for a key without values ("Empty array condition ...")
    "": "EMPTY_ARRAY_CONDITION",
    "forallvalues": "EMPTY_ARRAY_CONDITION_FORALLVALUES",
    "foranyvalue": "EMPTY_ARRAY_CONDITION_FORANYVALUE",
}
SID_UNIQUE = {kind: "UNIQUE_SIDS_REQUIRED" for kind in ("identity", "trust", "scp", "rcp")} | {
    "resource": "UNIQUE_SIDS_RECOMMENDED"
}
_SID = re.compile(r"[A-Za-z0-9]*")


def check_document(policy: Policy, kind: str) -> Iterator[Said]:
    """The document's own elements; statements are checked one by one."""
    data = policy.data
    for repeated in policy.repeated:
        what = f"The key {shown(repeated.key)} stands twice in one object: only the last one would count."
        yield Said("JSON_SYNTAX_ERROR", what, f"line {repeated.line}, column {repeated.column}")
    for name in data:
        if name not in POLICY_ELEMENTS:
            yield _unknown(name, POLICY_ELEMENTS, str(name))
    for element in ("Version", "Id"):
        if element in data and not isinstance(data[element], str):
            yield _mistyped(element, data[element], (str,))
    version = data.get("Version")
    if version is None and "Version" not in data:
        yield Said("MISSING_VERSION", f"Add Version {VERSIONS[0]}: without one AWS assumes {VERSIONS[1]}.", "Version")
    elif isinstance(version, str) and version not in VERSIONS:
        yield Said("INVALID_VERSION", f"Version is {shown(version)}: use {VERSIONS[0]}.", "Version")
    statements = data.get("Statement")
    if "Statement" not in data or statements == []:
        yield Said("MISSING_STATEMENT", "The policy has no statement: add one.", "Statement")
    elif not isinstance(statements, dict | list):
        yield _mistyped("Statement", statements, (dict, list))
    else:
        for place, statement in enumerate(as_list(statements)):
            if not isinstance(statement, dict):
                yield _mistyped(f"Statement[{place}]", statement, (dict,))
        yield from _repeated_sids(as_list(statements), kind)
    quota, with_space = QUOTAS[kind]
    if (size := policy.size(kind)) > quota:
        counted = "" if with_space else " without white space"
        what = f"The policy has {size:,} characters{counted}; AWS takes {quota:,}. Split it or use wildcards."
        yield Said(QUOTA_CODES[kind], what, "")


def check_statement(view: View) -> Iterator[Said]:
    """Elements, types, and what the policy's type demands of a statement."""
    data, path = view.data, view.path
    for name, value in data.items():
        if name not in STATEMENT_ELEMENTS:
            yield _unknown(name, STATEMENT_ELEMENTS, f"{path}.{name}")
            continue
        if code := UNSUPPORTED.get((view.kind, name)):
            yield Said(code, f"{name} has no place in a policy of type {view.kind}: remove it.", f"{path}.{name}")
        if not isinstance(value, JSON_TYPES[name]):
            yield _mistyped(f"{path}.{name}", value, JSON_TYPES[name])
        elif isinstance(value, list) and "Principal" not in name:
            for place, item in enumerate(value):
                if not isinstance(item, str):
                    yield _mistyped(f"{path}.{name}[{place}]", item, (str,))
    for element in ("Action", "Resource", "Principal"):
        if element in data and f"Not{element}" in data:
            what = f"{element} and Not{element} cannot stand in one statement: keep one."
            yield Said("UNSUPPORTED_ELEMENT_COMBINATION", what, path)
    for element in DEMANDED[view.kind]:
        if not view.has(element) and not (element == "Resource" and _has_none(view)):
            yield Said(f"MISSING_{element.upper()}", f"Add {element} or Not{element}.", path)
    yield from _effect(view)
    yield from _sid(view)
    yield from _empty(view)


def _effect(view: View) -> Iterator[Said]:
    effect, path = view.data.get("Effect"), f"{view.path}.Effect"
    if "Effect" not in view.data:
        yield Said("MISSING_EFFECT", "Add Effect: Allow or Deny.", view.path)
    elif isinstance(effect, str) and effect not in EFFECTS:
        yield Said("INVALID_EFFECT", f"Effect is {shown(effect)}: use Allow or Deny.", path)
    elif view.kind == "rcp" and effect == "Allow":
        yield Said("RCP_SYNTAX_ERROR_ALLOW", "A resource control policy can only deny: use Deny.", path)


def _sid(view: View) -> Iterator[Said]:
    sid, path = view.data.get("Sid"), f"{view.path}.Sid"
    if sid == "":
        yield Said("EMPTY_SID_VALUE", "The Sid is empty: name the statement, or remove Sid.", path)
    elif isinstance(sid, str) and view.kind != "resource" and not _SID.fullmatch(sid):
        yield Said("UNSUPPORTED_SID", f"Sid {shown(sid)}: only letters A-Z, a-z and digits are allowed.", path)


def _repeated_sids(statements: list[Any], kind: str) -> Iterator[Said]:
    seen: set[str] = set()
    for place, statement in enumerate(statements):
        sid = statement.get("Sid") if isinstance(statement, dict) else None
        if isinstance(sid, str) and sid:
            if sid in seen:
                what = f"Sid {shown(sid)} stands in several statements: give each its own."
                yield Said(SID_UNIQUE[kind], what, f"Statement[{place}].Sid")
            seen.add(sid)


def _empty(view: View) -> Iterator[Said]:
    for element in ("Action", "Resource"):
        for name in (element, f"Not{element}"):
            if view.data.get(name) == []:
                what = f"{name} is an empty list: the statement applies to nothing. List something."
                yield Said(f"EMPTY_ARRAY_{element.upper()}", what, f"{view.path}.{name}")
    for name in ("Principal", "NotPrincipal"):
        given, path = view.data.get(name), f"{view.path}.{name}"
        if given == {}:
            yield Said("EMPTY_OBJECT_PRINCIPAL", f"{name} is an empty object: name somebody.", path)
        for kind, values in given.items() if isinstance(given, dict) else ():
            if values == []:
                yield Said("EMPTY_ARRAY_PRINCIPAL", f"{name} lists nobody under {kind}.", f"{path}.{kind}")
    condition = view.data.get("Condition")
    if isinstance(condition, dict):
        for path, block in {"": condition, **{f".{operator}": keys for operator, keys in condition.items()}}.items():
            if block == {}:
                what = "The condition is an empty object and changes nothing: add a key or remove it."
                yield Said("EMPTY_OBJECT_CONDITION", what, f"{view.path}.Condition{path}")
    for test in view.tests:
        if not test.values:
            code = "EMPTY_ARRAY_CONDITION_IFEXISTS" if test.if_exists else EMPTY_CONDITION.get(test.quantifier)
            if code:
                yield Said(code, f"{test.key} is compared with an empty list: add a value or remove it.", test.path)


def _has_none(view: View) -> bool:
    actions = [value.text.partition(":")[0] for value in (*view.actions, *view.not_actions)]
    return view.kind == "resource" and bool(actions) and WITHOUT_RESOURCE.issuperset(actions)


def _unknown(name: Any, known: tuple[str, ...], path: str) -> Said:
    meant = next((k for k in known if k.lower() == str(name).lower()), None)
    hint = f"did you mean {meant}?" if meant else f"the grammar knows {', '.join(known)}."
    return Said("INVALID_POLICY_ELEMENT", f"The element {shown(name)} does not exist: {hint}", path)


def _mistyped(path: str, value: Any, wanted: tuple[type, ...]) -> Said:
    words = {str: "a string", dict: "an object", list: "a list"}
    what = f"{shown(value)} has the wrong JSON type: {' or '.join(words[t] for t in wanted)} is needed here."
    return Said("DATA_TYPE_MISMATCH", what, path)
