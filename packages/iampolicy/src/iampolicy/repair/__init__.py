"""A model's answer made into a policy: any text in, a well-formed policy and the list of what was changed out.

A repair may take away, never add. An Allow is kept only if all that may limit it could be read, else the whole
statement goes; a Deny that cannot be kept as written is kept stronger, and where that would deny everything, no policy
is left. What nobody wrote, as the end of an answer that was cut, cannot be known: a Deny may have stood there.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from iampolicy.document import POLICY_ELEMENTS, POLICY_TYPES, VERSIONS, Policy, PolicySyntaxError
from iampolicy.grammar import structure_faults
from iampolicy.inputs import policies_in
from iampolicy.repair.reading import (
    List,
    Object,
    Read,
    describes,
    effect_of,
    elements_of,
    is_policy,
    is_statement,
    items,
    read,
    shown,
)
from iampolicy.repair.statements import statements
from iampolicy.repair.work import Drop, Work

__all__ = ["Repaired", "repair"]

NO_RESOURCE = "must have one of Resource and NotResource"  # a fault of iampolicy.grammar
_START = re.compile(r"""\[\s*+(?=\{)|\{(?=\s*+["'“”„‟‘’‚‛\w/\#}])""")
_DENIES = re.compile(r"""["'“”‘’]\s*(deny|d(en?)?\Z)""", re.IGNORECASE)  # also one that was cut
_LIMITS = re.compile(r"""condit\w*["'“”‘’]?\s*:""", re.IGNORECASE)
_MORE_OBJECTS = re.compile(r"[\s,\]}]*+(?=\{)")
_VERSION = re.compile(r"version|20(08|12)-10-17", re.IGNORECASE)
_MORE_JSON = re.compile(r"""[\s\]}]*+,\s*+["'“{\[]""")


@dataclass(frozen=True)
class Repaired:
    """What could be made of a text."""

    policy: Policy | None  # None if nothing of a policy is left
    changes: tuple[str, ...]  # one sentence a change, in the order in which they were made; empty: nothing was changed
    text: str  # minified JSON of the policy, or ""


class Found(NamedTuple):
    """What of a text is the policy."""

    header: dict[str, Any]  # the policy's elements, in their order
    statements: list[Any]
    cut: bool  # the end of the JSON was not reached
    torn: bool  # a Version stands in the text around it, which may be its own


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

    >>> answer = 'Sure: {"Statement": [{"Effect": "Allow", "Action": "s3:GetObjct", "Resource": "*"}]}'
    >>> for change in repair(answer).changes:
    ...     print(change)
    removed the text around the JSON
    replaced 's3:GetObjct' in Statement[0].Action by 's3:GetObject'
    added the missing Version 2012-10-17

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
    if found is None and (inner := _quoted(text)):
        work.say("took the policy out of the text that quotes it")
        found = find(work, inner)
    if found is None:
        work.say("found no JSON object with elements of a policy")
    else:
        try:
            policy = Policy(_policy(work, found))
        except Drop as drop:
            work.say(f"dropped the policy: {drop}")
    return Repaired(policy, tuple(work.changes), "" if policy is None else policy.to_json())


def _quoted(text: str) -> str | None:
    """The one policy that stands in a string of a JSON text, escaped or URL-encoded; None if there is none, or more."""
    try:
        found = policies_in(text)
    except PolicySyntaxError:
        return None
    return found[0].text if len(found) == 1 and found[0].text != text else None


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


def find(work: Work, text: str) -> Found | None:
    """Find the first policy, or statements without one; None if the text has neither."""
    answer = position = text.rfind("</think>") + 1  # drafts of a model that thinks aloud are no answer
    while match := _START.search(text, position):
        first = read(text, match.start())
        if any(is_policy(v) or is_statement(v) for v in items(first.value)) or any(_inner(first.value)):
            return _found(work, text, answer, match.start(), first)
        position = max(first.end, match.end())
    return None


def _found(work: Work, text: str, answer: int, start: int, first: Read) -> Found:
    last, more, notes = first, [], dict(first.notes)
    apart = False
    while last.inside is None and (match := _MORE_OBJECTS.match(text, last.end)):
        following = read(text, match.end())
        if is_policy(following.value) and is_policy(first.value):
            if "${" in text and not _same_version(first.value, following.value):
                apart = True
                break
            more += _elements(work, following.value)[1]
        elif is_statement(following.value) and not is_policy(following.value):
            more.append(following.value)
        else:
            break
        last, notes = following, notes | following.notes
    cut, rest = last.inside is not None, text[last.end :]
    _say_around(work, text[:start].strip(), rest.strip(), cut)
    for note in notes:
        work.say(note)
    value = first.value
    if not is_policy(value):
        value = List([value]) if is_statement(value) else _unwrapped(work, value, text)
    loose = isinstance(value, List)
    if loose:
        work.say("put the statements into a policy")
    header, statements = ({"Statement": value}, value) if loose else _elements(work, value)
    if more:
        work.say("put the statements that follow into the policy")
    listed = [s for item in [*statements, *more] for s in items(item)]
    broken = cut and last.stopped_by
    continued = not cut and _MORE_JSON.match(text, last.end)
    # Around loose statements there may be others of the same policy; around a policy there is prose.
    open_end = loose or broken or continued or apart
    if (loose and _DENIES.search(text[answer:start])) or (open_end and _DENIES.search(rest)):
        work.lost_deny = True
    at_list = last.inside is value or last.inside is header["Statement"]
    early = continued or (broken and at_list and (last.stopped_by != "word" or _LIMITS.search(rest)))
    if early and (objects := [item for item in listed if isinstance(item, Object)]):
        objects[-1].whole = False  # a bracket was closed too early: what follows may limit the last statement
    torn = _VERSION.search(text[answer:start] + rest) is not None
    return Found(header, listed, cut, torn)


def _same_version(one: Object, other: Object) -> bool:
    """Whether "${...}" means the same in two policies, so that they can be one."""
    return dict(one.pairs).get("Version") == dict(other.pairs).get("Version")


def _say_around(work: Work, before: str, after: str, cut: bool) -> None:
    if cut:
        work.say(f"closed the JSON after its last whole part: what followed is lost, {shown(after[:60])}")
    elif before.strip("`json \n\r\t") or after.strip("`]} \n\r\t"):
        work.say("removed the text around the JSON")
    elif before or after:
        work.say("removed the marks around the JSON")


def _inner(value: Any) -> Iterator[Object]:
    """The policies inside an object that is none: {"PolicyDocument": {...}}."""
    level = [value]
    for _ in range(3):
        level = [v for o in level for v in (o if isinstance(o, List) else [v for _, v in o.pairs])]
        level = [v for v in level if isinstance(v, List | Object)]
        yield from filter(is_policy, level)


def _unwrapped(work: Work, value: Any, text: str) -> Any:
    """The policy in the value around it, or a list of loose statements as it is."""
    if isinstance(value, List) and not any(map(is_policy, value)):
        return value
    inside = [v for v in value if isinstance(v, Object)] if isinstance(value, List) else [*_inner(value)]
    work.say("took the policy out of the value around it")
    if len(inside) > 1:
        work.say(f"kept the first of {len(inside)} policies")
        work.lost_deny |= bool(_DENIES.search(text))
    return next(filter(is_policy, inside))


def _elements(work: Work, policy: Object) -> tuple[dict[str, Any], list[Any]]:
    """The elements of a policy and its statements; that something else may limit them is remembered."""
    found = elements_of(policy, POLICY_ELEMENTS, "the policy", work.say)
    for key, name in found.unknown.items():
        limits = name != "Sid" and not describes(key)
        work.say(f"dropped the policy's element {shown(key)}" + (": it may limit statements" if limits else ""))
        work.lost_deny |= limits
    last = found.known["Statement"]
    if not isinstance(last, List):
        work.say("put the single statement into a list")
    earlier = [s for name, value in found.earlier if name == "Statement" for s in items(value)]
    denies = [s for s in earlier if not (is_statement(s) and effect_of(dict(s.pairs).get("Effect")) == "Allow")]
    if denies:  # the last one counts in JSON, yet no Deny must be lost
        work.say("kept what the earlier Statement denies")
    return found.known, [*denies, *items(last)]
