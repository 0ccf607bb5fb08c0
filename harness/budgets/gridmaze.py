"""GridMaze's budgets: DQN (the paper's Table 8) and PPO (for which it has no table)."""

import dataclasses
from collections.abc import Mapping

from harness.budgets import Budgets, ExpertTraining
from harness.experiment import Evaluation, Experiment, Network, Pruning
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.tasks.gridmaze import GridMaze


def experiments(
    dqn: DQN, ppo: PPO, network: Network, pruning: Pruning, evaluation: Evaluation
) -> Mapping[str, Experiment]:
    """Those of one profile, by learner."""
    return {
        "dqn": Experiment(GridMaze(), dqn, network, pruning, evaluation),
        "ppo": Experiment(GridMaze(), ppo, network, pruning, evaluation),
    }


def learner_by_values(env_steps: int) -> DQN:
    return DQN(
        learning_rate=0.001,
        env_steps=env_steps,
        epsilon_env_steps=env_steps // 5,
        learning_starts=env_steps // 100,
        target_interval=100,
        epsilon=1e-8,
    )


def agent(env_steps: int) -> PPO:
    return PPO(
        learning_rate=0.001,
        env_steps=env_steps,
        gae_lambda=0.95,
        entropy=0.01,
        envs=16,
        rollout=32,
        epochs=4,
        minibatches=4,
    )


_PAPER = experiments(
    DQN(), PPO(env_steps=5_000_000), Network(hidden=(128, 128)), Pruning(rate=0.2, levels=30), Evaluation()
)
_SCALED = experiments(
    learner_by_values(80_000), agent(80_000), Network(hidden=(64, 64)), Pruning(rate=0.55, levels=5), Evaluation()
)
_EXTENDED = experiments(
    learner_by_values(400_000), agent(400_000), Network(hidden=(64, 64)), Pruning(rate=0.55, levels=5), Evaluation()
)
_REDUCED = {
    name: dataclasses.replace(experiment, pruning=Pruning(rate=0.738, levels=3)) for name, experiment in _SCALED.items()
}
_SMOKE = experiments(
    dataclasses.replace(learner_by_values(1_024), learning_starts=256),
    agent(1_024),
    Network(hidden=(16, 16)),
    Pruning(rate=0.9, levels=2),
    Evaluation(per_training=2, episodes=2, scored_episodes=2),
)
BUDGETS = Budgets(
    task=GridMaze(),
    experiments={"smoke": _SMOKE, "reduced": _REDUCED, "scaled": _SCALED, "extended": _EXTENDED, "paper": _PAPER},
    experts=ExpertTraining(
        learner_by_values(400_000), Network(hidden=(64, 64)), Evaluation(per_training=20, episodes=16), count=5
    ),
    references=(GridMaze(),),
    sizes={"dqn": ((64, 64), (128, 128)), "ppo": ((64, 64), (128, 128))},
)
