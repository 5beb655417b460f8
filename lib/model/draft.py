"""A draft as it goes to the user: the policy, what it was offered, and the questions that it leaves open."""

import json
from dataclasses import dataclass, replace

from iampolicy.document import Policy, parse
from iampolicy.review.questions import questions
from lib.model.heard import turned_round, unused
from lib.model.tidy import tidied
from lib.retrieval.refusals import LONGEST, readable
from lib.retrieval.retrieve import Retrieved

MOST = 5  # names in a question
TURNED = (
    "The model allowed what the request excepts ({}), so there is no draft. Say in one sentence what is allowed, and "
    "in another what is to be denied."
)


@dataclass(frozen=True)
class Generated:
    """One draft; `policy` is None when the text is not one, `findings` are sentences."""

    text: str
    policy: Policy | None
    findings: tuple[str, ...]
    retrieved: tuple[str, ...]  # the actions and wildcards that the prompt offered
    complete: bool  # ended by itself, not by the token budget
    tokens: int  # generated
    seconds: float  # its share of the batch's
    questions: tuple[str, ...] = ()  # what the draft assumes
    refusal: str | None = None  # why there is no draft; the text is empty then


def asking(draft: Generated, instruction: str, found: Retrieved | None) -> Generated:
    """The draft with what retrieval offered and the questions that it leaves open; none if it is turned round."""
    if found is None:
        return draft
    request = readable(instruction)
    draft = replace(_in_order(draft), retrieved=found.actions)
    if draft.policy and (turned := turned_round(request, draft.policy)):
        return replace(draft, text="", policy=None, findings=(), refusal=TURNED.format(", ".join(turned)))
    asked = questions(draft.policy, request) if draft.policy else []
    lost = unused(request, draft.policy)[:MOST] if draft.policy and not found.title else []
    if lost:
        asked.insert(0, f"The request names {', '.join(lost)}, of which no statement speaks: is something missing?")
    if found.title:
        asked.insert(0, f"Is {found.title!r} meant as a name? What it grants is guessed from policies of like names.")
    if len(" ".join(instruction.split())) > LONGEST:
        asked.insert(0, f"Only the first {LONGEST:,} characters of the request were read: what of the rest matters?")
    return replace(draft, questions=tuple(asked))


def _in_order(draft: Generated) -> Generated:
    """The draft without what stands in it a second time, or too widely for what stands beside it."""
    if draft.policy is None:
        return draft
    text = json.dumps(tidied(json.loads(draft.text)), separators=(",", ":"), ensure_ascii=False)
    return replace(draft, text=text, policy=parse(text))
