"""What a model writes becomes a policy or nothing; every change is said, and nothing is allowed that nobody wrote."""

import json
import random
import re
import time
import urllib.parse

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.compare import compare
from iampolicy.conditions import OPERATORS
from iampolicy.document import STATEMENT_ELEMENTS, as_list, parse
from iampolicy.grammar import structure_faults
from iampolicy.repair import repair
from iampolicy.repair.statements import OPERATOR_NAMES
from lib.data import managed

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
AGE = {"NumericLessThan": {"aws:MultiFactorAuthAge": [5, 1.5]}}
OLD = {"NumericLessThan": {"aws:MultiFactorAuthAge": ["5", "1.5"]}}
OBJECTS, ROLE = "arn:aws:s3:::photos/*", "arn:aws:iam::111122223333:role/a"


def minified(data):
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def allow(**changed):
    """An Allow statement with elements changed, or dropped for ...."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS} | changed
    return {name: value for name, value in statement.items() if value is not ...}


def deny(**changed):
    return allow(**{"Effect": "Deny", "Action": "s3:DeleteObject"} | changed)


def policy(*statements, **elements):
    return {"Version": "2012-10-17"} | elements | {"Statement": list(statements)}


def check(text, policy_type="identity"):
    """Repair a text, and see what holds for every text."""
    result = repair(text, policy_type)
    if result.policy is None:
        assert result.text == "" and result.changes
        return result
    assert result.text == result.policy.to_json() and parse(result.text) == result.policy
    assert structure_faults(result.policy) == []
    result.text.encode()
    named = [p for statement in result.policy.statements for p in statement.action_patterns]
    assert all(catalogue.load().expand(pattern) for pattern in named)
    again = repair(result.text, policy_type)
    assert (again.changes, again.policy) == ((), result.policy)
    return result


GOOD = minified(policy(allow()))
PLAIN = policy(allow())
EVERYTHING = {"Effect": "Deny", "Action": "*", "Resource": OBJECTS}

TEXTS = [  # text, policy or None, part of a change
    (f"```json\n{GOOD}\n```", PLAIN, "marks around"),
    (f"Here is {{your}} policy:\n{GOOD}\nIt doesn't [deny] anything.", PLAIN, "text around"),
    (f"<think>{minified(policy(allow(Action='*')))}</think>\n{GOOD}", PLAIN, "text around"),
    (GOOD.replace("}]", ",}],"), PLAIN, "comma before"),
    (GOOD.replace('"', "'"), PLAIN, "quotes"),
    (re.sub('"(.*?)"', r"“\1”", GOOD), PLAIN, "quotes"),
    (GOOD.replace('"Effect"', "Effect"), PLAIN, "quotes around keys"),
    (GOOD.replace(',"Action"', '\n"Action"'), PLAIN, "missing comma"),
    (GOOD.replace("[{", "[ // who\n{ /* what */"), PLAIN, "comments"),
    (GOOD[:-2], PLAIN, "closed the JSON"),
    (GOOD[:-3], None, "not complete"),
    (f"{GOOD[:-2]}\n```\nThat was it.", PLAIN, "closed the JSON"),
    (f"{GOOD}]}}", PLAIN, "marks around"),
    (minified(allow()), PLAIN, "into a policy"),
    (minified([allow(), deny()]), policy(allow(), deny()), "into a policy"),
    (f"{minified(allow())},\n{minified(deny())}", policy(allow(), deny()), "that follow"),
    (minified({"PolicyName": "x", "PolicyDocument": PLAIN}), PLAIN, "out of the value"),
    (minified(PLAIN | {"Statement": allow()}), PLAIN, "into a list"),
    ("", None, "no JSON"),
    ("I cannot help with that.", None, "no JSON"),
    ('{"a": 1}', None, "no JSON"),
    ("[1, {}]", None, "no JSON"),
    # a bracket closed too early must not set an Allow free of its Condition
    (GOOD.replace("}]", '},"Condition":{"Bool":{"aws:SecureTransport":"true"}}]'), None, "not complete"),
    (GOOD.replace("}]}", '}],"Condition":{"Bool":{"aws:SecureTransport":"true"}}}'), None, "may limit"),
    (GOOD + ',"Condition":{"Bool":{"aws:SecureTransport":"true"}}}', None, "not complete"),
    (GOOD.replace(f'"{OBJECTS}"}}', f'["{OBJECTS}"}},"Condition":{{}}'), None, "not complete"),
    # a Deny that stands where nothing can be read
    (f"{{oops {minified(deny())[1:]},{minified(allow())}", None, "dropped every Allow"),
    (f"{minified(allow())} and {{oops {minified(deny())[1:]}", None, "dropped every Allow"),
    (GOOD[:-2] + ',{"Effect":"Deny" oops "Action":"*"}]}', None, "may deny all"),
    (GOOD[:-2] + ',{"Sid":?,"Effect":"Deny","Action":"*"}]}', None, "dropped every Allow"),
    (GOOD[:-2] + ',"Deny all the rest"]}', None, "dropped every Allow"),
    (GOOD[:-2] + ',{"Effect":"D', None, "dropped every Allow"),
]


@pytest.mark.parametrize(("text", "wanted", "change"), TEXTS)
def test_texts(text, wanted, change):
    result = check(text)
    assert (result.policy.data if result.policy else None) == wanted
    assert any(change in said for said in result.changes), result.changes


DATA = [  # statement or policy, statements that are left, part of a change
    (allow(Effect="allow"), [allow()], "Effect"),
    (allow(Effect=["ALLOW "]), [allow()], "Effect"),
    ({"effect": "Allow", "actions": "s3:GetObject", "Resources": "*"}, [allow(Resource="*")], "element"),
    (allow(Resource=..., resource="*"), [allow(Resource="*")], "as Resource"),
    (allow(Sid="Read it!"), [allow(Sid="Readit")], "Sid"),
    (allow(Sid="!"), [allow()], "removed the Sid"),
    (allow(Principal="*"), [allow()], "removed Principal"),
    (allow(Principal={"AWS": "*"}), [allow()], "removed Principal"),
    (allow(Principal={"Service": "ec2.amazonaws.com"}), [], "limits it"),
    (allow(NotPrincipal={"AWS": "*"}), [], "limits it"),
    (allow(Description="reads"), [allow()], "removed 'Description'"),
    (allow(Action=["s3:GetObject", None, "", 7]), [allow(Action=["s3:GetObject"])], "removed"),
    (allow(Action=[]), [], "empty"),
    (allow(Resource=[]), [], "empty"),
    (allow(Resource=...), [], "no Resource"),
    (allow(Resource=None), [], "nothing is left"),
    (allow(Action=...), [], "no Action"),
    (allow(NotAction="s3:*"), [], "both Action and NotAction"),
    (allow(Effect="Block"), [], "Allow or Deny"),
    # actions
    (allow(Action="S3:getobject"), [allow()], "replaced"),
    (allow(Action="s3:GetObjects"), [allow()], "replaced"),
    (allow(Action=["s3:GetObject", "s3:GetObjects"]), [allow(Action=["s3:GetObject"])], "replaced"),
    (allow(Action="log:PutLogEvents"), [allow(Action="logs:PutLogEvents")], "replaced"),
    (allow(Action="efs:CreateTags"), [allow(Action="elasticfilesystem:CreateTags")], "replaced"),
    (allow(Action="stepfunctions:Start*"), [allow(Action="states:Start*")], "replaced"),
    (allow(Action="s3:ListBuckets"), [allow(Action="s3:ListAllMyBuckets")], "replaced"),  # not its nearest neighbour
    (allow(Action=["s3:GetObject", "s3:HeadObject"]), [allow(Action=["s3:GetObject"])], "removed"),  # Get shows more
    (allow(Action="s3:DeleteBucketPublicAccessBlock"), [], "removed"),  # near are Get... and Put...
    (allow(Action="s3:Nothing*"), [], "removed"),
    (allow(Action="GetObject"), [], "removed"),
    (allow(Action=..., NotAction="s3:GetObjects"), [allow(Action=..., NotAction="s3:GetObject")], "replaced"),
    (allow(Action=..., NotAction=["iam:*", "x:Y"]), [], "more would be allowed"),
    # resources
    (allow(Resource="arn:s3:::photos/*"), [allow()], "replaced"),
    (allow(Resource="s3:::photos/*"), [allow()], "replaced"),
    (allow(Resource="s3://photos/*"), [allow()], "replaced"),
    (allow(Resource="s3:photos/*"), [allow()], "replaced"),
    (allow(Resource="arn:aws:s3::photos/*"), [allow()], "replaced"),
    (allow(Resource=f" {OBJECTS}"), [allow()], "replaced"),
    (allow(Resource="arn:iam::111122223333:role/a"), [allow(Resource=ROLE)], "replaced"),
    (allow(Resource="arn:aws:iam:111122223333:role/a"), [allow(Resource=ROLE)], "replaced"),
    (allow(Resource=["s3:*", "photos", OBJECTS]), [allow(Resource=[OBJECTS])], "removed 's3:*'"),  # not every bucket
    (allow(Resource=..., NotResource=[OBJECTS, "photos"]), [], "more would be allowed"),
    # conditions
    (allow(Condition={"Bool": {"a:b": True}}), [allow(Condition={"Bool": {"a:b": "true"}})], 'as "true"'),
    (allow(Condition=AGE | {"Null": {"a:b": [False]}}), [allow(Condition=OLD | {"Null": {"a:b": ["false"]}})], '"5"'),
    (allow(Conditon=MFA), [allow(Condition=MFA)], "as Condition"),
    (allow(Condition=[MFA]), [allow(Condition=MFA)], "out of its list"),
    (allow(Condition=None), [allow()], "holds nothing"),
    (allow(Condition={"StringEqual": {"a:b": "c"}}), [allow(Condition={"StringEquals": {"a:b": "c"}})], "operator"),
    (allow(Condition={"NotStringEquals": {"a:b": "c"}}), [], "Condition cannot be read"),
    (allow(Condition={"Bool": "true"}), [], "Condition cannot be read"),
    (allow(Condition={"Bool": {"a:b": None}}), [], "Condition cannot be read"),
    (allow(Condition="only with MFA"), [], "Condition cannot be read"),
    (allow(Unless=MFA), [], "nobody knows"),
    # a Deny is kept at least as strong
    (deny(Action="s3:DeleteObjects"), [deny()], "replaced"),
    (deny(Action="s3:DeleteEverything"), [deny(Action="s3:Delete*")], "denies more"),
    (deny(Action="s3:Wipe"), [deny(Action="s3:*")], "denies more"),
    (deny(Action="DeleteObject"), [deny(Action="*:DeleteObject")], "denies more"),
    (deny(Action="no:Such"), [deny(Action="*")], "denies more"),
    (deny(Action=..., NotAction=["s3:*", "s3:GetObjects"]), [deny(Action=..., NotAction=["s3:*"])], "removed"),
    (deny(Action=..., NotAction="x:Y"), [deny(Action="*")], "denies more"),
    (deny(Resource=["photos", OBJECTS]), [deny(Resource=["*", OBJECTS])], "denies more"),
    (deny(Resource=...), [deny(Resource="*")], 'denies "*"'),
    (deny(Action=...), [{"Effect": "Deny", "Resource": OBJECTS, "Action": "*"}], 'denies "*"'),
    (deny(Resource=..., NotResource=[OBJECTS, "photos"]), [deny(Resource=..., NotResource=[OBJECTS])], "removed"),
    (deny(Condition={"Bol": {"a:b": "c"}}), [deny()], "dropped the Condition"),
    (deny(Condition={"Booool": {"a:b": "c"}}), [deny()], "dropped the Condition"),
    (deny(Principal={"AWS": "111122223333"}), [deny()], "removed Principal"),
    (deny(Unless=MFA), [deny()], "dropped 'Unless'"),
    (deny(Action=[]), [], "empty"),
    # what must stay together
    (policy(allow(Sid="A"), deny(Sid="A")), [allow(Sid="A"), deny(Sid="A2")], "another one has it"),
    (policy(allow(), {}, 7), [allow()], "is empty"),
    (policy(allow(), deny(Action=..., Resource=...)), [], "may deny all"),
    (policy(allow(), deny(Action="s3:DeleteObject", Effect="Forbid")), [allow(), deny()], "a lost Deny"),
    (policy(allow(), Comment="x"), [allow()], "'Comment'"),
    (policy(allow(), Unless={"a": "b"}), [], "every Allow"),
    (policy(allow(), Id=7), [allow()], "Id"),
    (policy(allow(), Version="2012-10-18"), [allow()], "Version"),
    ({"Statement": [allow()]}, [allow()], "missing Version 2012-10-17"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "wanted", "change"), DATA)
def test_faults(data, wanted, change):
    given_policy = data if "Statement" in data else policy(data)
    result = check(minified(given_policy))
    assert (result.policy.data["Statement"] if result.policy else []) == wanted, result.changes
    assert any(change in said for said in result.changes), result.changes


def test_repeated_keys():
    twice = '{"Effect":"Allow","Action":"s3:PutObject","Action":"s3:GetObject","Resource":"*","Condition":{%s}}'
    result = check(twice % '"StringEquals":{"a:b":"c"},"StringEquals":{"d:e":"f"}')
    (statement,) = result.policy.statements
    assert statement.actions == ("s3:GetObject",) and statement.condition == {"StringEquals": {"a:b": "c", "d:e": "f"}}
    assert any("last Action" in c for c in result.changes) and any("stands twice" in c for c in result.changes)
    assert check(twice % '"StringEquals":{"a:b":"c"},"StringEquals":{"a:b":"f"}').policy is None
    assert check('{"Effect":"Deny","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}').policy is None
    two = minified(policy(deny()))[:-1] + ',"Statement":[' + minified(allow()) + "]}"
    assert check(two).policy.data == policy(deny(), allow())


def test_a_version_that_was_missing_makes_no_variable_of_text():
    result = check(minified({"Statement": [allow(Resource="arn:aws:s3:::a/${aws:username}")]}))
    assert result.policy.data["Version"] == "2008-10-17" and "is text" in result.changes[0]
    assert check('{"Statement":[' + minified(allow(Resource="arn:aws:s3:::a/${aws:username}")) + "]").policy is None


def test_policies_of_other_types():
    role = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = repair(minified(policy(role | {"Resource": "*"})), "trust")
    assert trust.policy.data == policy(role) and repair(trust.text, "trust").changes == ()
    assert structure_faults(trust.policy) == ["Statement[0] must have one of Resource and NotResource"]
    bucket = check(minified(policy(allow(Principal="111122223333", Sid="of us"))), "resource")
    assert bucket.policy.data == policy(allow(Principal={"AWS": "111122223333"}, Sid="of us"))
    assert check(minified(policy(allow())), "resource").policy is None  # it names nobody
    assert check(minified(policy(deny())), "resource").policy.statements[0].principal == "*"
    with pytest.raises(ValueError, match="choose one of"):
        repair("", "nothing")


def test_every_operator_has_its_spelling():
    assert {name.lower() for name in OPERATOR_NAMES} == {*OPERATORS, "null"}


# Any text


NAMES = st.sampled_from([*STATEMENT_ELEMENTS, "Statement", "actions", "Conditon", "x"])
TOKENS = [
    *("/*", "//", "```", "},", "NaN", "1e999", "True", '"\\ud800"', '{"Statement":[', '"Effect":"Allow"', '"Sid":'),
    *('"Effect":"Deny",', '"Condition":{', '"Action":"s3:*"', '"Resource":"*"'),
]
tokens = st.sampled_from([*TOKENS, *"{}[],:\"'“", "\n", "\\", "\0", "\ud800"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Allow", "Deny", "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=5),
    max_leaves=20,
)
values = st.sampled_from(["*", "s3:*", OBJECTS, "s3:GetObjects", "", "x", None, 5]) | json_values
elements = st.dictionaries(NAMES, values, min_size=2)
statements = st.builds(lambda e, effect: {"Effect": effect} | e, elements, st.sampled_from(["Allow", "Deny", "deny"]))


@given(st.text(st.characters()) | st.lists(tokens, max_size=40).map("".join))
def test_no_text_raises(text):
    check(text)


@given(json_values | st.lists(statements, max_size=3) | st.lists(statements, max_size=3).map(lambda s: policy(*s)))
def test_no_json_raises(data):
    check(json.dumps(data))


HOSTILE = {
    "deep": '{"Statement":' * 8_000,
    "lists": "[" * 100_000,
    "deep lists": '{"Statement":' + "[" * 50_000 + "]" * 50_000,
    "objects": "{" * 100_000,
    "many objects": '{"a":1}' * 14_000,
    "statements": '{"Effect":"Deny"},' * 5_500,
    "quotes": '{"' * 50_000,
    "escapes": '{"' + "\\" * 100_000,
    "escaped quotes": '{"\\' * 33_000,
    "comments": "{/*" * 33_000,
    "spaces": "[" + " " * 50_000 + "[" + " " * 50_000,
    "zeros": "\0" * 100_000,
    "surrogates": '{"Statement":"' + "\ud800" * 100_000,
    "commas": '{"Effect":"Allow"}' + "," * 100_000,
    "unknown actions": minified(policy(allow(Action=[f"ec2:DescribeInstance{n}" for n in range(4_000)]))),
    "unknown services": minified(policy(allow(Action=[f"ec{n}:DescribeInstances" for n in range(4_000)]))),
    "patterns": minified(policy(allow(Action=[f"*:*{n:x}*?*a" for n in range(8_000)]))),
    "denied": minified(policy(deny(Action=[f"s3:DeleteThatAndThisAndMore{n}" for n in range(3_000)]))),
    "denied patterns": minified(policy(deny(Action=[f"{n}a:*b*c*{n}" for n in range(6_000)]))),
    "resources": minified(policy(deny(Resource=[f"{n}*?*?*?*:*?*?*a" for n in range(5_000)]))),
    "one resource": minified(policy(allow(Resource="*?" * 50_000 + ":a*"))),
    "variables": minified(policy(allow(Resource="${" * 50_000))),
    "keys": minified(policy(allow(**{f"a{n}": n for n in range(9_000)}))),
    "one key": minified(policy(allow(**{"c" * 100_000: 1}))),
    "sids": minified(policy(*[allow(Sid="a") for _ in range(1_200)])),
    "operators": minified(policy(allow(Condition={f"StringEqual{n}": {"a": "b"} for n in range(3_000)}))),
    "numbers": minified(policy(allow(Condition={"Bool": {"a": [0] * 40_000}}))).replace("[0,", f"[{'9' * 20_000},"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_ends_soon(name):
    catalogue.load()
    start = time.process_time()
    repair(HOSTILE[name])
    assert time.process_time() - start < 2  # on an idle machine below 0.7


# Policies that are right, cut or broken in one place


@pytest.fixture(scope="module")
def real():
    """AWS's managed policies with known actions only, some of them, short ones."""
    documents = [policy.document for policy in managed.fetch(progress=False)]
    short = [d for d in documents if len(minified(d)) < 1_500 and not structure_faults(d)]
    return [d for d in random.Random(5).sample(short, 50) if not compare(d, d).actual_unknown][:40]


