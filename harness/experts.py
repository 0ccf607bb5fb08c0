"""Training the experts that students learn from, and measuring the returns that all others are compared with.

Run by `python -m harness experts`, whose purpose is to write fixtures/experts and fixtures/references.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from harness.experiment import Evaluation, Network, to_plain
from harness.files import replace_file
from harness.fixtures import expert_file, read_experts, reference_file, write_expert
from harness.learners import ACTOR
from harness.learners.ppo import PPO
from harness.learners.training import train
from harness.networks import initial_mlp
from harness.profiles import EXPERT_BLOCK, SEEDS_PER_BLOCK
from harness.streams import stream, streams
from harness.tasks import Task, rollout_returns
from harness.tasks.cart_pole import CartPole

EXPERTS = 40
FIRST_SEED = EXPERT_BLOCK * SEEDS_PER_BLOCK
"""No claim is judged on this block, nothing is tuned on it."""
EPISODES = 100
"""Fresh episodes per expert, and of the random policy, for the references (CLAIMS.md)."""
COMMAND = "python -m harness experts"

# Table 2's small teacher. The settings are the scaled profile's with three times the budget, and an evaluation
# long enough that a policy which passes it is close to perfect.
NETWORK = Network(hidden=(64, 64))
LEARNER = PPO(learning_rate=0.002, env_steps=98_304, envs=8, rollout=32)
EVALUATION = Evaluation(per_training=24, episodes=64)


def write_experts() -> list[Path]:
    """Train `EXPERTS` Cart-Pole experts as one population; write them, their cards and the references."""
    task = CartPole()
    seeds = list(range(FIRST_SEED, FIRST_SEED + EXPERTS))
    rngs = streams(seeds, "init")
    networks = {
        name: initial_mlp((len(task.inputs), *NETWORK.hidden, outputs), rngs)
        for name, outputs in LEARNER.outputs(task).items()
    }
    population = LEARNER.start(task, networks, {}, seeds, level=0)
    trained = train(population, task, EVALUATION, "best", True, seeds, level=0)
    starts = np.stack([task.draw_starts(rng, (EPISODES,)) for rng in streams(seeds, "score", 0)])
    returns = rollout_returns(task, trained.checkpoint[ACTOR].tensors(), starts)
    for index, seed in enumerate(seeds):
        card = {
            "task": to_plain(task) | {"name": task.name},
            "learner": to_plain(LEARNER),
            "evaluation": to_plain(EVALUATION),
            "network": ACTOR,
            "seed": seed,
            "return": returns[index].mean(),
            "episodes": EPISODES,
            "command": COMMAND,
        }
        write_expert(task.name, index, trained.checkpoint[ACTOR].take(np.array([index])), card)
    references = [write_reference(dataclasses.replace(task, horizon=horizon)) for horizon in (500, 200)]
    return [*(expert_file(task.name, index) for index in range(EXPERTS)), *references]


def write_reference(task: Task) -> Path:
    """Measure and write a task's random and expert returns, with their standard errors."""
    rng = stream(FIRST_SEED, "reference", task.horizon)
    random_returns = _random_returns(task, rng)
    experts = read_experts(task.name, range(EXPERTS), len(task.inputs), task.actions).tensors()
    starts = task.draw_starts(rng, (EXPERTS, EPISODES))
    expert_returns = rollout_returns(task, experts, starts).mean(axis=1)  # an expert is one unit, not an episode
    reference = {
        "task": task.name,
        "horizon": task.horizon,
        "random": random_returns.mean(),
        "random_se": random_returns.std(ddof=1) / np.sqrt(len(random_returns)),
        "expert": expert_returns.mean(),
        "expert_se": expert_returns.std(ddof=1) / np.sqrt(len(expert_returns)),
        "episodes": EPISODES,
        "experts": EXPERTS,
        "command": COMMAND,
    }
    path = reference_file(task.name, task.horizon)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, (json.dumps(reference, indent=1) + "\n").encode())
    return path


def _random_returns(task: Task, rng: np.random.Generator) -> np.ndarray:
    """Returns of a uniformly random policy, float64[episodes]."""
    starts = task.draw_starts(rng, (1, EPISODES))
    batch = task.batch(starts)
    returns, running = np.zeros((1, EPISODES)), np.ones((1, EPISODES), dtype=bool)
    while running.any():
        transition = batch.step(rng.integers(task.actions, size=(1, EPISODES)), starts)
        returns += transition.rewards * running
        running &= ~(transition.terminated | transition.truncated)
    mine: np.ndarray = returns[0]
    return mine
