"""What ours is compared with: stable-baselines3 with the same network, initialisation, hyperparameters and task.

`agent` is its PPO, `q_agent` its DQN. It has no behavioural cloning: `Student` trains its policy by that loss, in a
loop of ours that is written for speed.
"""

import copy
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv

from harness.experiment import Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.networks.heads import Head
from harness.networks.mlp import Mlp
from harness.profiles.studied import ENVIRONMENTS, SMALL
from harness.streams import streams
from harness.tasks.rollout import rollout_returns

ENVIRONMENT = ENVIRONMENTS[SMALL]


def agent(settings: PPO, hidden: tuple[int, ...], seed: int) -> Any:
    """One agent of stable-baselines3's PPO. Rates are constant: its schedules are not ours."""
    assert settings.learning_rate_schedule == settings.clip_schedule == "constant"
    assert settings.value_error == "squared" and settings.standardise_advantages, "as it does"
    return _unlogged(
        stable_baselines3.PPO(
            "MlpPolicy",
            make_vec_env(ENVIRONMENT, n_envs=settings.envs, seed=seed),
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
            policy_kwargs=_architecture(hidden),
            seed=seed,
            device="cpu",
        )
    )


def q_agent(settings: DQN, hidden: tuple[int, ...], seed: int, environment: str = ENVIRONMENT) -> Any:
    """One agent of stable-baselines3's DQN, which is plain: neither double nor prioritised.

    It flattens what `environment` shows, and keeps it twice in its replay: before and after each action.
    """
    updates = settings.replay_ratio * settings.samples / settings.batch
    assert updates == int(updates), "each rollout is followed by a whole number of updates"
    agent = stable_baselines3.DQN(
        "MlpPolicy",
        _environments(environment, settings.envs, seed),
        learning_rate=settings.learning_rate,
        buffer_size=settings.buffer,
        learning_starts=settings.learning_starts,
        batch_size=settings.batch,
        gamma=settings.discount,
        train_freq=settings.rollout,
        gradient_steps=int(updates),
        # it counts the env_steps between two copies of the network, we count the updates
        target_update_interval=round(settings.target_interval * settings.batch / settings.replay_ratio),
        max_grad_norm=settings.max_gradient_norm,
        policy_kwargs={
            "net_arch": list(hidden),
            "activation_fn": torch.nn.ReLU,
            "optimizer_kwargs": {"eps": settings.epsilon},
        },
        seed=seed,
        device="cpu",
    )
    # its own schedule starts anew with each call of `learn`
    agent.exploration_schedule = lambda _: settings.exploration(agent.num_timesteps)
    return _unlogged(agent)