def allowed(document):
    """A policy's Allow statements."""
    return document | {"Statement": [s for s in as_list(document["Statement"]) if s["Effect"] == "Allow"]}


def never_wider(original, result):
    if result.policy is None:
        return
    comparison = compare(original, result.policy)
    assert not [p for p in comparison.extra if p.effect == "Allow"], result.changes
    # Each Allow of its own, so that a Deny of the repaired policy hides nothing.
    assert compare(allowed(original), allowed(result.policy.data)).precision == 1, result.changes


def plain(document):
    """With a list of statements, and names as the catalogue has them."""
    return json.loads(repair(minified(document)).text)


def test_right_policies_come_back_unchanged(real):
    for document in real:
        (statements,) = [document["Statement"]]
        result = repair(json.dumps(document, indent=2))
        odd = [c for c in result.changes if "single statement" not in c and "replaced" not in c and "Sid" not in c]
        assert not odd
        if isinstance(statements, list) and not result.changes:
            assert result.policy.data == document
        assert compare(document, result.policy).relation == "equal"
    assert sum(not repair(minified(document)).changes for document in real) > 25


CUT = policy(
    allow(Sid="One", Action=["s3:GetObject", "s3:Put*"], Condition=MFA),
    deny(Action=["s3:DeleteObject"], Resource=["arn:aws:s3:::photos/${aws:username}", OBJECTS]),
    allow(Action="sqs:*", Resource="*"),
)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_policy_cut_anywhere_is_never_wider(indent):
    text = json.dumps(CUT, indent=indent)
    for end in range(len(text)):
        never_wider(policy(CUT["Statement"][0], CUT["Statement"][2]), check(text[:end]))
    assert repair(text[: text.rindex("}")].rstrip()).policy.data == CUT


