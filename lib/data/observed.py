"""Examples from evidence: what a role was seen doing, as a request, and the policy that allows just that.

A Reading of CloudTrail comes in, Examples go out. Unlike names and composed sentences, such a request lists calls: who
reads logs asks a model this way, and the policy is known because it is made of the calls themselves.
"""

from collections.abc import Sequence
from hashlib import sha256
from random import Random

from iampolicy.document import canonical
from iamtrail.drafting import draft
from iamtrail.observed import Observed, Reading
from iamtrail.parameters import CUT
from iamtrail.trail_error import TrailError
from lib.data.dataset import Example, complexity

SOURCE = "cloudtrail"
KINDS = (1, 5)  # different events of an example
NAMES = 3  # values that a request names of one event
LONGEST = 6_144  # characters of a policy: more does not fit one managed policy
OPENINGS = (
    "CloudTrail shows these calls of {who}. Write the policy that allows exactly these:",
    "{who} was seen doing the following; give it these permissions and no more:",
    "Least privilege for {who}, from its log:",
)


def examples(reading: Reading, count: int, seed: int = 0) -> list[Example]:
    """Up to `count` examples: some kinds of calls of one principal each, with their policy.

    Calls that failed, and those that need no permission or leave a name open, are in no example.
    """
    rng = Random(seed)
    by_principal: dict[str, dict[tuple[str, str], list[Observed]]] = {}
    for row in reading.observed:
        if row.calls and _kind(row.principal):
            kinds = by_principal.setdefault(row.principal, {})
            kinds.setdefault((row.source, row.event), []).append(row)
    found: dict[str, Example] = {}
    for _ in range(8 * count):  # some are alike, and some leave something open
        if len(found) >= count or not by_principal:
            break
        who = rng.choice(sorted(by_principal))
        kinds = by_principal[who]
        size = min(len(kinds), rng.randint(*KINDS))
        rows = [rng.sample(kinds[kind], min(NAMES, len(kinds[kind]))) for kind in rng.sample(sorted(kinds), size)]
        if example := _example(who, rows, rng):
            found.setdefault(example.policy, example)
    return list(found.values())


def _example(who: str, kinds: Sequence[Sequence[Observed]], rng: Random) -> Example | None:
    try:
        made = draft([row for rows in kinds for row in rows])
    except TrailError:  # none of these calls needs a permission
        return None
    if made.placeholders or made.questions or not made.evidence.uses:
        return None
    policy = canonical(made.policy)
    text = policy.to_json()
    if len(text) > LONGEST:
        return None
    opening = rng.choice(OPENINGS).format(who=f"the {_kind(who)} {who.rpartition('/')[2]}")
    instruction = f"{opening[0].upper()}{opening[1:]} {'; '.join(map(_said, kinds))}."
    key = sha256(text.encode()).hexdigest()[:12]
    return Example(f"{SOURCE}/{key}", SOURCE, instruction, text, complexity(policy))


def _kind(principal: str) -> str:
    """What a principal is, if policies are attached to it: not the account's root, nor a service."""
    return next((kind for kind in ("role", "user") if f":{kind}/" in principal), "")


def _said(rows: Sequence[Observed]) -> str:
    """One kind of call, as somebody who reads the log would say it: "S3 GetObject on docs and a.txt, 3 calls"."""
    first = rows[0]
    values = dict.fromkeys(value for row in rows for _, value in row.parameters if CUT not in value)
    named = [value for value in (*values, *(arn for row in rows for arn in row.resources)) if len(value) <= 200]
    calls = sum(row.calls for row in rows)
    where = f" on {', '.join(dict.fromkeys(named))}" if named else ""
    return f"{first.source.partition('.')[0]} {first.event}{where}, {calls:,} call{'s' if calls > 1 else ''}"
