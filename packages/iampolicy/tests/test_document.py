"""A document keeps what its author wrote, its canonical form keeps what it means, and every fault is one sentence."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.document import (
    DEEPEST,
    POLICY_ELEMENTS,
    STATEMENT_ELEMENTS,
    Policy,
    PolicySyntaxError,
    as_policy,
    canonical,
    parse,
)
from iampolicy.grammar import structure_faults

ACTIONS = ["s3:GetObject", "s3:Get*", "S3:getobject", "sqs:SendMessage", "ec2:*", "*", "nope:Nope", "kms:Decrypt"]
RESOURCES = [
    "*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/*",
    "arn:aws:sqs:eu-west-1:111122223333:é",
    "arn:aws:s3:::b/${aws:username}",
]


def some(values):
    """One value as it is, or a list of some of them, repetitions allowed."""
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=4)


conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "Bool", "ForAnyValue:StringLike", "IpAddress"]),
    st.dictionaries(
        st.sampled_from(["aws:SourceIp", "s3:prefix", "aws:SecureTransport"]), some(["true", "a", "b"]) | st.booleans()
    ),
    max_size=2,
)


@st.composite
def statements(draw):
    """A well-formed statement with its elements in any order."""
    elements = {
        "Effect": draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "NotAction"])): draw(some(ACTIONS)),
        draw(st.sampled_from(["Resource", "NotResource"])): draw(some(RESOURCES)),
    }
    if draw(st.booleans()):
        elements["Principal"] = draw(st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["111122223333"], "Service": "a"}]))
    if draw(st.booleans()):
        elements["Condition"] = draw(conditions)
    return {name: elements[name] for name in draw(st.permutations(sorted(elements)))}


@st.composite
def policies(draw):
    """A well-formed policy, its Sids distinct where it has any."""
    listed = draw(st.lists(statements(), min_size=1, max_size=4))
    for index, statement in enumerate(listed):
        if draw(st.booleans()):
            statement["Sid"] = f"S{index}"
    elements = {"Version": draw(st.sampled_from(["2012-10-17", "2008-10-17"]))}
    elements["Statement"] = listed[0] if len(listed) == 1 and draw(st.booleans()) else listed
    if draw(st.booleans()):
        elements["Id"] = draw(st.text(max_size=5))
    return {name: elements[name] for name in draw(st.permutations(sorted(elements)))}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def minified(data):
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def good(**changed):
    """A well-formed policy of one statement, with elements of the statement changed, or dropped for ...."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | changed
    return {"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not ...}]}


# Text to policy and back


@given(data=policies(), indent=st.sampled_from([None, 0, 2, 4]))
def test_printing_gives_the_authors_document_again(data, indent):
    text = minified(data)
    policy = parse(text)
    assert policy.data == data
    assert policy.to_json() == text
    assert parse(policy.to_json(indent)).to_json() == text


def test_indented_text_is_what_json_writes():
    assert parse(minified(good())).to_json(2) == json.dumps(good(), indent=2)


@pytest.mark.parametrize("element", ["Action", "NotAction", "Resource", "NotResource"])
@pytest.mark.parametrize("value", ["s3:*", ["s3:*"], ["s3:*", "s3:*"], []])
def test_scalar_and_list_are_kept(element, value):
    policy = parse(minified({"Statement": {element: value}}))
    assert json.loads(policy.to_json())["Statement"][element] == value
    attribute = {
        "Action": "actions",
        "NotAction": "not_actions",
        "Resource": "resources",
        "NotResource": "not_resources",
    }
    values = tuple([value] if isinstance(value, str) else value)
    assert getattr(policy.statements[0], attribute.pop(element)) == values
    assert all(getattr(policy.statements[0], other) is None for other in attribute.values())


def test_a_statement_is_read_in_full():
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    data = good(Sid="A", NotAction=["SQS:*", "*"], Principal={"AWS": "*"}, Condition=condition)
    (statement,) = parse(minified(data)).statements
    assert (statement.sid, statement.effect, statement.principal) == ("A", "Allow", {"AWS": "*"})
    assert statement.action_patterns == ("s3:GetObject", "SQS:*", "*")
    assert statement.services == {"s3", "sqs"}
    assert statement.condition == condition
    assert statement.not_principal is None


def test_a_single_statement_counts_as_one_and_what_is_no_object_as_none():
    assert len(parse('{"Statement":{}}').statements) == 1
    assert len(parse('{"Statement":[{},7,"x",null,[{}],{}]}').statements) == 2
    assert parse("{}").statements == parse('{"Statement":null}').statements == ()


def test_the_forms_of_a_policy():
    text = minified(good())
    assert as_policy(text) == as_policy(good()) == as_policy(Policy(good()))
    for other in (None, 7, [good()], b"{}"):
        with pytest.raises(PolicySyntaxError, match="a policy is text, not"):
            as_policy(other)


# Text that is no policy


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("{", 1, 2),
        ('{"a" 1}', 1, 6),
        ('{\n  "a": 1,\n  "b": ]\n}', 3, 8),
        ('{\n  "a": 1\n}\n}', 4, 1),
        ('{"a": NaN}', 1, 7),
        ('{"NaN": "NaN",\n "b": [1, NaN]}', 2, 11),
        ('{"a": "\\"-Infinity",\n\n"b":-Infinity}', 3, 5),
        ('{"a": 1,\n"b": 1e400}', 2, 6),
        ('{"a": -1e400}', 1, 7),
        ('{"a":\n' + "9" * 5_000 + "}", 2, 1),
        ('{"a": "\0"}', 1, 8),
        ("\0", 1, 1),
        ("\ufeff{}", 1, 1),
        ("{'a': 1}", 1, 2),
        ('{"a": 1,}', 1, 9),
        ('{"a": tru}', 1, 7),
    ],
)
def test_a_syntax_error_has_its_place(text, line, column):
    with pytest.raises(PolicySyntaxError) as refused:
        parse(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert str(refused.value) == f"{refused.value.message} (line {line}, column {column})"
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 150


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[]", "a list"),
        ('"x"', "a string"),
        ("1", "a number"),
        ("1.5", "a number"),
        ("true", "a boolean"),
        ("null", "null"),
    ],
)
def test_json_that_is_no_object_is_no_policy(text, kind):
    with pytest.raises(PolicySyntaxError, match=f"a policy is a JSON object, not {kind} "):
        parse(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("ends", [True, False])
def test_a_tower_of_brackets_is_refused(opening, closing, ends):
    for height in (DEEPEST, 500, 990, 1_000, 100_000):  # the second and third fit Python's stack, but hardly
        with pytest.raises(PolicySyntaxError):
            parse('{"a":' + opening * height + "1" + closing * height * ends + "}")


def test_what_parses_can_be_printed_and_walked_at_any_depth():
    policy = parse('{"a":' + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1) + "}")
    assert parse(policy.to_json(2)) == policy == canonical(policy)
    assert structure_faults(policy)


