"""Settings of every test, the packages' too: no network, and no time limits, as a busy laptop must not fail a test."""

import os

import hypothesis

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: threads that wait for each other at a busy core crawl
    os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("course", deadline=None)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1_000)  # `make test-long`
hypothesis.settings.register_profile("fast", deadline=None, max_examples=10)  # `make test-fast`
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "course"))
