"""Named resources: a place, invented names, and the ARNs that the catalogue's formats make of them.

A service and a resource type come in; a Target goes out that carries the words for the reader and, for each type
that shares its name (a bucket and its objects), the ARNs for the policy. What the words do not fix is "*".
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile
from random import Random

from iampolicy.catalogue import Catalogue, ResourceType, load
from lib.data.written import vocabulary
from lib.data.written.names import ID_PREFIXES, NAMERS, UPPER, hexadecimal, kebab, uuid
from lib.data.written.nouns import NOUNS
from lib.data.written.words import listed, plural, split_name


@dataclass(frozen=True)
class Scene:
    """Where the resources live. None: the words do not say, so the ARNs have "*" there."""

    region: str | None = None
    account: str | None = None
    told: str = "inline"  # "inline": beside the resource; "sentence": once, in a sentence of its own


@dataclass(frozen=True)
class Target:
    """One or more resources of a kind, as words and as ARNs. `names` are their names or name patterns."""

    service: str
    type: str
    names: tuple[str, ...]
    words: str
    scene: Scene
    form: str

    @property
    def pronoun(self) -> str:
        return "it" if len(self.names) == 1 and "*" not in self.names[0] else "them"


# Types whose ARN carries the name of another type: (service, type) -> the type that is named.
NAMED_BY = {("s3", "object"): "bucket", ("logs", "log-stream"): "log-group", ("states", "execution"): "statemachine"}

# ARNs that need more than the name: the catalogue's format, completed the way the service documents it.
COMPLETED = {
    ("s3", "object"): "arn:aws:s3:::{name}/*",
    ("logs", "log-group"): "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    ("logs", "log-stream"): "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    ("secretsmanager", "Secret"): "arn:aws:secretsmanager:{region}:{account}:secret:{name}-??????",
    ("ssm", "parameter"): "arn:aws:ssm:{region}:{account}:parameter{name}",
    ("ecs", "task-definition"): "arn:aws:ecs:{region}:{account}:task-definition/{name}:*",
    ("states", "execution"): "arn:aws:states:{region}:{account}:execution:{name}:*",
    ("cloudformation", "stack"): "arn:aws:cloudformation:{region}:{account}:stack/{name}/*",
    ("autoscaling", "autoScalingGroup"): (
        "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{name}"
    ),
}


def placeholders(arn: str) -> tuple[str, ...]:
    """The parts of an ARN format that a name must fill: not the partition, region or account."""
    return tuple(p for p in re.findall(r"\$\{(\w+)\}", arn) if p not in ("Partition", "Region", "Account", "AccountId"))


@cache
def is_id(service: str, type_: str, catalogue: Catalogue) -> bool:
    """Whether resources of the type are known by a generated id, not by a name that someone chose."""
    if (service, type_) in ID_PREFIXES:
        return True
    if (service, type_) in NOUNS and (service, type_) not in NAMERS:
        return False
    if (service, type_) in NAMERS:
        return NAMERS[service, type_] is uuid or type_ in ("hostedzone", "distribution")
    slots = placeholders(catalogue.services[service].resource_types[type_].arn)
    return bool(slots) and slots[-1].lower().endswith(("id", "identifier", "uuid", "hash"))


@cache
def is_nameable(kind: ResourceType) -> bool:
    """Whether a short phrase can name a resource of the type: one free part, and a type name made of words."""
    key = (kind.service, kind.name)
    if key in NOUNS:
        return True
    slots = placeholders(kind.arn)
    same_service = kind.arn.split(":")[2].replace("${Partition}", "") in (kind.service, "")
    words = type_words(kind)
    return bool(
        len(slots) == 1
        and same_service
        and re.search(rf"[:/]\$\{{{slots[0]}\}}$", kind.arn)
        and len(words) <= 4
        and all(w.isalpha() and len(w) > 1 for w in words)
        and not re.search(r"(Version|Region|Arn|Path|Type|Scope)\}$", kind.arn)
    )


@cache
def _compounds(catalogue: Catalogue, service: str) -> dict[str, tuple[str, ...]]:
    """Runs of words in the service's operation names, by their letters: "snapshotschedule" -> snapshot, schedule."""
    found: dict[str, tuple[str, ...]] = {}
    for action in catalogue.services[service].actions.values():
        words = split_name(action.operation)[1:]
        words = (*words[:-1], *(re.sub(r"(?<=[a-z])s$", "", w) for w in words[-1:]))
        for start in range(len(words)):
            for size in (2, 3, 4):
                run = words[start : start + size]
                if len(run) == size:
                    found.setdefault("".join(run).lower(), run)
    return found