def test_what_a_cut_deny_limited_does_not_come_free():
    whole = policy(allow(Action="s3:*", Resource="*"), deny())
    text = minified(whole)
    for end in range(text.index('"Deny"') + 2, len(text) - 2):
        result = repair(text[:end])
        assert result.policy is None or compare(whole, result.policy).relation in ("equal", "under")


def test_real_policies_cut_anywhere_are_never_wider(real):
    chance = random.Random(3)
    for document in map(plain, real[:15]):
        text = minified(document)
        for end in chance.sample(range(len(text)), 15):
            never_wider(allowed(document), check(text[:end]))


MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


def _mark(text, chance):
    """The place of a quote, or of a bracket, comma or colon that is in no string."""
    token = chance.choice([*MARK.finditer(text)])
    return chance.choice((token.start(), token.end() - 1))


def _without(text, chance):
    place = _mark(text, chance)
    return text[:place] + text[place + 1 :]


def _doubled(text, chance):
    place = _mark(text, chance)
    return text[:place] + text[place] + text[place:]


def _other(text, chance):
    place = _mark(text, chance)
    return text[:place] + chance.choice("{}[],:\"'x") + text[place + 1 :]


def _misspelt_key(text, chance):
    place = chance.choice([*re.finditer(r'"\w{5,}":', text)]).start() + chance.choice((3, 4))
    return text[:place] + text[place + 1 :]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(seed=st.integers(), plant=st.sampled_from([_without, _doubled, _other, _misspelt_key]))
