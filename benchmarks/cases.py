"""What is measured: pairs of cases, each a function that does some work and says how much, in what unit.

A later row is one more Pair. Every case runs in a process of its own, so that its peak memory is its own.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lib import profiles
from lib.data import composed, dataset
from lib.files import ROOT


@dataclass(frozen=True)
class Work:
    """An amount done, and the seconds it took without loading."""

    amount: float
    seconds: float


@dataclass(frozen=True)
class Case:
    """A way to do a piece of work."""

    name: str
    run: Callable[[], Work]


@dataclass(frozen=True)
class Pair:
    """Two ways to do the same work; the ratio is first over second."""

    title: str
    unit: str  # of the work; its rate is a second's worth
    first: Case
    second: Case


def _examples(count: int) -> list[dataset.Example]:
    return dataset.from_written(composed.write(count, seed=1))


def _train(answers: bool) -> Work:
    """Steps of LoRA, with logits of the answers alone or of all tokens."""
    import torch
    from peft import LoraConfig, get_peft_model
    from trl import SFTConfig, SFTTrainer

    from lib.model import base, train
    from lib.model.prompt import plain

    profile = profiles.load("laptop")
    tokenizer = base.load_tokenizer(profile)
    rows = train.rows(plain(_examples(160)), tokenizer, profile.max_length)
    lora = LoraConfig(task_type="CAUSAL_LM", r=16, target_modules=list(profiles.load_recipe("A").target_modules))
    with tempfile.TemporaryDirectory() as folder:
        settings = {"output_dir": folder, "report_to": "none", "save_strategy": "no", "use_cpu": True}
        settings |= {"per_device_train_batch_size": profile.train_batch_size, "max_length": profile.max_length}
        settings |= {"bf16": base.compute_dtype("cpu") == torch.bfloat16, "train_sampling_strategy": "group_by_length"}
        trainer = (train.AnswerTrainer if answers else SFTTrainer)(
            model=get_peft_model(base.load_for_training(profile), lora),
            args=SFTConfig(max_steps=12, completion_only_loss=True, disable_tqdm=True, **settings),
            train_dataset=rows,
            processing_class=tokenizer,
        )
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    return Work(trainer.state.global_step * profile.train_batch_size, seconds)


def _generate(batch_size: int) -> Work:
    from lib.model.generate import PolicyGenerator

    generator = PolicyGenerator.load("runs/none", "zero_shot", profiles.load("laptop"))
    generator.batch_size = batch_size
    requests = [e.instruction for e in _examples(32)]
    generator.generate(requests[:1], max_new_tokens=4)
    started = time.perf_counter()
    drafts = generator.generate(requests, max_new_tokens=64)
    return Work(sum(d.tokens for d in drafts), time.perf_counter() - started)


def _decode(grammar: bool, skipping: bool = True) -> Work:
    """Answers of the shipped adapter, free or under the grammar of the whole catalogue, with the course's own loop."""
    from lib.model.decode import Sampling, decode
    from lib.model.generate import PolicyGenerator
    from lib.model.grammar import whole
    from lib.model.matcher import Matcher
    from lib.model.prompt import render

    generator = PolicyGenerator.load("runs/none", "grammar", profiles.load("laptop"), "shipped")
    if not skipping:
        Matcher.forced = lambda matcher: []
    prompts = [generator.tokenizer(render(e.instruction))["input_ids"] for e in _examples(32)]
    matchers = [generator._compiler.matcher(whole()) if grammar else None for _ in prompts]
    decode(generator.model, generator.tokenizer, prompts[:1], [None], Sampling(4))
    started = time.perf_counter()
    answers = decode(generator.model, generator.tokenizer, prompts, matchers, Sampling(96))
    return Work(sum(len(a.ids) for a in answers), time.perf_counter() - started)


