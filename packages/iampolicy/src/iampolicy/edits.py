"""Single edits of a policy or a request that may turn a decision: what stands in the way, and how to take it away.

A Scenario is a request with its policies as documents. Each Edit of it comes with the Scenario after it; whether it
does turn the decision is for `why` to try.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from iampolicy import fixed
from iampolicy.callers import Caller, caller, meaning, missing
from iampolicy.conditions import holds, read_operator, tests_of, values_of
from iampolicy.document import Statement, as_list, as_policy
from iampolicy.matching import OF_RESOURCES, Request, RequestContext
from iampolicy.patterns import glob, resource_matches
from iampolicy.remedies import ABSENT, advice, changeable, turned
from iampolicy.simulate import ALLOWED, EXPLICITLY_DENIED, Decision, simulate

LEVELS = ("service_control", "resource_control")
CALLED = {  # kind -> what a sentence calls its policy
    "identity": "identity policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "service_control": "service control policy",
    "resource_control": "resource control policy",
    "endpoint": "policy of the VPC endpoint",
}
RESOURCES = {  # service -> what its resource policy is called
    "s3": "bucket policy",
    "kms": "key policy",
    "sts": "trust policy",
    "sqs": "queue policy",
    "sns": "topic policy",
    "lambda": "function policy",
    "ecr": "repository policy",
    "secretsmanager": "policy of the secret",
}
REQUEST, ADD_VALUE, ADD_NAME, ADD_STATEMENT, REMOVE_TEST, REMOVE_STATEMENT, SETTING = 1, 10, 20, 30, 40, 50, 60
REACH = {  # kind -> how many an edit of it concerns, beside the caller
    **{"identity": 0, "session": 0, "resource": 1, "boundary": 2, "endpoint": 3},
    **dict.fromkeys(LEVELS, 4),
}


@dataclass(frozen=True)
class Edit:
    """One edit: where, of what, and in a sentence."""

    kind: str  # of policies, "request" or "block_public_access"
    sentence: str
    size: int  # the smaller, the less it reaches
    policy: int | None = None  # from 0, within its kind and level
    statement: int | None = None  # from 0; None: a new one
    sid: str | None = None
    element: str = ""  # "Condition", "Action", ..., or "Statement" for a whole one
    key: str = ""  # of the condition or of the request
    value: Any = None  # that is added, removed or sent; None: the key is left out
    level: int = 0  # of the organisation, from 0


@dataclass(frozen=True)
class Scenario:
    """A request with its policies, as documents."""

    request: Request
    policies: dict[str, Any]

    def decision(self) -> Decision:
        return simulate(self.request, **self.policies)

    @property
    def who(self) -> Caller:
        return caller(self.request.principal)

    def of(self, kind: str, level: int = 0) -> list[dict[str, Any]]:
        """The policies of a kind, in order."""
        given = self.policies[kind]
        if kind in LEVELS:
            return list(given[level]) if given else []
        return as_list(given)

    def edited(self, kind: str, level: int, number: int, edit: Callable[[list[dict[str, Any]]], None]) -> "Scenario":
        """The case with the statements of a policy edited; the policy is new where there is none of that number."""
        policies = deepcopy(self.policies)
        documents = Scenario(self.request, policies).of(kind, level)
        if number == len(documents):
            documents.append({"Version": "2012-10-17", "Statement": []})
        statements = [s for s in as_list(documents[number].get("Statement")) if isinstance(s, dict)]
        edit(statements)
        documents[number]["Statement"] = statements
        if kind in LEVELS:
            policies[kind][level] = documents
        else:
            policies[kind] = documents[0] if kind == "resource" else documents
        return replace(self, policies=policies)

    def sent(self, key: str, value: Any) -> "Scenario":
        """The case with another value of a condition key."""
        context = {k: v for k, v in self.request.context.items() if k.lower() != key.lower()}
        return replace(self, request=replace(self.request, context=context | ({} if value is ABSENT else {key: value})))

    def called(self, kind: str, level: int, number: int) -> str:
        """What a sentence calls a policy."""
        if kind == "resource":
            return f"the {RESOURCES.get(self.request.action.lower().partition(':')[0], 'resource policy')}"
        several = f" {number + 1}" if len(self.of(kind, level)) > 1 else ""
        where = f" of level {level + 1}" if kind in LEVELS and len(self.policies[kind]) > 1 else ""
        return f"the {CALLED[kind]}{several}{where}"


def candidates(case: Scenario, decision: Decision) -> Iterator[tuple[Edit, Scenario]]:
    """Single edits that may take away what decides; whether they do is tried."""
    if decision.kind == "aws":
        if "Block Public Access" in decision.reason:
            said = "turn S3 Block Public Access off for the bucket, which makes it public"
            yield (
                Edit("block_public_access", said, SETTING),
                replace(case, policies=case.policies | {"block_public_access": False}),
            )
        return
    if decision.result == ALLOWED:
        for matched in decision.statements:
            yield from StatementEdits(case, matched.kind, matched.level, matched.policy, matched.statement).broken()
        yield from _new_statement(case, _whose(case.who), 0, "Deny")
        return
    if decision.result == EXPLICITLY_DENIED:
        first = decision.statements[0]
        yield from StatementEdits(case, first.kind, first.level, first.policy, first.statement).broken()
        return
    # A grant of the resource itself passes by what identity policies, boundary and session policies leave out.
    passes = decision.kind in ("identity", "boundary", "session") and case.policies["resource"]
    for kind in (decision.kind, "resource") if passes else (decision.kind,):
        for number, document in enumerate(case.of(kind, decision.level)):
            for place in range(len(as_policy(document).statements)):
                yield from StatementEdits(case, kind, decision.level, number, place).met()
        yield from _new_statement(case, kind, decision.level, "Allow")


def _new_statement(case: Scenario, kind: str, level: int, effect: str) -> Iterator[tuple[Edit, Scenario]]:
    made: dict[str, Any] = {"Effect": effect, "Action": case.request.action, "Resource": case.request.resource}
    own = fixed.consent(case.request.action, case.request.resource, True) if kind == "resource" else None
    if own and made["Action"].startswith("sts:"):
        del made["Resource"]  # a trust policy has none
    if kind in OF_RESOURCES:
        made |= {"Principal": "*"} if kind == "endpoint" else meaning(case.who)
    number = max(len(case.of(kind, level)) - 1, 0)
    called = case.called(kind, level, number)
    to = " to the caller" if kind == "resource" and effect == "Allow" else ""
    what = f"{made['Action']} on {case.request.resource}{to}"
    denial = f"{called} does not deny it; add a statement that denies {what}"
    said = denial if effect == "Deny" else f"no statement of {called} allows it; add one that allows {what}"
    edited = case.edited(kind, level, number, lambda statements: statements.append(made))
    yield (
        Edit(kind, said, ADD_STATEMENT + REACH[kind], number, None, None, "Statement", value=made, level=level),
        edited,
    )


def _whose(who: Caller) -> str:
    """The kind of policies that can deny something to a caller: root users and services have none of their own."""
    return "resource" if who.account is None or who.is_root else "identity"


@dataclass(frozen=True)
class StatementEdits:
    """A statement of a case, and the edits that make it apply or not."""

    case: Scenario
    kind: str
    level: int
    number: int
    place: int

    @property
    def statement(self) -> Statement:
        return as_policy(self.case.of(self.kind, self.level)[self.number]).statements[self.place]

    @property
    def asked(self) -> RequestContext:
        return RequestContext(self.case.request, self.case.who, self.case.policies["boundary"] is not None)

    @property
    def variables(self) -> bool:
        return self.case.of(self.kind, self.level)[self.number].get("Version") == "2012-10-17"

    @property
    def called(self) -> str:
        sid = self.statement.sid
        name = f'"{sid}"' if isinstance(sid, str) and sid else str(self.place + 1)
        return f"statement {name} of {self.case.called(self.kind, self.level, self.number)}"

    def _edit(
        self,
        size: int,
        sentence: str,
        element: str,
        change: Callable[[dict[str, Any]], None],
        key: str = "",
        value: Any = None,
    ) -> tuple[Edit, Scenario]:
        """An edit of the statement itself; one that is left without effect is taken out."""

        def edit(statements: list[dict[str, Any]]) -> None:
            change(statements[self.place])
            if not statements[self.place]:
                del statements[self.place]

        sid, size = self.statement.sid, size + REACH[self.kind]
        made = Edit(self.kind, sentence, size, self.number, self.place, sid, element, key, value, self.level)
        return made, self.case.edited(self.kind, self.level, self.number, edit)

    def met(self) -> Iterator[tuple[Edit, Scenario]]:
        """Edits that make an Allow apply, which lacks one part."""
        statement, request = self.statement, self.case.request
        if statement.effect != "Allow" or (statement.principal is None and self.kind in OF_RESOURCES):
            return
        lacking = self.asked.unmet(statement, self.kind, self.variables)
        if lacking == ("Condition",):
            yield from self._condition(to=True)
        elif lacking == ("Principal",):
            added = meaning(self.case.who)["Principal"]
            values = statement.principal if isinstance(statement.principal, dict) else {}
            if isinstance(added, dict):
                kind, name = next(iter(added.items()))
                merged = {**values, kind: [*values_of(values.get(kind)), name]}
                said = f"{self.called} would allow it, but to others; add {name} to its Principal"
                yield self._edit(ADD_NAME, said, "Principal", lambda s: s.update(Principal=merged), value=name)
        elif lacking in (("Action",), ("Resource",)):
            element = lacking[0]
            value = request.action if element == "Action" else request.resource
            listed = statement.actions if element == "Action" else statement.resources
            if listed is not None:
                allows = "other actions" if element == "Action" else "it on other resources"
                said = f"{self.called} allows {allows}; add {value} to its {element}"
                yield self._edit(ADD_NAME, said, element, lambda s: s.update({element: [*listed, value]}), value=value)
            else:
                yield from self._without(f"Not{element}", value, f"{self.called} spares it")

    def broken(self) -> Iterator[tuple[Edit, Scenario]]:
        """Edits that keep a statement from applying."""
        statement, request, who = self.statement, self.case.request, self.case.who
        verb = "denies" if statement.effect == "Deny" else "allows"
        yield from self._condition(to=False)
        said = f"{self.called} {verb} it"
        for element, value, listed in (
            ("Action", request.action, statement.not_actions),
            ("Resource", request.resource, statement.not_resources),
        ):
            yield from self._without(element, value, said)
            if listed is not None and getattr(statement, f"{element.lower()}s") is None:
                name = f"Not{element}"
                more = [*listed, value]
                change = f"{said}, as its {name} does not name it; add {value}"
                yield self._edit(ADD_NAME, change, name, lambda s, n=name, m=more: s.update({n: m}), value=value)  # type: ignore[misc]
        if statement.effect == "Deny" and statement.principal is None and isinstance(statement.not_principal, dict):
            lacking = missing(statement.not_principal, who)
            if lacking and who.account:
                merged = {**statement.not_principal, "AWS": [*values_of(statement.not_principal.get("AWS")), *lacking]}
                change = f"{said}, as its NotPrincipal does not name {' and '.join(lacking)}; add them"
                yield self._edit(
                    ADD_NAME, change, "NotPrincipal", lambda s: s.update(NotPrincipal=merged), value=lacking
                )
        if statement.effect == "Deny" and who.account and not who.is_root:
            key, arn = "aws:PrincipalArn", who.role_arn or who.arn
            taken = any(
                op.lower() == "arnnotequals" and k.lower() == key.lower() for op, k, _ in tests_of(statement.condition)
            )
            if not taken and isinstance(statement.condition, dict) and "" not in statement.condition:
                tests = {
                    **statement.condition,
                    "ArnNotEquals": {**statement.condition.get("ArnNotEquals", {}), key: arn},
                }
                change = f"{said}; let it spare the caller: add ArnNotEquals {key} {arn} to its Condition"
                yield self._edit(REMOVE_TEST, change, "Condition", lambda s: s.update(Condition=tests), key, arn)
        yield self._edit(REMOVE_STATEMENT, f"{said}; remove it", "Statement", lambda s: s.clear())

    def _without(self, element: str, value: str, said: str) -> Iterator[tuple[Edit, Scenario]]:
        """The element without what names the value, if that leaves something."""
        attribute = {
            "Action": "actions",
            "Resource": "resources",
            "NotAction": "not_actions",
            "NotResource": "not_resources",
        }
        listed: tuple[str, ...] = getattr(self.statement, attribute[element]) or ()
        fold = element.endswith("Action")
        named = [p for p in listed if (glob(p.lower(), value.lower()) if fold else resource_matches(p, value))]
        kept = [p for p in listed if p not in named]
        if named and kept:
            change = f"{said}; take {' and '.join(named)} out of its {element}"
            yield self._edit(ADD_NAME + 5, change, element, lambda s: s.update({element: kept}), value=tuple(named))

    def _condition(self, to: bool) -> Iterator[tuple[Edit, Scenario]]:
        """Edits of the request, then of the condition, that turn it: a failing test to true, or any test to false."""
        verb = "denies it" if self.statement.effect == "Deny" else ("would allow it" if to else "allows it")
        context = self.asked.context
        for operator, key, wanted in tests_of(self.statement.condition):
            values = values_of(wanted)
            if holds(operator, key, values, context, self.variables, unclear=self.statement.effect == "Deny") == to:
                continue
            given = context.get(key.lower())
            fact = f"{key} is {' and '.join(values_of(given)) or 'absent'}"
            said = f"{self.called} {verb}{', but' if to else ':'} {fact}"
            if changeable(key, self.case.who) and (value := turned(operator, key, values, context, to)):
                edit = Edit(
                    "request", f"{said}; {advice(key, value[0])}", REQUEST, None, self.place, None, "", key, value[0]
                )
                sid = self.statement.sid
                yield replace(edit, sid=sid), self.case.sent(key, value[0])
            negated = "not" in read_operator(operator).bare
            if negated != to and given is not None and read_operator(operator).bare != "null":
                more = [*values, *(v for v in values_of(given) if v not in values)]
                change = f"{said}; add {' and '.join(values_of(given))} to {operator} {key}"
                yield self._edit(ADD_VALUE, change, "Condition", self._setting(operator, key, more), key, given)
            if to:
                change = f"{said}; remove the test {operator} {key} from its Condition"
                yield self._edit(REMOVE_TEST, change, "Condition", self._setting(operator, key, None), key)

    def _setting(self, operator: str, key: str, values: list[str] | None) -> Callable[[dict[str, Any]], None]:
        """A function that sets the values of a test, or takes the test out."""

        def change(statement: dict[str, Any]) -> None:
            tests = {k: v for k, v in statement["Condition"][operator].items() if k != key or values is not None}
            tests |= {} if values is None else {key: values}
            rest = {op: keys for op, keys in statement["Condition"].items() if op != operator}
            statement["Condition"] = rest | ({operator: tests} if tests else {})

        return change
