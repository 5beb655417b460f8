"""How services write names in their ARNs: values and ARNs of an event come in, and go out as the service has them.

What a request tells only in several parameters together is in wholes.py, the rules for all services are in naming.py
and resources.py, rows for single services in services.yaml.
"""

import re
from collections.abc import Callable

from iampolicy.catalogue import ResourceType
from iamtrail import tables
from iamtrail.naming import split, variables

# Services for whose resources one format stands in a question, as they have too many (API Gateway Developer Guide,
# "Resource format of permissions for managing API").
ONE_FORMAT = {"apigateway": "arn:${Partition}:apigateway:${Region}::/restapis/${ResourcePath}"}

# The end of an ARN that AWS makes up for one run: a UUID, hexadecimal digits, a day's and an instance's log stream.
_MADE_UP = re.compile(
    r"(?<=[:/])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|i-[0-9a-f]{8,17}"
    r"|(?<=:log-stream:)(?:\d{4}/\d{2}/\d{2}/.*|.*/[0-9a-f]{32}))(?::[0-9a-f-]{36})?$",
    re.DOTALL,
)
_BEFORE = re.compile(r"(?<=[/:])[a-z]{1,4}-$")  # the beginning of an id, where the format has it
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")


def _of_bus(value: str) -> str | None:
    name = value.rpartition("/")[2]
    return None if name == "default" else name


SHAPES: dict[str, Callable[[str], str | None]] = {  # "service:Variable" or "service:kind:Variable" -> the value's form
    "codebuild:ProjectName": lambda value: value.rpartition("/")[2].partition(":")[0],  # builds are "project:<id>"
    "elasticfilesystem:FileSystemId": lambda value: value if value.startswith("fs-") else None,
    "elasticfilesystem:AccessPointId": lambda value: value if value.startswith("fsap-") else None,
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
    "organizations:AccountId": lambda value: value if value.isdigit() else None,
    "organizations:OrganizationalUnitId": lambda value: value if value.startswith("ou-") else None,
    "organizations:PolicyId": lambda value: value if value.startswith("p-") else None,
    "organizations:RootId": lambda value: value if value.startswith("r-") else None,
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
    before = kind.arn.partition(f"${{{variable}}}")[0]
    if found and (start := _BEFORE.search(before)):  # "policy/o-${OrganizationId}/${PolicyType}/p-${PolicyId}"
        found = found.removeprefix(start[0])
    return None if not found or (found.startswith("arn:") and variable != "ObjectName") else found


def shaped_arn(kind: ResourceType, arn: str, made: bool = False) -> str:
    """An ARN as policies of the service name the resource; `made` of a name, not found as an ARN."""
    service, name = kind.service, kind.name
    if name in tables.ONE_RUN.get(service, ()):
        arn = _MADE_UP.sub("*", arn)
    if (service, name) == ("logs", "log-stream"):  # AWS Lambda Developer Guide, "Basic execution role"
        return re.sub(r":log-stream:\*$", ":*", arn)
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
