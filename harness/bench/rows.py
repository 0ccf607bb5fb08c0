"""The parts of the benchmark. Each yields rows: ours beside stable-baselines3's, or against a figure of its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from harness.bench import peers
from harness.bench.cnn_rows import cnn
from harness.bench.lists import lists
from harness.bench.measure import Part, Row, Target, cpu_seconds, medians, rate
from harness.bench.profiling import clocked
from harness.compiled import njit
from harness.experiment import Cell, Experiment
from harness.judging import calibrated
from harness.judging.return_measures import learning_area
from harness.judging.verdict import conclude
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.training import Evaluation
from harness.machine import peak_memory
from harness.networks.mlp import Mlp, Network
from harness.networks.network import Networks
from harness.networks.params import Masks
from harness.profiles.budgets import NEVER_STOPPED
from harness.profiles.profile import PROFILES, SEEDS_PER_BLOCK
from harness.profiles.studied import ENVIRONMENTS, MAPS, SMALL, system, task_of, title
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.level import Level
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings, reduced
from harness.statistics import PerSeed, Reference, contrast_test, normalised_return
from harness.tasks.references import read_reference
from harness.tasks.spec import Task

TABLE_3 = PPO(env_steps=1_000_000)
TABLE_2 = BC(passes=1_000)
TABLE_8 = DQN(env_steps=1_000_000, learning_starts=16_384)
"""The paper's settings. DQN's replay holds enough, when it starts, to be drawn from as in the middle of a training."""
BLOCK = 98
"""Of seeds: neither tuned on nor judged on."""
MANY, RUNS = 40, 5
"""Members of a population; turns of which the median counts."""
SPARSE = 0.02
COMPARED = 80
"""Seeds whose learning is compared. On seed block 99 the areas of two agents of one seed differed with a deviation of
0.2, so that the guarded test shows equal learners to be equivalent in 96 of 100 runs; with 40 seeds in 43."""
LEARNING_MARGIN = 0.1
"""Of learning areas, in normalised return: the drop at which the suite counts a level as failed."""
_SMALL: dict[str, PPO | BC | DQN] = {
    "ppo": PPO(env_steps=1_024),
    "bc": BC(env_steps=512, passes=1),
    "dqn": DQN(env_steps=1_024, learning_starts=256),
}
"""Learners that only compile what is timed then."""


def seeds(members: int) -> tuple[int, ...]:
    """The first seeds of the benchmark's block."""
    return tuple(range(BLOCK * SEEDS_PER_BLOCK, BLOCK * SEEDS_PER_BLOCK + members))


def population(experiment: Experiment, members: int) -> Any:
    """Dense members about to train; those of DQN have played until their next round has the first updates."""
    trained = _start(experiment, *start_level(Cell(experiment, DENSE, seeds(members)), 0, None), seeds(members), 0)
    learner = experiment.learner
    while isinstance(learner, DQN) and trained.replay.transitions + learner.samples < learner.learning_starts:
        trained.advance(1)
    return trained


def on_small(learner: PPO | BC | DQN, units: int) -> Experiment:
    """The learner on the small task, with two hidden layers."""
    return Experiment(task_of(SMALL), learner, Network(hidden=(units, units)))


