"""Imported once, by the server that `processes` forks from: what costs every new process seconds.

That is torch, the report's libraries, and numba's compilations. Nothing here
may differentiate, or no child could.
"""

import gc

import hypothesis as hypothesis
import numpy as np

import reports as reports
from harness.evidence import drain as drain
from harness.experiment import Cell, Experiment
from harness.learners.adam import adam_settings
from harness.learners.ppo import PPO
from harness.learners.trained import adam_steps
from harness.networks.kernels import backward_pass
from harness.networks.mlp import Network, mlp_shape
from harness.pruning.conditions import DENSE
from harness.pruning.imp import start_level
from harness.tasks.cart_pole import CartPole

_task, _learner = CartPole(horizon=5), PPO(env_steps=64, envs=4, rollout=16)
_cell = Cell(Experiment(_task, _learner, Network(hidden=(4, 4))), DENSE, (0,))
_population = _learner.start(_task, *start_level(_cell, 0, None, None), _cell.seeds, 0)
_population.advance()  # plays, and learns without autograd
_actor = _population.actor
_inputs, _outputs = np.zeros((1, 2, 4), np.float32), np.zeros((1, 2, 2), np.float32)
_gradient, _hidden = np.zeros_like(_actor.flat), np.zeros((1, 2 * 8), np.float32)
backward_pass(
    _actor.flat, *mlp_shape(_actor), _inputs, _hidden, _outputs, _gradient, np.zeros((2, 2 * 4), np.float32)
)  # as behavioural cloning's autograd calls it
adam_steps(_population.trained["actor"], _gradient, 1, adam_settings(_learner))
gc.freeze()  # or each child would look through all of it, and copy it
