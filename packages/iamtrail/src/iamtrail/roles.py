"""Which calls pass a role to a service, for which the caller needs iam:PassRole.

A request's flattened parameters and the action that it needs come in; the roles that it names, and whether passing
them is documented, go out (IAM User Guide, "Grant a user permissions to pass a role to an AWS service").
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

from iampolicy.catalogue import Action

PASS_ROLE = "iam:PassRole"
# Parameters whose value may be anything -> the one beside it that says what it is, and how that ends if it is a role.
VALUE_OF = {"patchoperations.value": "patchoperations.path", "attributevalue": "attributename"}
ROLES = ("rolearn", "credentials")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
# Parameters that take a role's ARN under another name: EC2's flow logs, Cognito's pools, API Gateway's integrations.
_HOLDS_ROLE = re.compile(
    r"(deliverlogspermissionarn|roles\..+|credentials(arn)?|snscallerarn|automationassumerole|patchoperations\.value"
    r"|attributevalue)$"
)
_NAMES_ROLE = re.compile(r"(role(arn|name|id)?s?|rolenamearn|iaminstanceprofile(arn|name)?|instanceprofilename)$")

# Services whose calls name roles to read, tag, assume or share with them, not to pass them on.
WITHOUT_PASSING = frozenset(
    {"access-analyzer", "emr-containers", "iam", "identitystore", "kms", "organizations", "ram", "sso", "sts", "tag"}
)
# Services whose guides ask for iam:PassRole wherever a request gives a role, though the reference does not list it for
# each of their actions (each guide's page of identity-based policy examples).
DOCUMENTED = frozenset(
    {
        *("airflow", "amplify", "apigateway", "apprunner", "appsync", "autoscaling", "batch", "bedrock"),
        *("cloudformation", "cloudtrail", "cloudwatch", "codebuild", "codedeploy", "codepipeline"),
        *("cognito-identity", "cognito-idp", "comprehend", "datasync", "dlm", "ec2", "ecs", "eks"),
        *("elasticbeanstalk", "elasticmapreduce", "elastictranscoder", "events", "firehose", "fis", "glue", "iot"),
        *("kinesis", "lakeformation", "lambda", "lex", "logs", "mediaconvert", "medialive", "personalize", "rds"),
        *("redshift", "rekognition", "rum", "s3", "sagemaker", "scheduler", "ses", "sns", "ssm", "states"),
        *("storagegateway", "synthetics", "textract", "transcribe", "translate"),
    }
)
# Calls that name a role which only a later call passes (Amazon EC2 User Guide, "Launch templates").
LATER = frozenset({"ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion"})
CHANGING = frozenset({"Write", "Permissions management"})  # access levels of calls that can pass a role


@cache
def always_passing() -> frozenset[str]:
    """The actions of passing.txt, whose requests cannot do without a role."""
    text = resources.files("iamtrail").joinpath("passing.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def roles_of(parameters: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The values of the parameters that name a role or an instance profile, whether as ARN or by name; sorted."""
    return tuple(sorted({value for _, value in passed(parameters)}))


def passed(parameters: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters that name a role or an instance profile, with their values."""
    pairs = [(name, value) for name, value in parameters if value]
    told = {name.lower(): value.lower() for name, value in pairs}

    def counts(name: str, value: str) -> bool:
        beside = told.get(VALUE_OF.get(name.lower(), ""))
        return names_role(name) or (holds_role(name, value) and (beside is None or beside.endswith(ROLES)))

    return [(name, value) for name, value in pairs if counts(name, value)]


def holds_role(name: str, value: str) -> bool:
    """Whether a parameter that may hold a role under another name does so: API Gateway's "credentials"."""
    return bool(_HOLDS_ROLE.search(name.lower()) and ROLE_ARN.fullmatch(value))


def names_role(name: str) -> bool:
    """Whether a parameter's dotted name says that its value is a role: "taskRoleArn", "iamInstanceProfile.name"."""
    last = name.lower().replace("iaminstanceprofile.", "iaminstanceprofile").rpartition(".")[2]
    if last == "executionrolename":  # of stack sets and automations: assumed in each target account, not passed
        return False
    return bool(_NAMES_ROLE.search(last))


def passing(action: Action, parameters: tuple[tuple[str, str], ...] | None) -> bool | None:
    """Whether a call of the action passes a role: True for certain, None perhaps, False no.

    It does where the reference lists iam:PassRole as dependent and the request names a role, or, if its parameters are
    not known, cannot do without. Without such a listing a changing call that names a role's ARN does so if the
    service's guide says it, and else perhaps.
    """
    listed = PASS_ROLE in action.dependent_actions
    if parameters is None:
        return action.name in always_passing()
    roles = roles_of(parameters)
    if listed:
        return bool(roles)
    if action.service in WITHOUT_PASSING or action.name in LATER or action.access_level not in CHANGING:
        return False
    if action.service in DOCUMENTED:  # Glue, for one, takes a role's bare name
        return bool(roles)
    return None if any(ROLE_ARN.fullmatch(role) for role in roles) else False
