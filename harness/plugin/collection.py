"""The claims of one pytest session: its items, bound to a profile and a store, and the cells behind them."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pytest

from harness.evidence.drain import all_cells, drain
from harness.evidence.store import Address, Store, StoreError, address
from harness.experiment import Cell
from harness.files import escaped
from harness.judging.chains import Scene
from harness.judging.claim import Claim, at_least_of, claim_of
from harness.judging.dry_run import PlannedFinding, planned
from harness.judging.judge import Judge
from harness.judging.run import Run
from harness.plugin.options import Settings
from harness.plugin.preregistered import CLAIMS, OwnClaims
from harness.profiles.profile import Profile
from harness.results.schema import Finding, LaterClaim

JUDGE = pytest.StashKey[Judge]()
ALL = "all"
"""What `--claim` calls every claim of this suite."""
ORDER = ("reduced", "scaled", "extended", "paper")
"""The profiles that judge, the smallest first. A smoke run is of every claim."""
_BORROWED = pytest.StashKey[bool]()
"""Marks an item of this suite that no path names, as seen from the project that asks for it."""


@dataclass
class Suite:
    """All claim items of a session that were selected.

    judges        by nodeid, in pytest's order
    items         theirs, by nodeid
    addresses     of the plan's cells, parents first
    own_claims    this suite's own claims as they were collected: what they commit themselves to is read off them
    collected     claim -> the names of its findings at this profile, before any was deselected
    later         claims of which something is judged from a larger profile on
    waiting       the nodeids of these items
    offered       the nodeids of the items of this profile, before any was deselected
    whole         whether no path or option left claims uncollected
    missing       claims of the baseline that were not collected, whatever kept them from it
    failures      cell id -> why it could not be computed
    unfinished    with --claims-finished: nodeid -> how much there is of an item that lacks evidence
    unusable      why the evidence could not be written; nothing is judged then
    """

    settings: Settings
    judges: dict[str, Judge] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)
    own_claims: OwnClaims = field(default_factory=OwnClaims)
    collected: dict[str, set[str]] = field(default_factory=dict)
    later: dict[str, LaterClaim] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    offered: set[str] = field(default_factory=set)
    whole: bool = True
    missing: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)
    unusable: str | None = None

    def __post_init__(self) -> None:
        self.store = Store(self.settings.evidence)
        self.scene = Scene(self.settings.profile, self.settings.block, self.store)

    def select(self, session: pytest.Session, items: list[pytest.Item]) -> list[pytest.Item]:
        """Bind the items of claims, and return those that this session selects.

        In another project this suite's own claims are added to `items` if `--claim` names them. Raises
        pytest.UsageError for a name that no claim has, and for two modules that declare one claim.
        """
        settings = self.settings
        _borrow(session, items, settings)
        for item in items:
            if claim := claim_of(item):
                self._bind(item, claim)
        judged = {item: item.stash[JUDGE] for item in items if JUDGE in item.stash}
        _refuse_namesakes(judged)
        self.own_claims = OwnClaims(judged)
        collected = {item.path for item in judged}
        if any(path.is_relative_to(CLAIMS) for path in collected):
            self.whole = collected.issuperset(CLAIMS.glob("test_*.py"))  # whatever kept the others from it
        here = self._of_profile(items)
        selected = items if settings.list_claims or settings.preregister else here
        for judge in (judged[item] for item in selected if item in judged):
            self.offered.add(judge.nodeid)
            self.collected.setdefault(judge.claim.id, set()).add(judge.name)
        wanted = set(settings.claims)
        known = dict.fromkeys(judge.claim.id for judge in judged.values())
        for name in settings.claims:
            if name not in (ALL, *known):
                listed = f"the claims are {', '.join(known)}" if known else "--claims-list lists the claims"
                raise pytest.UsageError(f"there is no claim {name!r}: {listed}")
        if not wanted:
            return selected
        return [item for item in selected if item in judged and (ALL in wanted or judged[item].claim.id in wanted)]

    @property
    def deselected(self) -> bool:
        """Whether items of claims were left out after their collection, by whatever option or plugin."""
        return not self.offered <= self.judges.keys()

    @property
    def judges_all(self) -> bool:
        """Whether this session is of every claim, and of each in full."""
        whole = self.whole and not self.missing and not self.deselected
        return whole and (not self.settings.claims or ALL in self.settings.claims)

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims of the selected items, by id."""
        return {judge.claim.id: judge.claim for judge in self.judges.values()}

    @property
    def runs(self) -> list[Run]:
        """Those of the selected items."""
        return [run for judge in self.judges.values() for run in judge.runs]

    @cached_property
    def cells(self) -> list[Cell]:
        """What is to be computed, parents first: all that the items need, or what --claims-cell names.

        Raises pytest.UsageError for a --claims-cell that is not in the plan, or is ambiguous.
        """
        needed = self.needed(self.judges.values())
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

    def needed(self, judges: Iterable[Judge]) -> list[Cell]:
        """The cells that these items' findings rest on, parents first."""
        return all_cells(cell for judge in judges for run in judge.runs for cell in run.cells())

    def cells_of(self, claim: str) -> list[Cell]:
        """All cells behind one claim."""
        return self.needed(judge for judge in self.judges.values() if judge.claim.id == claim)

    def pending(self) -> list[Address]:
        """The cells that the store does not hold yet."""
        return [where for where in self.addresses if self.store.finished_levels(where) < len(where.cell.levels)]

    def drain(self) -> bool:
        """Compute what is pending, beside any other process; False, and `unusable`, where it can't be written."""
        try:
            self.failures = drain(self.cells, self.store)
        except StoreError as error:
            self.unusable = f"{error}; finished levels are kept, and the same command continues from there"
        return self.unusable is None

    def failure_of(self, judge: Judge) -> str | None:
        """Why a cell that this item needs could not be computed; None if all were."""
        return next((self.failures[cell.id] for cell in self.needed([judge]) if cell.id in self.failures), None)

    def find_unfinished(self) -> None:
        """Note what of the items that lack evidence there is. Reads alone."""
        for nodeid, judge in self.judges.items():
            needed = [address(cell) for cell in self.needed([judge])]
            done, of = sum(map(self.store.finished_levels, needed)), sum(len(where.cell.levels) for where in needed)
            if done < of:
                self.unfinished[nodeid] = f"{done} of {of} levels are computed"
            elif not all(map(self.store.is_complete, needed)):
                self.unfinished[nodeid] = "all levels are computed, but some are damaged or still being written"

    def planned(self, profile: Profile) -> dict[str, PlannedFinding | str]:
        """What can be known of the findings before anything is trained, by nodeid, or why it can't: of those judged at
        this profile."""
        scene, found = replace(self.scene, profile=profile), {}
        for nodeid, item in self.items.items():
            least, parameters = at_least_of(item), getattr(getattr(item, "callspec", None), "params", {})
            if least and profile.name != self.settings.profile.name and ORDER.index(profile.name) < ORDER.index(least):
                continue
            if what := planned(self.judges[nodeid], item.obj, parameters, scene):
                found[nodeid] = what
        return found

    def _bind(self, item: pytest.Item, claim: Claim) -> None:
        """Bind the runs among an item's parameters, and give it its judge."""
        params = item.callspec.params if hasattr(item, "callspec") else {}
        for name, value in params.items():
            if isinstance(value, Run):
                params[name] = value.bind(self.scene)
        runs = [value for value in params.values() if isinstance(value, Run)]
        hypothesis = " ".join((getattr(getattr(item, "function", None), "__doc__", None) or item.name).split())
        name, nodeid = shlex.quote(item.name), shlex.quote(item.nodeid)
        which = f"--claim {claim.id} -k {name}" if item.stash.get(_BORROWED, False) else nodeid
        settings = self.settings
        rerun, gives = settings.command(which), settings.profile.gives_findings
        if escaped(item.nodeid) != item.nodeid:
            raise pytest.UsageError(f"{escaped(item.nodeid)}: the name of a claim's file must be in UTF-8")
        item.stash[JUDGE] = Judge(claim, item.name, item.nodeid, hypothesis, runs, rerun, gives)

    def _of_profile(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """The items that are judged at this profile; `later` and `waiting` hold the others.

        A claim of which nothing is judged at this profile is judged as a whole if --claim names it.
        """
        profile = self.settings.profile.name
        waits: dict[pytest.Item, str] = {}
        for item in items:
            least = at_least_of(item)
            if least is not None and least not in ORDER:
                raise pytest.UsageError(f"{item.nodeid}: at_least({least!r}) must name one of {', '.join(ORDER)}")
            if least and JUDGE in item.stash and profile in ORDER and ORDER.index(profile) < ORDER.index(least):
                waits[item] = least
        now = {item.stash[JUDGE].claim.id for item in items if JUDGE in item.stash and item not in waits}
        named = set(self.settings.claims) - now
        waits = {item: least for item, least in waits.items() if item.stash[JUDGE].claim.id not in named}
        for item, least in waits.items():
            claim = item.stash[JUDGE].claim
            self.waiting.add(item.nodeid)
            self.later.setdefault(
                claim.id,
                LaterClaim(
                    id=claim.id, says=claim.says, source=claim.source, profile=least, controls=tuple(claim.controls)
                ),
            )
        return [item for item in items if item not in waits]


def not_run(judge: Judge) -> Finding:
    """The finding of an item without a result."""
    return judge.blank("not run").replace(reason="No result came back for this test.")


def collects_all(config: pytest.Config) -> bool:
    """Whether nothing on the command line may leave claims uncollected."""
    narrow = ("lf", "stepwise", "ignore", "ignore_glob", "deselect")
    collecting = ("python_", "testpaths", "norecursedirs", "addopts")
    overridden = any(each.startswith(collecting) for each in config.getoption("override_ini") or ())
    stands = config.invocation_params.dir == config.rootpath
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    elsewhere = config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR and not stands
    return not (named or elsewhere or overridden) and not any(config.getoption(name, None) for name in narrow)


def _borrow(session: pytest.Session, items: list[pytest.Item], settings: Settings) -> None:
    """Add this suite's claims that --claim names, where none of them was collected and no other claim has that id."""
    if not (settings.claims or settings.list_claims) or any(item.path.is_relative_to(CLAIMS) for item in items):
        return
    own = {claim.id for claim in map(claim_of, items) if claim}
    wanted = None if settings.list_claims or ALL in settings.claims else set(settings.claims) - own
    if wanted is not None and not wanted:
        return
    for path in sorted(CLAIMS.glob("test_*.py")):
        module = pytest.Module.from_parent(session, path=path, nodeid=f"minimal-tickets/claims/{path.name}")
        for item in session.genitems(module):
            claim = claim_of(item)
            if claim and claim.id not in own and (wanted is None or claim.id in wanted):
                item.stash[_BORROWED] = True
                items.append(item)


def _refuse_namesakes(judged: dict[pytest.Item, Judge]) -> None:
    """Raise pytest.UsageError for two modules with one claim id: they would be judged as one claim."""
    declared: dict[str, str] = {}
    for item, judge in judged.items():
        module, name = item.nodeid.split("::")[0], judge.claim.id
        if declared.setdefault(name, module) != module:
            raise pytest.UsageError(
                f"claim {name!r} is declared by {declared[name]} and by {module}: change one of the ids"
            )
