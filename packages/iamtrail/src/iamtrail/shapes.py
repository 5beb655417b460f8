"""What AWS's services do in their own way when a request names a resource: small functions, each with its page.

Values and ARNs of an event come in; they go out as the service's ARNs have them. The rules for all services are in
naming.py and resources.py, rows for single services in services.yaml.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from iampolicy.catalogue import Action, ResourceType
from iamtrail import tables
from iamtrail.naming import split, variables
from iamtrail.parameters import CUT, LOST, Pairs


@dataclass(frozen=True)
class Place:
    """Where a call happened: what fills the variables that every ARN format has."""

    partition: str
    region: str
    account: str
    event: str = ""  # its name, where only that tells the resource; "" if it is not known


Wholes = tuple[tuple[str, ...], bool]  # ARNs, and whether nothing else counts for the action

# Services for whose resources one format stands in a question, as they have too many (API Gateway Developer Guide,
# "Resource format of permissions for managing API").
ONE_FORMAT = {"apigateway": "arn:${Partition}:apigateway:${Region}::/restapis/${ResourcePath}"}
# Between a whole and a part of it that is asked for alone (AWS Lambda Developer Guide, "Resources and conditions for
# Lambda actions"; Amazon DynamoDB Developer Guide, "Using IAM policy conditions": Query on an index).
PARTS = {"lambda": ":", "dynamodb": "/index/"}
BALANCERS = {"application": "app", "network": "net", "gateway": "gwy"}  # type of a load balancer -> as its ARN has it
GEOGRAPHIES = frozenset({"apac", "au", "ca", "eu", "global", "jp", "us", "us-gov"})  # of Bedrock's inference profiles
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
EC2_IDS = ("resourcesset.items.resourceid", "resourceid")  # parameters with ids of any type, and with types
EC2_TYPES = ("tagspecificationset.items.resourcetype", "tagspecification.resourcetype")

_QUEUE = re.compile(r"https?://(?:sqs\.)?([a-z0-9-]+)\.(?:queue\.)?amazonaws\.com(?:\.cn)?/(\d{12})/([\w.-]+)")
_FUNCTION = re.compile(
    r"(?:(arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:)|(\d{12}):(?:function:)?)?([\w-]+)(?::([\w$-]+))?"
)
_PATH_VARIABLE = re.compile(r"\{(\w+)\}")
_PATH = re.compile(r"/[\w+=,.@/-]+/")
_MODEL = re.compile(r"[a-z0-9-]+\.[\w.:-]+")
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")


def _of_bus(value: str) -> str | None:
    name = value.rpartition("/")[2]
    return None if name == "default" else name


SHAPES: dict[str, Callable[[str], str | None]] = {  # "service:Variable" or "service:kind:Variable" -> the value's form
    "ecs:ClusterName": lambda value: value.rpartition("/")[2],  # requests take an ARN as well
    "ecs:TaskDefinitionFamilyName": lambda value: None if value.startswith("arn:") else value.partition(":")[0],
    "ecs:TaskDefinitionRevisionNumber": lambda value: value.partition(":")[2] if value[:4] != "arn:" else None,
    "events:EventBusName": lambda value: value.rpartition("/")[2],
    "events:rule-on-custom-event-bus:EventBusName": _of_bus,
    "ec2:ImageId": lambda value: value if value.startswith("ami-") else None,
    "iam:RoleNameWithPath": lambda value: (
        f"aws-service-role/*/{value}" if value.startswith("AWSServiceRoleFor") else value
    ),
    "iam:PolicyNameWithPath": lambda value: value.lstrip("/"),
    "kms:Alias": lambda value: value.removeprefix("alias/"),
    "kms:KeyId": lambda value: value if _KEY_ID.fullmatch(value) else None,  # an alias is not the key's ARN
    "lambda:FunctionName": lambda value: value if re.fullmatch(r"[\w-]+", value) else None,
    "lambda:Alias": lambda value: None if value.isdigit() or value == "$LATEST" else value,
    "lambda:Version": lambda value: value if value.isdigit() or value == "$LATEST" else None,
    "route53:Id": lambda value: value.rpartition("/")[2],  # "/hostedzone/Z123"
    "s3:BucketName": lambda value: None if "/" in value or value.endswith(("-s3alias", ".mrap")) else value,
    "s3:ObjectName": lambda value: value,
    "ssm:ParameterNameWithoutLeadingSlash": lambda value: value.strip("/").partition(":")[0],  # without its version
    "ssm:instance:InstanceId": lambda value: value if re.fullmatch(r"i-[0-9a-f]+", value) else None,
    "ssm:task:TaskId": lambda value: (  # "ecs:cluster_task_runtime"
        "/".join(value.removeprefix("ecs:").split("_")[:2]) if value.startswith("ecs:") else None
    ),
    "ssm:managed-instance:InstanceId": lambda value: value if re.fullmatch(r"mi-[0-9a-f]+", value) else None,
    "wafv2:Scope": {"REGIONAL": "regional", "CLOUDFRONT": "global"}.get,
}


def shaped_value(kind: ResourceType, variable: str, value: str) -> str | None:
    """A parameter's value in the form that the variable of an ARN has; None if it does not fit there."""
    keys = (f"{kind.service}:{kind.name}:{variable}", f"{kind.service}:{variable}")
    shape = next((SHAPES[key] for key in keys if key in SHAPES), None)
    found = shape(value) if shape else value
    return None if not found or (found.startswith("arn:") and variable != "ObjectName") else found


