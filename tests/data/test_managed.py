"""Managed policies: all of AWS's from the embedded AWS, and one clear line where an account refuses."""

import json
import os
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, HTTPClientError
from botocore.stub import Stubber

from lib.data import managed
from lib.data.managed import ManagedPolicy, ManagedPolicyError, fetch, instruction_for, report_names, words_of

SECRETS = ("AKIAPLANTEDPLANTED00", "planted-secret-key", "planted-session-token")
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def assert_one_clear_line(error, *said):
    text = str(error)
    assert "\n" not in text and len(text) < 250
    assert all(part in text for part in said), text
    assert text.endswith('or use SOURCE="embedded"')
    assert not any(secret in text for secret in SECRETS), text


# The embedded AWS


def test_the_embedded_aws_has_the_managed_policies(fetched):
    assert len(fetched.policies) > 1_500
    assert len({p.name for p in fetched.policies}) == len({p.arn for p in fetched.policies}) == len(fetched.policies)
    for policy in fetched.policies:
        assert policy.arn.startswith("arn:aws:iam::aws:policy/") and policy.arn.endswith(f"/{policy.name}")
        assert policy.version.startswith("v") and policy.version[1:].isdigit()
        assert isinstance(policy.document["Statement"], list | dict) and policy.document["Statement"]


def test_well_known_policies_say_what_aws_says(fetched):
    found = {p.name: p.document for p in fetched.policies}
    assert {"AdministratorAccess", "ReadOnlyAccess", "AmazonS3FullAccess", "AWSLambdaBasicExecutionRole"} <= set(found)
    (statement,) = found["AdministratorAccess"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Allow", "*", "*")


def test_the_readers_shell_is_neither_used_nor_changed(fetched):
    """The fixture reads in a shell whose endpoint does not answer and whose profile does not exist."""
    assert fetched.before == fetched.after
    assert fetched.before["AWS_SECRET_ACCESS_KEY"] in SECRETS
    assert len(fetched.policies) > 1_500


def test_no_key_of_the_reader_reaches_the_embedded_aws(monkeypatch):
    """What a request would be signed with, seen from inside, and the environment after a failure."""
    for name, secret in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"), SECRETS, strict=True):
        monkeypatch.setenv(f"AWS_{name}", secret)
    boto3.setup_default_session(aws_access_key_id=SECRETS[0], aws_secret_access_key=SECRETS[1])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.DEFAULT_SESSION)  # gone after the test
    make, seen = boto3.client, []

    def client(*args, **kwargs):
        made = make(*args, **kwargs)
        seen.extend(made._request_signer._credentials.get_frozen_credentials())
        seen.append(made.meta.endpoint_url)
        made.meta.events.register("before-call", refuse(EndpointConnectionError(endpoint_url="x")))
        return made

    monkeypatch.setattr(boto3, "client", client)
    before = dict(os.environ)
    with pytest.raises(ManagedPolicyError):
        fetch("embedded", progress=False)
    assert dict(os.environ) == before
    assert seen and not set(SECRETS) & set(seen)
    assert seen[-1] == "https://iam.amazonaws.com"


@pytest.mark.parametrize("source", ["", "AWS", "moto", None, "embedded "])
def test_an_unknown_source_is_refused_with_those_that_exist(source):
    with pytest.raises(ManagedPolicyError) as refused:
        fetch(source)
    assert str(refused.value) == f"unknown SOURCE {source!r}: choose one of embedded, aws"


# An account


@pytest.fixture(scope="module")
def planted():
    """An IAM client with planted keys; it takes half a second to make."""
    session = boto3.Session(
        aws_access_key_id=SECRETS[0], aws_secret_access_key=SECRETS[1], aws_session_token=SECRETS[2]
    )
    return session.client("iam", region_name="us-east-1")


@pytest.fixture
def client(planted, monkeypatch):
    """The client that `fetch` uses."""
    monkeypatch.setattr(managed.boto3, "client", lambda *args, **kwargs: planted)
    return planted


@pytest.fixture
def account(client):
    """A Stubber, which gives the client its answers."""
    with Stubber(client) as stub:
        yield stub


def listed(*names, marker=None):
    rows = [{"PolicyName": n, "Arn": f"arn:aws:iam::aws:policy/job/{n}", "DefaultVersionId": "v2"} for n in names]
    return {"Policies": rows, "IsTruncated": bool(marker)} | ({"Marker": marker} if marker else {})


def asked(name):
    return {"PolicyArn": f"arn:aws:iam::aws:policy/job/{name}", "VersionId": "v2"}