@example(seed=2679545, plant=_without)  # the policy's first brace: its Version stands before what is left
@example(seed=1723453133, plant=_other)  # a mark in the Version, and the policy begins after it
def test_faults_planted_in_real_policies_make_them_never_wider(real, seed, plant):
    chance = random.Random(seed)
    document = plain(chance.choice(real))
    never_wider(document, check(plant(minified(document), chance)))


ORGANISATION = {"aws:PrincipalOrgID": "o-mine"}
NEGATED = ["StringNoEquals", "StringNtEquals", "StringNEquals", "StringUnequals", "String!Equals", "ArnNoLike"]


@pytest.mark.parametrize("operator", [*NEGATED, "StringInequals", "StringNonEquals", "NotnIpAddress", "nIpAddress"])
def test_a_misspelt_operator_is_never_taken_for_its_opposite(operator):
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {operator: ORGANISATION}}
    result = repair(json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    left = result.policy.statements if result.policy else ()
    assert not left or [(s.effect, s.condition) for s in left] == [("Allow", {}), ("Deny", {})]


@pytest.mark.parametrize(("written", "meant"), [("StringNotEqual", "StringNotEquals"), ("StringEqual", "StringEquals")])
def test_what_only_lacks_a_letter_is_put_right(written, meant):
    one = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {written: ORGANISATION}}
    assert list(repair(json.dumps({"Statement": [one]})).policy.statements[0].condition) == [meant]


ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
NONE = '{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"%s"}}'


