"""Prompts, base models, training, grammars and drafting; the only room that imports torch."""

import logging

# On CPUs with AVX512-BF16 bitsandbytes warns at each import that a kernel from a hub is missing: the course needs none.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
