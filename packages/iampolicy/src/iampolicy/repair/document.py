"""A text made into a policy: what was found in it, its statements and its header put together.

A text and a policy type come in, a Repaired goes out. The parts are made by the other modules; here stands what
concerns the policy as a whole, and the last word has the grammar.
"""

import json
from dataclasses import dataclass
from typing import Any

from iampolicy.document import POLICY_TYPES, VERSIONS, Policy
from iampolicy.grammar import structure_faults
from iampolicy.repair.statements import statements
from iampolicy.repair.text import Found, find
from iampolicy.repair.work import Drop, Work, shown

NO_RESOURCE = "must have one of Resource and NotResource"  # a fault of iampolicy.grammar


@dataclass(frozen=True)
class Repaired:
    """What could be made of a text."""

    policy: Policy | None  # None if nothing of a policy is left
    changes: tuple[str, ...]  # one sentence a change, in the order in which they were made; empty: nothing was changed
    text: str  # minified JSON of the policy, or ""


def repair(text: str, policy_type: str = "identity") -> Repaired:
    """Make a well-formed policy of any text, and say what was changed.

    The policy has no structure faults (iampolicy.grammar), and its actions are names that the catalogue knows, or
    wildcards that match some. White space is no change. Every text gives a result, however broken it is.

    The rule: the policy allows nothing that the statements as written, read plainly, did not allow.

    - An Allow statement of which some limit cannot be kept (Condition, NotAction, NotResource, an element that nobody
      knows, a missing Resource, a cut end) is dropped whole. Entries of its Action and Resource can go one by one.
    - A Deny statement is kept at least as strong: what cannot be read of it becomes "*", its Condition is dropped. A
      statement whose Effect cannot be read counts as a Deny. If that denies everything, the policy is None.
    - If a Deny stands in text that could not be read, all Allow statements are dropped.
    - A misspelt name is corrected only if one thing alone can be meant.

    Args:
        policy_type: one of iampolicy.document.POLICY_TYPES. Identity and service control policies lose their Principal;
            a trust policy has no Resource, which is the one fault of iampolicy.grammar that it keeps.

    Raises:
        ValueError: for another policy type; never because of the text.
    """
    if policy_type not in POLICY_TYPES:
        raise ValueError(f"unknown policy type {policy_type!r}: choose one of {', '.join(POLICY_TYPES)}")
    work, policy = Work(policy_type), None
    found = find(work, text)
    if found is None:
        work.say("found no JSON object with elements of a policy")
    else:
        try:
            policy = Policy(_policy(work, found))
        except Drop as drop:
            work.say(f"dropped the policy: {drop}")
    return Repaired(policy, tuple(work.changes), "" if policy is None else policy.to_json())


def _policy(work: Work, found: Found) -> dict[str, Any]:
    kept = statements(work, found.statements)
    if work.denies_all:
        raise Drop("a Deny that cannot be read in full may deny all that is left")
    if not kept:
        raise Drop("it has no statement left")
    variables = "${" in json.dumps(list(kept.values()))
    if (found.cut or found.torn) and "Version" not in found.header and variables:
        raise Drop("its Version is lost, and with it whether ${...} is a variable")
    _rename(work, kept)
    data = _with_header(work, found.header, list(kept.values()), variables)
    # The last word has the grammar itself, whatever this package overlooks.
    if faults := [f for f in structure_faults(data) if work.has("Resource") or NO_RESOURCE not in f]:
        raise Drop(faults[0])
    return data


def _rename(work: Work, kept: dict[int, dict[str, Any]]) -> None:
    """Give statements with the Sid of another one a Sid of their own."""
    named = {index: statement for index, statement in kept.items() if "Sid" in statement}
    taken = {statement["Sid"] for statement in named.values()}
    seen: dict[str, int] = {}
    for index, statement in named.items():
        sid = statement["Sid"]
        if sid in seen:
            while (other := f"{sid}{seen[sid] + 1}") in taken:
                seen[sid] += 1
            work.say(f"wrote the Sid {shown(sid)} of Statement[{index}] as {other}: another one has it")
            statement["Sid"] = other
            taken.add(other)
        seen[sid] = seen.get(sid, 0) + 1


def _with_header(work: Work, header: dict[str, Any], kept: list[dict[str, Any]], variables: bool) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if "Version" not in header:
        # Without a Version AWS takes "${...}" as text; a newer one would make it a variable.
        data["Version"] = VERSIONS[variables]
        why = ", in which ${...} is text" if variables else ""
        work.say(f"added the missing Version {data['Version']}{why}")
    for name, value in header.items():
        if name == "Statement":
            data[name] = kept
        elif name == "Version":
            data[name] = _version(work, value)
        elif type(value) is str:
            data[name] = value
        else:
            work.say(f"removed {name}, which is no text")
    return data


def _version(work: Work, value: Any) -> str:
    if type(value) is str and value in VERSIONS:
        return value
    version = VERSIONS[isinstance(value, str) and value.strip().startswith(VERSIONS[1][:4])]
    work.say(f"replaced the Version by {version}")
    return version
