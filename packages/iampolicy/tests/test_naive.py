"""A second opinion on requests, written from the pages "Policy evaluation logic", "NotPrincipal" and "Condition
operators" of the IAM User Guide before its author had read `iampolicy.simulate`, and sharing nothing with it.

It is slow, knows few operators and takes plain dictionaries. `python packages/iampolicy/tests/test_naive.py 1000000`
compares so many generated requests and prints the first that the two judge differently.
"""

import fnmatch
import ipaddress
import json
import random
import sys
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy.simulate import Request, simulate

DENY, ALLOW, NOTHING = "ExplicitlyDenied", "Allowed", "ImplicitlyDenied"


def like(pattern, text):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def many(value):
    return value if isinstance(value, list) else [value]


TESTS = {  # operator -> does one value of the request fit one value of the policy
    "StringEquals": lambda want, got: want == got,
    "StringLike": like,
    "ArnLike": lambda want, got: len(got.split(":", 5)) == 6 and all(map(like, want.split(":", 5), got.split(":", 5))),
    "Bool": lambda want, got: want.lower() == got.lower(),
    "NumericLessThan": lambda want, got: float(got) < float(want),
    "IpAddress": lambda want, got: ipaddress.ip_address(got) in ipaddress.ip_network(want),
}


def condition_holds(operator, key, wanted, context):
    found = {k.lower(): v for k, v in context.items()}.get(key.lower())
    if operator == "Null":
        return many(wanted) == ["true" if found is None else "false"]
    quantifier, _, name = operator.rpartition(":")
    name, if_exists = name.removesuffix("IfExists"), name.endswith("IfExists")
    negated = "Not" in name
    test = TESTS[name.replace("Not", "")]
    if found is None:
        return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
    fits = [any(test(value, one) for value in many(wanted)) != negated for one in many(found)]
    return any(fits) if quantifier == "ForAnyValue" else all(fits)


def identities(caller):
    """Every ARN by which a policy may mean the caller, itself first."""
    account, name = caller.split(":")[4:6]
    role = [f"arn:aws:iam::{account}:role/{name.split('/')[1]}"] if name.startswith("assumed-role/") else []
    return [caller, *role, f"arn:aws:iam::{account}:root"]


def named(statement, key, caller):
    """The ARNs of the caller that an element names; "*" stands for the caller itself."""
    element = statement[key]
    listed = ["*"] if element == "*" else many(element["AWS"])
    listed = [f"arn:aws:iam::{one}:root" if one.isdigit() else one for one in listed]
    return [arn for arn in identities(caller) if arn in listed] + [caller] * ("*" in listed)


def applies(statement, request, boundary):
    action, resource = request["action"].lower(), request["resource"]
    for element, value, fold in (("Action", action, str.lower), ("Resource", resource, str)):
        if element in statement and not any(like(fold(one), value) for one in many(statement[element])):
            return False
        if f"Not{element}" in statement and any(like(fold(one), value) for one in many(statement[f"Not{element}"])):
            return False
    if "Principal" in statement and not named(statement, "Principal", request["principal"]):
        return False
    if "NotPrincipal" in statement:
        exempt = set(named(statement, "NotPrincipal", request["principal"])) == set(identities(request["principal"]))
        if statement["Effect"] == "Allow" or (exempt and not boundary):
            return False
    block = statement.get("Condition", {})
    return all(condition_holds(op, key, v, request["context"]) for op, keys in block.items() for key, v in keys.items())


def evaluate(request, identity, resource, boundary, session, service_control, resource_control, endpoint):
    """Every argument a list of policies, None for no such policy; of the organisation, one list a level."""

    def hits(policies, effect):
        found = [s for p in policies or [] for s in p["Statement"] if applies(s, request, boundary)]
        return [s for s in found if s["Effect"] == effect]

    levels = [*service_control, *resource_control]
    everything = [identity, resource, boundary, session, endpoint, *levels]
    if any(hits(policies, "Deny") for policies in everything):
        return DENY
    if any(not hits(level, "Allow") for level in service_control):  # RCPFullAWSAccess is always there
        return NOTHING
    if endpoint is not None and not hits(endpoint, "Allow"):
        return NOTHING
    caller = request["principal"]
    granted = {arn for s in hits(resource, "Allow") for arn in named(s, "Principal", caller)}
    limited = all(limit is None or hits(limit, "Allow") for limit in (boundary, session))
    own = bool(hits(identity, "Allow"))
    if request["resource_account"] != caller.split(":")[4]:
        return ALLOW if granted and own and limited else NOTHING
    if caller in granted:  # a user, a session or everybody: nothing that merely fails to allow stands against it
        return ALLOW
    role = any(":role/" in arn for arn in granted)
    if request["action"].startswith("kms:"):  # the key policy decides whether the account's own policies count
        return ALLOW if limited and (role or (granted and own)) else NOTHING
    return ALLOW if limited and (role or own) else NOTHING


