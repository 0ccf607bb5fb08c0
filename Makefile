# One door to everything. Each target sets up .venv by itself when it is missing or outdated.
# Presupposed: Python 3.11 or newer with venv, and make.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
HEADLINE := ticket-effect,mask-explains-most,bc-prunes-sparser,cart-pole-keeps-pole,kaiming-tenth-finds-inputs
ARGS ?=
# pip options for torch alone, e.g. the index of its CPU builds: on Linux the default brings CUDA, gigabytes of it.
TORCH_FROM ?=

.DEFAULT_GOAL := help
.PHONY: help claims gate headline smoke test lint format calibrate aa agreement controls multiverse alarms bench profile report \
        experts clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(TORCH_FROM) torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

claims: $(READY) ## judge every claim at the scaled profile, on all CPUs, and write the report
	$(BIN)/pytest -n auto $(ARGS)

gate: $(READY) ## judge every claim and compare it with the committed baseline; fail where one regressed
	$(BIN)/pytest -n auto --claims-gate $(ARGS)

headline: $(READY) ## judge only ticket-effect, mask-explains-most, bc-prunes-sparser, cart-pole-keeps-pole, kaiming-tenth-finds-inputs
	$(BIN)/pytest -n auto --claim $(HEADLINE) $(ARGS)

smoke: $(READY) ## run every claim in small, to check that everything works; nothing is judged
	$(BIN)/pytest -n auto --claims-profile smoke $(ARGS)

test: lint ## run lint and the project's own tests
	$(BIN)/pytest -n auto -W error harness reports $(ARGS)

lint: $(READY) ## run ruff, mypy and the check of the import order
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## format the code with ruff
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

calibrate: $(READY) ## measure by simulation how often each test is wrong: 24 core-minutes; writes fixtures/trust/calibration.json
	$(BIN)/python -m harness calibrate --fixture $(ARGS)

aa: $(READY) ## measure how often the judge errs on trainings that differ by chance alone: 4 core-minutes
	$(BIN)/python -m harness aa $(ARGS)

controls: $(READY) ## break one ingredient at a time: every claim that declares some must lose findings; 78 core-minutes
	$(BIN)/python -m harness controls $(ARGS)

BLOCKS ?= 6 7
agreement: $(READY) ## judge every claim on seed blocks 6 and 7, and compare them; 52 core-minutes
	@for block in $(BLOCKS); do \
		$(BIN)/pytest -n auto --claims-seed-block $$block --claims-report .claims/blocks/$$block/report.html || test $$? -eq 1 || exit; \
	done
	$(BIN)/python -m harness agreement $(BLOCKS:%=.claims/blocks/%/findings.json) $(ARGS)

ALARM_BLOCKS ?= 10 11 12 13 14 15 16 17 18 19
alarms: $(READY) ## measure how often the gate fails on fresh seed blocks, at profile reduced; 34 core-minutes with ten claims
	@for block in $(ALARM_BLOCKS); do \
		$(BIN)/pytest -n auto --claims-profile reduced --claims-seed-block $$block --claims-baseline none --claims-history none --claims-evidence .claims/trust/evidence \
			--claims-report .claims/gate/$$block/report.html || test $$? -eq 1 || exit; \
	done
	$(BIN)/python -m harness alarms $(ALARM_BLOCKS:%=.claims/gate/%/findings.json) $(ARGS)

multiverse: $(READY) ## judge the claims under each other reading of what the paper leaves open; 98 core-minutes
	$(BIN)/python -m harness multiverse $(ARGS)

bench: $(READY) ## measure speed, memory and returns against stable-baselines3, with targets: 10 minutes
	$(BIN)/python -m harness bench

profile: $(READY) ## show where a cell's CPU time goes, by phase
	$(BIN)/python -m harness profile

report: $(READY) ## rebuild the report from the last run's findings, without training
	$(BIN)/python -m reports

experts: $(READY) ## retrain the experts (writes fixtures/)
	$(BIN)/python -m harness experts

clean: ## remove what was generated, the evidence included
	rm -rf .claims .venv
