"""Training the experts that students learn from, and measuring the returns that all others are compared with.

Run by `python -m harness experts`, whose purpose is to write fixtures/experts and fixtures/references.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.canonical import to_plain
from harness.files import replace_file
from harness.learners.expert_files import expert_file, read_experts, write_expert
from harness.learners.protocol import ACTOR
from harness.learners.training import train
from harness.networks.mlp import initial_mlp
from harness.profiles.budgets import Budgets
from harness.profiles.profile import EXPERT_BLOCK, SEEDS_PER_BLOCK, TASKS
from harness.registry import UnknownNameError
from harness.streams import stream, streams
from harness.tasks.references import reference_file
from harness.tasks.rollout import GREEDY, rollout_returns
from harness.tasks.spec import Task

FIRST_SEED = EXPERT_BLOCK * SEEDS_PER_BLOCK
"""No claim is judged on this block, nothing is tuned on it."""
EPISODES = 100
"""Fresh episodes per expert, and of the random policy, for the references (CLAIMS.md)."""
COMMAND = "python -m harness experts"


def write_experts(tasks: Sequence[str] = ()) -> list[Path]:
    """Train the experts of these tasks (default: all); write them, their cards and the references.

    Raises harness.registry.UnknownNameError for a task that the profiles do not have.
    """
    if unknown := [name for name in tasks if name not in TASKS]:
        raise UnknownNameError(f"there is no task {unknown[0]!r}; there are {', '.join(TASKS)}")
    return [path for name in tasks or TASKS for path in _write_experts(TASKS[name])]


def _write_experts(budgets: Budgets) -> list[Path]:
    """One population of experts."""
    task, recipe = budgets.task, budgets.experts
    seeds = list(range(FIRST_SEED, FIRST_SEED + recipe.count))
    rngs = streams(seeds, "init")
    networks = {
        name: initial_mlp((len(task.inputs), *recipe.network.hidden, outputs), rngs)
        for name, outputs in recipe.learner.outputs(task).items()
    }
    population = recipe.learner.start(task, networks, {}, seeds, level=0)
    trained = train(population, task, recipe.evaluation, GREEDY, "best", True, seeds, level=0)
    starts = np.stack([task.draw_starts(rng, (EPISODES,)) for rng in streams(seeds, "score", 0)])
    returns = rollout_returns(task, trained.checkpoint[ACTOR], starts, seeds=seeds)
    for index, seed in enumerate(seeds):
        card = {
            "task": to_plain(task) | {"name": task.name},
            "learner": to_plain(recipe.learner),
            "evaluation": to_plain(recipe.evaluation),
            "network": ACTOR,
            "seed": seed,
            "return": returns[index].mean(),
            "episodes": EPISODES,
            "command": COMMAND,
        }
        write_expert(task.name, index, trained.checkpoint[ACTOR].take(np.array([index])), card)
    references = [write_reference(variant, recipe.count) for variant in budgets.references]
    return [*(expert_file(task.name, index) for index in range(recipe.count)), *references]


def write_reference(task: Task, count: int) -> Path:
    """Measure and write a task's random return and that of its `count` experts, with their standard errors, and the
    return of the best expert."""
    rng = stream(FIRST_SEED, "reference", task.horizon)
    random_returns = _random_returns(task, rng)
    experts = read_experts(task.name, range(count), len(task.inputs), task.actions)
    starts = task.draw_starts(rng, (count, EPISODES))
    expert_returns = rollout_returns(task, experts, starts).mean(axis=1)  # an expert is one unit, not an episode
    reference = {
        "task": task.name,
        "horizon": task.horizon,
        "random": random_returns.mean(),
        "random_se": random_returns.std(ddof=1) / np.sqrt(len(random_returns)),
        "expert": expert_returns.mean(),
        "expert_se": expert_returns.std(ddof=1) / np.sqrt(len(expert_returns)),
        "best": expert_returns.max(),
        "episodes": EPISODES,
        "experts": count,
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