def _loop(own: bool) -> Work:
    """Grounded answers one at a time: with the course's loop, or with transformers' generate and a LogitsProcessor."""
    import torch
    from transformers import LogitsProcessor

    from lib.model.decode import Sampling, decode
    from lib.model.generate import PolicyGenerator
    from lib.model.grammar import grounded
    from lib.model.matcher import Matcher
    from lib.model.prompt import render

    class Masked(LogitsProcessor):
        def __init__(self, matcher: Matcher, length: int) -> None:
            self.matcher, self.length = matcher, length

        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            if input_ids.shape[1] > self.length:
                self.matcher.consume([int(input_ids[0, -1])])
            self.length = input_ids.shape[1]
            if self.matcher.finished:
                return scores.fill_(-torch.inf).index_fill_(1, torch.tensor([generator.tokenizer.eos_token_id]), 0)
            mask = torch.zeros(scores.shape[1], dtype=torch.bool)
            allowed = torch.from_numpy(self.matcher.mask().copy())
            mask[: len(allowed)] = allowed
            return scores.masked_fill(~mask, -torch.inf)

    generator = PolicyGenerator.load("runs/none", "grounded", profiles.load("laptop"), "shipped")
    model, tokenizer = generator.model, generator.tokenizer
    asked = [e.instruction for e in _examples(12)]
    intents = [generator.read(request) for request in asked]
    prompts = [tokenizer(render(intent))["input_ids"] for intent in intents]
    matchers = [generator._compiler.matcher(grounded(intent)) for intent in intents]
    decode(model, tokenizer, prompts[:1], [None], Sampling(4))
    started, tokens = time.perf_counter(), 0
    for prompt, matcher in zip(prompts, matchers, strict=True):
        if own:
            tokens += len(decode(model, tokenizer, [prompt], [matcher], Sampling(256))[0].ids)
        else:
            ids = torch.tensor([prompt])
            masked = [Masked(matcher, len(prompt))]
            asking = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 256, "do_sample": False}
            with torch.inference_mode():
                answer = model.generate(ids, logits_processor=masked, pad_token_id=tokenizer.pad_token_id, **asking)
            tokens += answer.shape[1] - ids.shape[1]
    return Work(tokens, time.perf_counter() - started)


def _draft(batch_size: int) -> Work:
    """Grounded drafts from request to policy: retrieval, grammar and decoding."""
    from lib.model.generate import PolicyGenerator

    generator = PolicyGenerator.load("runs/none", "grounded", profiles.load("laptop"), "shipped")
    generator.batch_size = batch_size
    requests = [e.instruction for e in _examples(32)]
    generator.generate(requests[:1])
    started = time.perf_counter()
    drafts = generator.generate(requests)
    return Work(sum(d.tokens for d in drafts), time.perf_counter() - started)


def _documents() -> list[str]:
    from lib.data import managed

    return [json.dumps(policy.document) for policy in managed.fetch()]


def _each(work: Callable[[str], object]) -> Work:
    """A piece of work on every managed policy, loading of catalogues not counted."""
    documents = _documents()
    work(documents[0])
    started = time.perf_counter()
    for document in documents:
        work(document)
    return Work(len(documents), time.perf_counter() - started)


def _validate() -> Work:
    from iampolicy.checks import validate

    return _each(validate)


def _parliament() -> Work:
    try:
        import parliament
    except ImportError as error:
        raise SystemExit(f"{error}: .venv/bin/python -m pip install -r env/bench.txt") from error

    def analyze(document: str) -> None:
        with contextlib.suppress(Exception):  # it raises on condition types of newer services; what it did counts
            parliament.analyze_policy_string(document)

    return _each(analyze)


def _compare() -> Work:
    from iampolicy.compare import compare

    documents = _documents()
    compare(documents[0], documents[1])
    started = time.perf_counter()
    for one, other in zip(documents, documents[1:], strict=False):
        compare(one, other)
    return Work(len(documents) - 1, time.perf_counter() - started)


def _cloudsplaining() -> Work:
    from iampolicy.review import risks

    return _each(risks)


