"""Which request parameters name which resource or role: what APIs call the variables of the catalogue's ARN formats.

Most follow from the words ("TableName" and "tableName"); services.yaml has the others, and which calls pass a role to a
service, for which the caller needs iam:PassRole (IAM User Guide, "Grant a user permissions to pass a role to an AWS
service").
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from iampolicy import catalogue
from iampolicy.catalogue import Action, ResourceType
from iamtrail import tables
from iamtrail.parameters import Pairs

GIVEN = frozenset({"Partition", "Region", "Account"})  # variables that the event itself fills
MAKES = re.compile(r"(Create|Run|Allocate|Request|Import|Copy|Register|Purchase|Restore)(?=[A-Z])")  # of an operation
_VARIABLE = re.compile(r"\$\{(\w+)\}")
TOLD = "told."  # before a variable: what another ARN of the request says of it
# Variables that may stand for a resource of any kind.
ANYTHING = frozenset({"Partition", "Region", "Account", "Id", "Name", "ResourceId", "ResourceName"})
SHORTEST = 4  # letters of a word that is a part of a name
# How a variable's or a parameter's name ends: what it holds, a name or an id, must agree.
_ENDINGS = re.compile(r"(resource)?(names?|ids?|identifiers?|uuids?)?$")
_DECORATIONS = ("withpath", "withoutleadingslash")  # behind variables' names, about the form of the value

# "CreateDistribution2020_05_31", "UpdateFunctionCode20150331v2": the API's version behind the name (CloudFront and
# Lambda developer guides, pages on logging with CloudTrail).
_VERSION = re.compile(r"_?(19|20)\d{2}_?[01]\d_?[0-3]\d(v\d+)?$")
PASS_ROLE = "iam:PassRole"
# Parameters whose value may be anything -> the one beside it that says what it is, and how that ends if it is a role.
VALUE_OF = {"patchoperations.value": "patchoperations.path", "attributevalue": "attributename"}
ROLES = ("rolearn", "credentials")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
CHANGING = frozenset({"Write", "Permissions management"})  # access levels of calls that can pass a role
# Parameters that take a role's ARN under another name: EC2's flow logs, Cognito's pools, API Gateway's integrations.
_HOLDS_ROLE = re.compile(
    r"(deliverlogspermissionarn|roles\..+|credentials(arn)?|snscallerarn|automationassumerole|patchoperations\.value"
    r"|attributevalue)$"
)
_NAMES_ROLE = re.compile(r"(role(arn|name|id)?s?|rolenamearn|iaminstanceprofile(arn|name)?|instanceprofilename)$")


def operation_of(event: str) -> str:
    """The name of an event without the API's version.

    >>> operation_of("TagResource20170331v2")
    'TagResource'
    """
    return _VERSION.sub("", event.strip())


def variables(kind: ResourceType) -> tuple[str, ...]:
    """The variables of a kind's ARN format that a request must fill, in order."""
    return tuple(name for name in _VARIABLE.findall(kind.arn) if name not in GIVEN)


@lru_cache(maxsize=65_536)
def fills(action: Action, kind: ResourceType, variable: str, parameter: str) -> bool:
    """Whether the values of a parameter (dotted name, any case) fill a variable of a kind's ARN format."""
    if parameter.startswith(TOLD):
        return False
    for key in (f"{action.name}:{variable}", f"{kind.service}:{kind.name}:{variable}"):
        if key in tables.ALIASES:
            return parameter.lower() in map(str.lower, tables.ALIASES[key])
    known = tables.ALIASES.get(f"{kind.service}:{variable}")
    path, _, last = parameter.rpartition(".")
    if known is not None and (path or not known or parameter.lower() in map(str.lower, known)):
        return parameter.lower() in map(str.lower, known)
    (stem, holds), (given_stem, given_holds) = split(variable), split(last)
    if not _agree(holds, given_holds):
        return False
    if stem and stem == given_stem:
        return True
    if path or variable not in _own(kind):
        return False
    own = split(kind.name)[0]
    # "name" or "id" alone is of what the operation is about: "DescribeCluster", or an action of one kind only.
    about = any(word and word in _folded(action.operation) for word in (own, stem))
    return given_stem == own or (not given_stem and bool(given_holds) and (about or len(action.resource_types) == 1))


@lru_cache(maxsize=65_536)
def nearly_fills(action: Action, kind: ResourceType, variable: str, parameter: str) -> bool:
    """Whether a parameter fills a variable whose name ends its own, or begins later than its own.

    "clusterSubnetGroupName" fills SubnetGroupName where nothing else does, and "subscriptionName" fills
    EventSubscriptionName if the action is on nothing else.
    """
    if "." in parameter or tables.ALIASES.get(f"{kind.service}:{variable}") == []:
        return False
    (stem, holds), (given, given_holds) = split(variable), split(parameter)
    near = given.endswith(stem) or (len(action.resource_types) == 1 and stem.endswith(given))
    return bool(near and given_holds and _agree(holds, given_holds) and min(len(stem), len(given)) >= SHORTEST)