ACCOUNT, OTHER = "111122223333", "444455556666"
CALLERS = [
    f"arn:aws:iam::{ACCOUNT}:user/iris",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/fennel/ab",
    f"arn:aws:iam::{OTHER}:user/iris",
]
PRINCIPALS = [
    "*",
    ACCOUNT,
    f"arn:aws:iam::{ACCOUNT}:root",
    f"arn:aws:iam::{OTHER}:root",
    f"arn:aws:iam::{ACCOUNT}:role/fennel",
    *CALLERS,
]
ACTIONS = {"s3:GetObject": "arn:aws:s3:::quince/jam/a", "kms:Decrypt": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"}
PATTERNS = ["s3:GetObject", "s3:Get*", "kms:*", "*", "s3:*", "kms:Decrypt", "s3:?etobject", "sqs:*"]
RESOURCES = ["*", "arn:aws:s3:::quince/*", "arn:aws:kms:*:*:key/*", "arn:aws:s3:::other/*", "arn:aws:s3:::quince/j?m/*"]
CONDITIONS = [
    {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
    {"StringNotEqualsIfExists": {"aws:SourceVpc": ["vpc-1", "vpc-2"]}},
    {"StringNotEquals": {"aws:sourcevpc": "vpc-2"}},
    {"StringLike": {"aws:PrincipalTag/team": ["r*", "?lue"]}},
    {"StringNotLike": {"aws:PrincipalTag/team": "r*"}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"BoolIfExists": {"aws:SecureTransport": "true"}},
    {"Null": {"aws:SourceVpc": "true"}},
    {"Null": {"aws:PrincipalTag/team": "false"}},
    {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}},
    {"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a", "c"]}},
    {"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "true"}},
    {"StringEquals": {"aws:SourceVpc": "vpc-1", "aws:PrincipalTag/team": "red"}},
]
CONTEXT = {
    "aws:SourceVpc": ["vpc-1", "vpc-2", "vpc-3"],
    "aws:PrincipalTag/team": ["red", "blue", "Red"],
    "aws:SecureTransport": ["true", "false"],
    "aws:SourceIp": ["203.0.113.9", "192.0.2.1"],
    "aws:MultiFactorAuthAge": ["60", "3600", "7200"],
    "aws:TagKeys": [["a"], ["a", "c"], ["c"], []],
}


def some(chance: random.Random, values: list) -> Any:
    chosen = chance.sample(values, chance.choice([1, 1, 1, 2]))
    return chosen[0] if len(chosen) == 1 else chosen


def statement(chance: random.Random, principal: str) -> dict:
    made = {"Effect": chance.choice(["Allow", "Allow", "Allow", "Deny"])}
    made[chance.choice(["Action"] * 5 + ["NotAction"])] = some(chance, PATTERNS)
    made[chance.choice(["Resource"] * 5 + ["NotResource"])] = some(chance, RESOURCES)
    if principal == "everybody":
        made["Principal"] = "*"
    if principal == "some":
        spared = made["Effect"] == "Deny" and chance.random() < 0.4
        names = [name for name in PRINCIPALS if name != "*" or not spared]
        several = chance.sample(names, chance.choice([1, 2, 3]))
        made["NotPrincipal" if spared else "Principal"] = {"AWS": several}
    if chance.random() < 0.4:
        made["Condition"] = chance.choice(CONDITIONS)
    return made


def policies(chance: random.Random, principal: str = "none", most: int = 2) -> list[dict]:
    def made():
        statements = [statement(chance, principal) for _ in range(chance.choice([1, 2]))]
        return {"Version": "2012-10-17", "Statement": statements}

    return [made() for _ in range(chance.randint(1, most))]


def question(chance: random.Random) -> tuple[dict, dict]:
    """A request and policies around it."""
    action = chance.choice(list(ACTIONS))
    context = {key: chance.choice(values) for key, values in CONTEXT.items() if chance.random() < 0.5}
    request = {"action": action, "resource": ACTIONS[action], "principal": chance.choice(CALLERS)}
    request |= {"context": context, "resource_account": ACCOUNT}

    def maybe(likely: float, **how: Any) -> list[dict] | None:
        return policies(chance, **how) if chance.random() < likely else None

    around = {
        "identity": maybe(0.8) or [],
        "resource": maybe(1.0 if action.startswith("kms:") else 0.6, principal="some", most=1),
        "boundary": maybe(0.3),
        "session": maybe(0.2) if "assumed-role" in request["principal"] else None,
        "service_control": [policies(chance) for _ in range(chance.choice([0, 0, 1, 2]))],
        "resource_control": [policies(chance, "everybody") for _ in range(chance.choice([0, 0, 0, 1]))],
        "endpoint": maybe(0.2, principal="everybody"),
    }
    return request, around


def differ(request: dict, policies: dict) -> tuple[str, str] | None:
    """What the two say, where they say different things."""
    whole = policies | {"resource": policies["resource"][0] if policies["resource"] else None}
    ours, naive = simulate(Request(**request), **whole).result, evaluate(request, **policies)
    return None if ours == naive else (ours, naive)


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_a_second_opinion_is_the_same(chance):
    request, around = question(chance)
    assert differ(request, around) is None


if __name__ == "__main__":
    found: Counter[str] = Counter()
    for number in range(int(sys.argv[1])):
        asked, policies_around = question(random.Random(number))
        found[evaluate(asked, **policies_around)] += 1
        if said := differ(asked, policies_around):
            print(json.dumps([number, said, asked, policies_around], indent=2))
            break
    print(dict(found))
