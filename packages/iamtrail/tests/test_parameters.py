"""Request parameters: which are kept, and that nothing else gets through."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamtrail import actions_for, tables
from iamtrail.parameters import HIDDEN, LONGEST, MOST, flatten, kept
from tools.derive_tables import TABLES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=12), inside, max_size=3),
    max_leaves=12,
)


def test_names_that_matter_are_kept():
    wanted = {"bucketName", "key", "versionId", "tableName", "functionName", "queueUrl", "secretId", "roleArn", "keyId"}
    nested = {"instancesSet.items.instanceId", "iamInstanceProfile.arn", "transactItems.put.tableName"}
    assert wanted | nested <= set(kept())
    assert list(kept()) == sorted(set(kept()))


def test_values_of_lists_and_objects_are_pairs():
    parameters = {"instancesSet": {"items": [{"instanceId": "i-2"}, {"instanceId": "i-1"}]}, "force": False}
    name = "instancesSet.items.instanceId"
    assert flatten(parameters) == ((name, "i-1"), (name, "i-2"))


def test_keys_of_requested_items_are_table_names():
    assert flatten({"requestItems": {"a": {"keys": []}, "b": {}}}) == (("requestItems", "a"), ("requestItems", "b"))


def test_the_first_letter_of_a_name_may_be_a_capital():
    assert flatten({"TableName": "t"}) == flatten({"tableName": "t"}) == (("tableName", "t"),)


def test_requests_under_the_name_of_their_operation_are_opened():
    wrapped = {"CreateNatGatewayRequest": {"SubnetId": "subnet-1"}}
    assert flatten(wrapped) == (("subnetId", "subnet-1"),)


def test_of_a_statement_only_the_verb_is_kept():
    assert flatten({"statement": "SELECT secret FROM t"}) == (("statement", "SELECT"),)


@pytest.mark.parametrize(
    "parameters",
    [None, {}, [], "tableName", 5, {"tableName": None}, {"tableName": ""}, {"tableName": HIDDEN}]
    + [{"tableName": "x" * (LONGEST + 1)}, {"policyDocument": "{}"}, {"tableName": 1.5}, [["tableName", "t"]]],
)
def test_what_tells_nothing_is_dropped(parameters):
    assert flatten(parameters) == ()


def test_deep_and_long_parameters_end():
    deep: dict = {"tableName": "t"}
    for _ in range(10_000):
        deep = {"tableName": "t", "x": deep}
    assert flatten(deep) == (("tableName", "t"),)
    assert len(flatten({"tableName": [str(i) for i in range(MOST * 2)]})) == MOST


@given(JSON)
def test_any_json_gives_sorted_pairs_and_flattening_again_changes_nothing(value):
    pairs = flatten(json.loads(json.dumps(value)))
    assert list(pairs) == sorted(set(pairs))
    assert flatten(pairs) == pairs


def test_mapping_is_the_same_from_pairs_and_from_json():
    parameters = {"bucketName": "b", "key": "k", "x-amz-copy-source": "/a/b?versionId=1", "x-amz-acl": "private"}
    source = "s3.amazonaws.com"
    assert actions_for(source, "CopyObject", parameters) == actions_for(source, "CopyObject", flatten(parameters))


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_installed_botocore(name):
    _, rows = TABLES[name]
    assert tables.lines(name) == rows()
