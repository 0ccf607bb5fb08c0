"""Checks before anything is trained. Each problem is one line, and ends the run with exit code 4."""

import pytest

from harness.controls import CONTROLS
from harness.evidence.store import StoreError, address
from harness.files import FixtureError, prove_writable
from harness.judging import calibrated
from harness.judging.chart_data import check_figure
from harness.plugin.collection import Suite
from harness.plugin.gate import Gate, open_gate, refuse_altered, refuse_incomparable
from harness.plugin.options import reason, usage_error
from harness.pruning.check import check
from harness.results import history
from harness.results.history import HistoryError
from harness.results.records import RecordError
from harness.statistics import normalised_return


def refuse_unsound(suite: Suite, trains: bool) -> Gate | None:
    """Check all inputs of a session whose items are selected; returns the gate that its findings pass.

    trains: whether anything will be trained or judged from here on, so that there must be a place for it. Raises
    pytest.UsageError.
    """
    settings = suite.settings
    gate = None
    if settings.judges and (suite.judges or suite.collected or settings.gate or settings.update_baseline):
        gate = open_gate(settings, suite.own_claims, suite.collected, suite.whole)
        if gate:
            suite.missing = sorted(gate.baseline.claims.keys() - suite.collected.keys() - suite.later.keys())
        if trains:
            _check_baseline(suite, gate)
    if suite.judges:
        try:
            _check_experiments(suite)
            # it takes seconds, and where all is computed there is nothing to refuse before training
            if (settings.plan and not settings.list_claims) or (
                trains and settings.judges and not settings.finished and suite.pending()
            ):
                _refuse_unprovable(suite)
            if trains:
                _check_places(suite)
        except (FixtureError, RecordError, StoreError, HistoryError, ValueError) as error:
            raise usage_error(error) from None
    return gate


def _check_experiments(suite: Suite) -> None:
    for claim in suite.claims.values():
        for name in claim.controls:
            if name not in CONTROLS:
                raise ValueError(f"claim {claim.id}: unknown control {name!r}; choose one of {', '.join(CONTROLS)}")
    judges = suite.judges.values()
    suite.settings.profile.refuse_idle(run.system for run in suite.runs)
    for experiment in dict.fromkeys(cell.experiment for cell in suite.cells):
        check(experiment)
    if suite.settings.judges or suite.settings.plan:  # a list, or one cell, is for its own sake
        for judge in judges:
            for run in judge.runs:
                try:
                    run.check(judge.claim.needs_density, judge.claim.needs_fan_ins)
                    check_figure(judge.claim.figure, [run])
                except ValueError as error:
                    raise ValueError(f"claim {judge.claim.id} can't be judged: {error}") from None
    suite.addresses = [address(cell) for cell in suite.cells]


def _refuse_unprovable(suite: Suite) -> None:
    profile = suite.settings.profile
    if not profile.gives_findings or profile.name == "reduced":  # which is for controls: they ask what a twin supports
        return
    planned = [found for found in suite.planned(profile).values() if not isinstance(found, str)]
    if refused := [found for found in planned if not found.provable]:
        more = f" (and {len(refused) - 1} more findings)" if len(refused) > 1 else ""
        raise ValueError(f"{refused[0].refusal(profile.seeds)}{more}")


def _check_places(suite: Suite) -> None:
    settings = suite.settings
    if settings.finished:
        suite.find_unfinished()
    else:
        try:
            suite.store.prepare()
        except StoreError:  # complete evidence may lie on a read-only disk
            if not all(suite.store.is_complete(where) for where in suite.addresses):
                raise
    if settings.judges and settings.profile.gives_findings:
        calibrated.committed()
    for run in suite.runs:
        normalised_return([], run.reference)  # refused where the task's own references are too close
    places = settings.outputs
    if settings.baseline and settings.update_baseline:
        places["baseline"] = settings.baseline
    for name, path in places.items() if settings.judges else ():
        try:
            prove_writable(path)
        except OSError as error:
            raise ValueError(
                f"the {name} {path} can't be written: {reason(error)}; name another with --claims-{name}"
            ) from None
    if settings.judges and settings.history and settings.history_given and not settings.finished:
        history.prove_usable(settings.history)


def _check_baseline(suite: Suite, gate: Gate | None) -> None:
    settings = suite.settings
    if (settings.gate or settings.update_baseline) and not suite.judges:
        raise pytest.UsageError("no claim was collected to compare with a baseline: --claim all selects this suite's")
    if settings.update_baseline:
        if gate and suite.missing and suite.whole:
            names = ", ".join(suite.missing)
            raise pytest.UsageError(f"{gate.file} has claims that were not collected: {names}; to drop them, remove it")
        if not suite.judges_all or settings.finished:
            raise pytest.UsageError(
                "--claims-update-baseline needs a run of all claims: leave out paths, -k, -m, --claim ID,"
                " --claims-finished and the like, and start it in the folder of pyproject.toml"
            )
        refuse_altered(settings)
    wanted: dict[str, list[str]] = {}
    for judge in suite.judges.values():
        wanted.setdefault(judge.claim.id, []).append(judge.name)
    refuse_incomparable(gate, wanted)