def shaped_arn(kind: ResourceType, arn: str, made: bool = False) -> str:
    """An ARN as policies of the service name the resource; `made` of a name, not found as an ARN."""
    service, name = kind.service, kind.name
    if (service, name) == ("logs", "log-group"):  # Amazon CloudWatch Logs User Guide, "CloudWatch Logs resources"
        return re.sub(r"(:log-group:[^:]+):(\$\{\*\}|\*)$", r"\1", arn) + ":*"  # a name stays, were it "*"
    # AWS adds six characters to a secret's name (AWS Secrets Manager User Guide, "Permissions policy examples").
    if service == "secretsmanager" and (made or not re.search(r"-([A-Za-z0-9]{6}|\?{6})$", arn)):
        return f"{arn}-??????"
    if service == "ssm":  # AWS's own documents and public parameters belong to no account
        return re.sub(r":\d{12}:(document/(AWS|Amazon)|parameter/aws/)", r"::\1", arn)
    return arn


def pinned(kind: ResourceType, variable: str, named: frozenset[str]) -> bool:
    """Whether a name that is known tells the resource apart, so that the id which AWS puts beside it may be anything.

    "stack/${StackName}/${Id}": a stack's name is its own in an account and Region.
    """
    if named.intersection(tables.PINNED.get(f"{kind.service}:{variable}", ())):
        return True
    all_of_kind = variables(kind)
    before = all_of_kind[: all_of_kind.index(variable)]
    stem, holds = split(variable)
    if holds not in ("id", "uuid", "identifier") or not before or before[-1] not in named:
        return False
    name_stem, name_holds = split(before[-1])
    return name_holds == "name" and name_stem == (stem or split(kind.name)[0])


def whole_arns(action: Action, pairs: Pairs, place: Place) -> Wholes:
    """ARNs that parameters tell together or in a form of their own, and whether nothing else counts for this action.

    Args:
        pairs: parameters whose values are literal already; the ARNs may have wildcards of ours.
    """
    maker = MAKERS.get(action.service)
    return maker(action, pairs, place) if maker else ((), False)


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


def copied_from(pairs: Pairs, place: Place) -> str | None:
    """The ARN of the object that a call of S3 copies, not literal yet; None if it copies none.

    The header is URL-encoded (Amazon S3 API Reference, "CopyObject"): "/bucket/dt%3D1/key?versionId=...".
    """
    path = unquote(_by_name(pairs).get("x-amz-copy-source", "").partition("?versionId=")[0]).lstrip("/")
    path = path.replace(CUT, LOST)  # what the reader put there, it did not encode
    if path.startswith("arn:"):
        return path if re.match(r"arn:[^:]*:s3(-outposts)?:", path) else None
    return f"arn:{place.partition}:s3:::{path}" if path else None


def _of_s3(action: Action, pairs: Pairs, place: Place) -> Wholes:
    """An object behind an access point has its own ARN.

    Amazon S3 User Guide, "Configuring IAM policies for using access points".
    """
    values = _by_name(pairs)
    point, key = values.get("bucketname", ""), values.get("key")
    return ((f"{point}/object/{key}",) if key and ":accesspoint/" in point else ()), False


