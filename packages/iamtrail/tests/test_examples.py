"""The examples in docstrings, run."""

import doctest
import importlib
import pkgutil

import pytest

import iamtrail

MODULES = [module.name for module in pkgutil.walk_packages(iamtrail.__path__, "iamtrail.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_give_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(f"iamtrail.{name}") for name in ("mapping", "drafting", "gate")]
    assert all(any(test.examples for test in finder.find(module)) for module in modules)