def test_large_text_is_only_text():
    names = [f"s3:Get{i}" for i in range(80_000)]
    text = minified(good(Action=names))
    assert len(text) > 1_000_000
    assert parse(text).statements[0].actions == tuple(names)
    assert parse(minified(good(Sid="x" * 1_000_000))).to_json() == minified(good(Sid="x" * 1_000_000))
    for broken in (text[:-1], "{" * 1_000_000, '"' * 1_000_000, "\\" * 1_000_000, " " * 1_000_000, "9" * 1_000_000):
        with pytest.raises(PolicySyntaxError):
            parse(broken)


def test_odd_characters_are_kept():
    text = '{"Id":"\\ud800 \\u0000 é 𝄞 \u2028"}'
    assert parse(text).data == {"Id": "\ud800 \0 é 𝄞 \u2028"}
    assert parse(parse(text).to_json()) == parse(text)


def assert_reads_or_refuses(text):
    """Success is a policy that prints as what it was read from; a refusal names a place inside the text."""
    try:
        policy = parse(text)
    except PolicySyntaxError as error:
        assert error.line >= 1 and error.column >= 1
        assert error.line <= text.count("\n") + 1
        return
    assert parse(policy.to_json()) == parse(policy.to_json(2)) == policy


@settings(max_examples=300)
@given(
    st.text()
    | st.text(alphabet='{}[]":,\\0159eE+-.aNInfity \n\ud800')
    | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.binary().map(lambda raw: raw.decode("latin-1"))
)
def test_any_text_is_read_or_refused(text):
    assert_reads_or_refuses(text)


