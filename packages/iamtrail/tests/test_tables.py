"""The tables: rows of the right form, about services, actions, variables and resource types that exist."""

import re

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from iampolicy import catalogue
from iamtrail import tables
from iamtrail.mapping import prefix_of
from iamtrail.naming import variables

Names = dict[str, list[str]]
KNOWN = catalogue.load()


class Services(BaseModel):
    """services.yaml."""

    model_config = ConfigDict(strict=True, extra="forbid")

    aliases: Names
    own: Names
    present: list[str]
    deep: list[str]
    objects: Names
    answers: Names
    alternatives: Names
    alone: dict[str, str]
    everywhere: dict[str, str]
    one_run: Names
    ssm_types: dict[str, str]
    whole: list[str]
    read: list[str]
    for_one_run: list[str]
    together: list[str]
    fixed: Names
    created: Names
    needed: Names
    defaults: dict[str, str]
    pinned: Names
    ec2_kinds: dict[str, str]
    api_roots: dict[str, str]
    iam_kinds: dict[str, str]
    owners: dict[str, str]
    of_itself: list[str]
    without_passing: list[str]
    passing: list[str]
    passed_later: list[str]


SERVICES = Services.model_validate(tables.structure("services.yaml"))


def kinds_of(service):
    return KNOWN.services[service].resource_types.values()


def has_variable(key):
    """Whether "service:Variable" or "service:kind or operation:Variable" is of the reference."""
    service, *between, variable = key.split(":")
    kinds = [kind for kind in kinds_of(service) if not between or kind.name == between[0]]
    operation = between and KNOWN.action(f"{service}:{between[0]}")
    return any(variable in (*variables(kind), "ResourceId") for kind in (kinds_of(service) if operation else kinds))


@pytest.mark.parametrize("key", [*SERVICES.aliases, *SERVICES.defaults, *SERVICES.pinned])
def test_variables_are_those_of_arn_formats(key):
    assert has_variable(key)


NAMED = [*SERVICES.own, *SERVICES.created, *SERVICES.needed, *sorted(SERVICES.passed_later), *SERVICES.everywhere]


@pytest.mark.parametrize("name", [*NAMED, *sorted({a for actions in SERVICES.objects.values() for a in actions})])
def test_actions_are_those_of_the_catalogue(name):
    assert name in KNOWN.actions
    kinds = {kind.name for kind in kinds_of(name.partition(":")[0])}
    made_or_needed = SERVICES.created.get(name, []) + SERVICES.needed.get(name, [])
    assert {each for names in made_or_needed for each in names.split("|")} <= kinds


def test_services_and_types_are_those_of_the_catalogue():
    services = {*SERVICES.passing, *SERVICES.without_passing, *SERVICES.owners, *SERVICES.fixed}
    assert services | {name.partition(":")[0] for name in SERVICES.together} <= set(KNOWN.services)
    assert not {*SERVICES.passing} & {*SERVICES.without_passing}
    assert {*SERVICES.ec2_kinds.values()} <= {kind.name for kind in kinds_of("ec2")}
    assert all(f"iam:{operation}" in KNOWN.actions for operation in SERVICES.of_itself)


@pytest.mark.parametrize("name", ["whole", "read", "for_one_run", "of_itself", "passing", "without_passing"])
def test_lists_have_each_name_once(name):
    found = getattr(SERVICES, name)
    assert len(found) == len(set(found))


def test_exceptions_name_events_actions_and_a_reason():
    assert len(tables.event_rules()) > 300
    for rule in tables.event_rules():
        assert all(map(prefix_of, rule.sources)) and rule.events and rule.why
        assert set(rule.actions) <= KNOWN.names, rule
        assert re.fullmatch(r"always|!?[\w.*-]+(=.+)?", rule.when), rule


@pytest.mark.parametrize("table", ["alternatives", "one_run"])
def test_lists_of_types_are_of_their_service(table):
    for service, names in getattr(SERVICES, table).items():
        kinds = {kind.name for kind in kinds_of(service)}
        assert {each for row in names for each in row.split("|")} <= kinds, service
        assert all("|" in row for row in names) == (table == "alternatives"), service
    assert {(service, name) for service, name in SERVICES.alone.items()} <= {
        (service, kind.name) for service in SERVICES.alone for kind in kinds_of(service)
    }


def test_answers_are_paths_and_what_they_name_is_read():
    assert all(re.fullmatch(r"[\w.*\[\]]+", path) for paths in SERVICES.answers.values() for path in paths)
    assert all(re.fullmatch(r"\w+", event) for event in SERVICES.answers)
    read = {name for names in SERVICES.aliases.values() for name in names if name.startswith(f"{tables.ANSWER}.")}
    # A cluster's subnet group is a name, an instance's an object that holds one.
    assert read == tables.ANSWERED


def test_failures_have_a_class_and_unrecorded_actions_a_page():
    kinds = [line.split()[0] for line in tables.lines("failures.txt")]
    assert set(kinds) == {"refused", "throttled", "unproven"} and kinds == sorted(kinds)
    for line in tables.lines("unrecorded.txt"):
        pattern, page = line.split(" | ")
        assert KNOWN.expand(pattern) and '"' in page, line


def test_tables_of_lines_are_sorted_and_have_each_row_once():
    for name in ("sources.txt", "clients.txt", "passing.txt", "apis.txt"):
        rows = tables.lines(name)
        assert rows == sorted(set(rows)), name
    assert set(tables.PREFIXES.values()) <= set(KNOWN.services)
    assert all("iam:PassRole" in KNOWN.actions[name].dependent_actions for name in tables.ALWAYS_PASSING)


class Event(BaseModel):
    """What a made-up trail says of a kind of event."""

    model_config = ConfigDict(extra="forbid")

    weight: float
    parameters: dict | None = None
    object: tuple[str, str] | None = None
    resources: dict[str, str] | None = None
    write: bool = False
    data: bool = False
    via: str | None = None
    region: str | None = None
    response: dict | None = None
    error: tuple[str, str] | None = None
    refused: tuple[str, str] | None = None


class Actor(BaseModel):
    """Who acts in a made-up trail."""

    model_config = ConfigDict(extra="forbid")

    account: str
    session: str | None = None
    path: str | None = None
    identity: dict | None = None
    agent: str
    share: float
    endpoint: str | None = None
    shared: str | None = None
    calls: list[dict[str, Event]] = []


def test_the_made_up_trail_has_actors_and_kinds_of_events():
    made = tables.structure("trail.yaml")
    actors = TypeAdapter(list[Actor]).validate_python(made["actors"])
    shared = TypeAdapter(dict[str, list[dict[str, Event]]]).validate_python(made["shared"])
    assert round(sum(actor.share for actor in actors), 9) <= 1
    assert {actor.shared for actor in actors if actor.shared} == set(shared)
    assert all(bool(actor.session) != bool(actor.identity) for actor in actors)
