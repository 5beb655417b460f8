"""S3: policies attached to a bucket, with a principal, and identity policies for a prefix of a bucket.

A Desk comes in; a Draft goes out. The shapes of the statements follow the S3 User Guide, "Bucket policy examples".
"""

from dataclasses import replace

from lib.data.written import vocabulary
from lib.data.written.conditions import draw_some
from lib.data.written.desk import Desk
from lib.data.written.drafts import Ban, Draft, Party
from lib.data.written.idioms import IDIOMS
from lib.data.written.limits import merged, scalar
from lib.data.written.names import uuid
from lib.data.written.resources import Target, draw_target
from lib.data.written.wants import Clause, Grant, Want, arns, scoped
from lib.data.written.words import listed

_POOL = tuple(n for n, (type_, _) in IDIOMS.items() if n.startswith("s3:") and type_ and n != "s3:CreateBucket")
_COMMON = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:DeleteObject",
    "s3:GetBucketLocation",
    "s3:GetObjectVersion",
    "s3:AbortMultipartUpload",
    "s3:PutObjectAcl",
    "s3:GetObjectTagging",
)
_SERVICES = (  # (words, service principal, actions)
    ("CloudTrail", "cloudtrail.amazonaws.com", ("s3:PutObject", "s3:GetBucketAcl")),
    ("AWS Config", "config.amazonaws.com", ("s3:PutObject", "s3:GetBucketAcl", "s3:ListBucket")),
    ("the S3 log delivery service", "logging.s3.amazonaws.com", ("s3:PutObject",)),
    ("the log delivery service", "delivery.logs.amazonaws.com", ("s3:PutObject", "s3:GetBucketAcl")),
    ("SageMaker", "sagemaker.amazonaws.com", ("s3:GetObject", "s3:ListBucket", "s3:PutObject")),
    ("SES", "ses.amazonaws.com", ("s3:PutObject",)),
    (
        "Firehose",
        "firehose.amazonaws.com",
        ("s3:PutObject", "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucket"),
    ),
    ("Transcribe", "transcribe.amazonaws.com", ("s3:GetObject", "s3:ListBucket", "s3:PutObject")),
    ("S3 Inventory", "s3.amazonaws.com", ("s3:PutObject",)),
)


def _actions(desk: Desk, low: int, high: int) -> list:
    pool = _COMMON if desk.chance(0.55) else _POOL
    count = min(len(pool), desk.rng.randint(low, high))
    return [desk.catalogue.action(n) for n in desk.rng.sample(pool, count)]


def _bucket(desk: Desk) -> Target:
    return draw_target(desk.rng, desk.catalogue, "s3", "bucket", desk.scene, "S3")


def _it(bucket: Target) -> Target:
    return replace(bucket, words="it", form="it")


def _whole(desk: Desk, bucket: Target) -> tuple[str, ...]:
    return (*arns(desk, bucket, "bucket"), *arns(desk, bucket, "object"))


def _party(desk: Desk) -> Party:
    """A principal in IAM: a role, two roles, a user, or a whole account."""
    rng = desk.rng
    account = rng.choice(vocabulary.ACCOUNTS)
    roll = rng.random()
    if roll < 0.5:
        role = rng.choice(vocabulary.ROLES)
        arn = f"arn:aws:iam::{account}:role/{role}"
        words = rng.choice(
            (
                f"the role {arn}",
                arn,
                f"the role {role} in account {account}",
                f"the {role} role of account {account}",
                f"the IAM role {role} ({account})",
            )
        )
        return Party(words, False, {"AWS": arn})
    if roll < 0.6:
        names = rng.sample(vocabulary.ROLES, 2)
        words = rng.choice(
            (f"the roles {listed(names)} in account {account}", f"{listed(names)}, both roles of account {account},")
        )
        return Party(words, True, {"AWS": [f"arn:aws:iam::{account}:role/{name}" for name in names]})
    if roll < 0.7:
        user = rng.choice(("alice", "bob", "carol", "uploader", "partner-sync", "auditor"))
        arn = f"arn:aws:iam::{account}:user/{user}"
        return Party(rng.choice((f"the user {arn}", f"the IAM user {user} in account {account}")), False, {"AWS": arn})
    if roll < 0.82:
        accounts = rng.sample(vocabulary.ACCOUNTS, 2)
        words = rng.choice((f"the accounts {listed(accounts)}", f"AWS accounts {listed(accounts)}"))
        return Party(words, True, {"AWS": [f"arn:aws:iam::{a}:root" for a in accounts]})
    words = rng.choice(
        (
            f"account {account}",
            f"the AWS account {account}",
            f"our partner account {account}",
            f"anyone with permission in account {account}",
        )
    )
    return Party(words, False, {"AWS": f"arn:aws:iam::{account}:root"})