@settings(max_examples=300)
@given(policies().map(minified), st.data())
def test_a_damaged_policy_is_read_or_refused(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    put = data.draw(st.text(max_size=3) | st.sampled_from(["NaN", "1e999", "-", "[[[", "}", "\\u12", "\ud800", "\0"]))
    assert_reads_or_refuses(text[:start] + put + text[end:])


@given(json_values)
def test_any_json_is_read_if_it_is_an_object(value):
    if isinstance(value, dict):
        assert parse(minified(value)).data == value
    else:
        with pytest.raises(PolicySyntaxError):
            parse(minified(value))


# The canonical form


def meaning(policy):
    """What the statements say, whatever the order of their values; Sids say nothing."""

    def listed(value):
        return value if isinstance(value, list) else [value]

    def expanded(patterns):
        return None if patterns is None else catalogue.load().expand_all(patterns) | {p.lower() for p in patterns}

    return [
        (
            *(s.effect, expanded(s.actions), expanded(s.not_actions), s.principal),
            *(None if r is None else frozenset(r) for r in (s.resources, s.not_resources)),
            {operator: {key: listed(v) for key, v in tests.items()} for operator, tests in s.condition.items()},
        )
        for s in as_policy(policy).statements
    ]


@given(policies())
def test_the_canonical_form_keeps_the_meaning(data):
    before = copy.deepcopy(data)
    form = canonical(data)
    assert data == before
    assert meaning(form) == meaning(data)
    assert form.data.get("Version") == data["Version"] and form.data.get("Id") == data.get("Id")
    assert structure_faults(form) == structure_faults(data) == []


@given(policies(), st.booleans())
def test_the_canonical_form_is_its_own(data, keep_sids):
    form = canonical(data, keep_sids)
    assert canonical(form, keep_sids).to_json() == form.to_json()
    assert canonical(form.to_json(2), keep_sids).to_json() == form.to_json()


@given(policies(), st.randoms())
def test_order_and_repetition_of_the_author_do_not_matter(data, random):
    other = copy.deepcopy(data)
    statements = other["Statement"] if isinstance(other["Statement"], list) else [other["Statement"]]
    for index, statement in enumerate(statements):
        for element in ("Action", "NotAction"):
            if isinstance(value := statement.get(element), list):
                random.shuffle(value)
                value.append(value[0])
            elif isinstance(value, str):
                statement[element] = [value]
        keys = list(statement)
        random.shuffle(keys)
        statements[index] = {k: statement[k] for k in keys}
    other["Statement"] = statements
    assert canonical(other).to_json() == canonical(data).to_json()


@given(policies(), st.booleans())
def test_elements_stand_in_the_order_of_the_grammar(data, keep_sids):
    form = canonical(data, keep_sids).data
    assert list(form) == [name for name in POLICY_ELEMENTS if name in form]
    for statement in form["Statement"]:
        assert list(statement) == [name for name in STATEMENT_ELEMENTS if name in statement]
        for element in ("Action", "NotAction"):
            if isinstance(value := statement.get(element), list):
                assert value == sorted(set(value)) and len(value) > 1


def test_the_order_of_actions_can_be_kept():
    data = good(Action=["s3:PutObject", "s3:GetObject", "s3:PutObject"])
    assert canonical(data, keep_order=True).statements[0].actions == ("s3:PutObject", "s3:GetObject")
    assert canonical(data).statements[0].actions == ("s3:GetObject", "s3:PutObject")


def test_sids_go_unless_they_are_kept():
    data = {
        "Version": "2012-10-17",
        "Id": "x",
        "Statement": [good(Sid="A")["Statement"][0], good(Sid="B")["Statement"][0]],
    }
    assert [s.sid for s in canonical(data).statements] == [None, None]
    assert [s.sid for s in canonical(data, keep_sids=True).statements] == ["A", "B"]
    assert canonical(data).data["Id"] == "x"


def test_the_canonical_form_in_full():
    data = {
        "Statement": {
            "Resource": ["b", "a", "b"],
            "Condition": {"StringEquals": {"k": ["v"], "l": ["v", "w"]}, "Bool": {"m": "true"}},
            "Action": ["s3:PutObject", "s3:GetObject", "s3:PutObject"],
            "Sid": "x",
            "Principal": {"AWS": ["1"]},
            "Effect": "Allow",
        },
        "Version": "2012-10-17",
    }
    assert canonical(data).to_json() == (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["1"]},'
        '"Action":["s3:GetObject","s3:PutObject"],"Resource":["b","a"],'
        '"Condition":{"StringEquals":{"k":"v","l":["v","w"]},"Bool":{"m":"true"}}}]}'
    )


