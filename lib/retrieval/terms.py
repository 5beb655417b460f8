"""Words to search with: stemmed, without filler, with one term for all verbs that ask for the same.

English or the name of an action comes in, a list of terms goes out: "setting up queues" and "CreateQueue" have both
of their terms in common.
"""

import re
from functools import lru_cache

import Stemmer

from lib.data.written.words import split_name, word_set

# What people say in several words, and in one that means the same. Longest first where one begins another.
PHRASES = (
    (r"set(?:s|ting)? up|spin(?:s|ning)? up|bring(?:s|ing)? up", "create"),
    (r"(?:delet|remov|strip)(?:e|es|ing) (?:the |all )?tags?", "untag tag"),
    (r"get(?:s|ting)? rid of|tear(?:s|ing)? down|clean(?:s|ing)? up", "delete"),
    (r"shut(?:s|ting)? down", "terminate"),
    (r"switch(?:es|ing)? off|turn(?:s|ing)? off", "disable"),
    (r"switch(?:es|ing)? on|turn(?:s|ing)? on", "enable"),
    (r"kick(?:s|ing)? off|fir(?:e|es|ing) up|power(?:s|ing)? (?:on|up)", "start"),
    (r"power(?:s|ing)? (?:off|down)", "stop"),
    (r"look(?:s|ing)? (?:(?:it|them) )?(?:up|at)|tak(?:e|es|ing) a look at", "view"),
    (r"see(?:s|ing)? the (?:details|state|status) of", "view"),
    (r"check(?:s|ing)? (?:on|out)", "view"),
    (r"mak(?:e|es|ing) changes to", "update"),
    (r"mak(?:e|es|ing) a (?:copy|snapshot|backup) of", r"copy snapshot backup"),
    (r"tak(?:e|es|ing) (?:a )?(snapshot|backup)s?", r"create \1"),
    (r"user pools?", "userpool"),
    (r"uploads(?= (?:that|which|without|from|must|are|not)\b)", "put objects"),
)
_PHRASES = tuple((re.compile(rf"\b(?:{said})\b", re.IGNORECASE), meant) for said, meant in PHRASES)

# One term for verbs that ask for the same. A verb keeps its own term beside it: BM25 weighs them both.
_ALIKE = {
    "create": "create make build provision generate add launch new establish",
    "delete": "delete remove destroy drop erase purge wipe deregister",
    "read": "get fetch retrieve read view see look inspect show obtain return describe check examine display download "
    "access lookup query monitor receive pull poll consume",
    "list": "list enumerate browse see show describe",
    "update": "update modify change edit adjust alter configure set put customize",
    "start": "start initiate begin launch run trigger execute invoke call resume",
    "stop": "stop halt terminate cancel abort end pause suspend",
    "send": "send post publish push put write emit upload store save",
    "attach": "attach associate link bind connect join assign",
    "detach": "detach disassociate unlink unbind disconnect unassign dissociate",
    "permit": "authorize grant share permit",
    "copy": "copy duplicate clone replicate",
    "tag": "tag label",
}
_STOP = word_set(
    "a an the of for to in on with and or by from as at its it their them one any all is are be been was were aws "
    "amazon that this these those which who whose will would should shall can could may must able ability allow "
    "allows allowed permission permissions permit permits grant grants policy iam only our your my we i you they "
    "he she using use uses used need needs want wants please team into onto if when there so such also other us "
    "me not no do does specified given existing new information about multiple more each every also just like "
    "both have has had let lets via per than then"
)
LONGEST = 100  # characters; no name of an operation is longer, and splitting costs their square
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_stemmer = Stemmer.Stemmer("english")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of one word in lower case: "queues" -> "queue"."""
    return _stemmer.stemWord(word)


_GROUPS: dict[str, tuple[str, ...]] = {}
for _group, _words in _ALIKE.items():
    for _w in _words.split():
        _GROUPS[stem(_w)] = (*_GROUPS.get(stem(_w), ()), f"={_group}")


def verb_terms(word: str) -> tuple[str, ...]:
    """The groups of verbs that a stem belongs to, as terms."""
    return _GROUPS.get(word, ())


def terms(text: str) -> list[str]:
    """The search terms of an English text, in its order; names in CamelCase are split into their words.

    Words of more than LONGEST characters are left out.
    """
    for said, meant in _PHRASES:
        text = said.sub(meant, text)
    found: list[str] = []
    for word in _WORD.findall(text):
        if len(word) > LONGEST:
            continue
        parts = split_name(word) if any(c.isupper() for c in word[1:]) else (word,)
        for part in parts:
            low = part.lower()
            if low in _STOP:
                continue
            root = stem(low)
            found.append(root)
            found += verb_terms(root)
    return found
