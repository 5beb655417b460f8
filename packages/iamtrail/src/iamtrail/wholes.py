"""ARNs that the parameters of a request tell together, or in a form of a service's own: a function each, with its page.

Parameters whose values are literal come in, whole ARNs go out. How single values and ARNs look is in shapes.py, the
rules for all services are in resources.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from iampolicy.catalogue import Action
from iamtrail import tables
from iamtrail.parameters import CUT, LOST, Pairs, literal_arn


@dataclass(frozen=True)
class CallContext:
    """Where a call happened: what fills the variables that every ARN format has."""

    partition: str
    region: str
    account: str
    event: str = ""  # its name, where only that tells the resource; "" if it is not known


Wholes = tuple[tuple[str, ...], bool]  # ARNs, and whether nothing else counts for the action

# Between a whole and a part of it that is asked for alone (AWS Lambda Developer Guide, "Resources and conditions for
# Lambda actions"; Amazon DynamoDB Developer Guide, "Using IAM policy conditions": Query on an index).
PARTS = {"lambda": ":", "dynamodb": "/index/"}
BALANCERS = {"application": "app", "network": "net", "gateway": "gwy"}  # type of a load balancer -> as its ARN has it
GEOGRAPHIES = frozenset({"apac", "au", "ca", "eu", "global", "jp", "us", "us-gov"})  # of Bedrock's inference profiles
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
EC2_IDS = ("resourcesset.items.resourceid", "resourceid")  # parameters with ids of any type, and with types
EC2_SOURCES = ("sourceimageid", "sourcesnapshotid", "sourcevolumeid")  # of what is copied
EC2_TYPES = ("tagspecificationset.items.resourcetype", "tagspecification.resourcetype")

_QUEUE = re.compile(r"https?://(?:sqs\.)?([a-z0-9-]+)\.(?:queue\.)?amazonaws\.com(?:\.cn)?/(\d{12})/([\w.-]+)")
_FUNCTION = re.compile(
    r"(?:(arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:)|(\d{12}):(?:function:)?)?([\w-]+)(?::([\w$-]+))?"
)
_TABLE = re.compile(r"arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{12}:table/[\w.-]+")
_STREAM = re.compile(rf"({_TABLE.pattern}/stream/[\w.:-]+)(?:\|.*)?", re.DOTALL)  # "<ARN>|1|..." in a shard's iterator
_TABLE_BUCKET = re.compile(r"arn:[a-z-]+:s3tables:[a-z0-9-]+:\d{12}:bucket/[\w.-]+")
_PATH_VARIABLE = re.compile(r"\{(\w+)\}")
_PATH = re.compile(r"/[\w+=,.@/-]+/")
_MODEL = re.compile(r"[a-z0-9-]+\.[\w.:-]+")
_URL = re.compile(
    r"https?://(?:([a-z0-9.-]+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?/(.+)|s3://([^/]+)/?(.*)"
)


def whole_arns(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """ARNs that parameters tell together or in a form of their own, and whether nothing else counts for this action.

    Args:
        pairs: parameters whose values are literal already; the ARNs may have wildcards of ours.
    """
    maker = MAKERS.get(action.service)
    return maker(action, pairs, place) if maker else ((), False)


def below(action: Action, arn: str) -> str | None:
    """What an action is on below a resource that an event lists: a stream of a table, whose label AWS makes up."""
    of_streams = action.service == "dynamodb" and action.resource_types == ("stream",)
    return f"{arn}/stream/*" if of_streams and _TABLE.fullmatch(arn) else None


def _by_name(pairs: Pairs) -> dict[str, str]:
    return {name.lower(): value for name, value in pairs}


def owner(action: Action, pairs: Pairs) -> str | None:
    """The account that a request names as the owner of the resource; None if it names none."""
    found = _by_name(pairs).get(tables.OWNERS.get(action.service, ""), "")
    return found if re.fullmatch(r"\d{12}", found, re.ASCII) else None


def without_wholes(action: Action, arns: set[str]) -> set[str]:
    """The ARNs without those of which a call names a part: the function's, where its version is invoked."""
    sign = PARTS.get(action.service)
    return {arn for arn in arns if not sign or not any(other.startswith(arn + sign) for other in arns)}


def copied_from(pairs: Pairs, place: CallContext) -> str | None:
    """The ARN of the object that a call of S3 copies, not literal yet; None if it copies none.

    The header is URL-encoded (Amazon S3 API Reference, "CopyObject"): "/bucket/dt%3D1/key?versionId=...".
    """
    path = unquote(_by_name(pairs).get("x-amz-copy-source", "").partition("?versionId=")[0]).lstrip("/")
    path = path.replace(CUT, LOST)  # what the reader put there, it did not encode
    if path.startswith("arn:"):
        return path if re.match(r"arn:[^:]*:s3(-outposts)?:", path) else None
    return f"arn:{place.partition}:s3:::{path}" if path else None


