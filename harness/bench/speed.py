"""Speed of training against the size of the population, beside one member of stable-baselines3's."""

from collections.abc import Callable, Iterator
from functools import partial

from harness.bench import peers
from harness.bench.population import TABLE_2, TABLE_3, TABLE_8, population, until_learning
from harness.bench.rows import Row, Target
from harness.bench.timing import Trains, advance, medians, rate
from harness.experiment import Experiment, Network
from harness.tasks.cart_pole import CartPole

SIZES = (1, 5, 10, 20, 40, 80, 160)
"""Members, each number in one population."""
RUNS = 5
TARGET_SIZE = 40
TARGETS = {(64, 64): 16.0, (128, 128): 8.0}
"""Times stable-baselines3's env_steps per CPU second, for PPO and `TARGET_SIZE` members."""
DQN_TARGETS = {(64, 64): 8.0}
"""The same for DQN, although ours is double and prioritised, and the peer's is neither."""


def rows() -> Iterator[Row]:
    """Of PPO and DQN (rollouts and updates; evaluations left out) and of behavioural cloning (updates alone)."""
    yield from _ppo()
    yield from _dqn()
    yield from _bc()


def _ppo() -> Iterator[Row]:
    for hidden, bound in TARGETS.items():
        agent = peers.agent(TABLE_3, hidden, seed=0)
        works = {size: _work(population(TABLE_3, hidden, size), size, TABLE_3.samples, 40_000) for size in SIZES}
        steps = 4 * TABLE_3.samples
        peer = rate(steps, partial(agent.learn, steps))
        yield from _rows(f"PPO {'-'.join(map(str, hidden))}", "env_steps per CPU second", works, peer, bound)


def _dqn() -> Iterator[Row]:
    for hidden, bound in DQN_TARGETS.items():
        agent = peers.q_agent(TABLE_8, hidden, seed=0)
        agent.learn(TABLE_8.learning_starts)
        works = {size: _work(until_learning(TABLE_8, hidden, size), size, TABLE_8.samples, 40_000) for size in SIZES}
        steps = 32 * TABLE_8.samples
        peer = rate(steps, partial(agent.learn, steps, reset_num_timesteps=False))
        yield from _rows(f"DQN {'-'.join(map(str, hidden))}", "env_steps per CPU second", works, peer, bound)


def _bc() -> Iterator[Row]:
    for hidden in TARGETS:
        works = {size: _work(population(TABLE_2, hidden, size), size, TABLE_2.batch, 100_000) for size in SIZES}
        experiment = Experiment(CartPole(), TABLE_2, Network(hidden=hidden))
        student = peers.Student(TABLE_2, hidden, seed=0).attend(peers.expert_of(experiment, seed=0), seed=0)
        peer = _work(student, 1, TABLE_2.batch, 25_000)
        yield from _rows(f"BC {'-'.join(map(str, hidden))}", "samples per CPU second", works, peer, None)


def _rows(
    name: str, unit: str, works: dict[int, Callable[[], float]], peer: Callable[[], float], bound: float | None
) -> Iterator[Row]:
    found = medians({str(size): work for size, work in works.items()} | {"peer": peer}, RUNS)
    for size in SIZES:
        ours, theirs = found[str(size)], found["peer"]
        asked = bound is not None and size == TARGET_SIZE
        target = Target("ratio", ours / theirs, "at least", bound or 0) if asked else None
        yield Row(f"{name}, {size} member{'s' if size > 1 else ''}", unit, ours, theirs, RUNS, target)


def _work(trained: Trains, size: int, samples: int, about: int) -> Callable[[], float]:
    """As many rounds as make `about` samples of all members, at least one."""
    rounds = max(1, round(about / size / samples))
    return rate(rounds * size * samples, partial(advance, trained, rounds))