def told_by(service: str, arns: Iterable[str]) -> Pairs:
    """What the service's ARNs say of others: a permission set's names its instance, a table's its bucket."""
    return tuple(dict.fromkeys(pair for arn in arns for pair in _parts(service, arn)))


@lru_cache(maxsize=65_536)
def _parts(service: str, arn: str) -> Pairs:
    """The variables of the formats that an ARN has, with their values; none where a value is more than a name."""
    matches = ((names, found) for pattern, names in _formats(service) if (found := pattern.fullmatch(arn)))
    told = (pair for names, found in matches for pair in zip(names, found.groups(), strict=True))
    return tuple((TOLD + variable, value) for variable, value in told if variable not in ANYTHING)


@lru_cache(maxsize=1_024)
def _formats(service: str) -> tuple[tuple[re.Pattern[str], list[str]], ...]:
    arns = (kind.arn for kind in catalogue.load().services[service].resource_types.values())
    literals = ((arn, map(re.escape, _VARIABLE.split(arn)[::2])) for arn in arns)
    return tuple((re.compile("([^/:$]+)".join(parts)), _VARIABLE.findall(arn)) for arn, parts in literals)


def is_bare(parameter: str) -> bool:
    """Whether a parameter's name says that it is a name or an id, and not of what: "name", "id"."""
    return not split(parameter.rpartition(".")[2])[0]


def _own(kind: ResourceType) -> tuple[str, ...]:
    """The variables that are the kind's own: the last, and a name before an id that AWS puts beside it."""
    *others, last = variables(kind)
    beside = others and split(others[-1])[1] == "name" and split(last)[0] in ("", split(others[-1])[0])
    return (others[-1], last) if beside else (last,)


@lru_cache(maxsize=65_536)
def split(name: str) -> tuple[str, str]:
    """What a name is of, and what it holds.

    >>> split("dBInstanceIdentifier"), split("LogGroupNames"), split("id")
    (('instance', 'identifier'), ('loggroup', 'name'), ('', 'id'))
    """
    folded = _folded(name)
    found = _ENDINGS.search(folded)
    if found is None:  # the expression fits an empty end
        return folded, ""
    stem, ending = folded[: found.start()], (found[2] or "").removesuffix("s")
    if not ending and stem.endswith("s") and not stem.endswith("ss"):
        stem = stem[:-1]
    return stem.removeprefix("db"), ending


def _folded(name: str) -> str:
    text = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((text.removesuffix(end) for end in _DECORATIONS if text.endswith(end)), text)


def _agree(wanted: str, given: str) -> bool:
    """Whether both hold names, or both ids: a configuration rule's ARN has its id, which is not its name."""
    return wanted == given or not wanted or given in ("", "identifier") or {wanted, given} == {"id", "uuid"}


def passed_roles(parameters: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters that name a role or an instance profile, whether as ARN or by name, with their values."""
    pairs = [(name, value) for name, value in parameters if value]
    told = {name.lower(): value.lower() for name, value in pairs}

    def counts(name: str, value: str) -> bool:
        if names_role(name):
            return True
        beside = told.get(VALUE_OF.get(name.lower(), ""))
        holds = _HOLDS_ROLE.search(name.lower()) and ROLE_ARN.fullmatch(value)
        return bool(holds) and (beside is None or beside.endswith(ROLES))

    return [(name, value) for name, value in pairs if counts(name, value)]


def names_role(name: str) -> bool:
    """Whether a parameter's dotted name says that its value is a role: "taskRoleArn", "iamInstanceProfile.name"."""
    last = name.lower().replace("iaminstanceprofile.", "iaminstanceprofile").rpartition(".")[2]
    # The execution role of stack sets and automations is assumed in each target account, not passed.
    return last != "executionrolename" and bool(_NAMES_ROLE.search(last))


def passes_role(action: Action, parameters: Pairs | None) -> bool | None:
    """Whether a call of the action passes a role: True for certain, None perhaps, False no.

    It does where the reference lists iam:PassRole as dependent and the request names a role, or, if its parameters are
    not known, cannot do without. Without such a listing a changing call that names a role's ARN does so if the
    service's guide says it, and else perhaps.
    """
    if parameters is None:
        return action.name in tables.ALWAYS_PASSING
    roles = [value for _, value in passed_roles(parameters)]
    if PASS_ROLE in action.dependent_actions:
        return bool(roles)
    if action.service in tables.WITHOUT_PASSING or action.name in tables.PASSED_LATER:
        return False
    if action.access_level not in CHANGING:
        return False
    if action.service in tables.PASSING:  # Glue, for one, takes a role's bare name
        return bool(roles)
    return None if any(ROLE_ARN.fullmatch(role) for role in roles) else False
