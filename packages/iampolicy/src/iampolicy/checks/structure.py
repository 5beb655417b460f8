"""The form of a document: its elements, their JSON types, what a type of policy demands and forbids, and its size."""

import re
from typing import Any

from iampolicy import tables
from iampolicy.checks.view import Finding, Findings, View, finding, shown
from iampolicy.document import EFFECTS, POLICY_ELEMENTS, POLICY_TYPES, STATEMENT_ELEMENTS, VERSIONS, Policy, as_list
from iampolicy.grammar import FORMS

WITHOUT_RESOURCE = {row["service"] for row in tables.rows("resource_policies.tsv") if row["resource"] != "needed"}
EMPTY_CONDITION = {  # quantifier -> code for a key without values ("Empty array condition ...")
    "": "EMPTY_ARRAY_CONDITION",
    "forallvalues": "EMPTY_ARRAY_CONDITION_FORALLVALUES",
    "foranyvalue": "EMPTY_ARRAY_CONDITION_FORANYVALUE",
}
JSON_TYPES: dict[type, str] = {str: "a string", dict: "an object", list: "a list"}
_SID = re.compile(r"[A-Za-z0-9]*")


def check_document(policy: Policy, kind: str) -> Findings:
    """The document's own elements; statements are checked one by one."""
    data = policy.data
    for repeated in policy.repeated:
        place = f"line {repeated.line}, column {repeated.column}"
        yield finding("JSON_SYNTAX_ERROR", place, shown(repeated.key), case="repeated")
    for name in data:
        if name not in POLICY_ELEMENTS:
            yield _unknown(name, POLICY_ELEMENTS, str(name))
    for element in ("Version", "Id"):
        if element in data and not isinstance(data[element], str):
            yield _mistyped(element, data[element], (str,))
    version = data.get("Version")
    if "Version" not in data:
        yield finding("MISSING_VERSION", "Version", *VERSIONS)
    elif isinstance(version, str) and version not in VERSIONS:
        yield finding("INVALID_VERSION", "Version", shown(version), VERSIONS[0])
    statements = data.get("Statement")
    if "Statement" not in data or statements == []:
        yield finding("MISSING_STATEMENT", "Statement")
    elif not isinstance(statements, dict | list):
        yield _mistyped("Statement", statements, (dict, list))
    else:
        for number, statement in enumerate(as_list(statements)):
            if not isinstance(statement, dict):
                yield _mistyped(f"Statement[{number}]", statement, (dict,))
        yield from _repeated_sids(as_list(statements), kind)
    rules = POLICY_TYPES[kind]
    if (size := policy.size(kind)) > rules.most:
        yield finding(rules.quota_code, "", f"{size:,}", f" {rules.counted}".rstrip(), f"{rules.most:,}")


def check_statement(view: View) -> Findings:
    """Elements, types, and what the policy's type demands of a statement."""
    data, path = view.data, view.path
    for name, value in data.items():
        if name not in STATEMENT_ELEMENTS:
            yield _unknown(name, STATEMENT_ELEMENTS, f"{path}.{name}")
            continue
        if code := POLICY_TYPES[view.kind].refuses.get(name):
            yield finding(code, f"{path}.{name}", name, view.kind)
        if not isinstance(value, FORMS[name].types):
            yield _mistyped(f"{path}.{name}", value, FORMS[name].types)
        elif isinstance(value, list) and "Principal" not in name:
            for place, item in enumerate(value):
                if not isinstance(item, str):
                    yield _mistyped(f"{path}.{name}[{place}]", item, (str,))
    for element in ("Action", "Resource", "Principal"):
        if element in data and f"Not{element}" in data:
            yield finding("UNSUPPORTED_ELEMENT_COMBINATION", path, element)
    for element in POLICY_TYPES[view.kind].needs:
        there = element in data or f"Not{element}" in data or (element == "Resource" and _has_none(view))
        if not there:
            yield finding(f"MISSING_{element.upper()}", path)
    effect, sid = data.get("Effect"), data.get("Sid")
    if "Effect" not in data:
        yield finding("MISSING_EFFECT", path)
    elif isinstance(effect, str) and effect not in EFFECTS:
        yield finding("INVALID_EFFECT", f"{path}.Effect", shown(effect))
    elif view.kind == "rcp" and effect == "Allow" and not _is_default(data):
        yield finding("RCP_SYNTAX_ERROR_ALLOW", f"{path}.Effect")
    if sid == "":
        yield finding("EMPTY_SID_VALUE", f"{path}.Sid")
    elif isinstance(sid, str) and view.kind != "resource" and not _SID.fullmatch(sid):
        yield finding("UNSUPPORTED_SID", f"{path}.Sid", shown(sid))
    yield from _empty(view)


def _is_default(statement: dict[str, Any]) -> bool:
    """Whether a statement is that of RCPFullAWSAccess, the one resource control policy that allows ("RCP syntax")."""
    everybody = statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    whole = all(as_list(statement.get(element)) == ["*"] for element in ("Action", "Resource"))
    return everybody and whole and not statement.get("Condition")


def _repeated_sids(statements: list[Any], kind: str) -> Findings:
    code = "UNIQUE_SIDS_RECOMMENDED" if kind == "resource" else "UNIQUE_SIDS_REQUIRED"
    seen: set[str] = set()
    for place, statement in enumerate(statements):
        sid = statement.get("Sid") if isinstance(statement, dict) else None
        if isinstance(sid, str) and sid:
            if sid in seen:
                yield finding(code, f"Statement[{place}].Sid", shown(sid))
            seen.add(sid)


def _empty(view: View) -> Findings:
    for element in ("Action", "Resource"):
        for name in (element, f"Not{element}"):
            if view.data.get(name) == []:
                yield finding(f"EMPTY_ARRAY_{element.upper()}", f"{view.path}.{name}", name)
    for name in ("Principal", "NotPrincipal"):
        given, path = view.data.get(name), f"{view.path}.{name}"
        if given == {}:
            yield finding("EMPTY_OBJECT_PRINCIPAL", path, name)
        for kind, values in given.items() if isinstance(given, dict) else ():
            if values == []:
                yield finding("EMPTY_ARRAY_PRINCIPAL", f"{path}.{kind}", name, kind)
    condition = view.data.get("Condition")
    if isinstance(condition, dict):
        for path, block in {"": condition, **{f".{name}": keys for name, keys in condition.items()}}.items():
            if block == {}:
                yield finding("EMPTY_OBJECT_CONDITION", f"{view.path}.Condition{path}")
    for test in view.tests:
        code = "EMPTY_ARRAY_CONDITION_IFEXISTS" if test.if_exists else EMPTY_CONDITION.get(test.quantifier)
        if code and not test.values:
            yield finding(code, test.path, test.key)


def _has_none(view: View) -> bool:
    actions = [value.text.partition(":")[0].lower() for value in (*view.actions, *view.not_actions)]
    return view.kind == "resource" and bool(actions) and WITHOUT_RESOURCE.issuperset(actions)


def _unknown(name: str, known: tuple[str, ...], path: str) -> Finding:
    if meant := next((k for k in known if k.lower() == name.lower()), None):
        return finding("INVALID_POLICY_ELEMENT", path, shown(name), meant, case="likely")
    return finding("INVALID_POLICY_ELEMENT", path, shown(name), ", ".join(known))


def _mistyped(path: str, value: Any, wanted: tuple[type, ...]) -> Finding:
    return finding("DATA_TYPE_MISMATCH", path, shown(value), " or ".join(JSON_TYPES[kind] for kind in wanted))
