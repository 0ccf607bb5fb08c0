"""The parts of the benchmark. Each yields rows: ours beside stable-baselines3's, or against a figure of its own."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from harness.bench import peers
from harness.bench.measure import Part, Row, Target, cpu_seconds, medians, rate
from harness.bench.profiling import clocked
from harness.compiled import njit
from harness.experiment import Cell, Experiment, Savings
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import Population
from harness.networks.compaction import compact
from harness.networks.mlp import Mlp, Network
from harness.profiles.profile import PROFILES, SEEDS_PER_BLOCK
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import Level, Pruning, run_level, start_level
from harness.pruning.layout import initial_networks
from harness.statistics import guarded_unpaired, studentised_unpaired
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.batch import GridMaze

TABLE_3 = PPO(env_steps=1_000_000)
"""PPO with 4 environments, and 4 epochs of 4 minibatches over 512 samples."""
TABLE_2 = BC(passes=1_000)
"""Behavioural cloning."""
TABLE_8 = DQN(env_steps=1_000_000, learning_starts=16_384)
"""DQN with one update of 256 samples after 64 env_steps. When it starts to learn, its replay holds enough to be drawn
from as in the middle of a training."""
GRIDMAZE = PROFILES["scaled"].systems["gridmaze", "dqn"]
BLOCK = 98
"""Of seeds: neither tuned on nor judged on."""
SIZES = (1, 5, 10, 20, 40, 80, 160)
"""Members of one population."""
TARGET_SIZE = 40
RUNS = 5
RETURN_MARGIN = 25.0
"""Of a return of 500."""
RETURN_SEEDS = 15
DENSITIES = (1.0, 0.49, 0.24, 0.12, 0.06, 0.02)


def seeds(members: int) -> tuple[int, ...]:
    """The first seeds of the benchmark's block."""
    return tuple(range(BLOCK * SEEDS_PER_BLOCK, BLOCK * SEEDS_PER_BLOCK + members))


def population(learner: PPO | BC | DQN, hidden: tuple[int, ...], members: int) -> Population:
    """Members about to train on Cart-Pole; those of DQN have played until their next round has the first updates."""
    networks = initial_networks(Experiment(CartPole(), learner, Network(hidden=hidden)), seeds(members))
    return _played(learner.start(CartPole(), networks, {}, seeds(members), level=0), learner)


