"""Whether a bucket policy is public, as S3 Block Public Access means it.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public": access for
everybody, unless a condition fixes one of a few keys to values without wildcards. What is not sure counts as public.
"""

from iampolicy.conditions import KEY_GROUPS, network_of, read_operator, tests_of, values_of
from iampolicy.document import Policy, Statement
from iampolicy.patterns import has_wildcard

FIXING = KEY_GROUPS["fixing in S3"]
WIDEST = {4: 8, 6: 32}  # prefix lengths: a wider range is no limit


def is_public(policy: Policy) -> bool:
    """Whether some statement allows something to everybody."""
    return any(statement.effect == "Allow" and _public(statement) for statement in policy.statements)


def _public(statement: Statement) -> bool:
    principal = statement.principal
    kinds = principal if isinstance(principal, dict) else {"AWS": principal}
    named = [value for values in kinds.values() for value in values_of(values)]
    everybody = statement.not_principal is not None or any(has_wildcard(value) for value in named)
    return everybody and not any(_fixes(*test) for test in tests_of(statement.condition))


def _fixes(operator: str, key: str, wanted: object) -> bool:
    quantifier, bare, optional = read_operator(operator)
    values = values_of(wanted)
    if optional or "not" in bare or bare == "null" or quantifier == "forallvalues" or not values:
        return False
    if key.lower() == "aws:sourceip":
        ranges = [network_of(value) for value in values]
        return all(r is not None and (r.is_private or r.prefixlen >= WIDEST[r.version]) for r in ranges)
    return key.lower() in FIXING and not any(has_wildcard(value) or "${" in value for value in values)