def type_words(kind: ResourceType) -> tuple[str, ...]:
    """The words of a type's name; names that the reference writes in one are split as its operations are."""
    words = split_name(kind.name)
    if len(words) > 1 and words[-1] in ("name", "ID", "ARN", "resource"):
        words = words[:-1]
    one = words[-1].removesuffix("s")
    if plural(one) == words[-1] != one and not words[-1].endswith(("us", "is", "options", "settings")):
        words = (*words[:-1], one)
    if len(words) == 1 and len(kind.name) > 8:
        return _compounds(load(), kind.service).get(kind.name.lower(), words)
    return words


def noun_of(catalogue: Catalogue, service: str, type_: str) -> str:
    """The noun beside a name of a resource of the type: "queue"."""
    return nouns(catalogue.services[service].resource_types[type_], "")[0]


def nouns(kind: ResourceType, alias: str) -> tuple[str, str]:
    """The noun beside a name and the noun that tells the service, too."""
    if (kind.service, kind.name) in NOUNS:
        return NOUNS[kind.service, kind.name]
    words = type_words(kind)
    noun = " ".join(words)
    known = set(alias.lower().split())
    alone = " ".join(dropwhile(lambda w: w.lower() in known, words)) or noun
    return noun, f"{alias} {alone}"


def arn(kind: ResourceType, name: str, scene: Scene) -> str:
    """The ARN of the named resource; region and account are "*" where the scene leaves them open."""
    region, account = scene.region or "*", scene.account or "*"
    completed = COMPLETED.get((kind.service, kind.name))
    if completed:
        return completed.format(name=name, region=region, account=account)
    text = kind.arn.replace("${Partition}", "aws").replace("${Region}", region)
    text = text.replace("${AccountId}", account).replace("${Account}", account)
    slots = placeholders(kind.arn)
    for slot, value in zip(slots, name.split("/", len(slots) - 1), strict=True):
        text = text.replace("${" + slot + "}", value)
    return text


def place_words(rng: Random, kind: ResourceType, scene: Scene) -> str:
    """The scene in words, as far as ARNs of this kind have a region and an account; begins with a space or is empty."""
    region = scene.region if "${Region}" in kind.arn else None
    account = scene.account if "${Account" in kind.arn else None
    if region and account:
        return rng.choice(
            (
                f" in {region} (account {account})",
                f" ({region}, account {account})",
                f" in account {account}, region {region},"[:-1],
                f" in {region} in account {account}",
            )
        )
    if region:
        return rng.choice((f" in {region}", f" in {region}", f" ({region})", f" in the {region} region"))
    if account:
        return rng.choice((f" in account {account}", f" of account {account}", f" in the AWS account {account}"))
    return ""


def draw_scene(rng: Random) -> Scene:
    region = rng.choice(vocabulary.REGIONS) if rng.random() < 0.5 else None
    account = rng.choice(vocabulary.ACCOUNTS) if rng.random() < 0.4 else None
    return Scene(region, account, "sentence" if (region or account) and rng.random() < 0.3 else "inline")


