"""Questions that the paper leaves open, each with another answer than the one taken (the last table of CLAIMS.md).

A reading is one or more overrides, so that a claim which fixes the same field keeps what it fixed.
"""

from dataclasses import dataclass

from harness.overrides import Override
from harness.profiles.budgets import RLPYT


@dataclass(frozen=True)
class OtherReading:
    """One question, the answer taken, the other one, and the overrides that give it."""

    name: str
    question: str
    default: str
    other: str
    overrides: tuple[Override, ...]

    def __str__(self) -> str:
        return f"{self.name}={self.other}"

    @property
    def options(self) -> list[str]:
        """What pytest is started with under it."""
        return [f"--claims-set={override}" for override in self.overrides]


_QUESTIONS = {
    "lineage": (
        "do the baselines follow their own chain, or branch off the ticket's mask",
        *("own", "branch", "pruning.lineage=branch"),
    ),
    "shuffle": (
        "are single entries of a mask shuffled, or whole input rows",
        *("entries", "rows", "pruning.shuffle=rows"),
    ),
    "checkpoint": ("which checkpoint is pruned", "best", "last", "pruning.checkpoint=last"),
    "judged": (
        "which return is judged",
        *("scored-return", "best-evaluation", "evaluation.judged=best-evaluation"),
    ),
    "outputs": ("are output layers pruned", "pruned", "kept", "pruning.outputs=false"),
    "scope": ("is the actor pruned alone, or the critic too", "actor", "actor+critic", "pruning.scope=actor+critic"),
    "horizon": ("Cart-Pole's horizon, v1's or v0's", "500", "200", "cart-pole:task.horizon=200"),
    "last-step": (
        "what GridMaze's 200th env_step is, which the paper says terminates a game",
        *("truncation", "termination", "task.at_horizon=termination"),
    ),
    "budgets": ("the budgets of BC and RL", "paper", "equal-updates", "learner.equal_updates=true"),
    "activation": ("the hidden units", "relu", "tanh", "network.activation=tanh"),
    "evaluation": ("are episodes played greedily", "greedy", "sampled", "evaluation.actions=sampled"),
    "ppo": (
        "what PPO's schedules, gradient norm, Adam's epsilon, value loss and advantages are",
        *("ours", "rlpyt"),
        " ".join(f"ppo:learner.{field}={value}".lower() for field, value in RLPYT.items()),
    ),
    "decay": ("is weight decay coupled", "coupled", "decoupled", "learner.decay=decoupled"),
    "experts": ("how many experts the students share", "one-per-seed", "one", "learner.experts=1"),
}

READINGS = {
    name: OtherReading(name, question, default, other, tuple(map(Override.parse, texts.split())))
    for name, (question, default, other, texts) in _QUESTIONS.items()
}
