"""The examples in docstrings, run."""

import doctest
import importlib
import pkgutil

import pytest

import iamintent

MODULES = [module.name for module in pkgutil.walk_packages(iamintent.__path__, "iamintent.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_give_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(f"iamintent.{name}") for name in ("words", "clauses", "mentions", "titles")]
    assert all(any(test.examples for test in finder.find(module)) for module in modules)
