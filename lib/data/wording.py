"""How alike requests are worded: the shape of a sentence (without its names, numbers and verbs), and similarity."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from iampolicy import catalogue

BLANK = "_"
_TOKEN = re.compile(r"""`[^`]*`|"[^"]*"|[“][^”]*[”]|arn:\S*[\w*/]|[\w$@*{}][\w$@*{}./:+=-]*[\w*}/]|\w|\*""")
_NAME = re.compile(r"""[`"“]|.*[\d_/:@*${}+=-]|.*[a-z][A-Z]|[A-Z]{2,}""")
# What people say for the verbs with which the names of AWS's actions begin.
_SAID = (
    "read write upload download fetch push pull view see look change edit remove run use access save store load open "
    "grab drop erase wipe add make spin launch restart reboot trigger execute call query scan browse inspect check "
    "monitor watch modify rename move copy sync rotate issue encrypt decrypt sign publish post consume poll subscribe "
    "peek touch set reset show deploy roll back build test provision clean purge empty register manage administer"
)


@cache
def _verbs() -> frozenset[str]:
    first = {re.findall(r"[A-Z]?[a-z]*", a.operation)[0].lower() for a in catalogue.load().actions.values()}
    stems = {word for word in (*first, *_SAID.split()) if len(word) > 2}
    return frozenset(form for stem in stems for form in _forms(stem))


def _forms(verb: str) -> Iterable[str]:
    short = verb.removesuffix("e")
    twice = verb + verb[-1]
    return verb, f"{verb}s", f"{verb}es", f"{short}ing", f"{short}ed", f"{twice}ing", f"{twice}ed"


def shape(text: str, names: Iterable[str] = ()) -> str:
    """A text with what can be exchanged in it blanked; equal shapes are one sentence with other fillings.

    Args:
        names: words that are names although they look like none, such as those of the wanted policy.
    """
    exchanged = _verbs() | {name.casefold() for name in names}
    tokens = ((token, token.casefold()) for token in _TOKEN.findall(text))
    words = (BLANK if _NAME.match(token) or word in exchanged else word for token, word in tokens)
    return re.sub(rf"{BLANK}(?:(?: and| or)? {BLANK})+", BLANK, " ".join(words))


def names_in(policy: str) -> set[str]:
    """The words of a policy's text that a request may have as names."""
    return {word for text in re.findall(r'"([^"]*)"', policy) for word in re.split(r"[^\w-]+", text) if word}


def similarity(texts: Sequence[str]) -> np.ndarray:
    """The cosine of the words of each text with those of each other one, rare words counting more (tf-idf).

    Returns:
        texts x texts, from 0 to 1; a text beside itself is 0.
    """
    words = [Counter(re.findall(r"\w+", text.casefold())) for text in texts]
    seen = Counter(word for found in words for word in found)
    column = {word: number for number, word in enumerate(seen)}
    table = np.zeros((len(texts), len(column)), dtype=np.float32)
    for row, found in enumerate(words):
        for word, count in found.items():
            table[row, column[word]] = count * np.log(len(texts) / seen[word] + 1)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    alike = table @ table.T
    np.fill_diagonal(alike, 0)
    return alike
