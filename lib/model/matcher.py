"""Follow a grammar token by token: the one place where llguidance compiles grammars and says what may come next.

A Compiler belongs to a tokenizer and takes the grammars of `lib.model.grammar`; a Matcher goes along with one answer
and knows how to end it.
"""

import copy
import json
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from iampolicy import catalogue
from lib.files import CourseError

# How Matcher.close chooses where the grammar leaves a choice, by the next byte: strings, lists, objects and fields of
# an ARN end as soon as they can, Deny goes before Allow, Action and Resource before NotAction and NotResource, a name
# before a star, and all of it before what opens one thing more.
_SOONEST, _LATE, _LATEST = b'"]}:DAR', b"N?*", b",[{"
_LONGEST_END = 400  # tokens of one byte or more; no end of a policy is longer, and a walk must not be endless


class GrammarError(CourseError):
    """A grammar does not compile, or an answer left it."""


def _without_special_texts(tokenizer: PreTrainedTokenizerFast) -> str:
    """The tokenizer as JSON, its special tokens under names that nobody can know.

    Otherwise a name such as "</s>" in a request would be read as the token that ends an answer, which no grammar
    allows in its middle: what is forced could then not be written.
    """
    backend = copy.copy(tokenizer.backend_tokenizer)
    backend.no_padding()
    backend.no_truncation()
    text, secret = backend.to_str(), secrets.token_hex(16)
    for token in map(str, tokenizer.added_tokens_decoder.values()):
        text = text.replace(json.dumps(token, ensure_ascii=False), json.dumps(f"{secret}{token}", ensure_ascii=False))
    return text


class Compiler:
    """Grammars for one tokenizer; building it takes about 50 ms, a first `whole` 0.4 s."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Take a fast tokenizer of transformers.

        Raises:
            GrammarError: for a tokenizer that is not backed by the tokenizers library.
        """
        if not isinstance(tokenizer, PreTrainedTokenizerFast):
            raise GrammarError(f"grammars need a fast tokenizer, not a {type(tokenizer).__name__}")
        self._tokenizer = LLTokenizer(_without_special_texts(tokenizer), eos_token=tokenizer.eos_token_id)
        # All matchers of a grammar share one automaton, and what they add to it between two masks is rationed: with the
        # default ration some thousand answers that need few masks end in an error that all others then share. And
        # without the last setting an error would quote the whole grammar.
        self._limits = LLParserLimits(
            step_lexer_fuel=100_000_000, max_lexer_states=2_000_000, max_items_in_row=20_000, verbose_errors=False
        )
        self._compiled = lru_cache(maxsize=64)(self._compile)
        self._ranks = np.array([_rank(self._tokenizer.decode_bytes([i])) for i in range(self._tokenizer.vocab_size)])

    def matcher(self, grammar: str) -> "Matcher":
        """A matcher at the beginning of an answer; a grammar seen lately is not compiled again.

        Raises:
            GrammarError: if the text is no grammar, or one beyond llguidance's limits.
        """
        compiled, shortest = self._compiled(grammar)
        probe = compiled.deep_copy()
        probe.compute_bitmask()
        if probe.is_error():  # the shared automaton met a limit in an earlier answer: begin with a new one
            self._compiled.cache_clear()
            compiled, shortest = self._compiled(grammar)
        return Matcher(compiled.deep_copy(), self._tokenizer, self._ranks, shortest)

    def _compile(self, grammar: str) -> tuple[LLMatcher, list[int]]:
        compiled = LLMatcher(self._tokenizer, grammar, log_level=0, limits=self._limits)
        if compiled.is_error():
            raise GrammarError(f"the grammar does not compile: {compiled.get_error().splitlines()[0]}")
        return compiled, Matcher(compiled.deep_copy(), self._tokenizer, self._ranks).close() or []