@pytest.mark.parametrize("between", ["", "\n", ",\n", " \n\n"])
def test_several_documents_one_after_the_other_are_all_kept(between):
    policy = repair(ALL + between + NONE % "*").policy
    assert [s.effect for s in policy.statements] == ["Allow", "Deny"]


def test_documents_whose_variables_mean_different_things_are_not_put_together():
    policy = repair(ALL + NONE % "arn:aws:s3:::b/${aws:username}").policy
    assert policy is None or all(s.effect == "Deny" for s in policy.statements)


def test_a_comma_is_added_between_names_and_not_into_a_broken_string():
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"*"}]}'
    assert repair(text % '"sqs:SendMessage" "sqs:GetQueueUrl"').policy.statements[0].actions == (
        "sqs:SendMessage",
        "sqs:GetQueueUrl",
    )
    assert repair(text % '"s3:Get" "Object"').policy is None


@pytest.mark.parametrize("quoted", [lambda t: json.dumps({"Policy": t}), json.dumps, urllib.parse.quote])
def test_a_document_in_a_string_is_read(quoted):
    assert repair(quoted(ALL)).policy.statements[0].actions == ("*",)


def test_two_documents_in_strings_are_not_guessed_between():
    assert repair(json.dumps({"old": ALL, "new": ALL})).policy is None


@pytest.mark.parametrize("resources", ['"Resource":"Q","Resource":"*"', '"Resource":"*","Resource":"Q"'])
def test_of_a_resource_that_stands_twice_the_narrower_is_kept(resources):
    queue = "arn:aws:sqs:eu-west-1:111122223333:jam"
    text = f'{{"Statement":[{{"Effect":"Allow","Action":"sqs:SendMessage",{resources.replace("Q", queue)}}}]}}'
    assert repair(text).policy.statements[0].resources == (queue,)