def _of_sqs(action: Action, pairs: Pairs, place: Place) -> Wholes:
    found = _QUEUE.fullmatch(_by_name(pairs).get("queueurl", ""))
    return ((f"arn:{place.partition}:sqs:{found[1]}:{found[2]}:{found[3]}",) if found else ()), False


def _of_lambda(action: Action, pairs: Pairs, place: Place) -> Wholes:
    """A function is named by name, by ARN or a part of it, each with its version or alias or without."""
    values = _by_name(pairs)
    found = _FUNCTION.fullmatch(values.get("functionname", ""))
    if not found:
        return (), False
    start = found[1] or f"arn:{place.partition}:lambda:{place.region}:{found[2] or place.account}:function:"
    version = found[4] or values.get("qualifier")
    return (f"{start}{found[3]}" + (f":{version}" if version else ""),), False


def _of_dynamodb(action: Action, pairs: Pairs, place: Place) -> Wholes:
    values = _by_name(pairs)
    table, index = values.get("tablename", ""), values.get("indexname")
    return ((f"{table}/index/{index}",) if index and table.startswith("arn:") else ()), False


def _of_ec2(action: Action, pairs: Pairs, place: Place) -> Wholes:
    """Resources of any type by their ids; what is tagged when it is made, by its type; what flow logs make."""
    if action.operation not in ("CreateFlowLogs", "CreateTags", "DeleteTags"):
        return (), False
    # An id is one resource's, whatever its type, so that a type which is not known may be any.
    found = [(tables.EC2_KINDS.get(v.rpartition("-")[0], "*"), v) for n, v in pairs if n.lower() in EC2_IDS]
    found += [(v, "*") for n, v in pairs if n.lower() in EC2_TYPES and action.operation == "CreateTags"]
    if action.operation == "CreateFlowLogs":
        found.append(("vpc-flow-log", "*"))
    owner = {kind: "" for kind in ("image", "snapshot")}  # formats without an account
    start = f"arn:{place.partition}:ec2:{place.region}"
    return tuple(f"{start}:{owner.get(kind, place.account)}:{kind}/{name}" for kind, name in found), True


def _of_elb(action: Action, pairs: Pairs, place: Place) -> Wholes:
    """A classic load balancer by its name; a new one of another type, which the request names, with an id of AWS's."""
    values = _by_name(pairs)
    start = f"arn:{place.partition}:elasticloadbalancing:{place.region}:{place.account}:loadbalancer"
    if classic := values.get("loadbalancername"):
        return (f"{start}/{classic}",), True
    if action.operation != "CreateLoadBalancer" or "name" not in values:
        return (), False
    kind = BALANCERS.get(values.get("type", "application"))
    return ((f"{start}/{kind}/{values['name']}/*",) if kind else ()), bool(kind)


def _of_apigateway(action: Action, pairs: Pairs, place: Place) -> Wholes:
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


def _of_bedrock(action: Action, pairs: Pairs, place: Place) -> Wholes:
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


def _of_iam(action: Action, pairs: Pairs, place: Place) -> Wholes:
    """What is made with a path has it in its ARN."""
    values = _by_name(pairs)
    service = values.get("awsservicename", "")
    if action.operation == "CreateServiceLinkedRole" and _SERVICE.fullmatch(service):
        return (f"arn:{place.partition}:iam::{place.account}:role/aws-service-role/{service}/*",), True
    path = values.get("path", "/")
    named = [(kind, values[name]) for name, kind in tables.IAM_KINDS.items() if name in values]
    if not named or not _PATH.fullmatch(path) or not action.operation.startswith(("Create", "Upload")):
        return (), False
    start = f"arn:{place.partition}:iam::{place.account}"
    return tuple(f"{start}:{kind}{path}{name}" for kind, name in named), True


MAKERS: dict[str, Callable[[Action, Pairs, Place], Wholes]] = {
    "apigateway": _of_apigateway,
    "bedrock": _of_bedrock,
    "dynamodb": _of_dynamodb,
    "ec2": _of_ec2,
    "elasticloadbalancing": _of_elb,
    "iam": _of_iam,
    "lambda": _of_lambda,
    "s3": _of_s3,
    "sqs": _of_sqs,
}