def answered():
    return {"PolicyVersion": {"Document": json.dumps(DOCUMENT), "VersionId": "v2", "IsDefaultVersion": True}}


def test_an_account_is_read_page_by_page(account):
    account.add_response("list_policies", listed("A_name", marker="next"), {"Scope": "AWS"})
    account.add_response("list_policies", listed("B_name"), {"Scope": "AWS", "Marker": "next"})
    account.add_response("get_policy_version", answered(), asked("A_name"))
    account.add_response("get_policy_version", answered(), asked("B_name"))
    found = fetch("aws", progress=False)
    assert found == [ManagedPolicy(n, f"arn:aws:iam::aws:policy/job/{n}", "v2", DOCUMENT) for n in ("A_name", "B_name")]
    account.assert_no_pending_responses()


REFUSALS = [
    ("Throttling", "throttling this account: wait a minute"),
    ("ThrottlingException", "throttling this account: wait a minute"),
    ("RequestLimitExceeded", "throttling this account: wait a minute"),
    ("ExpiredToken", "credentials have expired: sign in again"),
    ("ExpiredTokenException", "credentials have expired: sign in again"),
    ("RequestExpired", "set the clock"),
    ("AccessDenied", "needs iam:ListPolicies and iam:GetPolicyVersion"),
    ("InvalidClientTokenId", "check AWS_PROFILE"),
    ("SignatureDoesNotMatch", "check AWS_PROFILE"),
]


@pytest.mark.parametrize(("code", "advice"), REFUSALS)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_refusal_is_one_clear_line(account, code, advice, at_once):
    if not at_once:
        account.add_response("list_policies", listed("A_name"))
    call = "list_policies" if at_once else "get_policy_version"
    account.add_client_error(call, code, f"The Canonical String was\n{SECRETS[0]}\n{SECRETS[1]}", http_status_code=403)
    with pytest.raises(ManagedPolicyError) as refused:
        fetch("aws", progress=False)
    assert_one_clear_line(refused.value, f"AWS refused ({code}): ", advice)


@pytest.mark.parametrize(
    ("message", "said"), [("Come back\nlater.", "(Odd): Come back later."), ("", "(Odd): no reason is given")]
)
def test_a_refusal_that_nobody_foresaw_says_what_aws_says(account, message, said):
    account.add_client_error("list_policies", "Odd", message)
    with pytest.raises(ManagedPolicyError) as refused:
        fetch("aws", progress=False)
    assert_one_clear_line(refused.value, said)


