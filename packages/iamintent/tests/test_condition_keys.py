"""Condition keys: those that the request says, those of few, and those that policies often use; never too many."""

from iamintent.condition_keys import MOST_KEYS, keys_tested_in, likely_keys

PASS = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",'
    '"Condition":{"StringEquals":{"iam:PassedToService":"glue.amazonaws.com"}}}]}'
)
TAGGED = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*",'
    '"Condition":{"StringEquals":{"S3:ExistingObjectTag/release":"yes","aws:PrincipalTag/x":"y"}}}]}'
)


def test_a_key_is_shown_whose_words_the_request_says():
    request = "create a database instance, never with public access: it must not be publicly accessible"
    assert "rds:PubliclyAccessible" in likely_keys(request, [["rds:CreateDBInstance"]], {})
    assert "rds:PubliclyAccessible" not in likely_keys("create a database instance", [["rds:CreateDBInstance"]], {})


def test_a_key_is_shown_that_training_policies_often_limit_the_action_by():
    tested = keys_tested_in([PASS, PASS, TAGGED])
    assert tested["iam:PassRole"] == {"iam:PassedToService": 2}
    assert tested["s3:GetObject"] == {"s3:ExistingObjectTag/<key>": 1}
    assert "iam:PassedToService" in likely_keys("hand the role over", [["iam:GetRole", "iam:PassRole"]], tested)
    assert "s3:ExistingObjectTag/<key>" not in likely_keys("read", [["s3:GetObject"]], tested)  # once is no habit


def test_an_actions_only_keys_are_shown_for_the_likeliest_of_a_clause_alone():
    assert "cloudwatch:namespace" in likely_keys("put metrics", [["cloudwatch:PutMetricData"]], {})
    assert "cloudwatch:namespace" not in likely_keys("put metrics", [["s3:PutObject", "cloudwatch:PutMetricData"]], {})


def test_there_are_never_too_many_and_wildcards_and_unknown_actions_have_none():
    every = "vpc subnet instance type tenancy region owner encrypted volume size iops snapshot public product placement"
    assert len(likely_keys(every, [["ec2:RunInstances"], ["ec2:CreateVolume"]], {})) == MOST_KEYS
    assert likely_keys(every, [["ec2:*", "ec2:NoSuchThing"]], {}) == () == likely_keys("", [], {})