def draw_name(rng: Random, kind: ResourceType, catalogue: Catalogue, scene: Scene = Scene()) -> str:
    key = (kind.service, kind.name)
    if key == ("cognito-idp", "userpool"):
        return f"{scene.region or rng.choice(vocabulary.REGIONS)}_{''.join(rng.choices(UPPER, k=9))}"
    if key in ID_PREFIXES:
        return ID_PREFIXES[key] + "0" + hexadecimal(rng, 16)
    if key in NAMERS:
        return NAMERS[key](rng)
    if is_id(*key, catalogue):
        return rng.choice((uuid, lambda r: hexadecimal(r, 10), lambda r: hexadecimal(r, 12)))(rng)
    return kebab(rng)


def draw_target(
    rng: Random,
    catalogue: Catalogue,
    service: str,
    type_: str,
    scene: Scene,
    alias: str,
    count: int = 1,
    wild: bool = False,
) -> Target:
    """Name `count` resources of a type; `wild` gives a name pattern ("orders-*") where names are chosen by people."""
    type_ = NAMED_BY.get((service, type_), type_)
    kind = catalogue.services[service].resource_types[type_]
    by_id = is_id(service, type_, catalogue)
    noun, full = nouns(kind, alias)
    known = (service, type_) in NOUNS
    told = full if not known or rng.random() < 0.4 else noun
    place = place_words(rng, kind, scene) if scene.told == "inline" else ""
    many = plural(told)
    if wild and not by_id and (service, type_) not in NAMERS or wild and type_ in ("bucket", "table", "function"):
        prefix = rng.choice((*vocabulary.TOPICS, *vocabulary.COMPANIES, *vocabulary.STAGES)) + "-"
        words = rng.choice(
            (
                f"any {told} whose name starts with {prefix}",
                f"all {many} with names starting with {prefix}",
                f"{many} matching {prefix}*",
                f"every {told} that begins with {prefix}",
                f"the {prefix}* {many}",
                f"{many} prefixed with {prefix}",
            )
        )
        return Target(service, type_, (prefix + "*",), words + place, scene, "pattern")
    names: tuple[str, ...] = ()
    while len(names) < count:
        names = tuple(dict.fromkeys((*names, draw_name(rng, kind, catalogue, scene))))
    located = ("${Region}" not in kind.arn or scene.region) and ("${Account" not in kind.arn or scene.account)
    if located and scene.told == "inline" and type_ not in ("log-group", "Secret") and rng.random() < 0.3:
        arns = listed([arn(kind, n, scene) for n in names])
        words = rng.choice((arns, f"the {told if count == 1 else many} {arns}"))
        return Target(service, type_, names, words, scene, "arn")
    if (service, type_) == ("ecs", "service"):
        words = listed([f"{n.split('/')[1]} in the cluster {n.split('/')[0]}" for n in names])
        return Target(service, type_, names, f"the {told if count == 1 else many} {words}{place}", scene, "nested")
    if count > 1:
        every = listed(names)
        forms = [
            f"the {many} {every}",
            f"{many} {every}",
            f"the {told}s {every}" if many == told + "s" else f"the {many} {every}",
        ]
        if not by_id:
            forms += [f"the {every} {many}", f"the {many} named {every}"]
        return Target(service, type_, names, rng.choice(forms) + place, scene, "several")
    name = names[0]
    if by_id:
        forms = [
            f"the {told} {name}",
            f"the {told} with ID {name}",
            f"{told} {name}" if known else f"the {told} {name}",
        ]
    else:
        forms = [
            f"the {told} {name}",
            f"the {name} {told}",
            f"the {told} named {name}",
            f"the {told} called {name}",
            f"the {name} {told}",
            f'the {told} "{name}"',
            f"our {name} {told}",
            f"{told} {name}",
        ]
    if name.lower().endswith(told.lower().split()[0]):  # not "our training training job"
        forms = [f for f in forms if not f.endswith(f" {name} {told}")]
    choice = rng.randrange(len(forms))
    return Target(service, type_, names, forms[choice] + place, scene, f"{'id' if by_id else 'name'}{choice}")
