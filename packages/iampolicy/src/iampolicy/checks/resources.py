"""ARNs: their fields, and the formats that the catalogue knows for their service."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources as package_files
from json import loads

from iampolicy import catalogue
from iampolicy.catalogue import has_wildcard
from iampolicy.checks.actions import newer, redundant
from iampolicy.checks.finding import Said, shown
from iampolicy.checks.view import View
from iampolicy.document import Policy
from iampolicy.patterns import covers, overlaps

FIELDS = ("arn", "partition", "service", "region", "account", "resource")
ACCOUNTS = {"aws", "aws-marketplace", "cloudfront"}  # owners of AWS's own resources, besides twelve digits
LONGEST = 2_048  # characters of an ARN (IAM API reference, type arnType)
FIELD_CODES = {  # field -> (code if every format leaves it out, code if every format has it) ("ARN Region not allowed")
    "region": ("ARN_REGION_NOT_ALLOWED", "MISSING_ARN_REGION"),
    "account": ("ARN_ACCOUNT_NOT_ALLOWED", "MISSING_ARN_ACCOUNT"),
}
OWNED_BY_AWS = {"ssm", "resource-explorer-2"}  # services whose own documents and views are in no account
_VARIABLE = re.compile(r"\$\{[^}]*\}?")


@cache
def partitions() -> dict[str, frozenset[str]]:
    """The regions of each AWS partition, from the endpoint data of botocore."""
    text = package_files.files("botocore").joinpath("data/partitions.json").read_text(encoding="utf-8")
    return {row["id"]: frozenset(row["regions"]) for row in loads(text)["partitions"]}


def is_region(text: str) -> bool:
    return any(text in regions for regions in partitions().values())


def check_resources(view: View) -> Iterator[Said]:
    """Every value of Resource and NotResource."""
    for value in (*view.resources, *view.not_resources):
        if view.kind == "resource" and value.text.startswith("execute-api:/"):
            continue  # API Gateway completes it ("API Gateway resource policy examples")
        for code, what in arn_faults(value.text):
            yield Said(code, what, value.path)
    for values in (view.resources, view.not_resources):
        yield from redundant(values, "RESOURCE", covers, field=2)


@lru_cache(maxsize=65_536)
def arn_faults(arn: str) -> tuple[tuple[str, str], ...]:
    """What is wrong with a Resource value whatever the statement, as codes and sentences."""
    return tuple(_faults(arn)) if arn != "*" else ()


def _faults(arn: str) -> Iterator[tuple[str, str]]:
    if len(arn) > LONGEST:
        yield "INVALID_ARN_RESOURCE", f"{shown(arn)} is longer than the {LONGEST:,} characters that an ARN can have."
        return
    if any(overlaps(_VARIABLE.sub("*", arn), pattern) for pattern in newer().get(f"arn:{_service_of(arn)}", ())):
        return
    given = dict(zip(FIELDS, _VARIABLE.sub("*", arn).split(":", 5), strict=False))
    if not overlaps(given["arn"], "arn"):
        yield "INVALID_ARN_PREFIX", f"{shown(arn)} does not begin with arn: write the whole ARN, or '*'."
        return
    if len(given) < len(FIELDS):
        if not arn.endswith("*"):
            yield "MISSING_ARN_FIELD", f"{shown(arn)} has {len(given)} of 6 fields: {':'.join(FIELDS)}."
        return
    known = catalogue.load()
    service, region, account = given["service"], given["region"], given["account"]
    if not has_wildcard(given["partition"]) and given["partition"] not in partitions():
        yield "INVALID_PARTITION", f"{shown(arn)}: the partition is one of {', '.join(partitions())}."
    if service != service.lower() and service.lower() in known.by_arn_service:
        yield "INVALID_ARN_SERVICE_CASE", f"{shown(arn)}: the service is written {service.lower()}."
    elif not has_wildcard(service) and service not in known.by_arn_service and service not in known.services:
        yield "INVALID_SERVICE", f"{shown(arn)}: the service {shown(service)} does not exist."
    if region and not has_wildcard(region) and not is_region(region):
        yield "INVALID_ARN_REGION", f"{shown(arn)}: there is no region {shown(region)}."
    if account and not has_wildcard(account) and account not in ACCOUNTS and not re.fullmatch(r"\d{12}", account):
        yield "INVALID_ARN_ACCOUNT", f"{shown(arn)}: an account has twelve digits, not {shown(account)}."
    elif service in known.by_arn_service:
        yield from _against_formats(arn, given)


def _against_formats(arn: str, given: dict[str, str]) -> Iterator[tuple[str, str]]:
    kinds = catalogue.load().by_arn_service[given["service"]]
    formats = [dict(zip(FIELDS, kind.pattern.split(":", 5), strict=False)) for kind in kinds]
    fits = [f for f in formats if "resource" in f and overlaps(given["resource"], f["resource"])]
    if not fits:
        some = ", ".join(sorted(kind.arn for kind in kinds)[:3])
        yield "INVALID_ARN_RESOURCE", f"{shown(arn)} has no format of {given['service']}, such as {some}."
        return
    for field, (surplus, missing) in FIELD_CODES.items():
        article = "an" if field == "account" else "a"
        if given[field] and not has_wildcard(given[field]) and not any(f[field] for f in fits):
            yield surplus, f"{shown(arn)}: such resources have no {field}; leave the field empty."
        elif not given[field] and all(f[field] for f in fits) and given["service"] not in OWNED_BY_AWS:
            yield missing, f"{shown(arn)}: such resources have {article} {field}; fill the field, or put '*' there."


def check_one_service(policy: Policy, views: list[View]) -> Iterator[Said]:
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
            what = f"{shown(value.text)} is no resource of {owner}, to which the rest of the policy belongs."
            yield Said("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", what, value.path)
    for value, service in actions:
        if service in catalogue.load().services and owner not in _arn_services(service):
            what = f"{shown(value.text)} is not supported in a policy of a resource of {owner}."
            yield Said("UNSUPPORTED_ACTION_IN_POLICY", what, value.path)


def _service_of(arn: str) -> str:
    fields = arn.split(":", 3)
    return fields[2].lower() if len(fields) == 4 else ""


@lru_cache(maxsize=512)
def _arn_services(prefix: str) -> frozenset[str]:
    kinds = catalogue.load().services[prefix].resource_types.values()
    return frozenset(kind.arn.split(":")[2] for kind in kinds) | {prefix}
