"""What an answer says: the JSON in a text and, if that is a policy, its services, effects, actions and findings.

A text is read once, into an Answer, from which every measure takes what it needs; no text raises. Valid, extracted and
schema valid are those of the reference report ("Fine-Tuning a Large Language Model for AWS IAM Policy Generation").
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from iampolicy import catalogue, checks
from iampolicy.checks import Finding
from iampolicy.compare import allowed_actions
from iampolicy.document import EFFECTS, Policy, PolicySyntaxError, parse
from iampolicy.patterns import has_wildcard
from iampolicy.review import risks

NO_STATEMENT = Policy({"Version": "2012-10-17", "Statement": []})


@dataclass(frozen=True, eq=False)
class Answer:
    """One text, read once. All sets are empty where there is no policy to read them from."""

    text: str
    extracted: str | None  # the JSON: the whole text, or what stands from its first "{" to its last "}"
    policy: Policy | None  # that JSON, if it is an object
    error: str  # why it is no document that a reader of policies takes; empty if it is one
    policy_type: str  # what it is to be attached to: "identity", "resource" or "trust"
    faults: tuple[str, ...]  # why it is not schema valid, a sentence each; empty when nothing was extracted
    refuses: bool  # it refuses, or asks back, instead of drafting

    @property
    def valid(self) -> bool:
        """Whether the whole text is JSON. `[]`, `5` and `null` are, and are extracted, too; only an object has more."""
        return self.extracted == self.text

    @property
    def schema_valid(self) -> bool:
        """Whether the JSON has the shape of a policy, by the report's definition."""
        return self.extracted is not None and not self.faults

    @cached_property
    def services(self) -> frozenset[str]:
        """Lower-case prefixes of Action and NotAction."""
        return self.policy.services if self.policy else frozenset()

    @cached_property
    def effects(self) -> frozenset[str]:
        """The effects; one that is no text is an effect that no policy has, never equal to a wanted one."""
        found = (s.effect for s in (self.policy.statements if self.policy else ()) if s.effect is not None)
        return frozenset(e if isinstance(e, str) else f"({type(e).__name__})" for e in found)

    @cached_property
    def granted(self) -> frozenset[str]:
        """The catalogue's actions that the Allow statements match; a NotAction matches all others."""
        return allowed_actions(self.policy) if self.policy else frozenset()

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Distinct action strings, of any effect, that match nothing in the catalogue, sorted."""
        patterns = {p for s in (self.policy.statements if self.policy else ()) for p in s.action_patterns}
        return tuple(sorted(pattern for pattern in patterns if not _expand(pattern)))

    @cached_property
    def taken(self) -> Policy:
        """The policy as a reader of policies takes it: one that none takes grants nothing."""
        return self.policy if self.policy and not self.error else NO_STATEMENT

    @cached_property
    def whole(self) -> bool:
        """Whether its statements have effect, actions and resources; those of a trust policy need no resource.

        The report's schema asks for keys, whatever they hold, and the grammar (`iampolicy.grammar`) for much more.
        """
        return (
            not self.error
            and isinstance(self.taken.data.get("Statement"), list | dict)
            and all(
                s.effect in EFFECTS
                and s.action_patterns
                and (s.resources or s.not_resources or s.principal is not None)
                for s in self.taken.statements
            )
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What AWS would object to in it, as a policy of its type."""
        text = self.extracted or "" if self.error else self.taken
        return tuple(checks.validate(text, self.policy_type, own=False))

    @cached_property
    def risks(self) -> frozenset[str]:
        """The classes of risk that it carries."""
        return frozenset(risk.name for risk in risks(self.taken))


def read(text: str, wanted: Answer | None = None, refuses: bool | None = None) -> Answer:
    """Read any text, also one that is no policy at all.

    Args:
        wanted: what was asked for; the text is judged as a policy of its type. None: of the type that it looks like.
        refuses: whether the answer refuses or asks back; None: nobody says, so prose without a brace does.
    """
    extracted, policy, error = _json_in(text)
    policy_type = wanted.policy_type if wanted else _type(policy)
    faults = () if extracted is None else tuple(_schema_faults(policy, policy_type == "trust"))
    says_no = refuses if refuses is not None else "{" not in text and bool(text.strip())
    return Answer(text, extracted, policy, error, policy_type, faults, says_no)


@lru_cache(maxsize=4_096)
def read_wanted(text: str) -> Answer:
    """The same as `read`, kept: every arm is compared with the same wanted policies."""
    return read(text)


def _json_in(text: str) -> tuple[str | None, Policy | None, str]:
    """The JSON in a text, as a policy if it is an object, and why no reader of policies takes it."""
    error = ""
    for part in dict.fromkeys((text, text[text.find("{") : text.rfind("}") + 1])):
        try:
            return part, parse(part), ""
        except PolicySyntaxError as found:
            error = str(found)
        try:
            value = json.loads(part, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):  # no JSON, an integer of thousands of digits, a tower of brackets
            continue
        return part, Policy(value) if isinstance(value, dict) else None, error
    return None, None, error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")  # Python would read NaN and Infinity; no other reader of policies does


def _type(policy: Policy | None) -> str:
    """What a policy looks to be made for: a resource (a Principal in each statement), trust (and no Resource)."""
    statements = policy.statements if policy else ()
    if not statements or any(s.principal is None and s.not_principal is None for s in statements):
        return "identity"  # a service control policy looks like one, too
    return "resource" if any(s.resources or s.not_resources for s in statements) else "trust"


def _schema_faults(policy: Policy | None, trust: bool) -> Iterator[str]:
    """The report's schema check: keys must be present; their values are only looked at for Statement and Effect."""
    if policy is None:
        yield "the JSON is not an object"
        return
    if "Version" not in policy.data:
        yield "Version is missing"
    statements = policy.data.get("Statement")
    if not isinstance(statements, dict | list) or not statements:
        yield "Statement is missing, empty or neither an object nor a list"
        return
    for index, statement in enumerate([statements] if isinstance(statements, dict) else statements):
        if not isinstance(statement, dict):
            yield f"Statement[{index}] is not an object"
            continue
        if statement.get("Effect") not in EFFECTS:
            yield f"Statement[{index}] has no Effect that is Allow or Deny"
        for element in ("Action",) if trust else ("Action", "Resource"):
            if element not in statement and f"Not{element}" not in statement:
                yield f"Statement[{index}] has neither {element} nor Not{element}"


def _expand(pattern: str) -> frozenset[str]:
    if has_wildcard(pattern):
        return catalogue.load().expand(pattern)
    action = catalogue.load().action(pattern)  # a plain name needs no search through its service
    return frozenset((action.name,)) if action else frozenset()
