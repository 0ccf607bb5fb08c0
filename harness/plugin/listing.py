"""The output of --claims-plan, --claims-list and --claims-cell."""

from collections.abc import Iterator

from harness.evidence.costs import Costs, env_steps
from harness.experiment import Cell
from harness.judging.commitments import JUDGING
from harness.judging.dry_run import PlannedFinding
from harness.plugin.collection import ORDER, Suite
from harness.profiles.profile import PROFILES
from harness.statistics import asked
from harness.tasks.input_subset import full_task


def list_claims(suite: Suite) -> Iterator[str]:
    """A line per claim: id, statement, source, and from which profile on it is judged where that is not any."""
    width = max((len(name) for name in suite.claims), default=0)
    now = {judge.claim.id for nodeid, judge in suite.judges.items() if nodeid not in suite.waiting}
    for name, claim in suite.claims.items():
        later = suite.later.get(name)
        part = "in full " if name in now else ""
        least = f"; judged {part}from profile {later.profile} on" if later else ""
        yield f"{name:{width}}  {claim.says} ({claim.source}{least})"


def plan(suite: Suite) -> Iterator[str]:
    """The systems, the cost per claim, and every cell."""
    settings = suite.settings
    seeds = settings.profile.seeds_of(settings.block)
    last = max((seed for cell in suite.cells for seed in cell.seeds), default=seeds[-1])
    more = f" (up to {last} for claims that take more)" if last > seeds[-1] else ""
    yield f"profile {settings.profile}: {settings.profile.says}; {len(seeds)} seeds, {seeds[0]} to {seeds[-1]}{more}"
    yield ""
    yield "systems"
    for line in dict.fromkeys(_system(cell) for cell in suite.cells):
        yield f"  {line}"
    yield ""
    costs = Costs.of(suite.store.folder)
    yield f"{'claim':32}{'cells':>6}{'env_steps':>16}{'core-minutes, estimated':>25}"
    for name in suite.claims:
        yield _row(name, suite.cells_of(name), costs)
    yield _row("all (each cell once)", suite.cells, costs)
    waiting = {where.cell.id for where in suite.pending()}
    yield _row("not computed yet", [cell for cell in suite.cells if cell.id in waiting], costs)
    yield ""
    yield from _what_can_be_shown(suite)
    yield ""
    yield "cells (compute one with --claims-cell ID; costs are estimated from similar cells in the store)"
    for where in suite.addresses:
        cell, done = where.cell, suite.store.finished_levels(where)
        state = "stored" if cell.id not in waiting else f"{done}/{len(cell.levels)} levels" if done else "pending"
        minutes = costs.seconds(cell) / 60
        yield f"  {cell.id[:12]}  {state:13}{env_steps(cell):>14,}{minutes:>8.1f} min  {_name(cell)}"


def _what_can_be_shown(suite: Suite) -> Iterator[str]:
    """Of each finding what is asked, the least that its seeds can show, and the seeds that it takes."""
    own = suite.settings.profile.name
    larger = ORDER[ORDER.index(own) + 1 :] if own in ORDER else ()
    others = {name: PROFILES[name] for name in JUDGING if name in larger}
    at = {name: suite.planned(profile) for name, profile in {own: suite.settings.profile, **others}.items()}
    yield "findings"
    yield "  'asked'    what seeds must be able to show: a margin, or twice a smallest effect"
    yield "  '20: 0.1'  the least that 20 seeds can show, where nothing varies and all networks return what experts do"
    yield "  '9 in 10'  the seeds that show what is asked 9 times in 10"
    yield f"{'asked':>8}{''.join(f'{name:>14}' for name in at)}{'9 in 10':>9}"
    for nodeid in dict.fromkeys(nodeid for found in at.values() for nodeid in found):
        told = [one if isinstance(one := found.get(nodeid), PlannedFinding) else None for found in at.values()]
        what = next((one for one in told if one), None)
        if what is None:
            why = next(found[nodeid] for found in at.values() if nodeid in found)
            yield f"  not known: {why}: {suite.judges[nodeid].claim.id} {suite.judges[nodeid].name}"
            continue
        shown = "".join(f"{f'{one.n}: {one.floor:.2g}' if one else '-':>14}" for one in told)
        name = f"{what.claim} {what.name} ({what.kind}, {what.test})"
        yield f"{asked(what.kind, what.min_effect):>8g}{shown}{what.seeds or 'none':>9}  {name}"


def computed(suite: Suite) -> Iterator[str]:
    """What --claims-cell computed, a line per cell and level: scored return over seeds, and cost."""
    for where in suite.addresses:
        failure = suite.failures.get(where.cell.id)
        yield f"{where.cell.id[:12]}  {_name(where.cell)}{f': failed, {failure}' if failure else ''}"
        for level in where.cell.levels:
            found = suite.store.read(where, level)
            if found is not None:
                returns = found.scored_returns
                yield f"  level {level:2}: scored return {returns.mean():.1f}, lowest {returns.min():.1f}"
        yield f"  {suite.store.cpu_seconds(where):.0f} CPU seconds, in {suite.store.folder}"


def _row(name: str, cells: list[Cell], costs: Costs) -> str:
    minutes = sum(costs.seconds(cell) for cell in cells) / 60
    return f"{name:32}{len(cells):>6}{sum(env_steps(cell) for cell in cells):>16,}{minutes:>25.1f}"


def _system(cell: Cell) -> str:
    e = cell.experiment
    return (
        f"{_task(cell)}, {e.learner.name}: {e.learner.env_steps:,} env_steps and {e.learner.updates:,} updates per"
        f" training, {', '.join(_settings(cell))}, {e.pruning.levels} levels at {100 * e.pruning.rate:g} % by"
        f" {e.pruning.criterion}"
    )


def _name(cell: Cell) -> str:
    e = cell.experiment
    settings = " ".join([*_settings(cell), *([f"rewound to {cell.rewind:g}"] if cell.rewind else [])])
    seeds = f"seeds {cell.seeds[0]} to {cell.seeds[-1]}"
    return f"{_task(cell)}, {e.learner.name}, {e.learner.updates} updates, {settings}, {seeds}: {cell.condition}"


def _task(cell: Cell) -> str:
    task = cell.experiment.task
    inputs = "" if task == full_task(task) else f" on {' and '.join(task.observation.inputs)}"
    return f"{task.name}{inputs}, horizon {task.horizon}"


def _settings(cell: Cell) -> list[str]:
    """The network's settings, and others that differ from the usual ones."""
    e = cell.experiment
    encoding = getattr(full_task(e.task), "encoding", None)
    units = e.network.title
    said = [f"{units} units", f"{e.network.initialiser} / {e.network.input_divisor:g}"]
    said += [f"encoded as {encoding}"] if encoding else []
    said += [f"weight decay {e.learner.weight_decay:g}"] if e.learner.weight_decay else []
    said += [f"dropout {e.network.dropout:g}"] if e.network.dropout else []
    return said + (["last checkpoint"] if e.pruning.checkpoint == "last" else [])