def test_a_list_in_a_list_is_not_taken_out_twice():
    """It is no valid condition, and it must not become one."""
    data = good(Condition={"StringEquals": {"k": [["v"]]}})
    assert canonical(canonical(data)) == canonical(data)
    assert structure_faults(canonical(data)) == structure_faults(data) != []


def test_an_empty_condition_goes():
    assert canonical(good(Condition={})).to_json() == canonical(good()).to_json()


# Structure


@given(policies())
def test_a_well_formed_policy_has_no_fault(data):
    assert structure_faults(data) == structure_faults(minified(data)) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (good() | {"Version": "2012-10-18"}, "Version is '2012-10-18'"),
        (good() | {"Version": 20121017}, "Version is 20121017"),
        ({"Statement": good()["Statement"]}, "Version is None"),
        ({"Version": "2012-10-17"}, "Statement is missing or empty"),
        (good() | {"Statement": []}, "Statement is missing or empty"),
        (good() | {"Statement": None}, "Statement is missing or empty"),
        (good() | {"Statement": "x"}, "Statement[0] is a string"),
        (good() | {"Statement": [*good()["Statement"], 7]}, "Statement[1] is a number"),
        (good() | {"Statement": [*good()["Statement"], None]}, "Statement[1] is null"),
        (good() | {"statement": []}, "the policy has an element 'statement'"),
        (good() | {"Id": 7}, "Id must be a string"),
        (good(Effect=...), "Statement[0].Effect is None"),
        (good(Effect="allow"), "Statement[0].Effect is 'allow'"),
        (good(Effect=["Allow"]), "Statement[0].Effect is ['Allow']"),
        (good(Action=...), "Statement[0] must have one of Action and NotAction"),
        (good(NotAction="s3:*"), "Statement[0] must have one of Action and NotAction"),
        (good(Resource=...), "Statement[0] must have one of Resource and NotResource"),
        (good(NotResource="*"), "Statement[0] must have one of Resource and NotResource"),
        (good(Action=[]), "Statement[0].Action must be"),
        (good(Action=""), "Statement[0].Action must be"),
        (good(Action=None), "Statement[0].Action must be"),
        (good(Action=["s3:*", 7]), "Statement[0].Action must be"),
        (good(Action={"s3": "*"}), "Statement[0].Action must be"),
        (good(Action=..., NotAction=[["s3:*"]]), "Statement[0].NotAction must be"),
        (good(Resource=True), "Statement[0].Resource must be"),
        (good(Resource=..., NotResource=[]), "Statement[0].NotResource must be"),
        (good(Condition=None), "Statement[0].Condition must be"),
        (good(Condition=[]), "Statement[0].Condition must be"),
        (good(Condition={"Bool": "true"}), "Statement[0].Condition must be"),
        (good(Condition={"Bool": {"aws:SecureTransport": {"a": "b"}}}), "Statement[0].Condition must be"),
        (good(Condition={"Bool": {"aws:SecureTransport": None}}), "Statement[0].Condition must be"),
        (good(Sid=7), "Statement[0].Sid must be"),
        (good(Principal="111122223333"), "Statement[0].Principal must be"),
        (good(Principal={"AWS": 7}), "Statement[0].Principal must be"),
        (good(NotPrincipal=[]), "Statement[0].NotPrincipal must be"),
        (good(Principal="*", NotPrincipal="*"), "Statement[0] has both Principal and NotPrincipal"),
        (good(Actions=["s3:*"]), "Statement[0] has an element 'Actions'"),
        (good() | {"Statement": [*good(Sid="A")["Statement"], *good(Sid="A")["Statement"]]}, "Statement[1].Sid is 'A'"),
    ],
)
def test_a_planted_fault_is_one_sentence_that_names_the_place(data, said):
    faults = structure_faults(data)
    assert len(faults) == 1, faults
    assert faults[0].startswith(said)
    assert structure_faults(json.loads(json.dumps(data))) == faults


