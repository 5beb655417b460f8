"""The entries of Action, NotAction, Resource and NotResource, each kept, put right, removed or made wider.

An element as it was read comes in and the element as it is kept goes out. What cannot be kept may go where fewer
entries mean less: from what is allowed and from what a Deny spares; elsewhere an Allow goes, and a Deny takes more.
"""

from typing import Any

from iampolicy.repair.loose import List
from iampolicy.repair.resources import arn
from iampolicy.repair.work import Draft, Drop, shown


def entries(draft: Draft, name: str, value: Any) -> dict[str, Any]:
    """One of the four elements, as an object of one: a NotAction that is left empty becomes an Action.

    Raises:
        Drop: if the statement cannot be kept.
    """
    positive = name.removeprefix("Not")
    given = value if isinstance(value, List) else [value]
    if name == positive and isinstance(value, List) and not value.whole:
        draft.strengthen(f'{draft.place}.{name} is not complete: it is "*"')
        given = ["*"]
    if name == positive and not given:
        raise Drop(f"{name} is empty")
    kept: list[str] = []
    there = {entry for entry in given if type(entry) is str}
    for entry in given:
        made = _made(draft, name, entry)
        if made is not None and (made == entry or made not in there):
            kept.append(made)
            there.add(made)
    if kept:
        return {name: kept if isinstance(value, List) else kept[0]}
    if draft.allows or name == positive:
        raise Drop(f"nothing is left of its {name}")
    draft.strengthen(f'replaced the empty {draft.place}.{name} by {positive} "*", which denies more')
    return {positive: "*"}


def _made(draft: Draft, name: str, entry: Any) -> str | None:
    """What is kept for one entry; None if it can go."""
    inverted, is_action, where = name.startswith("Not"), name.endswith("Action"), f"{draft.place}.{name}"
    actions = draft.work.actions
    meant = actions.meant(entry) if is_action else arn(entry, draft.work.kind)
    guessed = meant is not None and meant != entry and not (is_action and meant.lower() == entry.lower())
    # What a Deny spares is not guessed: a wrong guess would spare more.
    if meant is not None and not (guessed and inverted and not draft.allows):
        if meant != entry:
            draft.say(f"replaced {shown(entry)} in {where} by {shown(meant)}")
        return meant
    if draft.allows != inverted or (not draft.allows and entry in (None, "")):
        draft.say(f"removed {shown(entry)} from {where}")
        return None
    if draft.allows:
        raise Drop(f"{shown(entry)} in {name} cannot be read, and without it more would be allowed")
    wide = actions.covering(entry) if is_action else "*"
    draft.strengthen(f"replaced {shown(entry)} in {where} by {shown(wide)}, which denies more")
    return wide
