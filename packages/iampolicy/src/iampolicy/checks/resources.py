"""ARNs: their fields, and the formats that the catalogue knows for their service."""

import re
from collections import Counter
from functools import cache, lru_cache
from importlib import resources as package_files
from json import loads

from iampolicy import catalogue, tables
from iampolicy.checks.redundancy import redundant
from iampolicy.checks.view import Finding, Findings, View, finding, shown
from iampolicy.document import Policy
from iampolicy.patterns import NO_SLASH, covers, has_wildcard, overlaps

FIELDS = ("arn", "partition", "service", "region", "account", "resource")
ACCOUNTS = {"aws", "aws-marketplace", "cloudfront"}  # owners of AWS's own resources, besides twelve digits
LONGEST = 2_048  # characters of an ARN (IAM API reference, type arnType)
FIELD_CODES = {  # field -> (code if every format leaves it out, code if every format has it) ("ARN Region not allowed")
    "region": ("ARN_REGION_NOT_ALLOWED", "MISSING_ARN_REGION"),
    "account": ("ARN_ACCOUNT_NOT_ALLOWED", "MISSING_ARN_ACCOUNT"),
}
OWNED_BY_AWS = {"ssm", "resource-explorer-2"}  # services whose own documents and views are in no account
MORE = tuple(row["arn"] for row in tables.rows("arns.tsv"))  # formats that the reference lacks
# Names with a form of their own, which tells such ARNs from others: an alias of an access point is no name of one.
NAMED = {"${AccessPointAlias}": (NO_SLASH, f"{NO_SLASH}.mrap/object/*")}
_VARIABLE = re.compile(r"\$\{[^}]*\}?")


@cache
def partitions() -> dict[str, frozenset[str]]:
    """The regions of each AWS partition, from the endpoint data of botocore."""
    text = package_files.files("botocore").joinpath("data/partitions.json").read_text(encoding="utf-8")
    return {row["id"]: frozenset(row["regions"]) for row in loads(text)["partitions"]}


def is_region(text: str) -> bool:
    """Whether AWS has such a region, in any partition."""
    return any(text in regions for regions in partitions().values())


def check_resources(view: View) -> Findings:
    """Every value of Resource and NotResource."""
    for value in (*view.resources, *view.not_resources):
        if view.kind == "resource" and value.text.startswith("execute-api:/"):
            continue  # API Gateway completes it ("API Gateway resource policy examples")
        yield from arn_faults(value.text, value.path)
    for values in (view.resources, view.not_resources):
        yield from redundant(values, "RESOURCE", covers, field=2)


def arn_faults(arn: str, path: str) -> list[Finding]:
    """What is wrong with a Resource value whatever the statement."""
    return [Finding(f.code, f.severity, f.message, path) for f in _faults(arn)] if arn != "*" else []


@lru_cache(maxsize=65_536)
def _faults(arn: str) -> tuple[Finding, ...]:
    return tuple(_faults_of(arn, shown(arn)))


def _faults_of(arn: str, name: str) -> Findings:
    if len(arn) > LONGEST:
        yield finding("INVALID_ARN_RESOURCE", "", name, f"{LONGEST:,}", case="length")
        return
    plain = _VARIABLE.sub("*", arn)
    if any(overlaps(plain, pattern) for pattern in (*catalogue.newer().get(f"arn:{_service_of(arn)}", ()), *MORE)):
        return
    given = dict(zip(FIELDS, plain.split(":", 5), strict=False))
    if not overlaps(given["arn"], "arn"):
        yield finding("INVALID_ARN_PREFIX", "", name)
        return
    if len(given) < len(FIELDS):
        if not arn.endswith("*"):
            yield finding("MISSING_ARN_FIELD", "", name, len(given), ":".join(FIELDS))
        return
    known = catalogue.load()
    service, region, account = given["service"], given["region"], given["account"]
    if not has_wildcard(given["partition"]) and given["partition"] not in partitions():
        yield finding("INVALID_PARTITION", "", name, ", ".join(partitions()))
    if service != service.lower() and service.lower() in known.by_arn_service:
        yield finding("INVALID_ARN_SERVICE_CASE", "", name, service.lower())
    elif has_wildcard(service) and service != "*":
        yield finding("WILDCARD_IN_SERVICE_NAME", "", name)
    elif service != "*" and service not in known.by_arn_service and service not in known.services:
        yield finding("INVALID_SERVICE", "", name, shown(service))
    if region and not has_wildcard(region) and not is_region(region):
        yield finding("INVALID_ARN_REGION", "", name, shown(region))
    if account and not has_wildcard(account) and account not in ACCOUNTS and not re.fullmatch(r"\d{12}", account):
        yield finding("INVALID_ARN_ACCOUNT", "", name, shown(account))
    elif service in known.by_arn_service:
        yield from _against_formats(name, given)


