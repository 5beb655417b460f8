"""How many tokens a text takes, under Mistral's tokenizer and under SmolLM2's.

Texts come in, counts go out. Both tokenizers come with installed files, so that a reader without a GPU can see what
the budget of a 7B model would have to be.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from tokenizers import Tokenizer

from lib.files import ROOT, shown

SMOLLM2 = ROOT / "models" / "smollm2" / "base" / "tokenizer.json"


@cache
def _mistral() -> Callable[[str], int]:
    tokenizer = MistralTokenizer.v3().instruct_tokenizer.tokenizer
    return lambda text: len(tokenizer.encode(text, bos=False, eos=False))


@cache
def _smollm2(path: Path = SMOLLM2) -> Callable[[str], int]:
    if not path.is_file():
        raise FileNotFoundError(f"{shown(path)} is missing: run python -m lib.model.smollm2")
    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


TOKENIZERS: dict[str, Callable[[], Callable[[str], int]]] = {"Mistral v3": _mistral, "SmolLM2": _smollm2}


def count(texts: Iterable[str], tokenizer: str) -> list[int]:
    """Tokens of each text, without special tokens.

    Raises:
        ValueError: for a name that is not in TOKENIZERS.
        FileNotFoundError: if SmolLM2's tokenizer is not there.
    """
    if tokenizer not in TOKENIZERS:
        raise ValueError(f"unknown tokenizer {tokenizer!r}: choose one of {', '.join(TOKENIZERS)}")
    count_one = TOKENIZERS[tokenizer]()
    return [count_one(text) for text in texts]


def rows(policies: Sequence[str]) -> list[dict[str, object]]:
    """One row a policy and tokenizer: tokenizer, tokens."""
    return [{"tokenizer": name, "tokens": n} for name in TOKENIZERS for n in count(policies, name)]