class Student:
    """One student: stable-baselines3's policy, whose actor learns an expert's policy by cross-entropy."""

    def __init__(self, settings: BC, hidden: tuple[int, ...], seed: int):
        torch.manual_seed(seed)
        environment = gymnasium.make(ENVIRONMENT)
        self.settings = settings
        self.policy = ActorCriticPolicy(
            environment.observation_space,
            environment.action_space,
            lambda _: settings.learning_rate,
            # fused Adam trains a student 1.5 times as fast as the policy's default, so it is the fairer peer
            optimizer_kwargs={"eps": settings.epsilon, "fused": True},
            **_architecture(hidden),
        )
        self.round = 0
        self.observations = self.policies = torch.empty(0)

    def attend(self, expert: ActorCriticPolicy, seed: int) -> "Student":
        """Let the expert play the data set stochastically; keep its observations and its policies there."""
        environments = make_vec_env(ENVIRONMENT, n_envs=self.settings.envs, seed=seed)
        observation = environments.reset()
        observations, policies = [], []
        with torch.no_grad():
            for _ in range(self.settings.env_steps // self.settings.envs):
                observations.append(torch.as_tensor(observation))
                policies.append(torch.softmax(logits(expert, observations[-1]), dim=-1))
                observation, *_ = environments.step(torch.multinomial(policies[-1], 1)[:, 0].numpy())
        self.observations, self.policies = torch.cat(observations), torch.cat(policies)
        return self

    def advance(self, rounds: int) -> None:
        """An update on each of the next batches. A new pass over the data starts in a new order."""
        for _ in range(rounds):
            self._update()

    def _update(self) -> None:
        turn = self.round % self.settings.updates_per_pass
        if turn == 0:
            order = torch.randperm(len(self.observations))
            self.shuffled = self.observations[order], self.policies[order]
        batch = slice(turn * self.settings.batch, (turn + 1) * self.settings.batch)
        observations, policies = (data[batch] for data in self.shuffled)
        loss = -(policies * torch.log_softmax(logits(self.policy, observations), dim=-1)).sum(dim=-1).mean()
        self.policy.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.policy.optimizer.step()
        self.round += 1


def seconds_of_training(experiment: Experiment, seed: int) -> float:
    """CPU seconds in which one dense member trains on the experiment's schedule of evaluations, its own, and in which
    its best checkpoint is scored."""
    best, checkpoint, started = -np.inf, {}, time.process_time()
    for policy in turns(experiment, seed):  # one policy, which trains on
        found = _mean_return(policy, experiment.evaluation.episodes, seed)
        if found > best:
            best, checkpoint = found, copy.deepcopy(policy.state_dict())
    policy.load_state_dict(checkpoint)
    _mean_return(policy, experiment.evaluation.scored_episodes, seed)
    return time.process_time() - started


def curve(experiment: Experiment, seed: int) -> np.ndarray:
    """float64[per_training]: mean returns of the evaluations of one dense training, played as ours are: from the same
    starts, by our own rollouts, which take a tenth of the time that its own take."""
    task, episodes, found = experiment.task, (experiment.evaluation.episodes,), []
    for turn, policy in enumerate(turns(experiment, seed)):
        (rng,) = streams([seed], "evaluation", 0, turn)
        starts = task.draw_starts(rng, episodes)[None]
        found.append(rollout_returns(task, stacked(actor_layers(policy)), starts).mean())
    return np.array(found)


def turns(experiment: Experiment, seed: int) -> Iterator[ActorCriticPolicy]:
    """Train one dense member of PPO or cloning; yield its policy at each of the experiment's evaluations."""
    learner, hidden = experiment.learner, experiment.network.hidden
    assert isinstance(learner, PPO | BC)
    schedule, done = experiment.evaluation.per_training, 0
    if isinstance(learner, BC):
        member: Any = Student(learner, hidden, seed).attend(expert_of(experiment, seed), seed)
    else:
        member = agent(learner, hidden, seed)
    for turn in range(schedule):
        if isinstance(learner, BC):
            until = round(learner.updates * (turn + 1) / schedule)
            member.advance(until - done)
        else:
            until = round(learner.rounds * (turn + 1) / schedule)
            member.learn((until - done) * learner.samples, reset_num_timesteps=turn == 0)
        done = until
        yield member.policy


def expert_of(experiment: Experiment, seed: int) -> ActorCriticPolicy:
    """The expert that this seed's student learns from, as a policy of stable-baselines3."""
    task, learner = experiment.task, experiment.learner
    assert isinstance(learner, BC)
    expert = learner.read_experts(task, learner.expert_indices([seed]))
    assert isinstance(expert, Mlp) and expert.activation == "relu", "as `_architecture` has it"
    policy = Student(learner, expert.sizes[1:-1], seed).policy
    load(actor_layers(policy), expert)
    return policy


def logits(policy: ActorCriticPolicy, observations: torch.Tensor) -> torch.Tensor:
    """Of the actor alone, without the distribution object around it: faster than `policy.get_distribution`."""
    outputs: torch.Tensor = policy.action_net(policy.mlp_extractor.forward_actor(observations))
    return outputs


def actor_layers(policy: ActorCriticPolicy) -> list[torch.nn.Linear]:
    """A policy's actor, layer by layer."""
    return linear_layers(policy.mlp_extractor.policy_net, policy.action_net)


def linear_layers(*networks: torch.nn.Module) -> list[torch.nn.Linear]:
    """All linear layers, in order: of a DQN's `q_net`, those of its action values."""
    return [module for network in networks for module in network.modules() if isinstance(module, torch.nn.Linear)]


def stacked(layers: list[torch.nn.Linear], head: Head | None = None) -> Mlp:
    """A network as a population of one, copied. head: as `Mlp.stacked` takes it."""
    return Mlp.stacked(
        [layer.weight.detach().numpy().T[None] for layer in layers],
        [layer.bias.detach().numpy()[None] for layer in layers],
        head=head,
    )


def _unlogged(agent: Any) -> Any:
    """The agent without its own logger, which makes a folder in /tmp for each run."""
    agent.set_logger(Logger(folder=None, output_formats=[]))
    return agent


def _environments(environment: str, count: int, seed: int) -> DummyVecEnv:
    """As `make_vec_env` does, but for pictures, which not every environment has."""
    made = DummyVecEnv([partial(gymnasium.make, environment)] * count)
    made.seed(seed)
    return made


def load(layers: list[torch.nn.Linear], mlp: Mlp) -> None:
    """Copy the weights of a population of one (arrays)."""
    with torch.no_grad():
        for layer, weight, bias in zip(layers, mlp.weights, mlp.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(weight[0].T))
            layer.bias.copy_(torch.from_numpy(bias[0]))


def _mean_return(policy: ActorCriticPolicy, episodes: int, seed: int) -> float:
    environments = make_vec_env(ENVIRONMENT, n_envs=episodes, seed=seed)
    return float(np.mean(evaluate_policy(policy, environments, n_eval_episodes=episodes)[0]))


def _architecture(hidden: tuple[int, ...]) -> dict[str, Any]:
    """With `ortho_init` off the weights are initialised as torch.nn.Linear does it, which is our way too."""
    return {
        "net_arch": {"pi": list(hidden), "vf": list(hidden)},
        "activation_fn": torch.nn.ReLU,
        "ortho_init": False,
    }
