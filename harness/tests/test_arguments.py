"""What public entries of compiled code refuse, which checks no index itself: each call raises, in one line."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from harness.compiled import ROOMS
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import Learner
from harness.learners.replay import Replay
from harness.learners.rollouts import Rollout, play
from harness.networks.features import BinaryInputs, FeatureTable
from harness.networks.heads import Gaussian, Head
from harness.networks.mlp import Mlp
from harness.networks.network import ForwardPass, gradient_of, outputs_of
from harness.networks.params import Params, prunable
from harness.networks.sparse_input import on_features
from harness.tasks.acrobot import Acrobot
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.env import GridMazeEnv
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.rollout import rollout_returns
from harness.tasks.spec import Task
from harness.tests.networks.made import initial_mlp

MEMBERS, ENVS = 2, 3
NAN = float("nan")
TASKS: tuple[type[Any], ...] = (CartPole, Acrobot, GridMaze)
Calls = Iterator[tuple[str, Callable[[], object]]]


def starts_of(task: Task, *shape: int) -> np.ndarray:
    return task.draw_starts(np.random.default_rng(0), shape or (MEMBERS, ENVS))


def mlp(*sizes: int, members: int = MEMBERS, head: Head | None = None) -> Mlp:
    return initial_mlp(sizes, [np.random.default_rng(0)] * members, head)


def of_settings() -> Calls:
    for kind in (*TASKS, GridMazeEnv):
        for horizon in (0, 1.5, NAN, None):
            yield f"{kind.__name__} horizon {horizon!r}", lambda kind=kind, horizon=horizon: kind(horizon=horizon)
    for action in (4, -1, 10**30, 1.0, NAN, None, np.array([1])):
        yield f"GridMazeEnv.step({action!r})", lambda action=action: GridMazeEnv().step(action)


def of_batches() -> Calls:
    for kind in TASKS:
        task = kind(horizon=1)
        starts, right = starts_of(task), np.zeros((MEMBERS, ENVS), dtype=np.int64)
        for actions in (right + task.action.count, right - 1, right.astype(float), right.ravel(), right[:1], right[:0]):
            yield (
                f"{task.name} actions {actions!r}",
                lambda task=task, starts=starts, actions=actions: task.batch(starts).step(actions, starts),
            )
        for state in (starts * NAN, starts[..., :-1], starts[0], starts.astype(object)):
            yield f"{task.name} starts {state.shape}", lambda task=task, state=state: task.batch(state)
        for fewer in (starts[:1], starts[:, :1]):
            yield (
                f"{task.name} restarts {fewer.shape}",
                lambda task=task, starts=starts, fewer=fewer, right=right: task.batch(starts).step(right, fewer),
            )
        for members in (np.array([MEMBERS]), np.array([0.5]), None):
            yield (
                f"{task.name} keeps {members!r}",
                lambda task=task, starts=starts, members=members: task.batch(starts).keep(members),
            )


def of_networks() -> Calls:
    networks, seen = mlp(4, 8, 2), np.ones((MEMBERS, 5, 4))
    outputs = outputs_of(networks, seen)
    features = np.full((MEMBERS, 5, 4), 4, dtype=np.int16)
    for wrong in (seen[:1], seen[:0], np.ones((MEMBERS, 5, 9)), seen[0], seen.astype(object)):
        name = f"{wrong.dtype} {wrong.shape}"
        yield f"outputs of {name}", lambda wrong=wrong: outputs_of(networks, wrong)
        yield f"a pass of {name}", lambda wrong=wrong: ForwardPass(networks, 5)(wrong)
        yield f"gradient of {name}", lambda wrong=wrong: gradient_of(networks, wrong, outputs)
    sparse = on_features(networks, BinaryInputs(4))
    for wrong in (seen, features, features[:1] - 1, features[0] - 1, (features - 1).astype(object)):
        yield f"features {wrong.dtype} {wrong.shape}", lambda wrong=wrong: outputs_of(sparse, wrong)
    yield "gradients of outputs", lambda: gradient_of(networks, seen, outputs[..., :1])
    yield "keys of dropout", lambda: outputs_of(replace(networks, dropout=0.5), seen, np.ones(1, dtype=np.uint64))
    yield "parameters", lambda: networks.each(lambda flat: flat[:, :-1])
    yield "tensors", lambda: Params.of(networks.layers, [weight[:, :-1] for weight in networks.weights])
    yield "another architecture", lambda: replace(networks, sizes=(4, 800, 2))
    yield "another head", lambda: replace(networks, head=Gaussian(2))
    yield "whole numbers", lambda: networks.each(lambda flat: flat.astype(int)).shape()
    for rows in (np.ones((1, 6, 3)), np.ones((3, 6, 4)), np.ones((6, 4))):
        yield f"a table {rows.shape}", lambda rows=rows: on_features(networks, FeatureTable.of(rows, len(rows)))
    yield "other inputs", lambda: on_features(networks, BinaryInputs(3))
    table = FeatureTable.of(np.eye(6, 4)[None] * [1, 0, 0, 0], 1)
    for change in ({"columns": np.array([4])}, {"columns": np.array([-1])}, {"starts": np.array([0] + [2] * 6)}):
        yield f"a table with {change}", lambda change=change: on_features(networks, table._replace(**change))


def of_learners() -> Calls:
    task, actor, rngs = CartPole(), mlp(4, 8, 2), [np.random.default_rng(0)] * MEMBERS
    batch = task.batch(starts_of(task))
    yield "fewer streams", lambda: play(actor, batch, task, 3, ENVS, rngs[:1])
    yield "more members", lambda: play(mlp(4, 8, 2, members=900), batch, task, 3, ENVS, rngs)
    yield "too many outputs", lambda: play(mlp(4, 8, 9), batch, task, 99, ENVS, rngs)
    yield "fewer starts", lambda: rollout_returns(task, actor, starts_of(task, 1, ENVS))
    layout, ones = actor.layers, [np.ones((MEMBERS, *t.shape), dtype=bool) for t in prunable(actor.layers)]
    learner: Learner
    for learner in (PPO(env_steps=512), DQN(env_steps=512, learning_starts=64), BC()):
        right = {name: mlp(4, 8, head.outputs, head=head) for name, head in learner.heads(task).items()}
        head = right["actor"].head
        wrong: dict[str, tuple[Any, ...]] = {
            "another task's inputs": (right | {"actor": mlp(6, 8, 2, head=head)}, {}, (0, 1)),
            "another task's actions": (right | {"actor": mlp(4, 8, 9, head=head._replace(size=9))}, {}, (0, 1)),
            "another head": (right | {"actor": mlp(4, 8, 2, head=Gaussian(2))}, {}, (0, 1)),
            "more seeds": (right, {}, range(9)),
            "fewer masks": (right, {"actor": Params.masks(layout[:2], ones[:1])}, (0, 1)),
            "masks of a member": (right, {"actor": Params.masks(layout, [mask[:1] for mask in ones])}, (0, 1)),
        }
        for name, given in wrong.items():
            yield (
                f"{learner.name} with {name}",
                lambda learner=learner, given=given: learner.start(task, *given, 0).advance(1),
            )


def of_replay() -> Calls:
    now, numbers = np.ones((MEMBERS, ENVS, 4), dtype=np.float32), np.ones((5, MEMBERS, ENVS))
    seen = np.ones((5, MEMBERS, ENVS, 4), dtype=np.float32)
    right = Rollout(seen, numbers.astype(np.int64), numbers, numbers, numbers < 0, numbers > 0, seen)
    for capacity, horizon, count in ((ENVS - 1, 5, 2), (30, 0, 2), (30, 5, 0)):
        yield f"replay of {capacity}, {horizon}", lambda at=(capacity, horizon), n=count: Replay(now, *at, True, n)
    wrong = {f"fewer members in {name}": {name: getattr(right, name)[:, :1]} for name in right._fields}
    wrong |= {f"action {action}": {"actions": np.full((5, MEMBERS, ENVS), action)} for action in (2, -1, 2**16 + 1)}
    for name, change in wrong.items():
        yield name, lambda change=change: Replay(now, 30, 5, True, 2).add(right._replace(**change), now)
    yield "fewer at present", lambda: Replay(now, 30, 5, True, 2).add(right, now[:1])
    yield "another member", lambda: Replay(now, 30, 5, True, 2).keep(np.array([5]))


@pytest.mark.parametrize("group", [of_settings, of_batches, of_networks, of_learners, of_replay])
def test_what_does_not_fit_is_refused_in_one_line(group: Callable[[], Calls]) -> None:
    for name, call in group():
        with pytest.raises((ValueError, TypeError, IndexError)) as refused:
            pytest.fail(f"{name} returned {call()!r}")
        assert "\n" not in str(refused.value), name


@pytest.mark.parametrize("kind", TASKS)
def test_arrays_may_be_of_other_numbers_and_lie_anyhow_in_memory(kind: type[Any]) -> None:
    task = kind()
    starts, actions = starts_of(task), np.ones((MEMBERS, ENVS), dtype=np.int64)
    expected = task.batch(starts).step(actions, starts).final_observations
    across = np.asfortranarray(np.repeat(actions, 2, axis=1))[:, ::2]
    for other in (actions.astype(np.int8), actions.astype(np.uint64), across):
        found = task.batch(np.asfortranarray(starts)).step(other, np.asfortranarray(starts)).final_observations
        np.testing.assert_array_equal(found, expected)


def test_no_compiled_function_is_public() -> None:
    found = [
        f"{module.name}.{name}"
        for room in ROOMS
        for module in pkgutil.walk_packages(importlib.import_module(f"harness.{room}").__path__, f"harness.{room}.")
        for holder in [vars(importlib.import_module(module.name))]
        for place in [holder, *(vars(value) for value in holder.values() if isinstance(value, type))]
        for name, value in place.items()
        if isinstance(getattr(value, "__func__", value), Dispatcher)
    ]
    assert len(found) > 40
    assert [name for name in found if not name.rpartition(".")[2].startswith("_")] == []
