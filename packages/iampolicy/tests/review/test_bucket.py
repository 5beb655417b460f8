"""The five controls of the S3 checklist, and the policies that only look right."""

import json

import pytest

from iampolicy.review import audit_bucket

ROLE, OTHER = "arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/other"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BUCKET, OBJECTS = "arn:aws:s3:::photos", "arn:aws:s3:::photos/*"
SSE, SSE_KEY = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
ACTIONS = ["s3:GetObject", "s3:PutObject"]


def deny(
    operator: str, key: str, value, action="s3:*", resource=(BUCKET, OBJECTS), principal="*", effect="Deny"
) -> dict:
    given = {"Effect": effect, "Principal": principal, "Action": action, "Resource": list(resource)}
    return given | {"Condition": {operator: {key: value}}}


ALLOW = {"Sid": "Access", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": ACTIONS, "Resource": OBJECTS}
UPLOAD = {"action": "s3:PutObject", "resource": (OBJECTS,)}
ENCRYPTED = [
    deny("StringNotEquals", SSE, "aws:kms", **UPLOAD),
    deny("StringNotEquals", SSE_KEY, KEY, **UPLOAD),
    deny("Null", SSE, "true", **UPLOAD),
]
TLS = deny("Bool", "aws:SecureTransport", "false")
NETWORK = deny("NotIpAddress", "aws:SourceIp", ["203.0.113.0/24", "2001:db8::/32"])

OUR_VPC = {"StringNotEquals": {"aws:SourceVpc": "vpc-12345678"}}


def bucket(allow=ALLOW, encrypted=ENCRYPTED, tls=TLS, network=NETWORK) -> dict:
    parts = [allow, *encrypted, tls, network]
    return {"Version": "2012-10-17", "Statement": [part for part in parts if part]}


def failed(policy: dict, **expected) -> list[str]:
    return [control.name for control in audit_bucket(policy, **expected) if not control.passed]


def test_a_right_policy_passes_all_five_with_evidence() -> None:
    controls = audit_bucket(
        bucket(), actions=ACTIONS, role=ROLE, kms_key=KEY, networks=["203.0.113.0/24", "2001:db8::/32"]
    )
    assert [(c.name, c.passed) for c in controls] == [
        (name, True) for name in ("actions", "principal", "encryption", "tls", "network")
    ]
    assert [c.statement for c in controls] == [0, 0, 1, 4, 5]
    assert controls[0].sid == "Access"
    assert failed(bucket()) == []  # what is not given is taken from the policy


def test_an_empty_policy_fails_all_five() -> None:
    assert len(failed({"Version": "2012-10-17", "Statement": []})) == 5


STRICTER = [  # a further Deny that is no fault of any control
    deny("ArnNotEquals", "aws:PrincipalArn", ROLE),
    deny("StringNotEquals", "aws:SourceVpce", "vpce-12345678"),
    {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": OBJECTS},
    {"Effect": "Deny", "NotPrincipal": {"AWS": [ROLE]}, "Action": "s3:*", "Resource": [BUCKET, OBJECTS]},
]


@pytest.mark.parametrize("more", STRICTER)
def test_a_stricter_policy_passes_as_well(more: dict) -> None:
    policy = bucket()
    policy["Statement"].append(more)
    assert failed(policy) == []


def test_the_encryption_may_be_asked_for_by_the_key_alone() -> None:
    by_key = [deny("Null", SSE_KEY, "true", **UPLOAD), deny("ArnNotEqualsIfExists", SSE_KEY, KEY, **UPLOAD)]
    assert failed(bucket(encrypted=by_key)) == []


def test_other_partitions_are_checked_alike() -> None:
    text = json.dumps(bucket()).replace("arn:aws:", "arn:aws-us-gov:")
    assert failed(json.loads(text)) == []


TRAPS = [  # what looks right, the control that it fails
    (bucket(allow=ALLOW | {"Action": "s3:*"}), "actions"),
    (bucket(allow=ALLOW | {"Action": [*ACTIONS, "s3:DeleteObject"]}), "actions"),
    (bucket(allow={k: v for k, v in ALLOW.items() if k != "Action"} | {"NotAction": "s3:DeleteObject"}), "actions"),
    (bucket(allow=ALLOW | {"Principal": "*"}), "principal"),
    (bucket(allow=ALLOW | {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalArn": ROLE}}}), "principal"),
    (bucket(allow=ALLOW | {"Principal": {"AWS": "*"}}), "principal"),
    (bucket(allow=ALLOW | {"Principal": {"AWS": [ROLE, OTHER]}}), "principal"),
    (bucket(allow=ALLOW | {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}), "principal"),
    (bucket(allow=ALLOW | {"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}}), "principal"),
    (bucket(allow=ALLOW | {"Principal": {"AWS": ROLE, "Service": "lambda.amazonaws.com"}}), "principal"),
    (bucket(allow=ALLOW | {"Principal": {"AWS": OTHER}}), "principal"),
    (bucket(encrypted=ENCRYPTED[:2]), "encryption"),  # no Null
    (bucket(encrypted=[ENCRYPTED[0], ENCRYPTED[2]]), "encryption"),  # any key
    (bucket(encrypted=[deny("StringEquals", SSE_KEY, KEY, **UPLOAD), ENCRYPTED[2]]), "encryption"),
    (bucket(encrypted=[deny("StringNotEqualsIfExists", SSE_KEY, KEY, **UPLOAD)]), "encryption"),
    (bucket(encrypted=[deny("StringNotEquals", SSE_KEY, KEY, action="s3:GetObject"), ENCRYPTED[2]]), "encryption"),
    (bucket(encrypted=[deny("StringEquals", SSE_KEY, KEY, effect="Allow", **UPLOAD)]), "encryption"),
    (bucket(encrypted=[s | {"Principal": {"AWS": ROLE}} for s in ENCRYPTED]), "encryption"),
    (bucket(tls=None), "tls"),
    (bucket(tls=None, allow=ALLOW | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}), "tls"),
    (bucket(tls=deny("Bool", "aws:SecureTransport", "true")), "tls"),
    (bucket(tls=deny("StringEquals", "aws:SecureTransport", "false")), "tls"),
    (bucket(tls=deny("NumericEquals", "aws:SecureTransport", "false")), "tls"),
    (bucket(tls=deny("Null", "aws:SecureTransport", "true")), "tls"),
    (bucket(tls=deny("Bool", "aws:SecureTransport", "false", resource=(OBJECTS,))), "tls"),
    (bucket(tls=deny("Bool", "aws:SecureTransport", "false", action="s3:GetObject")), "tls"),
    (bucket(tls=deny("Bool", "aws:SecureTransport", "false", principal={"AWS": ROLE})), "tls"),
    (bucket(tls=TLS | {"Resource": [BUCKET, "arn:aws:s3:::photos/some/*"]}), "tls"),
    (bucket(tls=TLS | {"Condition": TLS["Condition"] | {"ArnNotLike": {"aws:PrincipalArn": f"{ROLE}*"}}}), "tls"),
    (bucket(tls=TLS | {"Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]}), "tls"),
    (bucket(network=NETWORK | {"Condition": NETWORK["Condition"] | OUR_VPC}), "network"),
    (bucket(encrypted=[s | {"Condition": s["Condition"] | OUR_VPC} for s in ENCRYPTED]), "encryption"),
    (bucket(allow={k: v for k, v in ALLOW.items() if k != "Resource"} | {"NotResource": BUCKET}), "actions"),
    (bucket(network=None), "network"),
    (bucket(network=deny("NotIpAddress", "aws:SourceIp", "0.0.0.0/0")), "network"),
    (bucket(network=deny("NotIpAddress", "aws:SourceIp", ["203.0.113.0/24", "0.0.0.0/0"])), "network"),
    (bucket(network=deny("NotIpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"])), "network"),
    (bucket(network=deny("IpAddress", "aws:SourceIp", "203.0.113.0/24")), "network"),
    (bucket(network=deny("NotIpAddressIfExists", "aws:SourceIp", "198.51.100.0/24")), "network"),
    (
        bucket(network=deny("IpAddress", "aws:SourceIp", "203.0.113.0/24", effect="Allow", principal={"AWS": ROLE})),
        "network",
    ),
]


@pytest.mark.parametrize(("policy", "name"), TRAPS, ids=[f"{name}-{i}" for i, (_, name) in enumerate(TRAPS)])
def test_what_only_looks_right_fails(policy: dict, name: str) -> None:
    networks = ["203.0.113.0/24", "2001:db8::/32"]
    controls = {c.name: c for c in audit_bucket(policy, actions=ACTIONS, role=ROLE, kms_key=KEY, networks=networks)}
    assert not controls[name].passed
    assert controls[name].reason


def test_calls_through_aws_services_may_be_exempt_from_networks() -> None:
    exempt = NETWORK | {"Condition": NETWORK["Condition"] | {"Bool": {"aws:ViaAWSService": "false"}}}
    assert failed(bucket(network=exempt)) == []


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="office"):
        audit_bucket(bucket(), networks=["office"])