def _told(desk: Desk, bucket: Target) -> Target:
    """The bucket as it is called in the clauses: by name, or "it" after a sentence that names it."""
    return bucket if desk.chance(0.4) else _it(bucket)


def bucket_policy(desk: Desk) -> Draft | None:
    """Somebody may do something with a bucket: a role, an account, an AWS service; sometimes under a condition."""
    bucket = _bucket(desk)
    called = _told(desk, bucket)
    if desk.chance(0.2):
        words, principal, names = desk.rng.choice(_SERVICES)
        account = desk.rng.choice(vocabulary.ACCOUNTS)
        actions = [desk.catalogue.action(n) for n in desk.rng.sample(names, desk.rng.randint(1, len(names)))]
        guarded = desk.chance(0.6)
        words = desk.rng.choice((words, f"{words} ({principal})", f"the service principal {principal}"))
        if guarded:
            words = f"{words} {desk.rng.choice(('on behalf of', 'acting for'))} account {account}"
        condition = (("StringEquals", "aws:SourceAccount", account),) if guarded else ()
        party = Party(words, False, {"Service": principal}, condition)
        want = scoped(replace(desk, style="plain"), called, actions)
        return Draft((want,), party=party, bucket=bucket, called_it=called.words == "it", scene=desk.scene)
    want = scoped(desk, called, _actions(desk, 1, 7))
    limits = tuple(draw_some(desk, (), but=("region", "called_via"))) if desk.chance(0.3) else ()
    extra = _guards(desk, bucket) if desk.chance(0.3) else ()
    if any(limit.name == "tls" for limit in limits):
        extra = ()
    return Draft(
        (want,),
        limits,
        party=_party(desk),
        bucket=bucket,
        called_it=called.words == "it",
        extra=extra,
        scene=desk.scene,
    )


def _guards(desk: Desk, bucket: Target) -> tuple[tuple[str, dict], ...]:
    text = desk.rng.choice(
        (
            "Deny everything that is not sent over TLS",
            "Requests without TLS must be denied for everybody",
            "Also deny any S3 request over plain HTTP, whoever sends it",
            "Refuse all non-HTTPS access to the bucket and its objects",
        )
    )
    return ((text, _deny(desk, bucket, "s3:*", (("Bool", "aws:SecureTransport", "false"),))),)


def _deny(desk: Desk, bucket: Target, action: str, block, objects_only: bool = False) -> dict:
    resource = arns(desk, bucket, "object") if objects_only else _whole(desk, bucket)
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": scalar(resource),
        "Condition": merged(block),
    }


def encrypted_bucket(desk: Desk) -> Draft | None:
    """Uploads must be encrypted: the header must be right; a missing header is denied or left to the default."""
    bucket = _bucket(desk)
    header = "s3:x-amz-server-side-encryption"
    method = desk.rng.choice(("aws:kms", "aws:kms", "AES256"))
    named = {"aws:kms": "SSE-KMS (aws:kms)", "AES256": "SSE-S3 (AES256)"}[method]
    wrong = (("StringNotEquals", header, method),)
    variant = desk.rng.choice(("strict", "default", "key"))
    if variant == "strict":
        texts = (
            f"Deny uploads whose encryption header is not {named}, and also uploads that have no such header",
            f"Uploads with any encryption other than {named} must be denied, as must those with no encryption header",
        )
        statements = (
            _deny(desk, bucket, "s3:PutObject", wrong, True),
            _deny(desk, bucket, "s3:PutObject", (("Null", header, "true"),), True),
        )
    elif variant == "default":
        texts = (
            f"Deny uploads that ask for any encryption other than {named}; uploads without the header may pass, "
            "default encryption takes care of them",
            f"If an upload names an encryption method, it must be {named}, else deny it; a missing header is fine",
        )
        statements = (_deny(desk, bucket, "s3:PutObject", (*wrong, ("Null", header, "false")), True),)
    else:
        account, region = desk.rng.choice(vocabulary.ACCOUNTS), desk.rng.choice(vocabulary.REGIONS)
        key = f"arn:aws:kms:{region}:{account}:key/{uuid(desk.rng)}"
        texts = (
            f"Deny uploads that are not encrypted with the KMS key {key}",
            f"Every upload must use the KMS key {key}; deny the rest",
        )
        statements = (
            _deny(desk, bucket, "s3:PutObject", (("StringNotEquals", f"{header}-aws-kms-key-id", key),), True),
        )
    extra = ((desk.rng.choice(texts), statements[0]), *(("", s) for s in statements[1:]))
    if desk.chance(0.3):
        extra = (*extra, *_guards(desk, bucket))
    others = [a for a in _actions(desk, 1, 6) if a.name != "s3:PutObject"]
    writing = [desk.catalogue.action("s3:PutObject"), *others]
    called = _it(bucket)
    want = scoped(replace(desk, style="plain"), called, writing)
    return Draft(
        (want,), party=_party(desk), bucket=bucket, called_it=called.words == "it", extra=extra, scene=desk.scene
    )