def _of_s3(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """An object behind an access point has its own ARN.

    Amazon S3 User Guide, "Configuring IAM policies for using access points".
    """
    if objects := _objects(action, pairs, place):
        return objects, True
    values = _by_name(pairs)
    point, key = values.get("bucketname", ""), values.get("key")
    return ((f"{point}/object/{key}",) if key and ":accesspoint/" in point else ()), False


def _objects(action: Action, pairs: Pairs, place: CallContext) -> tuple[str, ...]:
    """The objects that parameters name by their addresses, or the beginning of their names.

    Amazon S3 User Guide, "Virtual hosting of general purpose buckets".
    """
    arns = []
    for name, value in pairs:
        wanted = tables.OBJECTS.get(name, ())
        found = _URL.fullmatch(value.partition("?")[0]) if action.name in wanted else None
        if not found:
            continue
        path = "/".join(part for part in (found[1] or found[3], unquote(found[2] or "") or found[4]) if part)
        bucket, _, key = path.partition("/")
        beginning = "*" if "s3:PutObject" in wanted or key.endswith("/") or not key else ""
        if text := literal_arn(f"arn:{place.partition}:s3:::{bucket}/{key}"):
            arns.append(text + beginning)
    return tuple(arns)


def _of_sqs(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    found = _QUEUE.fullmatch(_by_name(pairs).get("queueurl", ""))
    return ((f"arn:{place.partition}:sqs:{found[1]}:{found[2]}:{found[3]}",) if found else ()), False


def _of_lambda(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """A function is named by name, by ARN or a part of it, each with its version or alias or without."""
    values = _by_name(pairs)
    found = _FUNCTION.fullmatch(values.get("functionname") or values.get("rotationlambdaarn", ""))
    if not found:
        return (), False
    start = found[1] or f"arn:{place.partition}:lambda:{place.region}:{found[2] or place.account}:function:"
    version = found[4] or values.get("qualifier")
    return (f"{start}{found[3]}" + (f":{version}" if version else ""),), False


def _of_dynamodb(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    values = _by_name(pairs)
    if stream := _STREAM.fullmatch(values.get("sharditerator", "")):
        return (stream[1],), True
    table, index = values.get("tablename", ""), values.get("indexname")
    return ((f"{table}/index/{index}",) if index and table.startswith("arn:") else ()), False


def _of_ec2(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """Resources of any type by their ids; what is tagged when it is made, by its type; what flow logs and copies make.

    A copy reads its source where that is (Amazon EC2 API Reference, "CopyImage" and "CopySnapshot": SourceRegion).
    """
    operation, copies = action.operation, action.operation.startswith("Copy") and bool(action.makes)
    if not copies and operation not in ("CreateFlowLogs", "CreateTags", "DeleteTags"):
        return (), False
    types = [value for name, value in pairs if name.lower() in EC2_TYPES] if operation == "CreateTags" else []
    made = action.makes if copies or operation == "CreateFlowLogs" else types
    ids = () if types else EC2_SOURCES if copies else EC2_IDS
    source = _by_name(pairs).get("sourceregion", "") if copies else ""
    there = source if re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", source, re.ASCII) else place.region
    # An id is one resource's, whatever its type, so that a type which is not known may be any.
    named = [(tables.EC2_KINDS.get(v.rpartition("-")[0], "*"), v) for n, v in pairs if n.lower() in ids]

    def arn(kind: str, name: str, region: str) -> str:
        owner = "" if kind in ("image", "snapshot") else place.account  # these formats have no account
        return f"arn:{place.partition}:ec2:{region}:{owner}:{kind}/{name}"

    return (*(arn(kind, name, there) for kind, name in named), *(arn(kind, "*", place.region) for kind in made)), True


def _of_eks(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """An access entry is named after its principal (Service Authorization Reference, "Amazon EKS")."""
    values = _by_name(pairs)
    found = re.fullmatch(r"arn:[^:]*:iam::(\d{12}):(\w+)/(?:.*/)?([^/]+)", values.get("principalarn", ""))
    if not found or "access-entry" not in action.resource_types or "clustername" not in values:
        return (), False
    start = f"arn:{place.partition}:eks:{place.region}:{place.account}:access-entry/{values['clustername']}"
    return (f"{start}/{found[2]}/{found[1]}/{found[3]}/*",), False


def _of_elb(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """A classic load balancer by its name; a new one of another type, which the request names, with an id of AWS's."""
    values = _by_name(pairs)
    start = f"arn:{place.partition}:elasticloadbalancing:{place.region}:{place.account}:loadbalancer"
    if classic := values.get("loadbalancername"):
        return (f"{start}/{classic}",), True
    if action.operation != "CreateLoadBalancer" or "name" not in values:
        return (), False
    kind = BALANCERS.get(values.get("type", "application"))
    return ((f"{start}/{kind}/{values['name']}/*",) if kind else ()), bool(kind)


def _of_apigateway(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """The path of the request; where the event's name is not known, the API that it names and what is below it."""
    values = _by_name(pairs)
    start = f"arn:{place.partition}:apigateway:{place.region}::"
    # An ARN in a path is URL-encoded: "/tags/${UrlEncodedResourceARN}" in the reference.
    parts = {name: quote(value, safe="") if value.startswith("arn:") else value for name, value in values.items()}
    for path in tables.API_PATHS.get(place.event.lower(), ()):  # REST APIs and HTTP APIs have events of the same name
        if all(name.lower() in values for name in _PATH_VARIABLE.findall(path)):
            return (start + _PATH_VARIABLE.sub(lambda match: parts[match[1].lower()], path),), True
    roots = (f"{start}/{root}/{values[name]}" for name, root in tables.API_ROOTS.items() if name in values)
    api = next(roots, None)
    return ((api, f"{api}/*") if api else ()), True


def _of_bedrock(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """A model's id stands for AWS's own model; with a geography before it, for a profile and that model anywhere in it.

    Amazon Bedrock User Guide, "Prerequisites for inference profiles".
    """
    given = _by_name(pairs).get("modelid", "")
    model = given.partition(":inference-profile/")[2] or given  # a profile may be named by its ARN
    if not action.operation.startswith("InvokeModel") or not _MODEL.fullmatch(model):
        return (), False
    start = f"arn:{place.partition}:bedrock"
    geography, _, rest = model.partition(".")
    if geography not in GEOGRAPHIES:
        return (f"{start}:{place.region}::foundation-model/{model}",), True
    profile = f"{start}:{place.region}:{place.account}:inference-profile/{model}"
    return (profile, f"{start}:*::foundation-model/{rest}"), True


def _of_iam(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """What is made with a path has it in its ARN; an identity provider the address that it is made for."""
    values = _by_name(pairs)
    if action.operation in ("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider") and "url" in values:
        url = values["url"].partition("://")[2] or values["url"]
        return (f"arn:{place.partition}:iam::{place.account}:oidc-provider/{url}",), True
    service = values.get("awsservicename", "")
    if action.operation == "CreateServiceLinkedRole" and _SERVICE.fullmatch(service):
        return (f"arn:{place.partition}:iam::{place.account}:role/aws-service-role/{service}/*",), True
    path = values.get("path", "/")
    named = [(kind, values[name]) for name, kind in tables.IAM_KINDS.items() if name in values]
    if not named or not _PATH.fullmatch(path) or not action.operation.startswith(("Create", "Upload")):
        return (), False
    start = f"arn:{place.partition}:iam::{place.account}"
    return tuple(f"{start}:{kind}{path}{name}" for kind, name in named), True


def _of_ssm(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """What is tagged, by its type and id; the path of GetParametersByPath as the request has it.

    AWS Systems Manager API Reference, "AddTagsToResource"; a path keeps the slash at its end.
    """
    values = _by_name(pairs)
    start = f"arn:{place.partition}:ssm:{place.region}:{place.account}"
    kind, name = tables.SSM_TYPES.get(values.get("resourcetype", "")), values.get("resourceid", "")
    if action.name == "ssm:GetParametersByPath" and "path" in values:
        return (f"{start}:parameter/{values['path'].lstrip('/')}",), True
    if not kind or not name or name.startswith("arn:"):
        return (), False
    return (f"{start}:{kind}/{name.lstrip('/')}",), True


def _of_s3tables(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """The table that a call makes in its bucket, with an id of AWS's."""
    bucket = _by_name(pairs).get("tablebucketarn", "")
    made = place.event == "CreateTable" and "Table" in action.resource_types and bool(_TABLE_BUCKET.fullmatch(bucket))
    return ((f"{bucket}/table/*",) if made else ()), made


def _of_wafv2(action: Action, pairs: Pairs, place: CallContext) -> Wholes:
    """Rules of AWS and of its sellers stand in no account's list, and are asked for together."""
    values = _by_name(pairs)
    scope = {"REGIONAL": "regional", "CLOUDFRONT": "global"}.get(values.get("scope", ""))
    managed = scope and "managedruleset" in action.resource_types and "rules.managedrulegroupstatement.name" in values
    start = f"arn:{place.partition}:wafv2:{place.region}:{place.account}"
    return ((f"{start}:{scope}/managedruleset/*",) if managed else ()), False


MAKERS: dict[str, Callable[[Action, Pairs, CallContext], Wholes]] = {
    "apigateway": _of_apigateway,
    "bedrock": _of_bedrock,
    "dynamodb": _of_dynamodb,
    "ec2": _of_ec2,
    "eks": _of_eks,
    "elasticloadbalancing": _of_elb,
    "iam": _of_iam,
    "lambda": _of_lambda,
    "s3": _of_s3,
    "s3tables": _of_s3tables,
    "sqs": _of_sqs,
    "ssm": _of_ssm,
    "wafv2": _of_wafv2,
}
