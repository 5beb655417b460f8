"""What nano was pretrained on: nothing of validation or test, no instruction format; and what is shipped."""

import json
import re

import pytest
from safetensors import safe_open

from lib import profiles
from lib.data import dataset, managed, written
from lib.data.overlap import NEAR, nearest
from lib.files import ROOT
from lib.iam.document import parse
from lib.model.corpus import KINDS, LONGEST, documents, plain
from lib.model.pretrain import Setup
from lib.model.prompt import HEADER, INSTRUCTION, RESPONSE

NANO = ROOT / "models" / "nano"


@pytest.fixture(scope="module")
def data():
    return dataset.build(managed.fetch(progress=False), written.write(1500, seed=0))


@pytest.fixture(scope="module")
def corpus(data):
    return documents(data, 400)


def policies_in(text: str) -> list[str]:
    """Every JSON object of a text that has a Statement, however it is printed."""
    found, decoder = [], json.JSONDecoder()
    for match in re.finditer(r"\{(?=\s*\"(Version|Id|Statement)\")", text):
        try:
            value, _ = decoder.raw_decode(text, match.start())
        except json.JSONDecodeError:
            continue
        if "Statement" in value:
            found.append(json.dumps(value))
    return found


def worst_overlap(corpus, data) -> float:
    """The largest overlap of a held-back policy with one of the corpus."""
    seen = [policy for document in corpus for policy in policies_in(document.text)]
    assert len(seen) > 1000
    return max(nearest([e.policy for e in (*data.validation, *data.test)], seen))


def test_no_policy_of_validation_or_test_is_in_the_text(corpus, data):
    assert worst_overlap(corpus, data) < NEAR


def test_none_is_in_the_text_that_the_shipped_base_has_read():
    written_examples = written.write(profiles.load("nano").examples, Setup.seed)
    data = dataset.build(managed.fetch(progress=False), written_examples)
    assert worst_overlap(documents(data, Setup.pages, Setup.seed), data) < NEAR


def test_the_check_finds_a_planted_leak(data):
    leak = data.test[0]
    text = f"Some page\n{parse(leak.policy).to_json(indent=2)}\nand more"
    assert nearest([leak.policy], policies_in(text)) == [1.0]


def test_no_name_of_a_held_back_policy_heads_a_document(corpus, data):
    names = {e.id.removeprefix("managed/") for e in (*data.validation, *data.test) if e.source != "written"}
    assert not names & {d.name for d in corpus if d.kind == "policy"}


def test_the_text_does_not_know_the_instruction_format(corpus, data):
    marks = (INSTRUCTION.strip(), RESPONSE.strip(), HEADER.strip(), "Provide an IAM policy for")
    instructions = {e.instruction for e in (*data.validation, *data.test)}
    for document in corpus:
        assert not any(mark in document.text for mark in marks)
        assert document.text not in instructions


def test_the_corpus_is_large_of_four_kinds_and_always_the_same(corpus, data):
    sizes = {kind: sum(len(d.text) for d in corpus if d.kind == kind) for kind in KINDS}
    assert all(size > 250_000 for size in sizes.values())
    assert all(size > 2_000_000 for kind, size in sizes.items() if kind != "page")
    assert documents(data, 400) == corpus


def test_a_description_ends_between_words(corpus):
    shown = [d.text.split("\n", 1)[1] for d in corpus if d.kind == "operation"]
    cut = [text for text in shown if len(text) > LONGEST - 30]
    assert len(cut) > 1000 and max(map(len, shown)) <= LONGEST and not any(text[-1] == " " for text in cut)


@pytest.mark.parametrize(
    ("documentation", "text"),
    [
        ("<p>Sends a message.</p><p>See <a href='x'>more</a> &amp; less.</p>", "Sends a message.\nSee more & less."),
        ("<ul><li> one </li><li>two</li></ul>", "one\ntwo"),
        ("", ""),
    ],
)
def test_documentation_becomes_plain_text(documentation, text):
    assert plain(documentation) == text


def test_the_shipped_base_is_a_small_mistral_in_safetensors():
    config = json.loads((NANO / "config.json").read_text())
    assert config["model_type"] == "mistral" and 7000 <= config["vocab_size"] <= 9000
    weights = NANO / "model.safetensors"
    assert weights.stat().st_size <= 40 * 2**20
    with safe_open(weights, "pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 - no dict
    count = sum(a * (b[0] if b else 1) for a, *b in shapes)
    assert 10_000_000 <= count <= 20_000_000
    assert not [p for p in NANO.iterdir() if p.suffix in {".bin", ".pt", ".pkl", ".pth", ".py"}]


def test_the_card_says_how_it_was_made():
    card = (NANO / "README.md").read_text()
    for said in ("Tokens seen", "seed", "python -m lib.model.pretrain", "minutes", "Held-out loss", "steps"):
        assert said in card
    curve = (NANO / "curve.csv").read_text().splitlines()
    assert curve[0].startswith("step,tokens,seconds,loss") and len(curve) > 5


def test_the_shipped_tokenizer_reads_whole_policies_back():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(NANO / "tokenizer.json"))
    for text in ('{"Version":"2012-10-17","Statement":[]}', "dynamodb:BatchGetItem", "\x00\ud7ff ☃ \n\t"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text
