"""What validation says about many policies, as rows to count, and what answers change, as sentences to read.

Policies under their names, or labelled answers, come in; a row a finding goes out: policy, code, severity, message,
path, and for answers the arm.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from iampolicy import catalogue
from iampolicy.checks import validate
from iampolicy.conditions import values_of
from iampolicy.document import PolicyLike, Statement, as_policy
from iampolicy.review import diff
from iampolicy.simulate import Decision, Request, simulate
from lib.evaluation import reading

CALLER = "arn:aws:iam::111122223333:role/app"  # who asks in a simulation
COLUMNS = ("arm", "policy", "code", "severity", "message", "path")


def of_policies(
    policies: Mapping[str, PolicyLike], arm: str = "", types: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The findings of policies, a row each; columns as in COLUMNS.

    Args:
        types: what each is attached to, if not to an identity (policy_type of `iampolicy.checks.validate`).
    """
    rows = [
        (arm, name, finding.code, finding.severity, finding.message, finding.path)
        for name, policy in policies.items()
        for finding in validate(policy, (types or {}).get(name, "identity"))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def of_answers(labelled: pd.DataFrame) -> pd.DataFrame:
    """The findings of the answers of each arm that are schema valid; the others have no policy to judge."""
    judged = labelled[labelled["schema_valid"]]
    tables = [
        of_policies(
            {row["id"]: reading.policy_text(row["generated"]) for _, row in group.iterrows()},
            str(arm),
            {row["id"]: reading.policy_type(row["expected"]) for _, row in group.iterrows()},
        )
        for arm, group in judged.groupby("arm", sort=False)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def summary(found: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """The share of each arm's policies that have a finding of a code: a row a code, a column an arm, commonest first.

    Args:
        sizes: judged policies an arm; arms without any are left out.
    """
    hit = found.drop_duplicates(["arm", "policy", "code"])
    table = pd.crosstab([hit["severity"], hit["code"]], hit["arm"])
    table = table.reindex(columns=[arm for arm, size in sizes.items() if size], fill_value=0)
    shares = table / pd.Series({arm: size for arm, size in sizes.items() if size})
    return shares.loc[shares.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def changes(row: Mapping[str, Any]) -> list[str]:
    """What an answer grants otherwise than was wanted, in sentences, worst first."""
    answer = reading.policy_text(row["generated"])
    return [f"[{change.severity}] {change.sentence}" for change in diff(row["expected"], answer)]


def first_request(policy: PolicyLike) -> Request | None:
    """A request for the first thing that a policy allows, wildcards filled in and simple conditions met."""
    for statement in as_policy(policy).statements:
        actions = [name for p in statement.actions or () for name in sorted(catalogue.load().expand(p))[:1]]
        if statement.effect == "Allow" and actions and statement.resources:
            return Request(actions[0], filled(statement.resources[0]), CALLER, context_of(statement))
    return None


def _first(values: Sequence[str]) -> str:
    return values[0]


def context_of(statement: Statement, choose: Callable[[Sequence[str]], str] = _first) -> dict[str, str]:
    """Circumstances that meet the simple conditions of a statement: of each comparison one value, if it has any."""
    tests = [t for keys in statement.condition.values() if isinstance(keys, dict) for t in keys.items()]
    return {key: filled(choose(found)) for key, values in tests if (found := values_of(values))}


def filled(pattern: str) -> str:
    """A pattern as one text that it matches."""
    return pattern.replace("*", "x").replace("?", "x")


def decide(row: Mapping[str, Any]) -> tuple[Request, Decision, Decision] | None:
    """The first request of the wanted policy, decided by the wanted policy and by the answer."""
    request = first_request(row["expected"])
    if request is None:
        return None
    answer = reading.policy_text(row["generated"])
    return request, simulate(request, identity=row["expected"]), simulate(request, identity=answer)
