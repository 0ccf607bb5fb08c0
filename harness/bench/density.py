"""What an update costs at falling density: units that reach no output are left out, as in every level of a chain."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.bench.population import seeds
from harness.bench.profiling import clocked
from harness.bench.rows import Row, Target
from harness.bench.timing import advance, medians
from harness.experiment import Cell
from harness.learners.protocol import Population
from harness.networks.compaction import compact
from harness.profiles.profile import PROFILES
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.level import Level
from harness.pruning.settings import Pruning

RUNS = 5
UPDATES = 128
"""Of the whole population, per timing."""
DENSITIES = (1.0, 0.49, 0.24, 0.12, 0.06, 0.02)
SHARES = {"bc": 1 / 3, "ppo": 0.6}
"""Of a dense update's cost, at the lowest density. PPO's critic stays dense."""


def rows() -> Iterator[Row]:
    """CPU milliseconds per update of a 128-128 population of the paper's profile."""
    profile = PROFILES["paper"]
    for learner, share in SHARES.items():
        cell = Cell(profile.systems["cart-pole", learner], DENSE, seeds(profile.seeds))
        dense = run_level(cell, 0, None)
        found = medians({f"{density:.0%}": _work(cell, dense, density) for density in DENSITIES}, RUNS)
        full = found[f"{1.0:.0%}"]
        for density in DENSITIES:
            name = f"{learner.upper()} 128-128, {profile.seeds} members, an update at {density:.0%} density"
            cost = found[f"{density:.0%}"]
            lowest = density == min(DENSITIES)
            target = Target("share of a dense one's", cost / full, "at most", share) if lowest else None
            note = "pruned by magnitude from trained dense networks, in one go" if lowest else ""
            yield Row(name, "CPU ms per update", cost, full, RUNS, target, note)


def pruned(cell: Cell, dense: Level, density: float) -> Population:
    """The cell's members as tickets of `density`, pruned from `dense` at once, about to train as `run_level` has it."""
    experiment = replace(cell.experiment, pruning=Pruning(rate=1 - density, levels=1))
    ticket = replace(cell, experiment=experiment, condition=TICKET)
    networks, masks = start_level(ticket, 1, dense, None)
    small = {name: compact(networks[name], layers) for name, layers in masks.items()}
    return experiment.learner.start(
        experiment.task,
        networks | {name: part.mlp for name, part in small.items()},
        masks | {name: part.masks for name, part in small.items()},
        cell.seeds,
        level=1,
    )


def _work(cell: Cell, dense: Level, density: float) -> Callable[[], float]:
    """A turn starts where the last one ended: training changes no mask."""
    population = pruned(cell, dense, density)
    per_round = cell.experiment.learner.updates // population.rounds
    rounds = max(1, UPDATES // per_round)

    def milliseconds() -> float:
        with clocked() as clock:
            advance(population, rounds)
        return clock.seconds["updates"] / (rounds * per_round) * 1e3

    return milliseconds
