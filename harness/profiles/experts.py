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
from harness.learners.initial import initial_networks, statistics_of
from harness.learners.protocol import ACTOR
from harness.learners.training import train
from harness.profiles.budgets import Budgets, ExpertTraining
from harness.profiles.profile import EXPERT_BLOCK, SEEDS_PER_BLOCK, TASKS
from harness.streams import stream, streams
from harness.tasks.references import reference_file
from harness.tasks.rollout import GREEDY, rollout_returns
from harness.tasks.spec import Discrete, Task

FIRST_SEED = EXPERT_BLOCK * SEEDS_PER_BLOCK
"""No claim is judged on this block, nothing is tuned on it."""
EPISODES = 100
"""Fresh episodes per expert, and of the random policy, for the references (CLAIMS.md)."""
COMMAND = "python -m harness experts"


def write_experts(tasks: Sequence[str] = ()) -> list[Path]:
    """Train the experts of these tasks (default: all); write them, their cards and the references.

    Raises harness.registry.UnknownNameError for a task that the profiles do not have.
    """
    return [path for budgets in [TASKS[name] for name in tasks or TASKS] for path in _write_experts(budgets)]


def _write_experts(budgets: Budgets) -> list[Path]:
    """One population of experts."""
    task, recipe = budgets.task, budgets.experts
    seeds = list(range(FIRST_SEED, FIRST_SEED + recipe.count))
    rngs = streams(seeds, "init")
    networks = initial_networks(recipe.learner, task, recipe.network, rngs)
    population = recipe.learner.start(task, networks, {}, seeds, level=0)
    trained = train(population, task, recipe.evaluation, GREEDY, "best", True, seeds, level=0)
    starts = np.stack([task.draw_starts(rng, (EPISODES,)) for rng in streams(seeds, "score", 0)])
    returns = rollout_returns(task, trained.checkpoint[ACTOR], starts, seeds=seeds)
    for index, seed in enumerate(seeds):
        card = {
            "task": to_plain(task) | {"name": task.name},
            "learner": to_plain(recipe.learner),
            "evaluation": to_plain(recipe.evaluation),
            "seed": seed,
            "return": returns[index].mean(),
            "episodes": EPISODES,
            "command": COMMAND,
        }
        write_expert(task.name, index, recipe.network, trained.checkpoint[ACTOR].params.take(np.array([index])), card)
    references = [write_reference(variant, recipe) for variant in budgets.references]
    return [*(expert_file(task.name, index) for index in range(recipe.count)), *references]


def write_reference(task: Task, recipe: ExpertTraining) -> Path:
    """Measure and write a task's random return and that of its experts, with their standard errors, and the
    return of the best expert."""
    rng = stream(FIRST_SEED, "reference", task.horizon)
    random_returns = _random_returns(task, rng)
    head = recipe.learner.heads(task)[ACTOR]
    behind = statistics_of(task, ACTOR)
    experts = read_experts(task.name, range(recipe.count), task.observation.shape, head, behind)
    starts = task.draw_starts(rng, (recipe.count, EPISODES))
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
        "experts": recipe.count,
        "command": COMMAND,
    }
    path = reference_file(task.name, task.horizon)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, (json.dumps(reference, indent=1) + "\n").encode())
    return path


def _random_returns(task: Task, rng: np.random.Generator) -> np.ndarray:
    """Returns of a policy that draws actions uniformly (numbers of a box: from -1 to 1), float64[episodes]."""
    starts = task.draw_starts(rng, (1, EPISODES))
    batch = task.batch(starts)
    returns, running = np.zeros((1, EPISODES)), np.ones((1, EPISODES), dtype=bool)
    while running.any():
        transition = batch.step(_any_actions(task, rng), starts)
        returns += transition.rewards * running
        running &= ~(transition.terminated | transition.truncated)
    mine: np.ndarray = returns[0]
    return mine


def _any_actions(task: Task, rng: np.random.Generator) -> np.ndarray:
    count, shape = task.action.count, (1, EPISODES)
    if isinstance(task.action, Discrete):
        return rng.integers(count, size=shape)
    return rng.uniform(-1, 1, (*shape, count)).astype(np.float32)
