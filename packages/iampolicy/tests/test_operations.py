"""Names of operations: what is hinted for them, and what repair may put in their place."""

import pytest

from iampolicy import catalogue, tables
from iampolicy.operations import MEANT, READ_LEVELS, READING, SERVICES, exactly, likely

NAMES = sorted(MEANT)


def test_what_is_meant_exists_and_what_is_written_does_not() -> None:
    known = catalogue.load()
    assert [name for name in NAMES if known.action(name) or not known.action(MEANT[name])] == []
    assert [name for name, prefix in SERVICES.items() if prefix not in known.services] == []


def test_no_write_is_hinted_for_a_read() -> None:
    known = catalogue.load()
    reading = [name for name in NAMES if name.partition(":")[2].startswith(READING)]
    hinted = {action for name in reading for action in likely(name)}
    assert len(reading) > 100
    assert {known.action(action).access_level for action in hinted} <= set(READ_LEVELS)


def test_repair_gets_no_more_than_the_operation_is() -> None:
    by_hand = {row["written"] for row in tables.rows("as_models_write.tsv")}
    for name in set(NAMES) - by_hand:
        if (meant := exactly(name)) and not name.partition(":")[2].startswith(READING):
            assert name.partition(":")[2].startswith(meant.partition(":")[2].lower())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("s3:ListObjectsV2", "s3:ListBucket"),
        ("sqs:SendMessageBatch", "sqs:SendMessage"),
        ("efs:DescribeFileSystems", "elasticfilesystem:DescribeFileSystems"),
        ("s3:HeadObject", None),  # GetObject reads all of it
        ("s3:DeleteBucketCors", None),  # PutBucketCORS can set them, too
        ("s3:CreateMultipartUpload", None),
        ("nosuch:DoIt", None),
    ],
)
def test_exactly(name: str, meant: str | None) -> None:
    assert exactly(name) == meant


@pytest.mark.parametrize("name", ["", ":", "a", "s3:", ":GetObject", "s3:" + "x" * 100_000, "*:*", "sfn:*", "nosuch:*"])
def test_any_name_has_an_answer(name: str) -> None:
    assert set(likely(name)) <= catalogue.load().names | {"states:*"}
