"""For every code of Access Analyzer a policy that has the fault, and one beside it that has not."""

import pytest

from iampolicy.checks import CODES, OURS, validate

ROLE = "arn:aws:iam::111122223333:role/app"
OBJECTS, BUCKET = "arn:aws:s3:::photos/*", "arn:aws:s3:::photos"
DEFAULTS = {
    "identity": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS},
    "resource": {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": OBJECTS},
    "trust": {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole"},
    "scp": {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
    "rcp": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"},
    "endpoint": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"},
}
OIDC = {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}
SAML = {"Federated": "arn:aws:iam::111122223333:saml-provider/Example"}
GOOGLE = {"Federated": "accounts.google.com"}
SUB = "token.actions.githubusercontent.com:sub"
MAIN = "repo:octo/app:ref:refs/heads/main"
LAMBDA = {"Service": "lambda.amazonaws.com"}
SOURCE = {"StringEquals": {"aws:SourceAccount": "111122223333"}}
MANY = [f"s3:Get{i:04}" for i in range(9000 // 12)]


def when(operator: str, key: str, *values) -> dict:
    """A Condition of one test."""
    return {"Condition": {operator: {key: values[0] if len(values) == 1 else list(values)}}}


def web(**more) -> dict:
    return {"Principal": OIDC, "Action": "sts:AssumeRoleWithWebIdentity"} | more


def without(kind: str, *elements: str) -> dict:
    return {"Statement": [{k: v for k, v in DEFAULTS[kind].items() if k not in elements}], "Version": "2012-10-17"}


def document(kind: str, case) -> dict | str:
    """A case is text, a document, changes to the default statement of its type, or a list of such."""
    if isinstance(case, str) or "Version" in case or "Statement" in case:
        return case
    several = case if isinstance(case, list) else [case]
    return {"Version": "2012-10-17", "Statement": [DEFAULTS[kind] | changes for changes in several]}


def notted(element: str, value) -> dict:
    """The default statement with NotAction or NotResource in place of Action or Resource."""
    kept = {k: v for k, v in DEFAULTS["identity"].items() if k != element.removeprefix("Not")}
    return {"Version": "2012-10-17", "Statement": kept | {element: value}}


PASS, SLR = "iam:PassRole", "iam:CreateServiceLinkedRole"
ONE = "arn:aws:iam::111122223333:role/worker"


def wide(action, resource, **more) -> dict:
    """A statement whose Action and Resource are values, or values after "Not"."""
    statement = {"Effect": "Allow"} | more
    for element, value in (("Action", action), ("Resource", resource)):
        negated = isinstance(value, tuple)
        statement[f"Not{element}" if negated else element] = value[0] if negated else value
    return {"Version": "2012-10-17", "Statement": statement}


def sensitive(family: str, action: str, key: str) -> list[tuple]:
    """The six codes of an action that hands on permissions."""
    mended = when("StringEquals", key, "lambda.amazonaws.com")
    forms = {
        "NOT_RESOURCE": (action, (ONE,)),
        "STAR_IN_ACTION_AND_NOT_RESOURCE": (action[:-4] + "*", (ONE,)),
        "NOT_ACTION_AND_NOT_RESOURCE": (("s3:*",), (ONE,)),
        "STAR_IN_RESOURCE": (action, "*"),
        "STAR_IN_ACTION_AND_RESOURCE": ("iam:*", "arn:aws:iam::*:role/*"),
        "STAR_IN_RESOURCE_AND_NOT_ACTION": (("s3:*",), "*"),
    }
    rows = [(f"{family}_WITH_{rest}", "identity", wide(a, r), wide(a, r, **mended)) for rest, (a, r) in forms.items()]
    return rows + [(f"{family}_WITH_STAR_IN_RESOURCE", "identity", wide(action, "*"), wide(action, ONE))]


CASES = [  # code, policy type, trigger, clean
    ("ARN_ACCOUNT_NOT_ALLOWED", "identity", {"Resource": "arn:aws:s3::111122223333:photos"}, {"Resource": BUCKET}),
    ("ARN_REGION_NOT_ALLOWED", "identity", {"Resource": "arn:aws:s3:us-east-1::photos"}, {"Resource": BUCKET}),
    ("DATA_TYPE_MISMATCH", "identity", {"Sid": 5}, {"Sid": "5"}),
    ("DATA_TYPE_MISMATCH", "identity", {"Version": 2012, "Statement": DEFAULTS["identity"]}, {}),
    ("DATA_TYPE_MISMATCH", "identity", {"Version": "2012-10-17", "Statement": "Allow"}, {}),
    ("DATA_TYPE_MISMATCH", "identity", {"Action": [None]}, {"Action": ["s3:GetObject"]}),
    (
        "DUPLICATE_KEYS_WITH_DIFFERENT_CASE",
        "identity",
        {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-12345678", "aws:sourcevpc": "vpc-12345678"}}},
        when("StringEquals", "aws:SourceVpc", "vpc-12345678", "vpc-12345679"),
    ),
    ("INVALID_ACTION", "identity", {"Action": "s3:GetObjects"}, {"Action": "S3:getobject"}),
    ("INVALID_ACTION", "identity", {"Action": "GetObject"}, {"Action": "s3:Get*"}),
    ("INVALID_ACTION", "identity", {"Action": "s3:Fetch*"}, {"Action": "*"}),
    (
        "INVALID_ARN_ACCOUNT",
        "identity",
        {"Resource": "arn:aws:sqs:us-east-1:1234:q"},
        {"Resource": "arn:aws:sqs:*:*:q"},
    ),
    ("INVALID_ARN_PREFIX", "identity", {"Resource": "photos/*"}, {"Resource": "*"}),
    (
        "INVALID_ARN_REGION",
        "identity",
        {"Resource": "arn:aws:sqs:us-east-77:111122223333:q"},
        {"Resource": "arn:aws:sqs:us-east-1:111122223333:q"},
    ),
    (
        "INVALID_ARN_RESOURCE",
        "identity",
        {"Resource": "arn:aws:dynamodb:us-east-1:111122223333:orders"},
        {"Resource": "arn:aws:dynamodb:us-east-1:111122223333:table/orders"},
    ),
    ("INVALID_ARN_SERVICE_CASE", "identity", {"Resource": "arn:aws:S3:::photos"}, {"Resource": BUCKET}),
    (
        "INVALID_CONDITION_DATA_TYPE",
        "identity",
        when("StringEquals", "aws:username", "ada", 7),
        when("StringEquals", "aws:username", "ada", "7"),
    ),
    (
        "INVALID_CONDITION_KEY_FORMAT",
        "identity",
        when("Bool", "MFA", "true"),
        when("Bool", "aws:SecureTransport", "true"),
    ),
    (
        "INVALID_CONDITION_MULTIPLE_BOOLEAN",
        "identity",
        when("Bool", "aws:SecureTransport", "true", "false"),
        when("Bool", "aws:SecureTransport", "true"),
    ),
    (
        "INVALID_CONDITION_OPERATOR",
        "identity",
        when("StringMatches", "aws:username", "a"),
        when("stringequalsIFEXISTS", "aws:username", "a"),
    ),
    ("INVALID_CONDITION_OPERATOR", "identity", when("ForSome:StringLike", "aws:TagKeys", "a"), {}),
    ("INVALID_EFFECT", "identity", {"Effect": "allow"}, {"Effect": "Allow"}),
    (
        "INVALID_GLOBAL_CONDITION_KEY",
        "identity",
        when("Bool", "aws:UsesMFA", "true"),
        when("Bool", "AWS:securetransport", "true"),
    ),
    ("INVALID_PARTITION", "identity", {"Resource": "arn:amazon:s3:::photos"}, {"Resource": "arn:aws-cn:s3:::photos"}),
    ("INVALID_POLICY_ELEMENT", "identity", {"Actions": ["s3:GetObject"]}, {}),
    ("INVALID_POLICY_ELEMENT", "identity", {"Version": "2012-10-17", "Comment": "x", "Statement": []}, {}),
    ("INVALID_PRINCIPAL_FORMAT", "resource", {"Principal": ROLE}, {"Principal": "*"}),
    ("INVALID_PRINCIPAL_FORMAT", "resource", {"Principal": [ROLE]}, {"Principal": {"AWS": [ROLE]}}),
    ("INVALID_PRINCIPAL_KEY", "resource", {"Principal": {"Role": ROLE}}, {"Principal": {"AWS": ROLE}}),
    (
        "INVALID_REGION",
        "identity",
        when("StringEquals", "aws:RequestedRegion", "us-east-77"),
        when("StringEquals", "aws:RequestedRegion", "eu-central-1"),
    ),
    ("INVALID_SERVICE", "identity", {"Resource": "arn:aws:nosuch:::x"}, {"Resource": BUCKET}),
    (
        "INVALID_SERVICE",
        "identity",
        when("StringEquals", "nosuch:key", "x"),
        when("StringEquals", "s3:x-amz-acl", "private"),
    ),
    (
        "INVALID_SERVICE_CONDITION_KEY",
        "identity",
        when("StringEquals", "s3:Color", "x"),
        when("StringEquals", "s3:signatureversion", "x"),
    ),
    ("INVALID_SERVICE_IN_ACTION", "identity", {"Action": "s4:GetObject"}, {"Action": "s3:GetObject"}),
    (
        "INVALID_VARIABLE_FOR_OPERATOR",
        "identity",
        when("DateLessThan", "aws:CurrentTime", "${aws:TokenIssueTime}"),
        when("StringEquals", "aws:ResourceTag/owner", "${aws:username}"),
    ),
    (
        "INVALID_VERSION",
        "identity",
        {"Version": "2026-01-01", "Statement": DEFAULTS["identity"]},
        {"Action": "s3:GetObject"},
    ),
    ("JSON_SYNTAX_ERROR", "identity", '{"Version": "2012-10-17",, }', {"Action": "s3:GetObject"}),
    ("JSON_SYNTAX_ERROR", "identity", '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}', {}),
    ("MISSING_ACTION", "identity", without("identity", "Action"), notted("NotAction", "s3:*")),
    ("MISSING_ARN_FIELD", "identity", {"Resource": "arn:aws:s3:photos"}, {"Resource": BUCKET}),
    (
        "MISSING_ARN_REGION",
        "identity",
        {"Resource": "arn:aws:sqs::111122223333:q"},
        {"Resource": "arn:aws:sqs:*:111122223333:q"},
    ),
    (
        "MISSING_ARN_ACCOUNT",
        "identity",
        {"Resource": "arn:aws:sqs:us-east-1::q"},
        {"Resource": "arn:aws:sqs:us-east-1:*:q"},
    ),
    ("MISSING_EFFECT", "identity", without("identity", "Effect"), {"Effect": "Deny"}),
    ("MISSING_PRINCIPAL", "resource", without("resource", "Principal"), {}),
    (
        "MISSING_QUALIFIER",
        "identity",
        when("StringEquals", "aws:TagKeys", "a"),
        when("ForAllValues:StringEquals", "aws:TagKeys", "a"),
    ),
    ("MISSING_RESOURCE", "identity", without("identity", "Resource"), notted("NotResource", OBJECTS)),
    ("MISSING_RESOURCE", "resource", without("resource", "Resource"), {"Action": "s3:GetObject"}),
    ("MISSING_STATEMENT", "identity", {"Version": "2012-10-17"}, {"Action": "s3:GetObject"}),
    (
        "NULL_WITH_IF_EXISTS",
        "identity",
        when("NullIfExists", "aws:username", "true"),
        when("Null", "aws:username", "true"),
    ),
    (
        "NULL_WITH_QUALIFIER",
        "identity",
        when("ForAllValues:Null", "aws:TagKeys", "true"),
        when("Null", "aws:TagKeys", "true"),
    ),
    ("SCP_SYNTAX_ERROR_PRINCIPAL", "scp", {"Principal": "*"}, {"Action": "s3:*"}),
    ("UNIQUE_SIDS_REQUIRED", "identity", [{"Sid": "A"}, {"Sid": "A", "Effect": "Deny"}], [{"Sid": "A"}, {"Sid": "B"}]),
    (
        "UNIQUE_SIDS_RECOMMENDED",
        "resource",
        [{"Sid": "A"}, {"Sid": "A", "Effect": "Deny"}],
        [{"Sid": "A"}, {"Sid": "a"}],
    ),
    (
        "UNSUPPORTED_ACTION_IN_POLICY",
        "trust",
        {"Action": "s3:GetObject"},
        {"Action": ["sts:AssumeRole", "sts:TagSession"]},
    ),
    (
        "UNSUPPORTED_ACTION_IN_POLICY",
        "resource",
        {"Action": ["s3:GetObject", "sqs:SendMessage"]},
        {"Action": "s3:Get*"},
    ),
    ("UNSUPPORTED_ELEMENT_COMBINATION", "identity", {"NotAction": "s3:*"}, {"Action": "s3:*"}),
    (
        "UNSUPPORTED_GLOBAL_CONDITION_KEY",
        "identity",
        when("ArnEquals", "aws:ARN", ROLE),
        when("ArnEquals", "aws:PrincipalArn", ROLE),
    ),
    ("UNSUPPORTED_PRINCIPAL", "identity", {"Principal": "*"}, {"Action": "s3:*"}),
    (
        "UNSUPPORTED_RESOURCE_ARN_IN_POLICY",
        "resource",
        {"Resource": [BUCKET, OBJECTS, "arn:aws:sqs:us-east-1:111122223333:q"]},
        {"Resource": [BUCKET, OBJECTS]},
    ),
    ("UNSUPPORTED_SID", "identity", {"Sid": "let them read"}, {"Sid": "LetThemRead1"}),
    (
        "UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
        "resource",
        {"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}},
        {"Principal": {"AWS": "*"}},
    ),
    ("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", "resource", {"Principal": {"Service": "*"}}, {"Principal": LAMBDA}),
    (
        "MISSING_BRACE_IN_VARIABLE",
        "identity",
        {"Resource": f"{BUCKET}/${{aws:username/*"},
        {"Resource": f"{BUCKET}/${{aws:username}}/*"},
    ),
    (
        "MISSING_QUOTE_IN_VARIABLE",
        "identity",
        {"Resource": f"{BUCKET}/${{aws:username, x}}/*"},
        {"Resource": f"{BUCKET}/${{aws:username, 'x'}}/*"},
    ),
    (
        "UNSUPPORTED_SPACE_IN_VARIABLE",
        "identity",
        {"Resource": f"{BUCKET}/${{aws: username}}/*"},
        {"Resource": f"{BUCKET}/${{aws:username}}/*"},
    ),
    ("EMPTY_VARIABLE", "identity", {"Resource": f"{BUCKET}/${{}}/*"}, {"Resource": f"{BUCKET}/${{*}}"}),
    ("VARIABLE_UNSUPPORTED_IN_ELEMENT", "resource", {"Principal": {"AWS": "${aws:PrincipalArn}"}}, {"Principal": "*"}),
    ("VARIABLE_UNSUPPORTED_IN_ELEMENT", "identity", {"Action": "s3:${aws:username}"}, {"Action": "s3:GetObject"}),
    (
        "VARIABLE_UNSUPPORTED_IN_VERSION",
        "identity",
        {"Version": "2008-10-17", "Statement": DEFAULTS["identity"] | {"Resource": f"{BUCKET}/${{aws:username}}"}},
        {"Resource": f"{BUCKET}/${{aws:username}}"},
    ),
    (
        "PRIVATE_IP_ADDRESS",
        "identity",
        when("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        when("IpAddress", "aws:SourceIp", "52.95.0.0/16"),
    ),
    (
        "PRIVATE_NOT_IP_ADDRESS",
        "identity",
        when("NotIpAddress", "aws:SourceIp", "192.168.1.0/24"),
        when("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/8"),
    ),
    (
        "PRIVATE_IP_ADDRESS_SUBSET",
        "identity",
        when("IpAddress", "aws:SourceIp", "10.0.0.0/8", "52.95.0.0/16"),
        when("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
    ),
    (
        "PRIVATE_NOT_IP_ADDRESS_SUBSET",
        "identity",
        when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "52.95.0.0/16"),
        when("NotIpAddress", "aws:SourceIp", "52.95.0.0/16"),
    ),
    ("POLICY_SIZE_EXCEEDS_SCP_QUOTA", "scp", {"Action": MANY}, {"Action": "s3:*"}),
    ("POLICY_SIZE_EXCEEDS_RCP_QUOTA", "rcp", {"Action": MANY}, {"Action": "s3:*"}),
    ("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", "identity", {"Action": MANY}, {"Action": "s3:*"}),
    ("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", "resource", {"Action": MANY * 3}, {"Action": MANY}),
    ("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", "trust", {"Action": MANY}, {"Action": "sts:AssumeRole"}),
    ("INVALID_SERVICE_PRINCIPAL_FORMAT", "resource", {"Principal": {"Service": "lambda"}}, {"Principal": LAMBDA}),
    (
        "INVALID_SERVICE_PRINCIPAL_FORMAT",
        "identity",
        when("StringEquals", "kms:ViaService", "s3.amazonaws.com"),
        when("StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com"),
    ),
    (
        "INVALID_SERVICE_PRINCIPAL_FORMAT",
        "identity",
        when("StringEquals", "iam:PassedToService", "lambda"),
        when("StringEquals", "iam:PassedToService", "lambda.amazonaws.com"),
    ),
    (
        "MISSING_TAG_KEY_IN_CONDITION",
        "identity",
        when("StringEquals", "aws:RequestTag", "x"),
        when("StringEquals", "aws:RequestTag/team", "x"),
    ),
    (
        "MISSING_TAG_KEY_IN_CONDITION",
        "identity",
        when("StringEquals", "iam:ResourceTag/", "x"),
        when("StringEquals", "iam:ResourceTag/team", "x"),
    ),
    (
        "INVALID_VPC_FORMAT",
        "identity",
        when("StringEquals", "aws:SourceVpc", "main"),
        when("StringEquals", "aws:SourceVpc", "vpc-0a1b2c3d4e5f67890"),
    ),
    (
        "INVALID_VPCE_FORMAT",
        "identity",
        when("StringEquals", "aws:SourceVpce", "vpc-12345678"),
        when("StringEquals", "aws:SourceVpce", "vpce-12345678"),
    ),
    ("FEDERATED_PRINCIPAL_NOT_SUPPORTED", "resource", {"Principal": SAML}, {"Principal": {"AWS": ROLE}}),
    (
        "UNSUPPORTED_ACTION_FOR_CONDITION_KEY",
        "identity",
        {"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"} | when("StringLike", "s3:prefix", "a/*"),
        {"Action": "s3:ListBucket", "Resource": BUCKET} | when("StringLike", "s3:prefix", "a/*"),
    ),
    (
        "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
        "resource",
        {"Principal": LAMBDA} | when("StringEquals", "aws:PrincipalOrgID", "o-1"),
        {"Principal": LAMBDA} | when("StringEquals", "aws:SourceOrgID", "o-1"),
    ),
    (
        "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
        "trust",
        {"NotPrincipal": {"AWS": ROLE}},
        {"Principal": {"AWS": ROLE}},
    ),
    (
        "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL",
        "trust",
        {"Principal": "*"},
        {"Principal": {"AWS": "111122223333"}},
    ),
    ("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", "trust", {"Resource": "*"}, {"Action": "sts:AssumeRole"}),
    (
        "TYPE_MISMATCH_IP_RANGE",
        "identity",
        when("IpAddress", "aws:SourceIp", "10.0.0"),
        when("IpAddress", "aws:SourceIp", "2001:db8::/32"),
    ),
    (
        "MISSING_ACTION_FOR_CONDITION_KEY",
        "trust",
        when("StringEquals", "sts:SourceIdentity", "ada"),
        {"Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]} | when("StringEquals", "sts:SourceIdentity", "ada"),
    ),
    (
        "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY",
        "trust",
        web(Principal={"Federated": "google"}),
        web(Principal=GOOGLE),
    ),
    (
        "MISMATCHED_ACTION_FOR_PRINCIPAL",
        "trust",
        {"Principal": SAML},
        {"Principal": SAML, "Action": "sts:AssumeRoleWithSAML"},
    ),
    (
        "MISMATCHED_ACTION_FOR_PRINCIPAL",
        "trust",
        {"Action": "sts:AssumeRoleWithWebIdentity"},
        {"Action": "sts:AssumeRole"},
    ),
    (
        "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY",
        "trust",
        {"Principal": {"Service": "rolesanywhere.amazonaws.com"}},
        {
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        },
    ),
    ("RCP_SYNTAX_ERROR_PRINCIPAL", "rcp", {"Principal": {"AWS": ROLE}}, {"Principal": "*"}),
    ("RCP_SYNTAX_ERROR_ALLOW", "rcp", {"Effect": "Allow"}, {"Effect": "Deny"}),
    ("RCP_SYNTAX_ERROR_ALLOW", "rcp", {"Effect": "Allow"}, {"Effect": "Allow", "Action": "*"}),
    ("RCP_SYNTAX_ERROR_NOTACTION", "rcp", {"NotAction": "s3:*"}, {"Action": "s3:*"}),
    ("RCP_SYNTAX_ERROR_ACTION", "rcp", {"Action": "ec2:*"}, {"Action": ["s3:*", "kms:Decrypt"]}),
    ("RCP_SYNTAX_ERROR_ACTION", "rcp", {"Action": "*"}, {"Action": ["sqs:*", "events:PutEvents", "logs:*"]}),
    (
        "INVALID_KMS_KEY_VALUE",
        "resource",
        when("StringEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", "1234abcd-12ab-34cd-56ef-1234567890ab"),
        when(
            "StringEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:us-east-1:111122223333:key/1"
        ),
    ),
    (
        "VARIABLE_USAGE_TOO_PERMISSIVE",
        "trust",
        web(**when("StringLike", SUB, f"${{{SUB}}}")),
        web(**when("StringEquals", SUB, MAIN)),
    ),
    (
        "WILDCARD_USAGE_TOO_PERMISSIVE",
        "trust",
        web(**when("StringLike", SUB, "repo:*")),
        web(**when("StringLike", SUB, "repo:octo/*")),
    ),
    *[
        (f"{kind}_USAGE_TOO_PERMISSIVE", policy_type, when(operator, key, open_value), when(operator, key, fixed))
        for kind, policy_type, operator, key, open_value, fixed in (
            ("WILDCARD", "resource", "StringLike", "aws:PrincipalOrgID", "o-*", "o-abcde12345"),
            ("WILDCARD", "resource", "StringLike", "aws:SourceAccount", "*", "111122223333"),
            ("WILDCARD", "identity", "StringNotLike", "aws:ResourceAccount", "1111*", "111122223333"),
            ("WILDCARD", "resource", "StringLike", "aws:SourceVpce", "vpce-?2345678", "vpce-12345678"),
            ("WILDCARD", "resource", "StringLike", "aws:userid", "AROA*", "AROAABCDEFGHIJKLMNOP:*"),
            ("WILDCARD", "resource", "StringLike", "aws:userid", "*", "*:ada"),
            ("WILDCARD", "resource", "ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*", "o-abcde12345/*"),
            ("VARIABLE", "resource", "StringEquals", "aws:SourceOrgID", "${aws:ResourceOrgID}", "o-abcde12345"),
            ("VARIABLE", "resource", "StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}", "${*}"),
            ("VARIABLE", "identity", "StringEquals", "aws:PrincipalAccount", "${aws:PrincipalTag/a}", "111122223333"),
            ("VARIABLE", "resource", "StringLike", "aws:userid", "a${aws:username}:x", "${aws:userid}:*"),
        )
    ],
    (
        "DEPRECATED_GLOBAL_CONDITION_KEY",
        "identity",
        when("StringEquals", "aws:SourceOwner", "1"),
        when("StringEquals", "aws:SourceAccount", "1"),
    ),
    (
        "INVALID_DATE_VALUE",
        "identity",
        when("DateLessThan", "aws:CurrentTime", "2026-13-45"),
        when("DateLessThan", "aws:CurrentTime", "2026-12-31T23:59:59Z"),
    ),
    (
        "INVALID_DATE_VALUE",
        "identity",
        when("DateLessThan", "aws:CurrentTime", "1798761599"),
        when("DateLessThan", "aws:EpochTime", "1798761599"),
    ),
    (
        "INVALID_ROLE_REFERENCE",
        "resource",
        {"Principal": {"AWS": "AROAEXAMPLE123456789"}},
        {"Principal": {"AWS": ROLE}},
    ),
    (
        "INVALID_USER_REFERENCE",
        "resource",
        {"Principal": {"AWS": "AIDAEXAMPLE123456789"}},
        {"Principal": {"AWS": ROLE}},
    ),
    ("MISSING_VERSION", "identity", {"Statement": DEFAULTS["identity"]}, {"Action": "s3:*"}),
    (
        "WILDCARD_WITHOUT_LIKE_OPERATOR",
        "identity",
        when("StringEquals", "aws:username", "dev-*"),
        when("StringLike", "aws:username", "dev-*"),
    ),
    (
        "TYPE_MISMATCH",
        "identity",
        when("StringEquals", "aws:SourceIp", "1.2.3.4"),
        when("IpAddress", "aws:SourceIp", "1.2.3.4"),
    ),
    (
        "TYPE_MISMATCH_BOOLEAN",
        "identity",
        when("Bool", "aws:SecureTransport", "yes"),
        when("Bool", "aws:SecureTransport", True),
    ),
    (
        "TYPE_MISMATCH_DATE",
        "identity",
        when("DateLessThan", "aws:CurrentTime", "tomorrow"),
        when("DateLessThan", "aws:CurrentTime", "2026-12-31"),
    ),
    (
        "TYPE_MISMATCH_NUMBER",
        "identity",
        when("NumericLessThan", "aws:MultiFactorAuthAge", "1h"),
        when("NumericLessThan", "aws:MultiFactorAuthAge", 3600),
    ),
    (
        "TYPE_MISMATCH_STRING",
        "identity",
        when("StringEquals", "aws:username", 7),
        when("StringEquals", "aws:username", "7"),
    ),
    (
        "TYPE_MISMATCH_STRING",
        "identity",
        when("BinaryEquals", "s3:x", "no base64!"),
        when("BinaryEquals", "s3:x", "QmluYXJ5"),
    ),
    (
        "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED",
        "trust",
        web(**when("StringLike", SUB, "repo:octo/*")),
        web(**when("StringEquals", SUB, MAIN)),
    ),
    (
        "RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY",
        "rcp",
        when("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-1"),
        {
            "Condition": {
                "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            }
        },
    ),
    (
        "RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY",
        "rcp",
        when("StringNotEqualsIfExists", "aws:SourceOrgID", "o-1"),
        {
            "Condition": {
                "StringNotEqualsIfExists": {"aws:SourceOrgID": "o-1"},
                "Bool": {"aws:PrincipalIsAWSService": "true"},
            }
        },
    ),
    (
        "RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK",
        "rcp",
        when("StringNotEqualsIfExists", "aws:SourceOrgID", "o-1"),
        {"Condition": {"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-1"}, "Null": {"aws:SourceAccount": "false"}}},
    ),
    (
        "USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES",
        "identity",
        {"Action": "*"} | when("StringEquals", "aws:VpceOrgID", "o-1"),
        when("StringEquals", "aws:VpceOrgID", "o-1"),
    ),
    (
        "UNTRUSTWORTHY_CONDITION_KEY",
        "resource",
        when("StringLike", "aws:Referer", "https://a/*"),
        when("ArnLike", "aws:SourceArn", BUCKET),
    ),
    (
        "ALLOW_WITH_NOT_PRINCIPAL",
        "resource",
        without("resource", "Principal")
        | {"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "s3:*", "Resource": BUCKET}},
        {"Effect": "Deny"},
    ),
    (
        "FORALLVALUES_WITH_SINGLE_VALUED_KEY",
        "identity",
        when("ForAllValues:StringEquals", "aws:username", "a"),
        when("ForAllValues:StringEquals", "aws:TagKeys", "a"),
    ),
    *sensitive("PASS_ROLE", PASS, "iam:PassedToService"),
    *sensitive("CREATE_SLR", SLR, "iam:AWSServiceName"),
    (
        "MISSING_PAIRED_CONDITION_KEYS",
        "identity",
        when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"),
        {
            "Condition": {
                "IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"},
                "StringEquals": {"aws:SourceVpc": "vpc-12345678"},
            }
        },
    ),
    (
        "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "identity",
        {"Effect": "Deny", "Action": "pricing:GetProducts", "Resource": "*"}
        | when("StringEquals", "aws:ResourceTag/a", "b"),
        {"Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "*"}
        | when("StringEquals", "aws:ResourceTag/a", "b"),
    ),
    (
        "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "identity",
        wide(("ec2:*",), "*", Effect="Deny", **when("StringEquals", "aws:ResourceTag/a", "b")),
        wide(("ec2:*",), "*", Effect="Deny", **when("StringEqualsIfExists", "aws:ResourceTag/a", "b")),
    ),
    (
        "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "identity",
        {"Action": "pricing:GetProducts", "Resource": "*"} | when("StringEquals", "aws:ResourceTag/a", "b"),
        {"Action": "ec2:StopInstances", "Resource": "*"} | when("StringEquals", "aws:ResourceTag/a", "b"),
    ),
    (
        "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
        "identity",
        wide(("ec2:*",), "*", **when("StringEquals", "aws:ResourceTag/a", "b")),
        wide(("ec2:*",), "*", **when("StringEquals", "aws:RequestTag/a", "b")),
    ),
    (
        "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL",
        "resource",
        {"Principal": LAMBDA},
        {"Principal": LAMBDA, "Condition": SOURCE},
    ),
    (
        "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL",
        "resource",
        {"Principal": LAMBDA} | when("Bool", "aws:SecureTransport", "true"),
        {"Principal": LAMBDA, "Condition": SOURCE},
    ),
    (
        "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
        "trust",
        web(Principal=GOOGLE),
        web(Principal=GOOGLE, **when("StringEquals", "accounts.google.com:aud", "a")),
    ),
    (
        "MISSING_GITHUB_REPO_CONDITION_KEY",
        "trust",
        web(**when("StringEquals", "token.actions.githubusercontent.com:aud", "sts.amazonaws.com")),
        web(**when("StringEquals", SUB, MAIN)),
    ),
    (
        "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS",
        "identity",
        when("StringLike", "aws:PrincipalArn", "arn:*:role/a"),
        when("ArnLike", "aws:PrincipalArn", ROLE),
    ),
    (
        "DYNAMODB_ATTRIBUTES_WITHOUT_SELECT",
        "identity",
        {"Action": "dynamodb:Query", "Resource": "*"} | when("ForAllValues:StringEquals", "dynamodb:Attributes", "id"),
        {
            "Action": "dynamodb:Query",
            "Resource": "*",
            "Condition": {
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id"]},
                "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            },
        },
    ),
    (
        "S3_PREFIX_IN_NEGATIVE_CONTEXT",
        "identity",
        {"Action": "s3:ListBucket", "Resource": BUCKET} | when("StringNotLike", "s3:prefix", "secret/*"),
        {"Action": "s3:ListBucket", "Resource": BUCKET, "Effect": "Deny"}
        | when("StringNotLike", "s3:prefix", "home/*"),
    ),
    (
        "FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE",
        "trust",
        web(Principal=GOOGLE, **when("ForAnyValue:StringEquals", "accounts.google.com:aud", "a")),
        web(Principal=GOOGLE, **when("StringEquals", "accounts.google.com:aud", "a")),
    ),
    (
        "CONFIRM_AUDIENCE_CLAIM_TYPE",
        "trust",
        web(Principal=GOOGLE, **when("ForAllValues:StringEquals", "accounts.google.com:aud", "a")),
        web(Principal=GOOGLE, **when("StringEquals", "accounts.google.com:aud", "a")),
    ),
    ("EMPTY_ARRAY_ACTION", "identity", {"Action": []}, {"Action": "s3:*"}),
    ("EMPTY_ARRAY_RESOURCE", "identity", {"Resource": []}, {"Resource": "*"}),
    ("EMPTY_ARRAY_PRINCIPAL", "resource", {"Principal": {"AWS": []}}, {"Principal": {"AWS": [ROLE]}}),
    ("EMPTY_OBJECT_PRINCIPAL", "resource", {"Principal": {}}, {"Principal": "*"}),
    ("EMPTY_OBJECT_CONDITION", "identity", {"Condition": {}}, when("Bool", "aws:SecureTransport", "true")),
    ("EMPTY_OBJECT_CONDITION", "identity", {"Condition": {"Bool": {}}}, {"Action": "s3:*"}),
    (
        "EMPTY_ARRAY_CONDITION",
        "identity",
        {"Condition": {"StringEquals": {"aws:username": []}}},
        when("StringEquals", "aws:username", "a"),
    ),
    (
        "EMPTY_ARRAY_CONDITION_FORALLVALUES",
        "identity",
        {"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": []}}},
        when("ForAllValues:StringEquals", "aws:TagKeys", "a"),
    ),
    (
        "EMPTY_ARRAY_CONDITION_FORANYVALUE",
        "identity",
        {"Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": []}}},
        when("ForAnyValue:StringEquals", "aws:TagKeys", "a"),
    ),
    (
        "EMPTY_ARRAY_CONDITION_IFEXISTS",
        "identity",
        {"Condition": {"StringEqualsIfExists": {"aws:username": []}}},
        when("StringEqualsIfExists", "aws:username", "a"),
    ),
    ("EMPTY_SID_VALUE", "identity", {"Sid": ""}, {"Sid": "A"}),
    (
        "EQUIVALENT_TO_NULL_FALSE",
        "identity",
        when("StringLike", "aws:SourceIdentity", "*"),
        when("StringLike", "aws:SourceIdentity", "a*"),
    ),
    (
        "EQUIVALENT_TO_NULL_TRUE",
        "identity",
        when("StringNotLike", "aws:SourceIdentity", "*"),
        when("Null", "aws:SourceIdentity", "true"),
    ),
    (
        "IMPROVE_IP_RANGE",
        "identity",
        when("IpAddress", "aws:SourceIp", "52.95.1.7/16"),
        when("IpAddress", "aws:SourceIp", "52.95.0.0/16"),
    ),
    ("REDUNDANT_ACTION", "identity", {"Action": ["s3:Get*", "s3:getobject"]}, {"Action": ["s3:Get*", "s3:PutObject"]}),
    ("REDUNDANT_RESOURCE", "identity", {"Resource": [OBJECTS, f"{BUCKET}/a"]}, {"Resource": [OBJECTS, BUCKET]}),
    ("REDUNDANT_STATEMENT", "identity", [{"Sid": "A"}, {"Sid": "B"}], [{"Action": "s3:Get*"}, {}]),
    (
        "REDUNDANT_STATEMENT",
        "identity",
        [{"Action": ["s3:GetObject", "s3:PutObject"]}, {"Action": ["s3:putobject", "s3:GetObject"]}],
        [{"Effect": "Deny"}, {}],
    ),
    (
        "REDUNDANT_CONDITION_VALUE_NUM",
        "identity",
        when("NumericLessThan", "aws:MultiFactorAuthAge", "60", "3600"),
        when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
    ),
    ("WILDCARD_IN_SERVICE_NAME", "identity", {"Action": "s*:Get*"}, {"Action": "s3:Get*"}),
    ("WILDCARD_IN_SERVICE_NAME", "identity", {"Resource": "arn:aws:*code*::111122223333:*"}, {"Resource": "*"}),
    (
        "IRRELEVANT_CONDITION_KEY_IN_POLICY",
        "resource",
        when("StringEquals", "aws:ResourceAccount", "111122223333"),
        when("StringEquals", "aws:PrincipalAccount", "111122223333"),
    ),
    (
        "REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION",
        "identity",
        when("StringLikeIfExists", "aws:username", "*"),
        when("StringLikeIfExists", "aws:username", "a*"),
    ),
    (
        "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION",
        "identity",
        when("ForAnyValue:StringNotLike", "aws:TagKeys", "*"),
        when("ForAnyValue:StringLike", "aws:TagKeys", "a*"),
    ),
    (
        "REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY",
        "trust",
        {"Principal": {"AWS": [ROLE, "arn:aws:sts::111122223333:assumed-role/app/session"]}},
        {"Principal": {"AWS": [ROLE, "arn:aws:iam::111122223333:role/other"]}},
    ),
]


CLEAN = [  # policy type, changes to its default statement: what AWS documents has no error
    ("identity", when("NotIpAddress", "aws:SourceIp", "192.0.2.0/24", "203.0.113.0/24", "2001:DB8:1234:5678::/64")),
    ("trust", {"Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/app/session"}}),
    ("resource", {"Principal": {"AWS": "arn:aws:sts::111122223333:federated-user/ada"}}),
    ("resource", {"Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}}),
    ("resource", {"Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/GET/*"}),
    ("scp", {"Action": "*"} | when("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:root")),
    (
        "identity",
        {"Action": "iam:PassRole", "Resource": "*"}
        | when("StringEqualsIfExists", "iam:PassedToService", "ec2.amazonaws.com"),
    ),
    ("identity", when("StringEquals", "aws:ResourceAccount", "${aws:PrincipalAccount}")),
    ("identity", when("StringEquals", "aws:OriginIdentity/Subject", "x")),
    ("identity", when("StringEquals", "glue:RoleAssumedBy", "glue.amazonaws.com")),
    ("identity", {"Action": "iam:CreateUser", "Resource": "*"} | when("ArnLike", "ec2:SourceInstanceArn", "arn:aws:*")),
    (
        "identity",
        {
            "Action": "cloudformation:CreateChangeSet",
            "Resource": "arn:aws:cloudformation:us-east-1:aws:transform/Serverless-2016-10-31",
        },
    ),
    ("scp", {"Action": "iam:*AccessKey*"}),
    ("scp", {"Action": "acm-pca:*"} | when("StringNotEqualsIfExists", "aws:VpceOrgID", "o-abcde12345")),
    ("rcp", {"Effect": "Allow", "Action": "*"}),
    ("rcp", {"Action": "events:PutEvents"}),
    ("resource", {"Action": "SNS:Receive", "Resource": "arn:aws:sns:us-east-1:111122223333:news"}),
    ("endpoint", {"Action": ["s3:GetObject", "dynamodb:GetItem"]}),
    ("endpoint", when("StringEquals", "aws:ResourceOrgID", "o-abcde12345")),
    ("resource", {"Resource": "*"} | when("StringEquals", "aws:ResourceOrgID", "o-abcde12345")),
    ("identity", {"Resource": "arn:aws:s3::111122223333:accesspoint/abcdef.mrap/object/*"}),
]
FOUND = [  # policy type, changes, code: more forms of a fault
    ("resource", {"Principal": {"AWS": "arn:aws:s3:::photos"}}, "INVALID_PRINCIPAL_FORMAT"),
    ("identity", {"Resource": ["*", OBJECTS]}, "REDUNDANT_RESOURCE"),
    ("identity", when("IpAddress", "aws:SourceIp", "8.8.8.*"), "TYPE_MISMATCH_IP_RANGE"),
    ("identity", when("IpAddress", "aws:SourceIp", "2a00:1450:1:2::5/32"), "IMPROVE_IP_RANGE"),
    ("trust", web(**when("StringLike", SUB, "re*")), "WILDCARD_USAGE_TOO_PERMISSIVE"),
    ("trust", web(**when("StringLike", SUB, "repo:octo*")), "WILDCARD_USAGE_TOO_PERMISSIVE"),
    (
        "identity",
        wide(PASS, "*", **when("StringNotEquals", "iam:PassedToService", "x")),
        "PASS_ROLE_WITH_STAR_IN_RESOURCE",
    ),
    ("identity", wide(PASS, "*", **when("StringLike", "iam:PassedToService", "*")), "PASS_ROLE_WITH_STAR_IN_RESOURCE"),
    ("identity", {"Resource": "arn:aws:s3::111122223333:accesspoint/jar/object/*"}, "MISSING_ARN_REGION"),
    ("resource", when("StringEquals", "s3:ResourceAccount", "111122223333"), "IRRELEVANT_CONDITION_KEY_IN_POLICY"),
    ("trust", web(**when("StringLike", SUB, "repo:octo/*:*")), "WILDCARD_USAGE_TOO_PERMISSIVE"),
]


@pytest.mark.parametrize(("kind", "case"), CLEAN)
def test_what_aws_documents_is_no_error(kind: str, case: dict) -> None:
    found = validate(document(kind, case), kind, own=False)
    assert not [f for f in found if f.severity in ("ERROR", "SECURITY_WARNING")]


@pytest.mark.parametrize(("kind", "case", "code"), FOUND)
def test_more_forms_of_a_fault(kind: str, case: dict, code: str) -> None:
    assert code in codes(kind, case)


def codes(kind: str, case) -> set[str]:
    return {finding.code for finding in validate(document(kind, case), kind)}


@pytest.mark.parametrize(("code", "kind", "trigger", "clean"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_a_trigger_has_the_finding_and_its_neighbour_has_not(code, kind, trigger, clean) -> None:
    found = [f for f in validate(document(kind, trigger), kind) if f.code == code]
    assert found
    assert all(f.severity == CODES[code] and f.message and isinstance(f.path, str) for f in found)
    assert code not in codes(kind, clean)


def test_every_code_has_a_case() -> None:
    # Since September 2025 a service control policy takes wildcards anywhere ("SCP syntax").
    assert set(CODES) - OURS - {"SCP_SYNTAX_ERROR_ACTION_WILDCARD"} == {case[0] for case in CASES}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_the_neighbours_start_from_policies_without_findings(kind: str) -> None:
    assert validate(document(kind, [{}]), kind) == []


MISPLACED = [  # kind of principal, value, kind under which it belongs
    ("AWS", "lambda.amazonaws.com", "Service"),
    ("AWS", "cognito-identity.amazonaws.com", "Federated"),
    ("AWS", SAML["Federated"], "Federated"),
    ("AWS", "0123456789abcdef" * 4, "CanonicalUser"),
    ("Service", ROLE, "AWS"),
    ("Service", "111122223333", "AWS"),
    ("Federated", ROLE, "AWS"),
    ("Federated", "lambda.amazonaws.com", "Service"),
]


@pytest.mark.parametrize(("kind", "value", "place"), MISPLACED)
def test_a_principal_under_the_wrong_kind_is_told_its_place(kind: str, value: str, place: str) -> None:
    found = [f for f in validate(document("trust", {"Principal": {kind: value}}), "trust") if f.severity == "ERROR"]
    assert any(f"under {place}," in f.message for f in found)
    assert not any("'*'" in f.message or '"*"' in f.message for f in found)


HINTS = [  # what is written, what is asked for, what must not be
    ("s3:ListObjects", "s3:ListBucket", "Put"),
    ("bedrock:Converse", "bedrock:InvokeModel", "Delete"),
    ("opensearch:ESHttpGet", "es:ESHttpGet", "ESHttpPut"),
    ("sfn:StartExecution", "states:StartExecution", "Stop"),
    ("s3:HeadBucket", "s3:ListBucket", "Create"),
    ("dynamodb:TransactGetItems", "dynamodb:GetItem", "Write"),
    ("ec2:DescribeInstance", "ec2:DescribeInstances", "Modify"),
    ("sqs:SendMessages", "sqs:SendMessage", "Delete"),
]


@pytest.mark.parametrize(("written", "meant", "never"), HINTS)
def test_a_hint_is_what_the_operation_needs_and_no_write_for_a_read(written: str, meant: str, never: str) -> None:
    (found,) = [
        f for f in validate(document("identity", {"Action": written, "Resource": "*"})) if f.code[:7] == "INVALID"
    ]
    assert f"did you mean {meant}" in found.message
    assert never not in found.message.partition("did you mean")[2]