def speed() -> Iterator[Row]:
    """Training; evaluations are left out, and of behavioural cloning also the expert's play."""
    for units, bound in ((64, 40.0), (128, 13.0)):
        agent = peers.agent(TABLE_3, (units, units), seed=0)
        peer = rate(4 * TABLE_3.samples, partial(agent.learn, 4 * TABLE_3.samples))
        yield _training(on_small(TABLE_3, units), "env_steps", TABLE_3.samples, 40_000, peer, bound)
    agent = peers.q_agent(TABLE_8, (64, 64), seed=0)
    agent.learn(TABLE_8.learning_starts)
    steps = 32 * TABLE_8.samples
    peer = rate(steps, partial(agent.learn, steps, reset_num_timesteps=False))
    yield _training(on_small(TABLE_8, 64), "env_steps", TABLE_8.samples, 40_000, peer, 9.5)
    for units, bound in ((64, 11.0), (128, 4.8)):  # the products alone would take 7 times less than the peer at 128
        experiment = on_small(TABLE_2, units)
        student = peers.Student(TABLE_2, (units, units), seed=0).attend(peers.expert_of(experiment, seed=0), seed=0)
        peer = rate(25_000, partial(_advance, student, 25_000 // TABLE_2.batch))
        yield _training(experiment, "samples", TABLE_2.batch, 400_000, peer, bound)


def products() -> Iterator[Row]:
    """Of an update of PPO, the share that its matrix products alone would take."""
    for units in (64, 128):
        trained = population(on_small(TABLE_3, units), MANY)
        networks = [mlp.copy() for mlp in trained.networks.values()]
        batch, updates = TABLE_3.samples_per_update, 4 * TABLE_3.epochs * TABLE_3.minibatches
        alone = partial(cpu_seconds, partial(_products, networks, batch, updates))
        amount = updates * sum(flops(mlp, batch) for mlp in networks) / 1e9
        ours, peer = (amount / each for each in medians([_in_updates(trained, 4), alone], RUNS))
        name, target = f"PPO {units}-{units}, {MANY} members, products in updates", Target("share", ours / peer, 0.5)
        yield Row(name, "GFLOP per CPU second", ours, peer, RUNS, target, "peer: the products alone")


def priorities() -> Iterator[Row]:
    """What prioritised replay adds to an update of DQN, and the bytes of a transition."""
    for batch in (64, 256):
        settings = replace(TABLE_8, batch=batch, replay_ratio=16 * batch / TABLE_8.samples)
        works = [_in_updates(population(on_small(replace(settings, alpha=a), 64), MANY), 1) for a in (0.0, 0.6)]
        peer, ours = (seconds / (16 * MANY) * 1e6 for seconds in medians(works, RUNS))
        target = Target("share of the priorities", 1 - peer / ours, 0.15, at_most=True)
        name = f"DQN 64-64, {MANY} members, an update of {batch} samples"
        yield Row(name, "CPU µs per member", ours, peer, RUNS, target, "peer: uniform replay")
    held = [population(on_small(replace(TABLE_8, alpha=a), 64), 1).replay.bytes_per_transition for a in (0.6, 0.0)]
    yield Row(f"DQN, a transition of {title(SMALL)}", "bytes", held[0], held[1], note="peer: without priorities")


def maps() -> Iterator[Row]:
    """DQN on object-maps beside stable-baselines3, the environments alone, and the memory of a worker."""
    experiment, members, rounds = system(MAPS, "dqn"), 20, 16
    learner, name = experiment.learner, f"DQN 64-64 on {title(MAPS)}, 20 members"
    assert isinstance(learner, DQN)
    agent = peers.q_agent(learner, experiment.network.hidden, seed=0, environment=ENVIRONMENTS[MAPS])
    agent.learn(learner.learning_starts)
    steps = 2 * rounds * learner.samples
    work = rate(rounds * members * learner.samples, partial(_advance, population(experiment, members), rounds))
    ours, peer = medians([work, rate(steps, partial(agent.learn, steps, reset_num_timesteps=False))], RUNS)
    note = "ours: double and prioritised; peer: plain"
    yield Row(name, "env_steps per CPU second", ours, peer, RUNS, Target("ratio", ours / peer, 16.0), note)
    (alone,) = medians([environments(task_of(MAPS), members, learner.envs, 1_000)], RUNS)
    target, note = Target("env_steps per CPU second", alone, 1e6), "1,200 inputs are made after each env_step"
    alone_of = f"{title(MAPS)} alone, {members * learner.envs} environments"
    yield Row(alone_of, target.what, alone, None, RUNS, target, note)
    peak, note = peak_of_process(MAPS, 64, members), "a dense level with a full replay of 100,000 transitions"
    target = Target("MB", peak, 3_000, at_most=True)
    yield Row(f"{name}, peak memory", "MB resident", peak, target=target, note=note)


def density() -> Iterator[Row]:
    """A sparse update beside a dense one: units from which no path leads to an output are left out, as always."""
    profile = PROFILES["paper"]
    for learner, share in (("bc", 1 / 3), ("ppo", 0.6)):  # the critic of PPO stays dense
        cell = Cell(profile.systems[SMALL, learner], DENSE, seeds(profile.seeds))
        dense = run_level(cell, 0, None)
        tickets = [pruned(cell, dense, density) for density in (SPARSE, 1.0)]
        per_round = cell.experiment.learner.updates // tickets[0].rounds
        rounds = max(1, 128 // per_round)
        found = medians([_in_updates(ticket, rounds) for ticket in tickets], RUNS)
        ours, peer = (seconds / (rounds * per_round) * 1e3 for seconds in found)
        target = Target("share of a dense one's", ours / peer, share, at_most=True)
        name = f"{learner.upper()} 128-128, {profile.seeds} members, an update at {SPARSE:.0%} density"
        yield Row(name, "CPU ms per update", ours, peer, RUNS, target, "peer: a dense one")


def memory() -> Iterator[Row]:
    """Peak resident memory of PPO by members, each in a fresh process, and of one member by a straight line."""
    sizes = (1, 10, 40, 160)
    for units in (64, 128):
        peaks = [peak_of_process(SMALL, units, size) for size in sizes]
        target = Target("MB", peaks[-1], 2_000, at_most=True)
        yield Row(f"PPO {units}-{units}, {sizes[-1]} members, peak memory", "MB resident", peaks[-1], target=target)
        slope, fixed = np.polyfit(sizes, peaks, 1)
        fit = 1 - np.var(np.array(peaks) - fixed - slope * np.array(sizes)) / np.var(peaks)
        target = Target("R² of a straight line", fit, 0.99)
        yield Row(f"PPO {units}-{units}, memory per member", "MB resident", slope, target=target)


def learning() -> Iterator[Row]:
    """Learning areas of dense agents and students, judged as a claim of no difference is: in the first half of a scaled
    training, before most of them reach the maximum."""
    halves: dict[str, Any] = {"ppo": {"env_steps": 16_384}, "bc": {"passes": 4}}
    for learner, half in halves.items():
        scaled: Any = system(SMALL, learner)
        shorter = {"learner": replace(scaled.learner, **half), "evaluation": Evaluation(per_training=5)}
        experiment = replace(scaled, savings=NEVER_STOPPED, **shorter)
        members = seeds(COMPARED)
        ours = run_level(Cell(experiment, DENSE, members), 0, None).evaluations
        theirs = np.stack([peers.curve(experiment, seed) for seed in members])
        yield learning_row(f"{learner.upper()} 64-64, dense", experiment.task, ours, theirs, members)


def learning_row(name: str, task: Task, ours: np.ndarray, theirs: np.ndarray, members: tuple[int, ...]) -> Row:
    """Whether areas under learning curves, float64[seeds, per_training] each, are equivalent by the suite's own rule.

    A ceiling that both reach would say little: an agent that learns half as fast reaches it too.
    """
    reference = Reference(**read_reference(task.name, task.horizon))
    areas = [normalised_return(learning_area(curves), reference) for curves in (ours, theirs)]
    names = ("ours", "stable-baselines3")
    mine, other = (PerSeed.of(side, area, members) for side, area in zip(names, areas, strict=True))
    span = (0.0, max(1.0, float(normalised_return(reference.best, reference))))
    outcome = contrast_test(mine - other, "equivalent", span)
    outcome = calibrated.checked(outcome, mine - other, "equivalent", span)
    conclusion, reason = conclude("equivalent", LEARNING_MARGIN, outcome)
    larger = np.nan if outcome.refused else max(-outcome.lower, outcome.upper)
    target = Target("larger bound", larger, LEARNING_MARGIN, at_most=True)
    averages = float(areas[0].mean()), float(areas[1].mean())
    return Row(name, "normalised learning area", *averages, len(members), target, f"{conclusion}: {reason}")


def whole() -> Iterator[Row]:
    """All of one system at the scaled profile, from its first draw to its last score, beside the same trainings; and
    what stopping at the task's maximum saves, and would change if learning curves were read."""
    for learner in ("ppo", "bc"):
        yield whole_row(system(SMALL, learner), seeds(PROFILES["scaled"].seeds))
    yield stopping_row(system(SMALL, "dqn"), seeds(PROFILES["scaled"].seeds))


def stopping_row(experiment: Experiment, members: tuple[int, ...]) -> Row:
    """A dense level whose members stop at the task's maximum, beside the same one to its end."""
    _conditions(replace(experiment, learner=_SMALL[experiment.learner.name]), members[:2], [], ())  # compiles
    levels: tuple[list[Level], list[Level]] = [], []
    with_it, without = (
        cpu_seconds(partial(_conditions, replace(experiment, savings=savings), members, found, ()))
        for savings, found in zip((Savings(), NEVER_STOPPED), levels, strict=True)
    )
    cut, curves = (found[0].evaluations for found in levels)
    filled = np.where(np.isnan(cut), experiment.task.maximum_return, cut)
    note = f"peer: to the end. Learning area {curves.mean():.0f}, return at the end {curves[:, -1].mean():.0f}; were"
    note += f" those who stop taken to stay at the maximum, {filled.mean():.0f} and {filled[:, -1].mean():.0f}"
    name = f"{experiment.learner.name.upper()}, a dense level that stops at the maximum"
    return Row(name, "CPU seconds", with_it, without, note=note)


def whole_row(experiment: Experiment, members: tuple[int, ...]) -> Row:
    """Ours is measured in full; after each condition one dense training of the peer's, whose median is multiplied."""
    tiny = replace(experiment, learner=_SMALL[experiment.learner.name], pruning=Pruning(0.5, 1))
    _conditions(tiny, (0, 1), [], CONDITIONS[:1])  # compiles
    peers.seconds_of_training(tiny, 0)
    levels: list[Level] = []
    ours, theirs = 0.0, []
    for conditions, seed in zip(((), *((each,) for each in CONDITIONS)), members * 3, strict=False):
        ours += cpu_seconds(partial(_conditions, experiment, members, levels, conditions))
        theirs.append(peers.seconds_of_training(experiment, seed))
    count = (1 + len(CONDITIONS) * experiment.pruning.levels) * len(members)
    peer = count * float(np.median(theirs))
    trained = np.mean([level.trained_fraction.mean() for level in levels])
    note = f"ours: {trained:.0%} of the rounds, since members stop at the task's maximum. "
    note += f"peer: {count} times the median of {len(theirs)} dense trainings"
    target = Target("share", ours / peer, 1 / 40, at_most=True)
    name = f"{experiment.learner.name.upper()}, a whole experiment, {count} trainings"
    return Row(name, "CPU seconds", ours, peer, len(theirs), target, note)


PARTS: dict[str, Part] = {
    part.__name__: part for part in (speed, products, cnn, priorities, maps, density, lists, memory, learning, whole)
}
"""In the order in which they run."""


def pruned(cell: Cell, dense: Level, density: float) -> Any:
    """The cell's members as tickets of `density`, pruned from `dense` at once, about to train."""
    experiment = replace(cell.experiment, pruning=Pruning(rate=1 - density, levels=1))
    start = start_level(replace(cell, experiment=experiment, condition=TICKET), 1, dense)
    return _start(experiment, *start, cell.seeds, 1)


def flops(mlp: Mlp, batch: int) -> int:
    """Of the products of one update of all members: forward, and backward to weights and to inputs but the first."""
    sizes = [2 * batch * a * b for a, b in pairwise(mlp.sizes)]
    return mlp.members * (2 * sum(sizes) + sum(sizes[1:]))


def environments(task: Task, members: int, envs: int, env_steps: int) -> Callable[[], float]:
    """A work: every environment takes uniform actions and is looked at after each of them."""
    rng = np.random.default_rng(0)
    starts = task.draw_starts(rng, (members, envs))
    batch, actions = (
        task.batch(starts, seeds(members)),
        rng.integers(task.action.count, size=(env_steps, members, envs)),
    )
    look = type(batch).observations.__get__  # made when it is asked for
    return rate(actions.size, lambda: [(batch.step(taken, starts), look(batch)) for taken in actions])


def peak_of_process(task: str, units: int, members: int) -> float:
    """MB that a fresh process needed at most: of PPO on the small task, or DQN on maps until its replay is full."""
    command = [sys.executable, "-m", __name__, task, str(units), str(members)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _training(
    experiment: Experiment, unit: str, samples: int, about: int, peer: Callable[[], float], bound: float | None
) -> Row:
    """`MANY` members train for about so many samples or env_steps, all together, beside a peer's work."""
    rounds = max(1, round(about / MANY / samples))
    work = rate(rounds * MANY * samples, partial(_advance, population(experiment, MANY), rounds))
    ours, theirs = medians([work, peer], RUNS)
    target = Target("ratio", ours / theirs, bound) if bound else None
    name = f"{experiment.learner.name.upper()} {experiment.network.title}, {MANY} members"
    return Row(name, f"{unit} per CPU second", ours, theirs, RUNS, target)


def _start(experiment: Experiment, networks: Networks, masks: Masks, members: tuple[int, ...], level: int) -> Any:
    """The population as a level trains it, without what the savings leave out."""
    small = reduced(experiment, networks, masks)
    return experiment.learner.start(small.task, small.networks, small.masks, members, level)


def _advance(trained: Any, rounds: int) -> None:
    trained.advance(rounds)


def _in_updates(trained: Any, rounds: int) -> Callable[[], float]:
    """A work whose figure is the CPU seconds that the updates of so many rounds take, without their rollouts."""

    def work() -> float:
        with clocked() as seconds:
            _advance(trained, rounds)
        return seconds["updates"]

    return work


def _conditions(e: Experiment, members: tuple[int, ...], levels: list[Level], conditions: tuple[str, ...]) -> None:
    """Add level 0, if there is none yet, and the levels of these conditions, which start from it."""
    if not levels:
        levels.append(run_level(Cell(e, DENSE, members), 0, None))
    for condition in conditions:
        level = levels[0]
        for number in range(1, e.pruning.levels + 1):
            levels.append(level := run_level(Cell(e, condition, members), number, level))


def _products(networks: list[Mlp], batch: int, updates: int) -> None:
    """The products of these updates as the engine does them: all of one member, then of the next."""
    for mlp in networks:
        activations = np.full((len(mlp.sizes), batch * max(mlp.sizes)), 0.1, dtype=mlp.flat.dtype)
        sizes, grad_params = np.array(mlp.sizes), np.empty_like(mlp.flat[0])
        _dot_products(mlp.flat, sizes, activations, activations.copy(), grad_params, batch, updates)  # type: ignore[no-untyped-call]


@njit
def _dot_products(flat, sizes, activations, gradients, grad_params, batch, updates):  # type: ignore[no-untyped-def]
    for step in range(len(flat) * updates * 2):
        member, forwards = step // (2 * updates), step % 2 == 0
        start = 0
        for layer in range(len(sizes) - 1):
            a, b = sizes[layer], sizes[layer + 1]
            weights = flat[member, start : start + a * b].reshape(a, b)
            inputs = activations[layer, : batch * a].reshape(batch, a)
            outputs = gradients[layer + 1, : batch * b].reshape(batch, b)
            if forwards:
                np.dot(inputs, weights, activations[layer + 1, : batch * b].reshape(batch, b))
            else:
                np.dot(inputs.T, outputs, grad_params[start : start + a * b].reshape(a, b))
                if layer > 0:
                    np.dot(outputs, weights.T, gradients[layer, : batch * a].reshape(batch, a))
            start += (a + 1) * b


if __name__ == "__main__":
    task, units, members = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if task == SMALL:
        _advance(population(on_small(TABLE_3, units), members), 3)
    else:
        of_profile: Any = system(MAPS, "dqn")
        full = replace(of_profile, learner=replace(of_profile.learner, env_steps=102_400, buffer=100_000))
        run_level(Cell(full, DENSE, seeds(members)), 0, None)
    print(peak_memory() / 1e6)
