"""Things that people ask for in one breath and that take several actions: "push images to ECR".

A clause and the request around it come in; the actions that the task takes go out, as AWS's guides for the services
list them. What takes one action is here only where its name says something else than people do.
"""

import re

# what is said -> what else the request must speak of, what it must not, and the actions, space between them
_TASKS = (
    (
        r"\bpush\w*\b[^.;]{0,30}\b(?:images?|containers?)\b(?! manifest| to (?:the )?git)",
        (r"\bECR\b|container registry|docker|container images?", r"image manifests"),
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart "
        "ecr:CompleteLayerUpload ecr:PutImage",
    ),
    (
        r"\bpull\w*\b[^.;]{0,30}\b(?:images?|containers?)\b(?! manifest)",
        (r"\bECR\b|container registry|docker|container images?", r"image manifests"),
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage",
    ),
    (
        r"\b(?:writ|send|ship|emit|creat)\w* (?:(?:its|their|the|own) ){0,2}logs?\b",
        (r"CloudWatch|Lambda", r"log (?:groups?|streams?|events?)"),
        "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
    ),
    (
        r"\b(?:connect|log in|shell|sessions?|access)\b[^.;]{0,60}\b(?:with|via|through|using|by|over|in) "
        r"(?:the )?(?:AWS )?(?:SSM |Systems Manager )?Session Manager\b",
        ("", ""),
        "ssm:StartSession ssm:ResumeSession ssm:TerminateSession",
    ),
    (
        r"\bsend\w* (?:\w+ )?e-?mails?\b",
        (r"\bSES\b|Simple Email", r"templat|bulk|raw"),
        "ses:SendEmail ses:SendRawEmail",
    ),
    (
        r"\b(?:read|fetch|retriev)\w* (?:the |our |a |all )?(?:database |API )?secrets?\b"
        r"(?!['’]| (?:metadata|polic|version|name))",
        ("", r"Kubernetes|list of"),
        "secretsmanager:GetSecretValue",
    ),
    (r"\brun\w* (?:\w+ ){0,2}quer(?:y|ies)\b", (r"\bAthena\b", r"Logs Insights"), "athena:StartQueryExecution"),
    (
        r"\b(?:spin\w* up|launch\w*|start\w* new|provision\w*) (?:new |some |\w+ )?(?:EC2 |virtual )?"
        r"(?:instances?|servers?|machines?)\b",
        ("", r"\bRDS\b|database|notebook|Lightsail|Connect|DMS|Redshift|Neptune|AppStream|Gamelift|Workspaces"),
        "ec2:RunInstances",
    ),
    (r"\bopen\w* (?:up )?(?:the |a )?ports?\b", ("", "close"), "ec2:AuthorizeSecurityGroupIngress"),
    (
        r"\bmanag\w* (?:their|its|his|her|my|our)(?: own)? MFA devices?\b",
        ("", ""),
        "iam:CreateVirtualMFADevice iam:DeleteVirtualMFADevice iam:EnableMFADevice iam:ResyncMFADevice "
        "iam:DeactivateMFADevice iam:ListMFADevices",
    ),
    (
        r"\b(?:manag|rotat)\w* (?:their|its|his|her|my|our)(?: own)? access keys?\b",
        ("", ""),
        "iam:CreateAccessKey iam:DeleteAccessKey iam:UpdateAccessKey iam:ListAccessKeys iam:GetAccessKeyLastUsed",
    ),
    (
        r"\b(?:consum\w*|process(?:es|ing)?|work\w* off) (?:the )?(?:\w+ )?messages\b",
        (r"\bSQS\b|queue", r"topic|Kinesis|visibility"),
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes",
    ),
    (
        r"\bread(?:ing)?(?: and |/|-)writ\w*(?: access)?\b[^.;]{0,50}\btables?\b",
        (r"Dynamo", ""),
        "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:Scan dynamodb:PutItem dynamodb:UpdateItem "
        "dynamodb:DeleteItem dynamodb:BatchWriteItem",
    ),
    (
        r"\bread(?:ing)?(?: and |/|-)writ\w*(?: access)?\b[^.;]{0,50}\b(?:bucket|S3)\b",
        ("", ""),
        "s3:GetObject s3:PutObject s3:DeleteObject s3:ListBucket",
    ),
)
_COMPILED = tuple(
    (*(re.compile(text, re.IGNORECASE) for text in (said, about, other or r"(?!)")), names.split())
    for said, (about, other), names in _TASKS
)


def actions(clause: str, request: str) -> list[str]:
    """The actions of the tasks that a clause asks for; none if it asks for single actions."""
    found = []
    for said, about, other, names in _COMPILED:
        if said.search(clause) and about.search(request) and not other.search(request):
            found += names
    return list(dict.fromkeys(found))