def guarded_bucket(desk: Desk) -> Draft | None:
    """Denials for everybody: not over TLS, not from an address range, not through an endpoint."""
    bucket = _bucket(desk)
    limit = draw_some(desk, (), deny=True, but=("mfa", "until", "from_date", "principal_tag", "region"))[0]
    everybody = Party(desk.rng.choice(("everyone", "everybody", "anyone", "all principals")), False, "*")
    if everybody.words.startswith("all"):
        everybody = replace(everybody, plural=True)
    called = _told(desk, bucket)
    if desk.chance(0.12):
        text = desk.rng.choice(
            (
                f"do anything with {called.words}",
                f"use any S3 action on {called.words} and its objects"
                if called.words != "it"
                else "use any S3 action on it and its objects",
            )
        )
        want = Want((Clause((text,)),), (Grant(("s3:*",), _whole(desk, bucket)),), "all")
    else:
        want = scoped(replace(desk, style="plain"), called, _actions(desk, 1, 6))
    return Draft(
        bans=(Ban(want, limit),), party=everybody, bucket=bucket, called_it=called.words == "it", scene=desk.scene
    )


def cloudfront_bucket(desk: Desk) -> Draft | None:
    """A CloudFront distribution reads a bucket through origin access control."""
    bucket = _bucket(desk)
    account = desk.rng.choice(vocabulary.ACCOUNTS)
    distribution = draw_target(desk.rng, desk.catalogue, "cloudfront", "distribution", desk.scene, "CloudFront").names[
        0
    ]
    arn = f"arn:aws:cloudfront::{account}:distribution/{distribution}"
    words = desk.rng.choice(
        (
            f"the CloudFront distribution {distribution} of account {account}",
            f"the CloudFront distribution {arn}",
            f"CloudFront (origin access control, distribution {distribution}, account {account})",
            f"only the CloudFront distribution {distribution} in account {account}",
        )
    )
    names = [
        "s3:GetObject",
        *desk.rng.sample(("s3:ListBucket", "s3:PutObject", "s3:DeleteObject"), desk.rng.randint(0, 2)),
    ]
    called = _told(desk, bucket)
    want = scoped(replace(desk, style="plain"), called, [desk.catalogue.action(n) for n in names])
    party = Party(words, False, {"Service": "cloudfront.amazonaws.com"}, (("StringEquals", "aws:SourceArn", arn),))
    extra = _guards(desk, bucket) if desk.chance(0.2) else ()
    return Draft((want,), party=party, bucket=bucket, called_it=called.words == "it", extra=extra, scene=desk.scene)


def prefix(desk: Desk) -> Draft | None:
    """One folder of a bucket: objects below the prefix, and listing limited to it."""
    bucket = draw_target(desk.rng, desk.catalogue, "s3", "bucket", desk.scene, "S3").names[0]
    folder = desk.rng.choice(vocabulary.TOPICS)
    folder = desk.rng.choice((folder, f"{desk.rng.choice(vocabulary.STAGES)}/{folder}", f"home/{folder}"))
    place = desk.rng.choice(
        (
            f"the {folder}/ prefix of the bucket {bucket}",
            f"the folder {folder} in the bucket {bucket}",
            f"{folder}/ in {bucket}",
            f"s3://{bucket}/{folder}/",
        )
    )
    objects = [n for n in _POOL if IDIOMS[n][0] == "object"]
    chosen = desk.rng.sample(objects, desk.rng.randint(1, 5))
    target = Target("s3", "bucket", (bucket,), place, desk.scene, "prefix")
    want = scoped(replace(desk, style="plain"), target, [desk.catalogue.action(n) for n in chosen])
    if want.form.startswith("literal"):
        return None
    listing = desk.rng.choice(("list", "browse", "list the objects in")) + " "
    clauses = (Clause((listing + target.words,)), *(_later(c, target.words) for c in want.clauses))
    condition = (("StringLike", "s3:prefix", f"{folder}/*"),)
    grants = (
        Grant(("s3:ListBucket",), (f"arn:aws:s3:::{bucket}",), condition),
        Grant(want.actions, (f"arn:aws:s3:::{bucket}/{folder}/*",)),
    )
    return Draft((Want(clauses, grants, f"prefix.{want.form}"),), scene=desk.scene)


def _later(clause: Clause, words: str) -> Clause:
    return replace(clause, tail=clause.tail.replace(words, "it"))