def test_every_fault_is_told():
    statement = {"Effect": "Maybe", "Action": [], "Condition": 7}
    places = [fault.split(" ")[0] for fault in structure_faults({"Statement": [good()["Statement"][0], statement]})]
    assert places == ["Version", "Statement[1].Effect", "Statement[1]", "Statement[1].Action", "Statement[1].Condition"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Condition": {"Bool": {"aws:SecureTransport": True}}},
        {"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": [60, 90.5]}}},
        {"Condition": {}},
        {"Principal": "*"},
        {"NotPrincipal": {"AWS": ["111122223333"], "Service": "s3.amazonaws.com"}},
        {"Sid": ""},
        {"Action": ["s3:*"], "Resource": ["*", "arn:aws:s3:::a"]},
    ],
)
def test_what_the_grammar_allows_is_no_fault(changed):
    assert structure_faults(good(**changed)) == []


def test_statements_without_a_sid_are_not_alike():
    listed = [*good()["Statement"], *good()["Statement"], *good(Sid="")["Statement"], *good(Sid="")["Statement"]]
    assert structure_faults(good() | {"Statement": listed}) == []


@st.composite
def spoilt(draw):
    """A policy in which some places hold any JSON value, or have an element more."""
    data = draw(policies())
    for _ in range(draw(st.integers(1, 3))):
        target = data
        while True:  # walk to some place
            keys = list(target) if isinstance(target, dict) else list(range(len(target)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(target[key], dict | list) and draw(st.integers(0, 2)):
                target = target[key]
                continue
            target[key] = draw(json_values)
            break
    return data


@settings(max_examples=300)
@given(spoilt() | st.dictionaries(st.sampled_from([*POLICY_ELEMENTS, "x"]), json_values))
def test_no_json_anywhere_in_a_policy_raises(data):
    before = copy.deepcopy(data)
    policy = Policy(data)
    assert all(isinstance(fault, str) and fault for fault in structure_faults(policy))
    assert isinstance(policy.services, frozenset)
    assert all(isinstance(p, str) for s in policy.statements for p in s.action_patterns)
    form = canonical(policy)
    assert canonical(form).to_json() == form.to_json()
    assert data == before
