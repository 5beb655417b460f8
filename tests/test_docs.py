"""What the documents name is there: files, modules, commands, links."""

import importlib.util
import re
from pathlib import Path

import pytest

from lib.files import ROOT

DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("env/*.md"),
    *ROOT.glob("packages/*/README.md"),
    *ROOT.glob("models/**/README.md"),
    *ROOT.glob("lib/data/requests/README.md"),
]
MADE = ("runs/", "logs/", ".venv/", "models/smollm2/base")  # what a reader makes, or has


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (document.parent / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_paths_and_modules_exist(document: Path):
    text = document.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:lib|packages|tools|tests|notebooks|env|docs|models|benchmarks)/[\w./*-]+)`", text)
    near = (ROOT, document.parent)
    assert not [p for p in paths if not p.startswith(MADE) and not any(list(place.glob(p)) for place in near)]
    modules = re.findall(r"python -m ((?:lib|iampolicy|iamintent|iamtrail|tools|benchmarks)[\w.]*\w)", text)
    assert not [module for module in modules if importlib.util.find_spec(module) is None]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_make_targets_exist(document: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    blocks = "\n".join(re.findall(r"```.*?```|`[^`]+`", document.read_text(encoding="utf-8"), re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z-]+)", blocks)) <= targets
