"""Requests to try, one a kind: what the generator offers ready to draft, each with the policy that it wants.

They stand in lib/data/requests/ready.jsonl and are part of the test split: nothing is learnt from them.
"""

from dataclasses import dataclass

from lib.data import field
from lib.data.requests import FOLDER, load


@dataclass(frozen=True)
class Request:
    """A ready request; `title` is what the menu says, the kind of the request first; `wanted` its policy as JSON."""

    title: str
    text: str
    wanted: str


EXAMPLES = tuple(Request(a.title, a.request, field.text(a.policy)) for a in load(FOLDER / "ready.jsonl"))
