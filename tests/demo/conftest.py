"""Drafts and a generator that answers what it is told to."""

from collections.abc import Callable

import pytest

from iampolicy.document import PolicySyntaxError, parse
from iampolicy.grammar import structure_faults
from lib.model.generate import Generated

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'


@pytest.fixture
def draft() -> Callable[..., Generated]:
    """A draft with a text, as the generator would have read it."""

    def make(text: str = POLICY, complete: bool = True, tokens: int = 40, seconds: float = 0.5) -> Generated:
        try:
            policy = parse(text)
            findings = tuple(structure_faults(policy))
        except PolicySyntaxError as error:
            policy, findings = None, (f"not a policy: {error}",)
        return Generated(text, policy, findings, (), complete, tokens, seconds)

    return make


class FakeGenerator:
    """Gives `answer`, or raises it; remembers what it was asked, and calls `meanwhile` before it answers."""

    def __init__(self, answer: object, max_new_tokens: int = 256) -> None:
        self.answer, self.max_new_tokens = answer, max_new_tokens
        self.asked: list[tuple] = []
        self.meanwhile = lambda: None

    def generate(self, instructions, temperature=0.0, max_new_tokens=None, seed=0):
        self.asked.append((list(instructions), temperature, max_new_tokens, seed))
        self.meanwhile()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return [self.answer for _ in instructions]


@pytest.fixture
def fake_generator() -> type[FakeGenerator]:
    """Makes a generator from what it shall answer."""
    return FakeGenerator


@pytest.fixture
def generator(draft) -> FakeGenerator:
    """A generator that answers every request with one good policy."""
    return FakeGenerator(draft())
