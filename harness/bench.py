"""The benchmark: population PPO beside stable-baselines3's PPO, the same network and hyperparameters, one run.

Speeds are env_steps per CPU second, interleaved in one process and their medians compared, so that a ratio holds
where wall times drift. Run by `python -m harness bench` (`make bench`); writes .claims/bench.json.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.env_util import make_vec_env

from harness.experiment import DENSE, Cell, Experiment, Network, Savings
from harness.files import replace_file
from harness.imp import initial_networks, run_level
from harness.learners import Population
from harness.learners.ppo import PPO
from harness.networks import Mlp
from harness.profiles import PROFILES, SEEDS_PER_BLOCK
from harness.statistics import guarded_unpaired, studentised_unpaired
from harness.streams import stream
from harness.tasks import rollout_returns
from harness.tasks.cart_pole import CartPole

MEMBERS = 40
RUNS = 5
CHUNK = 20
"""Members trained at once, as in the scaled profile's cells."""
SPEED = PPO(env_steps=1_000_000)
"""The paper's Table 3: 4 workers; 4 epochs of 4 minibatches over 512 samples."""
ROUNDS = 12
"""Rollouts per timing of the population; stable-baselines3 plays as many."""
SEEDS = 15
BLOCK = 98
"""Of seeds: neither tuned nor judged on."""
MARGIN = 25.0
"""Of a return of 500."""


@dataclass(frozen=True)
class Row:
    """One line of the benchmark. ratio: ours / peer; where a row compares returns, bounds say how near they are."""

    name: str
    unit: str
    ours: float
    peer: float
    ratio: float
    runs: int
    note: str = ""


def main(folder: Path) -> list[Row]:
    """Measure every row, print them as a table, and write `folder`/bench.json."""
    rows = [speed(hidden) for hidden in ((64, 64), (128, 128))]
    rows.append(returns())
    for line in table(rows):
        print(line, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"rows": [vars(row) for row in rows]}, indent=1) + "\n"
    replace_file(folder / "bench.json", content.encode())
    return rows


def table(rows: list[Row]) -> list[str]:
    """The rows as aligned text."""
    lines = [f"{'name':52}{'unit':28}{'ours':>10}{'peer':>10}{'ratio':>8}{'runs':>6}"]
    for row in rows:
        lines.append(f"{row.name:52}{row.unit:28}{row.ours:>10,.0f}{row.peer:>10,.0f}{row.ratio:>8.2f}{row.runs:>6}")
        lines += [f"  {row.note}"] if row.note else []
    return lines


def speed(hidden: tuple[int, ...]) -> Row:
    """env_steps per CPU second of training, evaluations left out."""
    experiment = Experiment(CartPole(), SPEED, Network(hidden=hidden))
    populations = []
    for first in range(0, MEMBERS, CHUNK):
        seeds = range(first, first + CHUNK)
        populations.append(SPEED.start(CartPole(), initial_networks(experiment, seeds), {}, seeds, level=0))
    agent = peer(SPEED, hidden, seed=0)
    ours, theirs = [], []
    _advance(populations, 1)  # the first round compiles
    agent.learn(SPEED.samples)
    for _ in range(RUNS):
        ours.append(MEMBERS * ROUNDS * SPEED.samples / _cpu_seconds(lambda: _advance(populations, ROUNDS)))
        theirs.append(ROUNDS * SPEED.samples / _cpu_seconds(lambda: agent.learn(ROUNDS * SPEED.samples)))
    mine, peers = statistics.median(ours), statistics.median(theirs)
    name = f"PPO on Cart-Pole, {'-'.join(map(str, hidden))}, {MEMBERS} members"
    return Row(name, "env_steps per CPU second", mine, peers, mine / peers, RUNS)


def returns() -> Row:
    """Scored returns of dense agents after the scaled profile's training,, compared by Welch's t test.

    Both stand near the ceiling: with `SEEDS` seeds no test could exclude a failure too rare to have been seen, and
    what one more failing seed would leave is told beside.
    """
    experiment = PROFILES["scaled"].systems["cart-pole", "ppo"]
    experiment = replace(experiment, savings=Savings(stop_at_maximum=False))
    assert isinstance(experiment.learner, PPO)
    seeds = tuple(range(BLOCK * SEEDS_PER_BLOCK, BLOCK * SEEDS_PER_BLOCK + SEEDS))
    ours = run_level(Cell(experiment, DENSE, seeds), 0, None).scored_returns
    theirs = np.array([peer_return(experiment, seed) for seed in seeds])
    found = studentised_unpaired(ours, theirs)
    guarded = guarded_unpaired(ours, theirs, (500.0, 0.0), (500.0, 0.0))
    note = (
        f"difference {found.effect:+.1f}, 97.5 % bounds {found.lower:+.1f} to {found.upper:+.1f}, margin {MARGIN:g}"
        f" (with one more seed that fails: {guarded.lower:+.1f} to {guarded.upper:+.1f})"
    )
    within = found.lower > -MARGIN and found.upper < MARGIN
    name = f"PPO on Cart-Pole, 64-64, dense: {'equivalent' if within else 'NOT shown equivalent'}"
    mine, peers = float(ours.mean()), float(theirs.mean())
    return Row(name, "scored return", mine, peers, mine / peers, SEEDS, note)


def peer(settings: PPO, hidden: tuple[int, ...], seed: int) -> Any:
    """stable-baselines3's PPO with the same network, initialisation, hyperparameters and environments."""
    return stable_baselines3.PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=settings.envs, seed=seed),
        learning_rate=settings.learning_rate,
        n_steps=settings.rollout,
        batch_size=settings.samples_per_update,
        n_epochs=settings.epochs,
        gamma=settings.discount,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip,
        ent_coef=settings.entropy,
        vf_coef=settings.value_loss,
        max_grad_norm=settings.max_gradient_norm,
        policy_kwargs={
            "net_arch": {"pi": list(hidden), "vf": list(hidden)},
            "activation_fn": torch.nn.ReLU,
            "ortho_init": False,
        },
        seed=seed,
        device="cpu",
    )


def peer_return(experiment: Experiment, seed: int) -> float:
    """The scored return of one agent of the peer's, evaluated on our schedule and scored as ours are."""
    learner, evaluation, task = experiment.learner, experiment.evaluation, experiment.task
    assert isinstance(learner, PPO)
    agent = peer(learner, experiment.network.hidden, seed)
    best, checkpoint, done = -np.inf, actor_of(agent), 0
    for turn in range(evaluation.per_training):
        until = round(learner.rounds * (turn + 1) / evaluation.per_training)
        agent.learn((until - done) * learner.samples, reset_num_timesteps=turn == 0)
        done = until
        starts = task.draw_starts(stream(seed, "evaluation", 0, turn), (1, evaluation.episodes))
        found = rollout_returns(task, actor_of(agent), starts).mean()
        if found > best:
            best, checkpoint = found, actor_of(agent)
    starts = task.draw_starts(stream(seed, "score", 0), (1, evaluation.scored_episodes))
    return float(rollout_returns(task, checkpoint, starts).mean())


def actor_of(agent: Any) -> Mlp:
    """The peer's actor as a population of one."""
    layers = [module for module in agent.policy.mlp_extractor.policy_net if isinstance(module, torch.nn.Linear)]
    layers.append(agent.policy.action_net)
    return Mlp.of(
        [layer.weight.detach().numpy().T[None] for layer in layers],
        [layer.bias.detach().numpy()[None, None] for layer in layers],
    )


def _advance(populations: Sequence[Population], rounds: int) -> None:
    for population in populations:
        for _ in range(rounds):
            population.advance()


def _cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
