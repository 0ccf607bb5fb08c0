"""Imported once, by the server that `processes` forks from: what costs every new process seconds.

That is torch, the imports behind its optimisers, the report's libraries, and numba's compilations. Nothing here
may differentiate, or no child could.
"""

import gc

import hypothesis as hypothesis

import reports as reports
from harness.evidence import drain as drain
from harness.experiment import DENSE, Cell, Experiment, Network
from harness.imp import start_level
from harness.learners.ppo import PPO
from harness.learners.rollouts import play
from harness.tasks.cart_pole import CartPole

_task, _learner = CartPole(horizon=5), PPO(env_steps=64, envs=4, rollout=16)
_cell = Cell(Experiment(_task, _learner, Network(hidden=(4, 4))), DENSE, (0,))
_population = _learner.start(_task, *start_level(_cell, 0, None, None), _cell.seeds, 0)
play(_population.actor, _population.batch, _task, 16, 4, _population.rollout_streams)
gc.freeze()  # or each child would look through all of it, and copy it
