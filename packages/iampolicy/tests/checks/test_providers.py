"""Trust policies of OpenID Connect providers: whose tokens, which claims, which values; and what is said of them."""

import pytest

from iampolicy.checks import validate

GITHUB, GITLAB, TERRAFORM = "token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"
EKS = "oidc.eks.eu-west-1.amazonaws.com/id/AAAA0000BBBB1111CCCC2222DDDD3333"
PULUMI, VERCEL, COGNITO = "api.pulumi.com/oidc", "oidc.vercel.com", "cognito-identity.amazonaws.com"
MAIN = "repo:octo/app:ref:refs/heads/main"
POD = "system:serviceaccount:jam:pot"
TENANT, NEVER, VALUE = (
    "MISSING_TENANT_CLAIM_FOR_OIDC_PRINCIPAL",
    "CONDITION_KEY_NEVER_PRESENT",
    "CLAIM_VALUE_NEVER_SENT",
)
OPEN, GITHUB_REPO, BRANCH = (
    "WILDCARD_USAGE_TOO_PERMISSIVE",
    "MISSING_GITHUB_REPO_CONDITION_KEY",
    "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED",
)
CASES = [  # host, tests as (operator, claim, value), codes
    (GITHUB, [("StringEquals", "sub", MAIN), ("StringEquals", "aud", "sts.amazonaws.com")], set()),
    (GITHUB, [("StringEquals", "aud", "sts.amazonaws.com")], {GITHUB_REPO}),
    (GITHUB, [("StringEquals", "job_workflow_ref", "octo/ci/.github/workflows/a.yml@main")], {"SUB_CLAIM_EXPECTED"}),
    (GITHUB, [("StringEquals", "repository_id", "40404040")], {"SUB_CLAIM_EXPECTED"}),
    (GITHUB, [("StringNotEquals", "repository_id", "40404040")], {GITHUB_REPO}),
    (GITHUB, [("StringEqualsIfExists", "sub", MAIN)], {GITHUB_REPO}),
    (GITHUB, [("StringLike", "sub", "repo:octo@*/tart@*:ref:refs/heads/main")], {BRANCH}),
    (GITHUB, [("StringEquals", "sub", "repo:octo@1234/tart@5678:ref:refs/heads/main")], set()),
    (GITHUB, [("StringLike", "sub", "repo:octo/app:*")], {BRANCH}),
    (GITHUB, [("StringLike", "sub", "repo:octo*")], {OPEN, BRANCH}),
    (GITHUB, [("StringLike", "sub", "*")], {OPEN, BRANCH, "EQUIVALENT_TO_NULL_FALSE"}),
    (GITHUB, [("StringEquals", "sub", "repo:octo/app")], {VALUE}),
    (GITHUB, [("StringEquals", "sub", "octo/app:ref:refs/heads/main")], {VALUE}),
    (GITHUB, [("StringEquals", "sub", MAIN), ("StringEquals", "event_name", "push")], {NEVER}),
    (GITHUB, [("StringEquals", "sub", MAIN), ("StringEquals", "repository_owner", "octo")], {NEVER}),
    (GITHUB, [("StringEquals", "sub", MAIN), ("StringEquals", "workflow_ref", "x")], {NEVER}),
    (GITHUB, [("StringEquals", "sub", MAIN), ("StringEquals", "ref", "refs/heads/main")], set()),
    (GITLAB, [("StringLike", "sub", "project_path:*")], {OPEN}),
    (GITLAB, [("StringLike", "sub", "project_path:grp/app:ref_type:branch:ref:*")], set()),
    (GITLAB, [("StringEquals", "aud", "https://gitlab.com")], {TENANT}),
    (GITLAB, [("StringEquals", "project_id", "7")], {"SUB_CLAIM_EXPECTED"}),
    (TERRAFORM, [("StringEquals", "aud", "aws.workload.identity")], {TENANT}),
    (TERRAFORM, [("StringLike", "sub", "organization:jam:project:*:workspace:*:run_phase:*")], set()),
    (TERRAFORM, [("StringLike", "sub", "organization:*:project:p:workspace:w:run_phase:apply")], {OPEN}),
    (PULUMI, [("StringEquals", "aud", "aws:jam")], set()),
    (PULUMI, [("StringLike", "sub", "pulumi:deploy:*")], {TENANT}),
    (VERCEL, [("StringEquals", "aud", "https://vercel.com/jam")], set()),
    (VERCEL, [("StringEquals", "sub", "owner:jam:project:p:environment:production")], {TENANT}),
    (COGNITO, [("StringEquals", "aud", "us-east-1:11111111-2222-3333-4444-555555555555")], set()),
    (COGNITO, [("ForAnyValue:StringLike", "amr", "authenticated")], {TENANT}),
    (EKS, [("StringEquals", "sub", POD), ("StringEquals", "aud", "sts.amazonaws.com")], set()),
    (EKS, [("StringEquals", "aud", POD)], {VALUE}),
    (EKS, [("StringEquals", "sub", "jam:pot")], {VALUE}),
    (EKS, [("StringEquals", "sub", POD), ("StringEquals", "namespace", "jam")], {NEVER}),
    ("auth.example.com", [("StringEquals", "groups", "x")], set()),  # nobody lists it: nothing is known
]


def trust(host: str, *tests: tuple[str, str, str]) -> dict:
    condition: dict[str, dict[str, str]] = {}
    for operator, key, value in tests:
        condition.setdefault(operator, {})[key] = value
    principal = {"Federated": host if host == COGNITO else f"arn:aws:iam::111122223333:oidc-provider/{host}"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity"}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


@pytest.mark.parametrize(("host", "tests", "codes"), CASES)
def test_claims(host: str, tests: list, codes: set[str]) -> None:
    found = validate(trust(host, *((operator, f"{host}:{claim}", value) for operator, claim, value in tests)), "trust")
    amr = {"MISSING_QUALIFIER", "EMPTY_ARRAY_CONDITION"}
    assert {f.code for f in found} - amr == codes


def test_a_key_of_no_provider_here_is_never_there_and_the_right_one_is_told() -> None:
    key = f"arn:aws:iam::111122223333:oidc-provider/{EKS}:sub"
    found = {f.code: f.message for f in validate(trust(EKS, ("StringEquals", key, POD)), "trust")}
    assert "nobody can assume the role" in found[NEVER]
    assert f"Write {EKS}:sub." in found[NEVER]
    assert not any("Any token" in message for message in found.values())


@pytest.mark.parametrize("operator", ["StringEqualsIfExists", "StringNotEquals", "ForAllValues:StringEquals"])
def test_a_test_that_holds_without_its_key_is_said_to_hold(operator: str) -> None:
    tests = (("StringEquals", f"{GITHUB}:sub", MAIN), (operator, f"{GITHUB}:event_name", "push"))
    (found,) = [f for f in validate(trust(GITHUB, *tests), "trust") if f.code == NEVER]
    assert "holds for everybody" in found.message


def test_the_sentence_about_github_claims_no_more_than_is_so() -> None:
    (found,) = validate(trust(GITHUB, ("StringEquals", f"{GITHUB}:aud", "sts.amazonaws.com")), "trust")
    assert "any repository" not in found.message.lower()


def test_a_provider_is_known_in_any_case_and_keeps_its_case() -> None:
    host = GITHUB.replace("token", "Token")
    found = validate(trust(host), "trust")
    assert {f.code for f in found} == {"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", GITHUB_REPO}
    assert all(host in f.message for f in found)