class Matcher:
    """One answer as far as it is written, and what may follow. Build it with `Compiler.matcher`.

    `shortest` are the tokens of a short policy of the grammar, a Deny; empty if none was found.
    """

    def __init__(
        self, matcher: LLMatcher, tokenizer: LLTokenizer, ranks: np.ndarray, shortest: Sequence[int] = ()
    ) -> None:
        self.shortest = shortest
        self._matcher, self._tokenizer, self._ranks = matcher, tokenizer, ranks

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing may follow."""
        return self._matcher.is_stopped()

    def allows(self, token: int) -> bool:
        """Whether the token may follow; much quicker than a mask."""
        return self._matcher.validate_tokens([token]) == 1

    def mask(self) -> np.ndarray:
        """Which tokens may follow: a boolean for every token of the tokenizer, the end token included."""
        packed = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise GrammarError(f"the grammar cannot go on: {self._matcher.get_error().splitlines()[0]}")
        return np.unpackbits(packed, bitorder="little")[: len(self._ranks)].view(bool)

    def forced(self) -> list[int]:
        """The tokens that must follow, as the tokenizer writes them; without those that may yet merge with the next."""
        return self._matcher.compute_ff_tokens()

    def consume(self, tokens: list[int]) -> None:
        """Go on by some tokens.

        Raises:
            GrammarError: if they may not follow; the matcher is of no use then.
        """
        if not self._matcher.consume_tokens(tokens):
            raise GrammarError("a token was chosen that the grammar does not allow")

    def write(self, text: str) -> None:
        """Go on by a text, in the tokenizer's own tokens; see `consume`."""
        self.consume(self._tokenizer.tokenize_bytes(text.encode()))

    def back(self, count: int) -> None:
        """Take back the last so many tokens."""
        if not self._matcher.rollback(count):
            raise GrammarError(f"{count} tokens cannot be taken back")

    def text_of(self, tokens: list[int]) -> bytes:
        """What tokens say, byte by byte: a character may end in a later token."""
        return self._tokenizer.decode_bytes(tokens)

    def close(self, beginning: bytes = b"") -> list[int] | None:
        """The tokens of a short end of the answer that begins so, or None if none does; the matcher stays where it is.

        After the beginning the grammar's own choices lead to an end: what is open closes as soon as it can, Deny
        goes before Allow, and a name before a star.
        """
        tokens = self._tokenizer.tokenize_bytes(beginning)
        if self._matcher.validate_tokens(tokens) < len(tokens):
            return None
        written = list(tokens)
        self.consume(tokens)
        while not self._matcher.is_accepting() and len(written) < _LONGEST_END:
            step = self.forced() or [int(np.where(self.mask(), self._ranks, np.inf).argmin())]
            self.consume(step)
            written += step
        accepted = self._matcher.is_accepting()
        self.back(len(written))
        # Written anew in one go it takes fewer tokens; the grammar reads bytes, so it accepts them as well.
        return self._tokenizer.tokenize_bytes(self.text_of(written)) if accepted else None


def _rank(token: bytes) -> int:
    """Where a token stands in the order in which `Matcher.close` prefers them: by first byte, then the shorter."""
    first = token[:1]
    place = _SOONEST.find(first) if first in _SOONEST else 300 * (1 + (first in _LATE) + 2 * (first in _LATEST))
    return 1000 * (place + (first[0] if first and first not in _SOONEST else 0)) + len(token)


def closings(text: str) -> list[str]:
    """How to end a policy that is written as far as `text`, best first; what a beginning leaves open the grammar ends.

    Only where an Action is whole and no string is open there is an end that adds no action of its own. A Resource
    that is missing becomes everything of the services that the statement names, or what the grammar has instead.
    """
    if not text.endswith(('"', "]", "}")) or re.sub(r"\\.", "", text).count('"') % 2:
        return []
    # Within a string the quote is escaped, so this is never part of a name.
    statement = text[text.rfind('{"Effect":') :] if '{"Effect":' in text else ""
    if re.search(r'"(Not)?Resource":', statement):
        return ["]}", "}]}", "]}]}", "}}}]}", "]}}}]}"]
    if not re.search(r'"(Not)?Action":', statement):
        return []
    services = dict.fromkeys(re.findall(r'"([a-z0-9-]+):[A-Za-z0-9*]+"', statement))
    arns = [f'"arn:aws:{_arn_service(service)}:*:*:*"' for service in services]
    listed = arns[0] if len(arns) == 1 else f"[{','.join(arns)}]"
    return [f'{end},"Resource":{named}' for named in (f"{listed}}}]}}", "") for end in ("", "]")]


def _arn_service(prefix: str) -> str:
    """What stands in the service field of a service's ARNs; mostly its own prefix."""
    service = catalogue.load().services.get(prefix)
    kinds = [kind.arn.split(":")[2] for kind in service.resource_types.values()] if service else []
    return prefix if prefix in kinds or not kinds else kinds[0]
