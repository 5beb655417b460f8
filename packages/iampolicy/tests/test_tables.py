"""The tables have the form that their columns promise, and the examples in docstrings are true."""

import doctest
import importlib
import pkgutil
import re
import string

import pytest

import iampolicy
from iampolicy import catalogue, tables
from iampolicy.checks import SEVERITIES
from iampolicy.conditions import ORDERS, TESTS
from iampolicy.document import POLICY_ELEMENTS, POLICY_TYPES, STATEMENT_ELEMENTS

PREFIX, KEY, CODE, ELEMENT = r"[a-z0-9-]+", r"aws:\w+/?", r"[A-Z0-9_]+", r"[A-Z]\w+"
SCHEMAS = {  # file -> column -> what each cell is, and the columns that tell rows apart
    "arns.tsv": ({"arn": r"arn:\*:[a-z0-9-]+:.*:.*:.+", "source": r".+"}, ("arn",)),
    "as_models_write.tsv": (
        {"kind": "service|operation|element|describing", "written": r"[a-z0-9:-]+", "meant": r"[A-Za-z0-9:]*"},
        ("kind", "written"),
    ),
    "aws_decides.tsv": (
        {
            "actions": r"[a-z]+:[\w*]+( [a-z]+:\w+)*",
            "resource": r"\*|arn:\*:.+",
            "unless": r"(arn:\*:.+)?",
            "callers": "any|signed|own|temporary|anonymous",
            "allowed": "yes|no",
            "why": r"[^.]+",
        },
        ("actions", "resource", "callers"),
    ),
    "aws_errors.tsv": ({"error": r"[A-Za-z]+", "advice": r".+[^.]"}, ("error",)),
    "cloudformation.tsv": ({"name": r"[A-Z]\w+", "prefix": PREFIX}, ("name",)),
    "denials.tsv": (
        {
            "words": r"[A-Za-z -]+(policy|boundary|setting)",
            "kind": "identity|resource|trust|boundary|session|service_control|resource_control|endpoint|public_access",
            "look": r"the .+[^.]",
        },
        ("words",),
    ),
    "findings.tsv": (
        {
            "code": CODE,
            "severity": "|".join(SEVERITIES),
            "case": r"[a-z ]*",
            "sentence": r".*[.?}]",
            "source": "(ours)?",
        },
        ("code", "case"),
    ),
    "global_keys.tsv": (
        {
            "key": rf"{KEY}|{PREFIX}:\w+",
            "type": r"(ArrayOf)?String|ARN|Bool|Date|Numeric|IPAddress",
            "words": r"[^.]*",
            "chosen": r"(yes)?",
            "instead": rf"({KEY})?",
            "beside": rf"({KEY}( {KEY})*)?",
            "services": rf"({PREFIX}( {PREFIX})*)?",
            "idle": r"(resource|trust| )*",
            "strict": "(no|six|colon)?",
            "session": "(yes)?",
        },
        ("key",),
    ),
    "key_groups.tsv": ({"kind": r"[A-Za-z0-9 ]+", "keys": r"[a-z0-9]+:\w+( [a-z0-9]+:\w+)*"}, ("kind",)),
    "oidc.tsv": (
        {
            "host": r"[a-z0-9*.-]+(/[a-z0-9*./-]+)?",
            "name": r"[A-Z][\w ]+",
            "tenant": r"(\w+( \w+)*)?",
            "also": r"(\w+( \w+)*)?",
            "before": r"(\S+( \S+)*)?",
            "sub": r"\S+( \S+)*",
        },
        ("host",),
    ),
    "operations.tsv": (
        {"kind": "operation|service", "written": r"[a-z0-9-]+(:[a-z0-9]+)?", "meant": r"[a-z0-9-]+(:\w+)?"},
        ("kind", "written"),
    ),
    "own_consent.tsv": (
        {
            "actions": r"[a-z]+:[\w*]+( [a-z]+:\w+)*",
            "resource": r"\*|arn:\*:.+",
            "called": r"[a-z ]+ policy",
            "given": "assumed|needed",
            "missing": r"[^.]+",
        },
        ("actions", "resource"),
    ),
    "operators.tsv": (
        {
            "operator": r"[A-Z]\w+",
            "family": r"String|Numeric|Date|Bool|Binary|IpAddress|Arn",
            "test": "|".join(map(re.escape, (*TESTS, *ORDERS))),
            "words": r"(is|matches|does not)\b.*",
        },
        ("operator",),
    ),
    "places.tsv": (
        {"in": r"(AWS::\w+::\w+|aws_\w+)?", "key": r"\w*", "type": "|".join((*POLICY_TYPES, "endpoint", "by Type"))},
        ("in", "key"),
    ),
    "policy_types.tsv": (
        {
            "type": "|".join(POLICY_TYPES),
            "most": r"\d+",
            "counted": r"(without white space)?",
            "quota_code": CODE,
            "needs": rf"{ELEMENT}( {ELEMENT})*",
            "refuses": rf"({ELEMENT}:{CODE} ?)*",
        },
        ("type",),
    ),
    "remedies.tsv": (
        {"key": r"[a-z0-9]+:[\w-]+", "value": "(true|false)?", "advice": r"[a-z][^.]*"},
        ("key", "value"),
    ),
    "resource_policies.tsv": (
        {"service": PREFIX, "resource": "needed|optional|none", "actions": rf"({PREFIX}:[a-z]+ ?)*"},
        ("service",),
    ),
    "services.tsv": (
        {"prefix": PREFIX, "asked": r"\d+", "names": r"[^|].*|", "also": r"[^|].*|", "word": r"\w*"},
        ("prefix",),
    ),
    "words.tsv": ({"kind": "mass|counted|brand|acronym", "words": r"[\w -]+"}, ("kind",)),
}


