"""Settings of every test, the packages' too: no network, and no time limits, as a busy laptop must not fail a test."""

import os

import hypothesis

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

hypothesis.settings.register_profile("course", deadline=None)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1_000)  # `make test-long`
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "course"))
