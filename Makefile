# The commands of the course. Nothing here needs an activated environment.
#
#   make course                      everything, from a fresh machine
#   make course PROFILE=colab        another run profile
#   make course ARGS="--from 03_eval -p ARM_LIMIT=50"

python := $(or $(PYTHON),python3)
profile := $(or $(PROFILE),laptop)
venv := .venv/bin/python
notebooks := $(wildcard notebooks/*.ipynb)
quick := packages/iampolicy/tests $(addprefix tests/,data/test_wording.py data/test_overlap.py evaluation/test_errors.py \
	evaluation/test_verdict.py evaluation/test_permissions.py test_architecture.py test_docs.py test_profiles.py test_run.py)

.PHONY: help env course test test-fast test-long coverage lint lab bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PROFILE=laptop, ARGS="..." (more for make course), PYTHON=python3 (makes the environment)'

env: .venv/.done ## Make the environment in .venv (again, if its files changed)

# The stamp is written last: an installation that was interrupted goes on.
.venv/.done: env/install.py env/requirements.txt env/constraints.txt env/torch.txt env/smollm2.txt env/packages.txt pyproject.toml
	@command -v "$(python)" >/dev/null 2>&1 \
		|| { echo 'No $(python) here: install Python 3.11 or newer, or say where it is: make env PYTHON=...' >&2; exit 1; }
	@"$(python)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo '$(python) is too old: Python 3.11 or newer is needed; say where it is: make env PYTHON=...' >&2; exit 1; }
	@$(venv) -m pip --version >/dev/null 2>&1 || "$(python)" -m venv --clear .venv
	@$(venv) env/install.py
	@touch .venv/.done

course: .venv/.done ## Execute the notebooks and write the report (PROFILE=, ARGS=)
	@$(venv) -m lib.course --profile "$(profile)" $(ARGS)

test: lint ## Check style and run the tests, the five notebooks among them (minutes)
	@$(venv) -m pytest -m "not slow" -n 2 --dist loadfile

test-fast: .venv/.done ## Style and the quick tests: no notebooks, models, logs or browsers (under a minute)
	@$(venv) -m ruff check
	@HYPOTHESIS_PROFILE=fast $(venv) -m pytest -m "not slow" -n 2 --dist loadfile $(quick)

coverage: .venv/.done ## The packages' tests and their coverage, which must not fall under 90%
	@$(venv) -m pytest -m "not slow" -n 2 --dist loadfile packages --cov=iampolicy --cov=iamintent --cov=iamtrail --cov-fail-under=90

test-long: lint ## The same with the slow tests, and 1,000 examples a property of the policy language
	@$(venv) -m pytest
	@HYPOTHESIS_PROFILE=long $(venv) -m pytest packages/iampolicy/tests

lint: .venv/.done ## Check style and types
	@$(venv) -m ruff check
	@$(venv) -m ruff format --check
	@cd packages/iampolicy && ../../$(venv) -m mypy
	@cd packages/iamintent && ../../$(venv) -m mypy
	@cd packages/iamtrail && ../../$(venv) -m mypy
	@$(venv) -m mypy lib
	@$(if $(notebooks),$(venv) -m nbstripout --verify --keep-id $(notebooks))

lab: .venv/.done ## Open the course in JupyterLab
	@$(venv) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_data.ipynb

bench: .venv/.done ## Measure against other tools, training and generation; writes benchmarks/results.md
	@$(venv) -m pip install --quiet -r env/bench.txt
	@$(venv) -m benchmarks

clean: ## Remove the environment and caches; runs/ and models/ stay
	@for path in .venv *.egg-info packages/*/src/*.egg-info .pytest_cache .ruff_cache .mypy_cache packages/*/.mypy_cache .hypothesis; do \
		if [ -e "$$path" ]; then echo "removing $$path"; rm -rf "$$path"; fi; \
	done
	@echo 'removing __pycache__ everywhere'
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