def test_every_table_has_a_schema():
    names = {path.name for path in tables.resources.files("iampolicy.tables").iterdir() if path.name.endswith(".tsv")}
    assert names == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_row_fits_its_schema_and_stands_once(name):
    columns, key = SCHEMAS[name]
    rows = tables.rows(name)
    assert rows and all(list(row) == list(columns) for row in rows)
    wrong = [(c, row[c]) for row in rows for c, form in columns.items() if not re.fullmatch(form, row[c])]
    assert wrong == []
    assert len({tuple(row[c] for c in key) for row in rows}) == len(rows)


def test_what_tables_name_exists():
    known = catalogue.load()
    for row in (*tables.rows("as_models_write.tsv"), *tables.rows("operations.tsv")):
        assert row["kind"] != "service" or row["meant"] in known.services
        assert row["kind"] != "operation" or known.action(row["meant"]).name == row["meant"]
        assert row["kind"] != "element" or row["meant"] in (*POLICY_ELEMENTS, *STATEMENT_ELEMENTS)
    assert [row["prefix"] for row in tables.rows("services.tsv") if row["prefix"] not in known.services] == []


def test_a_code_has_one_severity_and_its_sentence_can_be_filled():
    rows = tables.rows("findings.tsv")
    assert len({(row["code"], row["severity"]) for row in rows}) == len({row["code"] for row in rows})
    for row in rows:
        places = [name for _, name, _, _ in string.Formatter().parse(row["sentence"]) if name is not None]
        assert row["sentence"].format(*["x"] * max(len(places), 1))


MODULES = [module.name for module in pkgutil.walk_packages(iampolicy.__path__, "iampolicy.")]
SHOWN = (
    "catalogue",
    "checks",
    "compare",
    "conditions",
    "denials",
    "repair",
    "review.changes",
    "review.english",
    "simulate",
    "why",
    "words",
)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_the_examples_in_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    assert result.attempted or name.removeprefix("iampolicy.") not in SHOWN
