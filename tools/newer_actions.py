"""Write packages/iampolicy/src/iampolicy/tables/newer.txt: what AWS's managed policies name and the catalogue does not.

    python -m tools.newer_actions

Most of these are of services that AWS has closed. An action of a managed policy exists; so does an ARN format, if
the service has grown of late (otherwise it may be a slip of AWS's own). Run it again after an update of either.
"""

import argparse
from collections.abc import Iterable

from iampolicy import catalogue
from iampolicy.checks.conditions import is_documented
from iampolicy.document import as_policy
from iampolicy.patterns import has_wildcard
from lib.data import managed
from lib.files import ROOT

TARGET = ROOT / "packages/iampolicy/src/iampolicy/tables/newer.txt"


def lines(policies: Iterable[dict]) -> list[str]:
    """The names to list, sorted: actions and condition keys in lower case, ARN patterns as they stand."""
    known = catalogue.load()
    statements = [s for policy in policies for s in as_policy(policy).statements]
    used = {pattern.lower() for s in statements for pattern in s.action_patterns if pattern != "*"}
    actions = {name for name in used if _is_missing(name, known)}
    older = catalogue.Catalogue(catalogue.packed())  # a service that has grown since may have ARNs that neither lists
    behind = {name.partition(":")[0] for name in used if _is_missing(name, older)}
    arns = {
        arn
        for s in statements
        for arn in (*(s.resources or ()), *(s.not_resources or ()))
        if arn.count(":") >= 5 and arn.split(":")[2] in behind and not known.resource_types(arn)
    }
    keys = {key.lower() for s in statements for tests in s.condition.values() for key in tests}
    keys = {f"key:{key}" for key in keys if not key.startswith("aws:") and not is_documented(key)}
    return sorted(actions) + sorted(arns) + sorted(keys)


def _is_missing(name: str, known: catalogue.Catalogue) -> bool:
    return not known.expand(name) and (not has_wildcard(name) or name.partition(":")[0] not in known.services)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()  # --help writes nothing
    found = lines(policy.document for policy in managed.fetch())
    TARGET.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{len(found):,} names -> {TARGET}")