REQUESTS = 60_000
THREE_STATEMENTS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::photos/*"},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::photos",
            "Condition": {"StringLike": {"s3:prefix": "home/${aws:username}/*"}},
        },
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ],
}


def _simulate(policy: str | dict) -> Work:
    from iampolicy.simulate import Request, simulate

    ada = "arn:aws:iam::111122223333:user/ada"
    requests = [
        Request(action, resource, ada, {"aws:SecureTransport": tls, "s3:prefix": "home/ada/x"})
        for action in ("s3:GetObject", "s3:ListBucket", "ec2:StopInstances")
        for resource in ("arn:aws:s3:::photos", "arn:aws:s3:::photos/a")
        for tls in ("true", "false")
    ]
    started = time.perf_counter()
    for number in range(REQUESTS):
        simulate(requests[number % len(requests)], identity=policy)
    return Work(REQUESTS, time.perf_counter() - started)


EVENTS = 100_000
TRAILSCRAPER = "trailscraper==0.10.0"  # pins a boto3 of its own, so it is installed aside and without what it needs


def _cloudtrail(work: Callable[[Path], int], events: int = EVENTS) -> Work:
    """A piece of work on the log files of a made-up trail; it returns how many events it read."""
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("first", 100), ("logs", events)):  # elsewhere: the writer's memory is not the reader's
            command = [sys.executable, "-m", "iamtrail.trail", str(Path(folder) / name), "--events", str(count)]
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        work(Path(folder) / "first")
        started = time.perf_counter()
        read = work(Path(folder) / "logs")
        return Work(read, time.perf_counter() - started)


def _actions_of_trail() -> Work:
    from iamtrail import files
    from iamtrail.mapping import actions_for

    def work(logs: Path) -> int:
        reading = files.read(logs, progress=False)
        for row in reading.observed:
            actions_for(row.source, row.event, row.parameters)
        return reading.events

    return _cloudtrail(work)


def _draft_of_trail(events: int) -> Work:
    from iamtrail import draft, files

    def work(logs: Path) -> int:
        reading = files.read(logs, progress=False)
        draft(reading)
        return reading.events

    return _cloudtrail(work, events)


def _trailscraper() -> Work:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, TRAILSCRAPER]
        subprocess.run(pip, check=True)
        sys.path.append(folder)
        try:
            import pytz
            from trailscraper.cloudtrail import filter_records
            from trailscraper.policy_generator import generate_policy
            from trailscraper.record_sources.local_directory_record_source import LocalDirectoryRecordSource
        except ImportError as error:
            raise SystemExit(f"{error}: .venv/bin/python -m pip install -r env/bench.txt") from error
        always = [datetime(year, 1, 1, tzinfo=pytz.utc) for year in (1970, 2100)]

        def work(logs: Path) -> int:
            records = filter_records(LocalDirectoryRecordSource(str(logs)).load_from_dir(*always), None, *always)
            generate_policy(records)
            return len(records)

        return _cloudtrail(work)


PAIRS = {
    "validation": Pair(
        "Validating the 1,582 managed policies",
        "policies",
        Case("iampolicy.checks", _validate),
        Case("parliament 1.6.4", _parliament),
    ),
    "comparison": Pair(
        "Reading what the managed policies allow: each compared with the next, or each scanned for risks",
        "policies",
        Case("iampolicy.compare", _compare),
        Case("cloudsplaining 0.9.1", _cloudsplaining),
    ),
    "simulation": Pair(
        "Deciding requests against a policy of three statements",
        "requests",
        Case("given as text, read once", lambda: _simulate(json.dumps(THREE_STATEMENTS))),
        Case("given as a dict", lambda: _simulate(THREE_STATEMENTS)),
    ),
    "cloudtrail": Pair(
        "From the log files of CloudTrail to the actions that are needed (100,000 events)",
        "events",
        Case("iamtrail", _actions_of_trail),
        Case("trailscraper 0.10.0", _trailscraper),
    ),
    "volume": Pair(
        "From the log files of CloudTrail to a draft: does time or memory grow?",
        "events",
        Case("2,000,000 events", lambda: _draft_of_trail(2_000_000)),
        Case("500,000 events", lambda: _draft_of_trail(500_000)),
    ),
    "training": Pair(
        "Training SmolLM2 with LoRA on a CPU",
        "lessons",
        Case("logits of answers alone", lambda: _train(answers=True)),
        Case("TRL's trainer", lambda: _train(answers=False)),
    ),
    "generation": Pair(
        "Generating with SmolLM2 (32 requests, 64 tokens each)",
        "tokens",
        Case("batched, 32 at a time", lambda: _generate(batch_size=32)),
        Case("one at a time", lambda: _generate(batch_size=1)),
    ),
    "mask": Pair(
        "What the grammar costs a token (32 requests at once, every token chosen)",
        "tokens",
        Case("under the grammar", lambda: _decode(grammar=True, skipping=False)),
        Case("free", lambda: _decode(grammar=False)),
    ),
    "forced": Pair(
        "What the grammar saves (32 requests at once, forced tokens read in chunks)",
        "tokens",
        Case("under the grammar", lambda: _decode(grammar=True)),
        Case("free", lambda: _decode(grammar=False)),
    ),
    "loop": Pair(
        "Twelve grounded answers one at a time, under the grammars of their requests",
        "tokens",
        Case("the course's loop", lambda: _loop(own=True)),
        Case("transformers' generate", lambda: _loop(own=False)),
    ),
    "drafting": Pair(
        "Grounded drafts, from request to policy",
        "tokens",
        Case("batched, 32 at a time", lambda: _draft(batch_size=32)),
        Case("one at a time", lambda: _draft(batch_size=1)),
    ),
}