def _against_formats(name: str, given: dict[str, str]) -> Findings:
    kinds = catalogue.load().by_arn_service[given["service"]]
    formats = [form for kind in kinds for form in _forms(kind) if "resource" in form]
    fits = [f for f in formats if overlaps(given["resource"], f["resource"])]
    if not fits:
        some = ", ".join(sorted(kind.arn for kind in kinds)[:3])
        yield finding("INVALID_ARN_RESOURCE", "", name, given["service"], some)
        return
    if given["service"] in OWNED_BY_AWS or any(_fits(given, f) for f in fits):
        fits = [f for f in fits if _fits(given, f)] or fits
    else:  # the format that says most is the one that is meant
        most = max(len(f["resource"].replace("*", "")) for f in fits)
        fits = [f for f in fits if len(f["resource"].replace("*", "")) == most]
    for field, (surplus, missing) in FIELD_CODES.items():
        if given[field] and not has_wildcard(given[field]) and not any(f[field] for f in fits):
            yield finding(surplus, "", name)
        elif not given[field] and all(f[field] for f in fits) and given["service"] not in OWNED_BY_AWS:
            yield finding(missing, "", name)


@lru_cache(maxsize=16_384)
def _forms(kind: catalogue.ResourceType) -> tuple[dict[str, str], ...]:
    """The fields of a format, each as a pattern; of some there are several."""
    ends = next((forms for variable, forms in NAMED.items() if kind.arn.endswith(variable)), ("",))
    patterns = [kind.pattern.removesuffix("*") + end if end else kind.pattern for end in ends]
    return tuple(dict(zip(FIELDS, pattern.split(":", 5), strict=False)) for pattern in patterns)


def _fits(given: dict[str, str], form: dict[str, str]) -> bool:
    """Whether Region and account stand where a format has them, and there alone."""
    return all(has_wildcard(given[field]) or bool(given[field]) == bool(form[field]) for field in FIELD_CODES)


def check_one_service(policy: Policy, views: list[View]) -> Findings:
    """In a resource policy: what belongs to another service than the resource that the policy is attached to.

    The document does not name that resource; it is taken to be of the service that most ARNs and actions name.
    """
    arns = [(v, _service_of(v.text)) for view in views for v in (*view.resources, *view.not_resources)]
    actions = [(v, v.text.lower().partition(":")[0]) for view in views for v in (*view.actions, *view.not_actions)]
    owners = Counter(service for _, service in (*arns, *actions) if service in catalogue.load().by_arn_service)
    if not owners:
        return
    owner = owners.most_common(1)[0][0]
    for value, service in arns:
        if service in catalogue.load().by_arn_service and service != owner:
            yield finding("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", value.path, shown(value.text), owner)
    for value, service in actions:
        if service in catalogue.load().services and owner not in _arn_services(service):
            yield finding("UNSUPPORTED_ACTION_IN_POLICY", value.path, shown(value.text), owner)


def _service_of(arn: str) -> str:
    fields = arn.split(":", 3)
    return fields[2].lower() if len(fields) == 4 else ""


@lru_cache(maxsize=512)
def _arn_services(prefix: str) -> frozenset[str]:
    kinds = catalogue.load().services[prefix].resource_types.values()
    return frozenset(kind.arn.split(":")[2] for kind in kinds) | {prefix}
