"""Invented names and ids of resources, in the form that each kind of resource has.

A random source comes in; a name goes out: a bucket's, a log group's path, a generated id.
"""

from random import Random

from lib.data.written import vocabulary

_HEX = "0123456789abcdef"
UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
ID_PREFIXES = {
    ("ec2", "instance"): "i-",
    ("ec2", "volume"): "vol-",
    ("ec2", "snapshot"): "snap-",
    ("ec2", "security-group"): "sg-",
    ("elasticfilesystem", "file-system"): "fs-",
    ("ec2", "vpc"): "vpc-",
    ("ec2", "subnet"): "subnet-",
    ("ec2", "image"): "ami-",
    ("ec2", "network-interface"): "eni-",
    ("ec2", "route-table"): "rtb-",
    ("ec2", "internet-gateway"): "igw-",
    ("ec2", "natgateway"): "nat-",
    ("ec2", "vpc-endpoint"): "vpce-",
    ("ec2", "launch-template"): "lt-",
    ("ec2", "elastic-ip"): "eipalloc-",
}
_MODELS = (
    "anthropic.claude-3-haiku-20240307-v1:0",
    "anthropic.claude-3-sonnet-20240229-v1:0",
    "amazon.titan-text-express-v1",
    "amazon.titan-embed-text-v1",
    "mistral.mistral-7b-instruct-v0:2",
    "meta.llama3-8b-instruct-v1:0",
    "cohere.command-r-v1:0",
    "amazon.nova-lite-v1:0",
)


def hexadecimal(rng: Random, length: int) -> str:
    return "".join(rng.choices(_HEX, k=length))


def uuid(rng: Random) -> str:
    return "-".join(hexadecimal(rng, n) for n in (8, 4, 4, 4, 12))


def kebab(rng: Random) -> str:
    """A name such as a team gives to a queue or a job."""
    v = vocabulary
    topic, stage, company = rng.choice(v.TOPICS), rng.choice(v.STAGES), rng.choice(v.COMPANIES)
    other = rng.choice([t for t in v.TOPICS if t != topic])
    forms = (topic, f"{topic}-{stage}", f"{stage}-{topic}", f"{company}-{topic}", f"{topic}-{other}", f"{topic}-v2")
    return rng.choices(forms, (2, 5, 3, 3, 3, 1))[0]


def bucket_name(rng: Random) -> str:
    v = vocabulary
    company, topic, stage = rng.choice(v.COMPANIES), rng.choice(v.TOPICS), rng.choice(v.STAGES)
    return rng.choice(
        (
            f"{company}-{topic}",
            f"{company}-{topic}-{stage}",
            f"{stage}-{topic}-{company}",
            f"{topic}-{stage}",
            f"{company}-{rng.choice(v.TOPICS)}-{topic}",
            f"{company}-{stage}-data",
            f"{topic}-bucket-{stage}",
        )
    )


def _camel(rng: Random) -> str:
    name = rng.choice(vocabulary.TOPICS).title()
    return name + rng.choice(("", "", "Prod", "Dev", "Data", "History", "Worker", "V2", "Staging"))


NAMERS = {
    ("s3", "bucket"): bucket_name,
    ("logs", "log-group"): lambda r: (
        r.choice(("/aws/lambda/", "/ecs/", "/app/", "/aws/codebuild/", "/var/log/")) + kebab(r)
    ),
    ("secretsmanager", "Secret"): lambda r: (
        f"{r.choice(vocabulary.STAGES)}/{r.choice(vocabulary.TOPICS)}{r.choice(('/db', '/api-key', '-password', ''))}"
    ),
    ("ssm", "parameter"): lambda r: (
        f"/{r.choice(vocabulary.TOPICS)}/{r.choice(vocabulary.STAGES)}/{r.choice(('db-url', 'api-key', 'token'))}"
    ),
    ("kms", "key"): uuid,
    ("acm", "certificate"): uuid,
    ("bedrock", "foundation-model"): lambda r: r.choice(_MODELS),
    ("route53", "hostedzone"): lambda r: "Z" + "".join(r.choices(UPPER, k=13)),
    ("cloudfront", "distribution"): lambda r: "E" + "".join(r.choices(UPPER, k=13)),
    ("ecs", "service"): lambda r: f"{kebab(r)}/{r.choice(('web', 'api', 'worker', 'frontend'))}",
    ("iam", "role"): lambda r: r.choice(vocabulary.ROLES),
    ("sts", "role"): lambda r: r.choice(vocabulary.ROLES),
    ("iam", "user"): lambda r: r.choice(
        ("alice", "bob", "carol", "dave", "erin", "ci-bot", "backup-user", "svc-reporting")
    ),
    ("iam", "group"): lambda r: r.choice(("developers", "admins", "analysts", "operators", "contractors", "auditors")),
    ("dynamodb", "table"): lambda r: _camel(r) if r.random() < 0.4 else kebab(r),
    ("lambda", "function"): lambda r: _camel(r) if r.random() < 0.2 else kebab(r),
}
