"""Pages about policies for nano's corpus: a policy, said in English or beside the tables that it draws on.

A number and the policies to keep out come in, texts go out, in the voice of a reference: what a policy does, never a
request for one. The policies are composed as those of written examples are (lib/data/written), without their words. A
reader of many such pages learns to copy names from a table into a policy and to say in JSON what a sentence says.
"""

import re
from random import Random

from lib.data import written
from lib.data.overlap import apart
from lib.iam import catalogue
from lib.iam.catalogue import Action, Service
from lib.iam.document import Policy, as_policy
from lib.iam.review import sentence

SEED = 1_000_003  # added to the corpus seed, so that pages are not drawn like the data set's examples
VERBS = {  # opening of `sentence` -> what may stand there instead
    "Allows the caller to ": (
        "Allows the caller to ",
        "Grants permission to ",
        "Lets you ",
        "Permits a role to ",
        "Can ",
    ),
    "Forbids the caller to ": ("Forbids the caller to ", "Denies permission to ", "Blocks attempts to ", "Cannot "),
}
_WORD = re.compile(r"[A-Z][a-z]+")
DISTRACTORS = (2, 6)  # actions of the same service that a table lists and the policy does not use


def pages(count: int, held_back: list[str], seed: int) -> list[str]:
    """Compose about `count` pages.

    Args:
        held_back: policies as JSON text; no page holds one of them or a near duplicate of one.
    """
    random = Random(seed)
    policies = [as_policy(w.policy).to_json() for w in written.write(count, SEED + seed)]
    return [page(as_policy(policy), random) for policy in apart(list(dict.fromkeys(policies)), held_back)]


def page(policy: Policy, random: Random) -> str:
    """One page: tables or sentences, then the policy; sometimes the policy first."""
    text = policy.to_json(indent=2 if random.random() < 0.15 else None)
    layout = random.choices(list(LAYOUTS), list(LAYOUTS.values()))[0]
    return layout(policy, text, random)


def _prose(policy: Policy, random: Random, named: bool = False) -> str:
    sentences = []
    for statement in policy.statements:
        said = sentence(statement, named)
        for opening, others in VERBS.items():
            if said.startswith(opening):
                said = random.choice(others) + said.removeprefix(opening)
        sentences.append(said)
    return random.choice((" ", "\n")).join(sentences)


def _said(policy: Policy, text: str, random: Random) -> str:
    return f"{_prose(policy, random, named=random.random() < 0.25)}\n{text}"


def _titled(policy: Policy, text: str, random: Random) -> str:
    titles = ", ".join(service.title for service in _services(policy))
    heading = f"{random.choice(('Policy for', 'Access to', 'Example:'))} {titles or 'all services'}"
    return f"{heading}\n{_said(policy, text, random)}"


def _tabled(policy: Policy, text: str, random: Random) -> str:
    parts = []
    for service in _services(policy):
        used = [a for s in policy.statements for p in s.action_patterns if (a := service.actions.get(_operation(p)))]
        others = random.sample(list(service.actions.values()), min(len(service.actions), random.randint(*DISTRACTORS)))
        rows = list({a.name: a for a in (*used, *others)}.values())
        random.shuffle(rows)
        parts.append("\n".join([f"{service.title} ({service.prefix})", *map(_row, rows[:16])]))
    prose = [_prose(policy, random)] if random.random() < 0.7 else []
    return "\n".join([*parts, *prose, text])


def _explained(policy: Policy, text: str, random: Random) -> str:
    return f"{text}\n{_prose(policy, random, named=random.random() < 0.5)}"


def _listed(policy: Policy, text: str, random: Random) -> str:
    """A list with a line for each action that the policy uses, the one it uses mostly first, in its order."""
    lines = []
    for pattern in dict.fromkeys(p for s in policy.statements for p in s.action_patterns):
        service = catalogue.learned().services.get(pattern.partition(":")[0].lower())
        alike = _alike(service, _operation(pattern)) if service else []
        line = [pattern, *random.sample(alike, min(len(alike), random.randint(0, 3)))]
        if random.random() < 0.25:
            random.shuffle(line)
        lines.append(" ".join(line))
        if alike and random.random() < 0.2:
            lines.append(random.choice(alike))
    arns = dict.fromkeys(r for s in policy.statements for r in s.resources if r != "*")
    heading = random.choice(("Actions", "Possible actions", "Candidates"))
    parts = [f"{heading}:", *lines, *(["Resources:", *arns] if arns else [])]
    said = _prose(policy, random)
    return "\n".join([said, *parts, text] if random.random() < 0.8 else [*parts, said, text])


LAYOUTS = {_said: 25, _titled: 10, _tabled: 15, _explained: 5, _listed: 45}


def _alike(service: Service, operation: str) -> list[str]:
    """Other actions of a service whose name shares a word with this one; all others where none does."""
    named = service.actions.get(operation)
    words = set(_WORD.findall(named.name)) if named else set()
    others = [a for key, a in service.actions.items() if key != operation]
    sharing = [a for a in others if words & set(_WORD.findall(a.name))]
    return [a.name for a in sharing or others]


def _row(action: Action) -> str:
    return f"{action.name} {action.access_level}: {action.purpose.partition('. ')[0]}"


def _operation(pattern: str) -> str:
    return pattern.partition(":")[2].lower()


def _services(policy: Policy) -> list[Service]:
    known = catalogue.learned().services
    return [known[prefix] for prefix in sorted(policy.services) if prefix in known]
