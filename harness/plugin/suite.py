"""The suite of one pytest session: its claim items, the cells behind them, and what became of both."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import pytest

from harness.controls import CONTROLS
from harness.evidence.drain import drain
from harness.evidence.plan import all_cells
from harness.evidence.store import Address, Store, StoreError, address
from harness.experiment import Cell
from harness.files import FixtureError, prove_writable
from harness.judging import calibrated as basis
from harness.judging.claim import Claim, claim_of
from harness.judging.judge import Judge
from harness.judging.run import Run, Scene
from harness.plugin import interrupt
from harness.plugin.finished import unfinished
from harness.plugin.gate import Gate, open_gate, refuse_altered, refuse_incomparable
from harness.plugin.house import ALL, JOINED
from harness.plugin.later import Later, part
from harness.plugin.options import Settings
from harness.plugin.preregistered import Claims
from harness.plugin.seeds import added_seeds
from harness.pruning.check import check
from harness.results import history
from harness.results.history import HistoryError
from harness.results.preregistration import register
from harness.results.preregistration.register import Registered
from harness.results.records import RecordError
from harness.results.schema import Finding
from harness.statistics import normalised_return

JUDGE = pytest.StashKey[Judge]()


@dataclass
class Suite:
    """All claim items of a session that were selected."""

    settings: Settings
    failures: dict[str, str] = field(default_factory=dict)
    """Cell id -> why it could not be computed."""
    judges: dict[str, Judge] = field(default_factory=dict)
    """By nodeid, in pytest's order."""
    addresses: list[Address] = field(default_factory=list)
    """Of the plan's cells, parents first."""
    house: Claims = field(default_factory=Claims)
    """This suite's own claims as collected: what their documents are made of."""
    registered: dict[str, Registered] = field(default_factory=dict)
    collected: dict[str, set[str]] = field(default_factory=dict)
    """Claim -> the names of its findings at this profile, before any was deselected."""
    whole: bool = True
    """Whether no path or option left claims uncollected."""
    deselected: bool = False
    """Whether claim items were."""
    gate: Gate | None = None
    """What findings are held against; None without a baseline."""
    later: dict[str, Later] = field(default_factory=dict)
    """Claims of which something is judged from a larger profile on."""
    added: dict[str, str] = field(default_factory=dict)
    """By nodeid, a note on findings for which seeds were added to those already judged."""
    unfinished: dict[str, str] = field(default_factory=dict)
    """With --claims-finished: nodeid -> what there is of an item that lacks evidence, and is therefore not judged."""
    unusable: str | None = None
    """Why the evidence could not be written any more; nothing is judged then."""
    uncollected: BaseException | None = None
    """In the controller: what ends the run before any worker starts, for a file could not be collected."""

    def __post_init__(self) -> None:
        self.store = Store(self.settings.evidence)
        self.scene = Scene(self.settings.profile, self.settings.block, self.store)

    def bind(self, items: list[pytest.Item]) -> None:
        """Bind the runs in the items' parameters to the session's profile and evidence.

        Raises pytest.UsageError where two modules declare one claim.
        """
        for item in items:
            declared = claim_of(item)
            if declared is None:
                continue
            params = item.callspec.params if hasattr(item, "callspec") else {}
            for name, value in params.items():
                if isinstance(value, Run):
                    params[name] = value.bind(self.scene)
            runs = [value for value in params.values() if isinstance(value, Run)]
            item.stash[JUDGE] = self._judge(item, declared, runs)
        judged = {item: item.stash[JUDGE] for item in items if JUDGE in item.stash}
        _refuse_namesakes(list(judged))
        self.house = Claims(judged)
        if ALL not in self.settings.claims and any(item.stash.get(JOINED, False) for item in judged):
            self.whole = False  # of the house's, only those were collected that --claim names

    def of_profile(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """The items that are judged at this profile; `later` names the claims of the others.

        A list of claims, and what they commit themselves to, are of all.
        """
        kept, self.later = part(items, self.settings.profile.name, self.settings.claims)
        items = items if self.settings.list_claims or self.settings.preregister else kept
        for judge in (item.stash[JUDGE] for item in items if JUDGE in item.stash):
            self.collected.setdefault(judge.claim.id, set()).add(judge.name)
        return items

    def select(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """The items of the claims named by --claim (`ALL`: of each one); all items if none is.

        Raises pytest.UsageError for unknown ids.
        """
        wanted = self.settings.claims
        known = dict.fromkeys(item.stash[JUDGE].claim.id for item in items if JUDGE in item.stash)
        for name in wanted:
            if name not in (*known, ALL):
                listed = ", ".join(known) or "none was collected"
                raise pytest.UsageError(f"there is no claim {name!r} here; the claims are: {listed}")
        if not wanted or ALL in wanted:
            return [item for item in items if not wanted or JUDGE in item.stash]
        return [item for item in items if JUDGE in item.stash and item.stash[JUDGE].claim.id in wanted]

    def take(self, items: Iterable[pytest.Item], trains: bool) -> None:
        """The items that are finally selected. Raises pytest.UsageError where their inputs are unsound.

        trains: whether anything will be trained or judged from here, so that there must be a place for it.
        """
        self.judges = {item.nodeid: item.stash[JUDGE] for item in items if JUDGE in item.stash}
        asked = self.settings.gate or self.settings.update_baseline
        if self.settings.judges and (self.judges or self.collected or asked):
            self._open_gate(trains)
        if not self.judges:
            return
        try:
            for claim in self.claims.values():
                for name in claim.controls:
                    if name not in CONTROLS:
                        raise ValueError(
                            f"claim {claim.id} names a control {name!r}: it is one of {', '.join(CONTROLS)}"
                        )
            self.settings.profile.refuse_idle(run.system for judge in self.judges.values() for run in judge.runs)
            for experiment in dict.fromkeys(cell.experiment for cell in self.cells):
                check(experiment)
            if self.settings.judges or self.settings.plan:  # a list, or one cell, is for its own sake
                self._check_needs()
            self.addresses = [address(cell) for cell in self.cells]
            if not trains:
                return
            if self.settings.finished:
                self.unfinished = unfinished(self.judges, self.store)
            else:
                self._prepare()
            if self.settings.judges and self.settings.profile.gives_findings:
                self.registered = register.read()
                basis.committed()  # refused before training where it can't be read
                judged = {name: judge for name, judge in self.judges.items() if name not in self.unfinished}
                self.added = added_seeds(judged, self.settings)
            for run in (run for judge in self.judges.values() for run in judge.runs):
                normalised_return([], run.reference)  # refused where the task's own references are too close
        except (FixtureError, RecordError, StoreError, ValueError) as error:
            raise pytest.UsageError(str(error)) from None
        for name, path in self.settings.outputs.items() if self.settings.judges else ():
            try:
                prove_writable(path)
            except OSError as error:
                raise pytest.UsageError(
                    f"the {name} {path} can't be written: {error.strerror}; name another with --{name}"
                ) from None
        try:
            if self.settings.judges and self.settings.history and self.settings.history_named:
                history.prove_usable(self.settings.history)
        except HistoryError as error:
            raise pytest.UsageError(str(error)) from None

    def _open_gate(self, trains: bool) -> None:
        self.gate = open_gate(self.settings, self.house, self.collected, self.whole)
        if not trains:
            return
        if (self.settings.gate or self.settings.update_baseline) and not self.judges:
            raise pytest.UsageError("there is no claim here to hold against a baseline: --claim all takes this suite's")
        if self.settings.update_baseline:
            if not self.judges_all or self.settings.finished:
                raise pytest.UsageError(
                    "--claims-update-baseline writes what a run of all claims found: leave out paths, -k, -m, --claim ID,"
                    " --claims-finished and the like, and start it where pyproject.toml is"
                )
            refuse_altered(self.settings)
            try:
                if self.settings.baseline:
                    prove_writable(self.settings.baseline)
            except OSError as error:
                raise pytest.UsageError(
                    f"the baseline {self.settings.baseline} can't be written: {(error.strerror or str(error)).lower()}"
                ) from None
        asked: dict[str, list[str]] = {}
        for judge in self.judges.values():
            asked.setdefault(judge.claim.id, []).append(judge.name)
        refuse_incomparable(self.gate, asked)

    @property
    def judges_all(self) -> bool:
        """Whether this session is of every claim, and of each in full."""
        return self.whole and not self.deselected and (not self.settings.claims or ALL in self.settings.claims)

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims of the selected items, by id."""
        return {judge.claim.id: judge.claim for judge in self.judges.values()}

    @cached_property
    def cells(self) -> list[Cell]:
        """What is to be computed, parents first: all that the items need, or what --claims-cell names.

        Raises pytest.UsageError for a --claims-cell that is not in the plan, or is ambiguous.
        """
        needed = all_cells(cell for judge in self.judges.values() for run in judge.runs for cell in run.cells())
        if not self.settings.cells:
            return needed
        chosen = []
        for name in self.settings.cells:
            matches = [cell for cell in needed if cell.id.startswith(name)]
            if len(matches) != 1:
                found = "no cell" if not matches else f"more than one cell ({len(matches)})"
                profile = self.settings.profile.name
                raise pytest.UsageError(
                    f"{found} of profile {profile} has an id that starts with {name!r}; see --claims-plan"
                )
            chosen += matches
        return all_cells(chosen)

    def cells_of(self, claim_id: str) -> list[Cell]:
        """All cells behind one claim."""
        judges = [judge for judge in self.judges.values() if judge.claim.id == claim_id]
        return all_cells(cell for judge in judges for run in judge.runs for cell in run.cells())

    def drain(self, given_up: Iterable[str] = ()) -> bool:
        """Compute what is pending, beside any other process; False, and `unusable`, where it can't be written.

        given_up: ids of cells that are not to be computed.
        """
        left = dict.fromkeys(given_up, "the workers that computed it died")
        for cell in self.cells:  # parents first
            why = next((left[parent.id] for parent in cell.parents if parent.id in left), None)
            if why is not None:
                left[cell.id] = why
        cells = [cell for cell in self.cells if cell.id not in left]
        try:
            self.failures = left | drain(cells, self.store, lambda cell, level: interrupt.heed()).failed
        except StoreError as error:
            self.unusable = f"{error}; all that is finished stays, and the same command goes on from there"
        return self.unusable is None

    def failure_of(self, judge: Judge) -> str | None:
        """Why a cell that this item needs could not be computed; None if all were."""
        return next((self.failures[cell.id] for cell in self.needed(judge) if cell.id in self.failures), None)

    def needed(self, judge: Judge) -> list[Cell]:
        """The cells that one item's finding rests on, parents first."""
        return all_cells(cell for run in judge.runs for cell in run.cells())

    def pending(self) -> list[Address]:
        """The cells that the store does not hold yet."""
        return [where for where in self.addresses if self.store.finished_levels(where) < len(where.cell.levels)]

    def _check_needs(self) -> None:
        """Raise ValueError where a claim needs what its runs, as changed, can't show."""
        for judge in self.judges.values():
            for run in judge.runs:
                try:
                    run.check(judge.claim.needs_density, judge.claim.needs_fan_ins)
                except ValueError as error:
                    raise ValueError(f"claim {judge.claim.id} can't be judged: {error}") from None

    def _prepare(self) -> None:
        """Refuse a store that can't be written, unless nothing has to be: evidence may be mounted read-only."""
        try:
            self.store.prepare()
        except StoreError:
            if not all(self.store.is_complete(where) for where in self.addresses):
                raise

    def _judge(self, item: pytest.Item, declared: Claim, runs: list[Run]) -> Judge:
        function = getattr(item, "function", None)
        hypothesis = " ".join((getattr(function, "__doc__", None) or item.name).split())
        which = f'--claim {declared.id} -k "{item.name}"' if item.stash.get(JOINED, False) else f'"{item.nodeid}"'
        rerun = f"pytest -n auto {self.settings.arguments} --claims-report=none {which}"
        gives_findings = self.settings.profile.gives_findings
        return Judge(declared, item.name, item.nodeid, hypothesis, runs, rerun, gives_findings)


def _refuse_namesakes(items: list[pytest.Item]) -> None:
    """A copied claim that kept its id would be merged with the one it was copied from."""
    declared: dict[str, str] = {}
    for item in items:
        module, name = item.nodeid.split("::")[0], item.stash[JUDGE].claim.id
        if declared.setdefault(name, module) != module:
            raise pytest.UsageError(
                f"claim {name!r} is declared by {declared[name]} and by {module}: give one another id"
            )


def not_run(judge: Judge) -> Finding:
    """The finding of an item that gave none."""
    return replace(judge.blank("not run"), reason="No result came back for this item.")
