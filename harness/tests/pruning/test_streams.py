"""No random stream forgets the level, the evaluation or what it is for: a whole chain draws from each key once."""

import zlib
from collections import Counter
from typing import Any

import pytest

import harness.streams
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import Learner
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.pruning.conditions import CONDITIONS, DENSE, REDRAWN, SURVIVING, TICKET
from harness.pruning.imp import run_level
from harness.pruning.pruning_settings import Pruning
from harness.tasks.cart_pole import CartPole

LEARNERS: dict[str, Learner] = {
    "ppo": PPO(env_steps=64, envs=4, rollout=8, minibatches=1, epochs=1),
    "bc": BC(env_steps=64, envs=4, batch=32, passes=1),
    "dqn": DQN(env_steps=64, envs=4, rollout=8, batch=16, learning_starts=0, replay_ratio=1),
}
SEEDS, LEVELS, EVALUATIONS = (0, 7), 2, 2
Key = tuple[Any, ...]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[Key]:
    """(seed, purpose, *where) of every stream that is opened, however it is."""
    found: Counter[Key] = Counter()
    stream = harness.streams.stream

    def opening(seed: int, purpose: str, *where: int) -> Any:
        found[seed, purpose, *where] += 1
        return stream(seed, purpose, *where)

    monkeypatch.setattr(harness.streams, "stream", opening)
    return found


def expected(condition: str) -> set[Key]:
    """What a chain of this condition, its level 0 included, draws from."""
    keys: set[Key] = {("w0",)}
    for level in range(LEVELS + 1):
        keys |= {(purpose, level) for purpose in ("rollout", "minibatch", "dropout", "score")}
        keys |= {("evaluation", level, turn) for turn in range(EVALUATIONS)}
        if level > 0:
            keys.add((f"start of {condition}", level))
            keys |= set() if condition == SURVIVING else {(f"criterion of {condition}", level)}
            keys |= {("re-init", level)} if condition == REDRAWN else set()
    return {(seed, *key) for seed in SEEDS for key in keys}


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("condition", [*CONDITIONS, SURVIVING])
def test_a_chain_draws_from_each_key_once(learner: str, condition: str, drawn: Counter[Key]) -> None:
    """But for w0, from which each level starts."""
    e = Experiment(
        CartPole(horizon=10),
        LEARNERS[learner],
        Network(hidden=(4,), dropout=0.1),
        Pruning(rate=0.5, levels=LEVELS, checkpoint="last"),  # so that no member stops early
        Evaluation(EVALUATIONS, 1, 2, actions="sampled"),
    )
    tickets = {}
    if condition == SURVIVING:  # its masks follow the ticket's, whose own draws don't count here
        previous = run_level(Cell(e, DENSE, SEEDS), 0, None)
        for level in range(1, LEVELS + 1):
            previous = tickets[level] = run_level(Cell(e, TICKET, SEEDS), level, previous)
        drawn.clear()
    previous = run_level(Cell(e, DENSE, SEEDS), 0, None)
    for level in range(1, LEVELS + 1):
        previous = run_level(Cell(e, condition, SEEDS), level, previous, tickets.get(level))
    assert set(drawn) == expected(condition)
    assert {key for key, times in drawn.items() if times > 1} == {(seed, "w0") for seed in SEEDS}
    purposes = {key[1] for key in drawn}
    assert len({zlib.crc32(purpose.encode()) for purpose in purposes}) == len(purposes)