def speed() -> Iterator[Row]:
    """Training by number of members; evaluations are left out, and of behavioural cloning also the expert's play."""
    for hidden, bound in (((64, 64), 16.0), ((128, 128), 8.0)):
        agent = peers.agent(TABLE_3, hidden, seed=0)
        steps = 4 * TABLE_3.samples
        peer = rate(steps, partial(agent.learn, steps))
        yield from _by_size("PPO", "env_steps", TABLE_3, TABLE_3.samples, hidden, 40_000, peer, bound)
    q_agent = peers.q_agent(TABLE_8, (64, 64), seed=0)
    q_agent.learn(TABLE_8.learning_starts)
    steps = 32 * TABLE_8.samples
    peer = rate(steps, partial(q_agent.learn, steps, reset_num_timesteps=False))
    yield from _by_size("DQN", "env_steps", TABLE_8, TABLE_8.samples, (64, 64), 40_000, peer, 8.0)
    for hidden in ((64, 64), (128, 128)):
        experiment = Experiment(CartPole(), TABLE_2, Network(hidden=hidden))
        student = peers.Student(TABLE_2, hidden, seed=0).attend(peers.expert_of(experiment, seed=0), seed=0)
        peer = rate(25_000, partial(_advance, student, 25_000 // TABLE_2.batch))
        yield from _by_size("BC", "samples", TABLE_2, TABLE_2.batch, hidden, 100_000, peer, None)


def products() -> Iterator[Row]:
    """Of an update of PPO, the share that its matrix products alone would take."""
    rounds = 4
    for hidden in ((64, 64), (128, 128)):
        trained = population(TABLE_3, hidden, TARGET_SIZE)
        networks = [mlp.arrays() for mlp in trained.networks.values()]
        batch, updates = TABLE_3.samples_per_update, rounds * TABLE_3.epochs * TABLE_3.minibatches
        amount = updates * sum(flops(mlp, batch) for mlp in networks) / 1e9
        alone = partial(cpu_seconds, partial(_products, networks, batch, updates))
        found = medians({"ours": _in_updates(trained, rounds), "peer": alone}, RUNS)
        name = f"PPO {_units(hidden)}, {TARGET_SIZE} members, products in updates"
        ours, peer = amount / found["ours"], amount / found["peer"]
        target = Target("share", ours / peer, "at least", 0.5)
        yield Row(name, "GFLOP per CPU second", ours, peer, RUNS, target, "peer: the products alone")


def priorities() -> Iterator[Row]:
    """What prioritised replay adds to an update of DQN, and the bytes of a transition."""
    for batch in (64, 256):
        updates = 16
        prioritised = replace(TABLE_8, batch=batch, replay_ratio=updates * batch / TABLE_8.samples)
        settings = (prioritised, replace(prioritised, alpha=0.0))
        works = {str(s.alpha): _in_updates(population(s, (64, 64), TARGET_SIZE), 1) for s in settings}
        ours, peer = (seconds / (updates * TARGET_SIZE) * 1e6 for seconds in medians(works, RUNS).values())
        target = Target("share of the priorities", 1 - peer / ours, "at most", 0.15)
        name = f"DQN 64-64, {TARGET_SIZE} members, an update of {batch} samples"
        yield Row(name, "CPU µs per member", ours, peer, RUNS, target, "peer: uniform replay")
    held, plain = (population(replace(TABLE_8, alpha=alpha), (64, 64), 1) for alpha in (TABLE_8.alpha, 0.0))
    figures = [trained.replay.bytes_per_transition for trained in (held, plain)]  # type: ignore[attr-defined]
    yield Row("DQN, a transition of Cart-Pole", "bytes", *figures, note="peer: without priorities")


def gridmaze() -> Iterator[Row]:
    """DQN on object-maps beside stable-baselines3, the environments alone, and the memory of a worker."""
    settings, hidden, members, rounds = GRIDMAZE.learner, GRIDMAZE.network.hidden, 20, 16
    assert isinstance(settings, DQN)
    agent = peers.q_agent(settings, hidden, seed=0, environment=peers.GRIDMAZE)
    agent.learn(settings.learning_starts)
    steps = 2 * rounds * settings.samples
    works = {
        "ours": rate(rounds * members * settings.samples, partial(_advance, in_the_maze(GRIDMAZE, members), rounds)),
        "peer": rate(steps, partial(agent.learn, steps, reset_num_timesteps=False)),
    }
    found = medians(works, RUNS)
    target = Target("ratio", found["ours"] / found["peer"], "at least", 5.0)
    note = "ours: double and prioritised; peer: plain"
    yield Row(f"DQN {_units(hidden)} on GridMaze, {members} members", "env_steps per CPU second", **found, runs=RUNS,
              target=target, note=note)  # fmt: skip
    alone = medians({"ours": _environments(GridMaze(), members, settings.envs, 1_000)}, RUNS)["ours"]
    target = Target("env_steps per CPU second", alone, "at least", 1e6)
    note = "uniform actions; object-maps of 1,200 inputs are made after each env_step"
    yield Row(f"GridMaze alone, {members * settings.envs} environments", target.what, alone, runs=RUNS, target=target,
              note=note)  # fmt: skip
    peak = peak_of_process("gridmaze", hidden[0], members)
    target = Target("MB", peak, "at most", 3_000.0)
    note = "a dense level whose replay of 100,000 transitions a member is full, evaluations included"
    yield Row(f"DQN {_units(hidden)} on GridMaze, {members} members, peak memory", "MB resident", peak, target=target,
              note=note)  # fmt: skip


def density() -> Iterator[Row]:
    """An update at falling density: units from which no path leads to an output are left out, as in every level."""
    profile = PROFILES["paper"]
    for learner, share in (("bc", 1 / 3), ("ppo", 0.6)):  # the critic of PPO stays dense
        cell = Cell(profile.systems["cart-pole", learner], DENSE, seeds(profile.seeds))
        dense = run_level(cell, 0, None)
        members = {density: pruned(cell, dense, density) for density in DENSITIES}
        per_round = cell.experiment.learner.updates // members[1.0].rounds
        rounds = max(1, 128 // per_round)
        works = {str(density): _in_updates(trained, rounds) for density, trained in members.items()}
        found = {name: seconds / (rounds * per_round) * 1e3 for name, seconds in medians(works, RUNS).items()}
        for density in DENSITIES:
            cost, full = found[str(density)], found[str(1.0)]
            lowest = density == min(DENSITIES)
            target = Target("share of a dense one's", cost / full, "at most", share) if lowest else None
            name = f"{learner.upper()} 128-128, {profile.seeds} members, an update at {density:.0%} density"
            yield Row(name, "CPU ms per update", cost, full, RUNS, target)


def memory() -> Iterator[Row]:
    """Peak resident memory of PPO by members, each in a fresh process, and of one member by a straight line."""
    sizes = (1, 10, 40, 160)
    for units in (64, 128):
        peaks = [peak_of_process("cart-pole", units, size) for size in sizes]
        target = Target("MB", peaks[-1], "at most", 2_000.0)
        for size, peak in zip(sizes, peaks, strict=True):
            name = f"PPO {units}-{units}, {size} member{'s' if size > 1 else ''}, peak memory"
            yield Row(name, "MB resident", peak, target=target if size == sizes[-1] else None)
        slope, fixed = np.polyfit(sizes, peaks, 1)
        fit = 1 - np.var(np.array(peaks) - fixed - slope * np.array(sizes)) / np.var(peaks)
        yield Row(f"PPO {units}-{units}, memory per member", "MB resident", slope,
                  target=Target("R²", fit, "at least", 0.99))  # fmt: skip


def returns() -> Iterator[Row]:
    """Scored returns of dense agents and students of the scaled profile, compared by Welch's t test.

    Both stand near the ceiling, so the note says what one more seed that fails would leave.
    """
    for learner in ("ppo", "bc"):
        experiment = replace(PROFILES["scaled"].systems["cart-pole", learner], savings=Savings(stop_at_maximum=False))
        ours = run_level(Cell(experiment, DENSE, seeds(RETURN_SEEDS)), 0, None).scored_returns
        theirs = np.array([peers.train(experiment, seed).score for seed in seeds(RETURN_SEEDS)])
        found = studentised_unpaired(ours, theirs)
        guarded = guarded_unpaired(ours, theirs, (500.0, 0.0), (500.0, 0.0))
        note = (
            f"difference {found.effect:+.1f}, 97.5 % bounds {found.lower:+.1f} to {found.upper:+.1f}"
            f" (with one more seed that fails: {guarded.lower:+.1f} to {guarded.upper:+.1f})"
        )
        target = Target("larger bound", max(-found.lower, found.upper), "at most", RETURN_MARGIN)
        name = f"{learner.upper()} 64-64, dense, return"
        yield Row(name, "scored return", ours.mean(), theirs.mean(), RETURN_SEEDS, target, note)


def whole() -> Iterator[Row]:
    """All of one system at the scaled profile, from its first draw to its last score, beside the same trainings."""
    for learner in ("ppo", "bc"):
        yield whole_row(PROFILES["scaled"].systems["cart-pole", learner], seeds(PROFILES["scaled"].seeds))


def whole_row(experiment: Experiment, members: tuple[int, ...]) -> Row:
    """Ours is measured in full, after each condition one dense training of the peer's, whose median is multiplied."""
    small: dict[str, PPO | BC] = {"ppo": PPO(env_steps=1_024), "bc": BC(env_steps=512, passes=1)}
    tiny = replace(experiment, learner=small[experiment.learner.name], pruning=Pruning(0.5, 1))
    _chain(tiny, (0, 1), [])  # compiles
    peers.train(tiny, 0)
    levels: list[Level] = []
    ours, theirs = 0.0, []
    for condition, seed in zip((DENSE, *CONDITIONS), members, strict=False):
        ours += cpu_seconds(partial(_chain, experiment, members, levels, condition))
        theirs.append(peers.train(experiment, seed))
    count = (1 + len(CONDITIONS) * experiment.pruning.levels) * len(members)
    peer = count * float(np.median([run.seconds for run in theirs]))
    trained = np.mean([level.share.mean() for level in levels])
    evaluating = sum(run.evaluating for run in theirs) / sum(run.seconds for run in theirs)
    note = (
        f"ours: members stop at the task's maximum, so {trained:.0%} of the rounds were trained. peer: {count} times the"
        f" median of {len(theirs)} dense trainings, which do not stop; {evaluating:.0%} of it evaluates"
    )
    target = Target("share", ours / peer, "at most", 1 / 40)
    name = f"{experiment.learner.name.upper()}, a whole experiment, {count} trainings"
    return Row(name, "CPU seconds", ours, peer, len(theirs), target, note)


PARTS: dict[str, Part] = {
    part.__name__: part for part in (speed, products, priorities, gridmaze, density, memory, returns, whole)
}
"""In the order in which they run."""


def in_the_maze(experiment: Experiment, members: int) -> Population:
    """Agents on GridMaze without the inputs that are always zero, as `run_level` leaves them out, about to learn."""
    networks, masks = start_level(Cell(experiment, DENSE, seeds(members)), 0, None, None)
    return _played(_start(experiment, networks, masks, seeds(members), 0), experiment.learner)


def pruned(cell: Cell, dense: Level, density: float) -> Population:
    """The cell's members as tickets of `density`, pruned from `dense` at once, about to train."""
    experiment = replace(cell.experiment, pruning=Pruning(rate=1 - density, levels=1))
    networks, masks = start_level(replace(cell, experiment=experiment, condition=TICKET), 1, dense, None)
    return _start(experiment, networks, masks, cell.seeds, 1)


def flops(mlp: Mlp, batch: int) -> int:
    """Of the products of one update of all members: forward, and backward to weights and to all inputs but the first."""
    sizes = [2 * batch * a * b for a, b in pairwise(mlp.sizes)]
    return mlp.members * (2 * sum(sizes) + sum(sizes[1:]))


def peak_of_process(task: str, units: int, members: int) -> float:
    """MB that a fresh process needed at most to train: a few rounds of PPO on Cart-Pole, or DQN until replay is full."""
    command = [sys.executable, "-m", __name__, task, str(units), str(members)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1e6


def peak_bytes() -> int:
    """Of this process so far. The peak of `getrusage` outlives exec, so that a child starts with its parent's."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _by_size(
    name: str,
    unit: str,
    learner: PPO | BC | DQN,
    samples: int,
    hidden: tuple[int, ...],
    about: int,
    peer: Callable[[], float],
    bound: float | None,
) -> Iterator[Row]:
    works = {}
    for size in SIZES:
        rounds = max(1, round(about / size / samples))
        works[str(size)] = rate(rounds * size * samples, partial(_advance, population(learner, hidden, size), rounds))
    found = medians(works | {"peer": peer}, RUNS)
    for size in SIZES:
        ours, theirs = found[str(size)], found["peer"]
        target = Target("ratio", ours / theirs, "at least", bound) if bound and size == TARGET_SIZE else None
        members = f"{size} member{'s' if size > 1 else ''}"
        yield Row(f"{name} {_units(hidden)}, {members}", f"{unit} per CPU second", ours, theirs, RUNS, target)


def _start(experiment: Experiment, networks: Any, masks: Any, members: tuple[int, ...], level: int) -> Population:
    from harness.pruning.imp import _left_out  # what a level leaves out is left out here

    task, small = _left_out(experiment, networks, masks)
    left = {name: part.mlp for name, part in small.items()}
    return experiment.learner.start(
        task, networks | left, masks | {name: small[name].masks for name in masks.keys() & small.keys()}, members, level
    )


def _played(trained: Any, learner: Any) -> Population:
    if isinstance(learner, DQN):
        while trained.replay.transitions + learner.samples < learner.learning_starts:
            trained.advance()
    return trained  # type: ignore[no-any-return]


def _advance(trained: Any, rounds: int) -> None:
    for _ in range(rounds):
        trained.advance()


def _in_updates(trained: Any, rounds: int) -> Callable[[], float]:
    """A work whose figure is the CPU seconds that the updates of so many rounds take, without their rollouts."""

    def work() -> float:
        with clocked() as clock:
            _advance(trained, rounds)
        return clock.seconds["updates"]

    return work


def _environments(task: GridMaze, members: int, envs: int, env_steps: int) -> Callable[[], float]:
    rng = np.random.default_rng(0)
    starts = task.draw_starts(rng, (members, envs))
    batch = task.batch(starts, seeds(members))
    actions = rng.integers(task.actions, size=(env_steps, members, envs))

    def play() -> None:
        for taken in actions:
            batch.step(taken, starts)
            _ = batch.observations  # it is made when it is asked for

    return rate(env_steps * members * envs, play)


def _chain(experiment: Experiment, members: tuple[int, ...], levels: list[Level], condition: str = TICKET) -> None:
    """Add the levels of one cell; the first of all is the dense one, from which every chain starts."""
    level = levels[0] if levels else run_level(Cell(experiment, DENSE, members), 0, None)
    if condition == DENSE or not levels:
        levels.append(level)
    for number in Cell(experiment, condition, members).levels if condition != DENSE else ():
        level = run_level(Cell(experiment, condition, members), number, level)
        levels.append(level)


def _products(networks: list[Mlp], batch: int, updates: int) -> None:
    """The products of these updates as the engine does them: all of one member, then of the next."""
    for mlp in networks:
        activations = np.full((len(mlp.sizes), batch * max(mlp.sizes)), 0.1, dtype=mlp.flat.dtype)
        sizes, grad_params = np.array(mlp.sizes), np.empty_like(mlp.flat[0])
        _dot_products(mlp.flat, sizes, activations, activations.copy(), grad_params, batch, updates)


@njit
def _dot_products(
    flat: np.ndarray,
    sizes: np.ndarray,
    activations: np.ndarray,
    gradients: np.ndarray,
    grad_params: np.ndarray,
    batch: int,
    updates: int,
) -> None:
    for member in range(len(flat)):
        for _ in range(updates):
            for forwards in (True, False):
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


def _units(hidden: tuple[int, ...]) -> str:
    return "-".join(map(str, hidden))


def _train_for_peak(task: str, units: int, members: int) -> None:
    if task == "cart-pole":
        _advance(population(TABLE_3, (units, units), members), 3)
        return
    learner = replace(GRIDMAZE.learner, env_steps=102_400, buffer=100_000)  # type: ignore[type-var]
    experiment = replace(GRIDMAZE, learner=learner, network=Network(hidden=(units, units)))
    run_level(Cell(experiment, DENSE, seeds(members)), 0, None)


if __name__ == "__main__":
    _train_for_peak(sys.argv[1], *map(int, sys.argv[2:]))
    print(peak_bytes())
