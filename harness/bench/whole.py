"""A whole experiment, measured from its first draw to its last score, beside the same runs in stable-baselines3.

Ours is what the suite computes for one system at the scaled profile: a dense level and four conditions' chains, of all
seeds; nothing is read from stored evidence. Of the peer's as many trainings one is measured, several times: a dense
one, at the same budget and on the same schedule of evaluations, played by its own `evaluate_policy`.
"""

import copy
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle

import numpy as np
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecEnv

from harness.bench import peers
from harness.bench.population import seeds
from harness.bench.rows import Row, Target
from harness.bench.timing import cpu_seconds
from harness.experiment import Cell, Evaluation, Experiment, Network
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.profiles.profile import PROFILES
from harness.pruning.conditions import CONDITIONS, DENSE
from harness.pruning.imp import run_level
from harness.pruning.level import Level
from harness.pruning.settings import Pruning
from harness.tasks.cart_pole import CartPole

SHARE = 1 / 40


def rows() -> Iterator[Row]:
    """CPU seconds of Cart-Pole's two systems."""
    for learner in ("ppo", "bc"):
        profile = PROFILES["scaled"]
        yield row(profile.systems["cart-pole", learner], seeds(profile.seeds))


def row(experiment: Experiment, members: tuple[int, ...]) -> Row:
    """Interleaved: a run of the peer's after each of our conditions."""
    _warm_up(experiment)
    runs = (1 + len(CONDITIONS) * experiment.pruning.levels) * len(members)
    levels: list[Level] = []
    ours = 0.0
    theirs: list[PeerRun] = []
    for condition, seed in zip((DENSE, *CONDITIONS), cycle(members), strict=False):
        ours += cpu_seconds(partial(_extend, levels, Cell(experiment, condition, members)))
        theirs.append(peer_run(experiment, seed))
    seconds = [run.seconds for run in theirs]
    single = statistics.median(seconds)
    taken = np.mean([level.share.mean() for level in levels])
    evaluating = sum(run.evaluating for run in theirs) / sum(seconds)
    note = (
        f"ours: all measured; members stop at the task's maximum, so {taken:.0%} of the rounds were trained. peer:"
        f" {runs} times the median of {len(theirs)} dense runs ({min(seconds):.2f} to {max(seconds):.2f} s), which do"
        f" not stop; {evaluating:.0%} of it evaluates, which shorter episodes of sparse agents would make cheaper"
    )
    name = f"{experiment.learner.name.upper()}, a whole experiment, {runs} trainings"
    target = Target("share", ours / (runs * single), "at most", SHARE)
    return Row(name, "CPU seconds", ours, runs * single, len(theirs), target, note)


def _extend(levels: list[Level], cell: Cell) -> None:
    """Add the cell's levels. The first of all is the dense one, from which every chain starts."""
    level = levels[0] if levels else None
    for number in cell.levels:
        level = run_level(cell, number, level)
        levels.append(level)


@dataclass(frozen=True)
class PeerRun:
    """One training of the peer's: the scored return, its CPU seconds, and those of them that its evaluations took."""

    score: float
    seconds: float
    evaluating: float


def peer_run(experiment: Experiment, seed: int) -> PeerRun:
    """Train one dense member of the peer's on the experiment's schedule, and score its best checkpoint."""
    looks = experiment.evaluation
    started, evaluating = time.process_time(), 0.0
    environments = make_vec_env(peers.ENVIRONMENT, n_envs=looks.episodes, seed=seed)
    best, checkpoint = -np.inf, {}
    for policy in peers.turns(experiment, seed):  # one policy, trained on
        paused = time.process_time()
        found = _mean_return(policy, environments, looks.episodes)
        evaluating += time.process_time() - paused
        if found > best:
            best, checkpoint = found, copy.deepcopy(policy.state_dict())
    policy.load_state_dict(checkpoint)
    paused = time.process_time()
    environments = make_vec_env(peers.ENVIRONMENT, n_envs=looks.scored_episodes, seed=seed)
    score = _mean_return(policy, environments, looks.scored_episodes)
    ended = time.process_time()
    return PeerRun(score, ended - started, evaluating + ended - paused)


def _mean_return(policy: ActorCriticPolicy, environments: VecEnv, episodes: int) -> float:
    mean, _ = evaluate_policy(policy, environments, n_eval_episodes=episodes)
    assert isinstance(mean, float | np.floating)
    return float(mean)


def _warm_up(experiment: Experiment) -> None:
    """Compile, and import what is imported late, on both sides."""
    small: dict[str, PPO | BC] = {"ppo": PPO(env_steps=1_024), "bc": BC(env_steps=512, passes=1)}
    tiny = Experiment(CartPole(), small[experiment.learner.name], Network((4, 4)), Pruning(0.5, 1), Evaluation(1, 2, 2))
    dense = run_level(Cell(tiny, DENSE, (0, 1)), 0, None)
    run_level(Cell(tiny, CONDITIONS[0], (0, 1)), 1, dense)
    peer_run(tiny, 0)