def refuse(error):
    def hook(**_):
        raise error

    return hook


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://iam.amazonaws.com/"),
        ConnectTimeoutError(endpoint_url="https://iam.amazonaws.com/"),
        HTTPClientError(error=f"proxy said:\n{SECRETS[1]}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_network_is_one_clear_line(client, error):
    client.meta.events.register("before-call.iam", hook := refuse(error))  # before anything is sent
    with pytest.raises(ManagedPolicyError) as refused:
        fetch("aws", progress=False)
    client.meta.events.unregister("before-call.iam", hook)
    assert_one_clear_line(refused.value, "AWS cannot be reached: check the network")


@pytest.fixture
def shell(monkeypatch, tmp_path: Path):
    """A shell without any AWS settings, to which a test adds some; nothing in it leads to a network."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def set_up(config="", **environment):
        (tmp_path / "config").write_text(config, encoding="utf-8")
        files = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        for name, value in (files | {"AWS_EC2_METADATA_DISABLED": "true"} | environment).items():
            monkeypatch.setenv(name, value)

    return set_up


@pytest.mark.parametrize(
    ("config", "environment", "said"),
    [
        ("", {}, "no AWS credentials were found: run `aws configure`"),
        ("", {"AWS_ACCESS_KEY_ID": SECRETS[0]}, "only a part of the AWS credentials was found"),
        ("", {"AWS_PROFILE": "nope"}, "AWS_PROFILE names a profile that does not exist"),
        (
            f"[default]\ncredential_process = sh -c 'echo {SECRETS[1]} >&2; exit 1'\n",
            {},
            "the AWS credentials could not be read",
        ),
        (
            "[default]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n"
            "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://nope.invalid/start\n",
            {"HOME": "/no/such/folder"},  # where the session's token would be
            "your AWS session is over: run `aws sso login`",
        ),
        ("[default\n", {}, "AWS cannot be asked: "),
    ],
    ids=["none", "half", "profile", "program", "sso", "broken file"],
)
def test_credentials_that_do_not_work_are_one_clear_line(shell, config, environment, said):
    shell(config, **environment)
    with pytest.raises(ManagedPolicyError) as refused:
        fetch("aws", progress=False)
    assert_one_clear_line(refused.value, said)


# The report's names and wording


def test_the_report_names_143_policies():
    names = report_names()
    assert len(names) == len(set(names)) == 143
    assert "AWSMarketplaceRead-only" in names and "AmazonS3FullAccess" in names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        # the report's own two examples
        ("AmazonSageMakerTrainingPlanCreateAccess", "Amazon Sage Maker Training Plan Create Access"),
        ("AWSWAFFullAccess", "AWSWAF Full Access"),
        # names of its test split
        ("AWSAppMeshReadOnly", "AWS App Mesh Read Only"),
        ("AWSCertificateManagerPrivateCAAuditor", "AWS Certificate Manager Private CA Auditor"),
        ("AWSBackupServiceRolePolicyForS3Restore", "AWS Backup Service Role Policy For S3Restore"),
        ("AWSCloudHSMReadOnlyAccess", "AWS Cloud HSM Read Only Access"),
        ("AWSDataLifecycleManagerSSMFullAccess", "AWS Data Lifecycle Manager SSM Full Access"),
        ("AWSEC2FleetServiceRolePolicy", "AWSEC2Fleet Service Role Policy"),
        ("AWSIQFullAccess", "AWSIQ Full Access"),
        ("AWSIoTConfigReadOnlyAccess", "AWS Io T Config Read Only Access"),
        ("AWSLambdaENIManagementAccess", "AWS Lambda ENI Management Access"),
        ("AWSLambdaManagedEC2ResourceOperator", "AWS Lambda Managed EC2Resource Operator"),
        ("AWSManagedServices_ContactsServiceRolePolicy", "AWS Managed Services Contacts Service Role Policy"),
        ("AWSMarketplaceRead-only", "AWS Marketplace Read only"),
        ("AWSQuickSetupEnableAREXExecutionPolicy", "AWS Quick Setup Enable AREX Execution Policy"),
        ("AWSServiceRoleForAmazonEKSNodegroup", "AWS Service Role For Amazon EKS Nodegroup"),
        ("AWSVPCS2SVpnServiceRolePolicy", "AWSVPCS2S Vpn Service Role Policy"),
        ("AWSXrayReadOnlyAccess", "AWS Xray Read Only Access"),
        ("AmazonAPIGatewayInvokeFullAccess", "Amazon API Gateway Invoke Full Access"),
        ("AmazonECS_FullAccess", "Amazon ECS Full Access"),
        ("AmazonEKS_CNI_Policy", "Amazon EKS CNI Policy"),
        ("AmazonEMRReadOnlyAccessPolicy_v2", "Amazon EMR Read Only Access Policy v2"),
        ("AmazonInspector2AgentlessServiceRolePolicy", "Amazon Inspector2Agentless Service Role Policy"),
        ("AmazonLaunchWizardFullAccessV2", "Amazon Launch Wizard Full Access V2"),
        ("AmazonRoute53RecoveryReadinessFullAccess", "Amazon Route53Recovery Readiness Full Access"),
        ("AmazonS3FullAccess", "Amazon S3Full Access"),
        (
            "AmazonSageMakerAdmin-ServiceCatalogProductsServiceRolePolicy",
            "Amazon Sage Maker Admin Service Catalog Products Service Role Policy",
        ),
        ("AwsGlueDataBrewFullAccessPolicy", "Aws Glue Data Brew Full Access Policy"),
        ("ClientVPNServiceRolePolicy", "Client VPN Service Role Policy"),
        ("DAXServiceRolePolicy", "DAX Service Role Policy"),
        ("IAMReadOnlyAccess", "IAM Read Only Access"),
        ("ROSAKubeControllerPolicy", "ROSA Kube Controller Policy"),
        # at the edges
        ("", ""),
        ("A", "A"),
        ("AB", "AB"),
        ("a-_-B", "a B"),
        ("_A_", "A"),
    ],
)
def test_a_name_is_worded_as_the_report_words_it(name, words):
    assert words_of(name) == words
    assert instruction_for(name) == f"Provide an IAM policy for {words}"


def test_wording_loses_no_letter(managed_policies):
    for policy in managed_policies:
        letters = policy.name.replace("_", "").replace("-", "")
        assert words_of(policy.name).replace(" ", "") == letters
