"""What every public entry of compiled code refuses: each call below raises, in one line, and no process dies of it."""

import importlib
import json
import os
import pkgutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, get_args

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
from harness.networks.mlp import ForwardPass, Mlp, backward, forward, initial_mlp, outputs_of
from harness.networks.sparse_input import FeatureTable, projected
from harness.tasks.acrobot import Acrobot
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.batch import GridMazes
from harness.tasks.gridmaze.env import GridMazeEnv
from harness.tasks.gridmaze.features import Encoding
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.rollout import rollout_returns
from harness.tasks.spec import Task

MEMBERS, ENVS = 2, 3
NAN, INF = float("nan"), float("inf")
TASKS: tuple[type[Any], ...] = (CartPole, Acrobot, GridMaze)
NO_HORIZON = (0, -5, 1.5, NAN, INF, None, "9", True)
NO_ACTION = (4, -1, 10**6, 10**30, 1.0, NAN, None, "1", (1,), np.array([1]), np.float64(1))
NO_NUMBER = (NAN, INF, 1e300, -1e300, 1e9, -1e9)
Refused = Iterator[tuple[str, Callable[[], object]]]


def starts_of(task: Task, *shape: int) -> np.ndarray:
    return task.draw_starts(np.random.default_rng(0), shape or (MEMBERS, ENVS))


def mlp(*sizes: int, members: int = MEMBERS, dropout: float = 0.0) -> Mlp:
    return initial_mlp(sizes, [np.random.default_rng(0)] * members, dropout=dropout)


def of_settings() -> Refused:
    for task in TASKS:
        for horizon in NO_HORIZON:
            yield f"{task.__name__} horizon {horizon!r}", partial(task, horizon=horizon)
    for horizon in NO_HORIZON:
        yield f"GridMazeEnv horizon {horizon!r}", partial(GridMazeEnv, horizon=horizon)
    for learner in (PPO, DQN, BC):
        for envs in NO_HORIZON:
            yield f"{learner.__name__} envs {envs!r}", partial(learner, envs=envs)


def of_gymnasium() -> Refused:
    for action in NO_ACTION:
        yield f"GridMazeEnv.step({action!r})", lambda action=action: GridMazeEnv().step(action)


def of_batches() -> Refused:
    for kind in TASKS:
        task = kind(horizon=1)
        starts, right = starts_of(task), np.zeros((MEMBERS, ENVS), dtype=np.int64)
        wrong = [np.full_like(right, action) for action in (task.actions, -1, 10**6, np.iinfo(np.int64).min)]
        wrong += [right + last for last in (np.array([0, 0, 10**9]), np.array([0, 0, -1]))]
        wrong += [right.astype(dtype) for dtype in (float, complex, str, object)] + [right * NAN]
        wrong += [right.astype(np.uint64) - np.uint64(1), right.tolist(), right.ravel(), right.T, right[:1], right[:0]]
        for actions in wrong:
            yield (
                f"{task.name} actions {actions!r}",
                lambda task=task, starts=starts, actions=actions: task.batch(starts).step(actions, starts),
            )
        size = starts.shape[-1]
        states = [np.where(np.arange(size) == place, number, starts) for number in NO_NUMBER for place in range(size)]
        states = states if kind is not CartPole else [state for state in states if not np.isfinite(state).all()]
        states += [starts[..., :-1], starts[0], starts[:, :, None], starts.astype(complex), starts.astype(object)]
        for state in states:
            name = f"{task.name} {state.dtype} {state.shape} {state.reshape(-1, state.shape[-1])[0].tolist()}"
            yield f"{name} as starts", lambda task=task, state=state: task.batch(state)
            yield (
                f"{name} as restarts",
                lambda task=task, starts=starts, state=state, right=right: [
                    batch.step(right, state) for batch in [task.batch(starts)] for _ in range(3)
                ],
            )
        for fewer in (starts[:1], starts[:, :1], starts[:0]):
            yield (
                f"{task.name} restarts {fewer.shape}",
                lambda task=task, starts=starts, fewer=fewer, right=right: task.batch(starts).step(right, fewer),
            )


def of_networks() -> Refused:
    networks, seen = mlp(4, 8, 2, dropout=0.5), np.ones((MEMBERS, 5, 4))
    outputs, activations = forward(networks, seen)
    wrong = {
        "fewer members": seen[:1],
        "no members": seen[:0],
        "more inputs": np.ones((MEMBERS, 5, 9)),
        "fewer inputs": seen[..., :3],
        "one member": seen[0],
        "objects": seen.astype(object),
        "complex numbers": seen.astype(complex),
        "words": seen.astype(str),
        "lists": seen.tolist(),
        "a feature that is none": np.full((MEMBERS, 5, 4), 4, dtype=np.int16),
        "a feature far off": np.full((MEMBERS, 5, 4), 32767, dtype=np.int16),
    }
    for name, observations in wrong.items():
        yield f"outputs of {name}", partial(outputs_of, networks, observations)
        yield f"a pass of {name}", partial(ForwardPass(networks, 5), observations)  # type: ignore[arg-type]
        yield f"gradient of {name}", partial(backward, networks, observations, activations, outputs)
    yield "a pass of another batch", partial(ForwardPass(networks, 4), seen)
    for short in (activations[:1], activations[:, :-1], activations[0], activations.astype(object)):
        yield f"activations {short.dtype} {short.shape}", partial(backward, networks, seen, short, outputs)
    for short in (outputs[:1], outputs[:, :1], outputs[..., :1], outputs.astype(object)):
        yield f"grad_outputs {short.dtype} {short.shape}", partial(backward, networks, seen, activations, short)
    for keys in (np.ones(1, dtype=np.uint64), np.ones((MEMBERS, 1), dtype=np.uint64), np.ones(MEMBERS), [1, 2]):
        yield f"keys {keys!r}", partial(forward, networks, seen, keys)
    for dropout in (1.0, -0.1, NAN, INF):
        yield f"dropout {dropout}", partial(replace, networks, dropout=dropout)
    for flat in (networks.flat[:, :-1], networks.flat[0], networks.flat.astype(object), networks.flat.tolist()):
        yield f"parameters {np.shape(flat)}", partial(replace, networks, flat=flat)
    yield "parameters of another architecture", partial(replace, networks, sizes=(4, 800, 2))
    for dtype in (int, bool, np.float16, np.longdouble, ">f8"):
        other = networks.flat.astype(dtype)
        yield f"outputs in {other.dtype}", lambda other=other: outputs_of(replace(networks, flat=other), seen)
    for sizes in ((), (4,), (4, 0, 2), (0, 2), (4, -1, 2), (4, 3.0, 2), (4, 2, 0)):
        numbers = max(0, int(sum((a + 1) * b for a, b in pairwise(sizes))))
        yield f"layers of {sizes}", partial(Mlp, np.zeros((MEMBERS, numbers)), sizes)  # type: ignore[arg-type]


def of_tables() -> Refused:
    networks = mlp(4, 8, 2)
    for rows in (np.ones((1, 6, 3)), np.ones((1, 6, 5)), np.ones((3, 6, 4)), np.ones((1, 0, 4)), np.ones((6, 4))):
        yield f"a table {rows.shape}", lambda rows=rows: projected(networks, FeatureTable.of(rows, len(rows)))
    sparse, dense = FeatureTable.of(np.eye(6, 4)[None] * [1, 0, 0, 0], 1), FeatureTable.of(np.ones((1, 6, 4)), MEMBERS)
    assert len(sparse.columns) and len(dense.rows)
    places: tuple[Any, ...] = ([10**6], [-1], [4], [0.0], [], [0, 0])
    of_sparse = [{"columns": np.array(place)} for place in places]
    ends: tuple[Any, ...] = (0, 2, 10**9, -1, 0.5)
    of_sparse += [{"starts": np.array([0, *[end] * 6])} for end in ends[1:]] + [{"starts": np.array([0, 1, 0, 1])}]
    of_sparse += [{"starts": np.array([-(10**6), 1])}, {"starts": np.zeros(1, dtype=np.int64)}, {"values": np.ones(0)}]
    of_sparse += [{"rows": np.ones((MEMBERS, 5, 4))}, {"inputs": 10**6}]
    of_dense: list[dict[str, Any]] = [{"rows": dense.rows[:, :5]}, {"rows": dense.rows[..., :3]}, {"inputs": 5}]
    of_dense += [{"rows": dense.rows[0]}, {"rows": dense.rows.astype(object)}, {"starts": dense.starts[:3]}]
    for table, changes in ((sparse, of_sparse), (dense, of_dense)):
        for change in changes:
            yield f"a table with {change}", partial(projected, networks, table._replace(**change))
    for encoding in get_args(Encoding):
        maze = GridMaze(encoding)
        starts, right = starts_of(maze), maze.table((0, 1))
        others = [right[:, :, :-1], right[:, :-1], right[0], right[:0], right[:, :1, :1], np.concatenate([right] * 2)]
        for table in (*others, right.astype(object), right.tolist()):
            name = f"maze in {encoding} by {np.shape(table)}"
            yield name, lambda maze=maze, starts=starts, table=table: GridMazes(maze, starts, table).observations


def of_play() -> Refused:
    task, actor = CartPole(), mlp(4, 8, 2)
    batch, rngs = task.batch(starts_of(task)), [np.random.default_rng(0)] * MEMBERS
    wrong: dict[str, tuple[Any, ...]] = {
        "fewer streams": (actor, batch, task, 3, ENVS, rngs[:1]),
        "more streams": (actor, batch, task, 3, ENVS, rngs * 9),
        "more envs": (actor, batch, task, 3, 900, rngs),
        "more members": (mlp(4, 8, 2, members=900), batch, task, 3, ENVS, rngs),
        "fewer inputs": (mlp(3, 8, 2), batch, task, 3, ENVS, rngs),
        "too many outputs": (mlp(4, 8, 9), batch, task, 99, ENVS, rngs),
        "one env for many": (actor, task.batch(starts_of(task, MEMBERS, 1)), task, 3, ENVS, rngs),
        "too few epsilons": (actor, batch, task, 3, ENVS, rngs, [0.1]),
    }
    for name, arguments in wrong.items():
        yield f"play with {name}", partial(play, *arguments)
    for shape in ((1, ENVS), (900, ENVS), (0, ENVS)):
        yield f"returns from starts {shape}", partial(rollout_returns, task, actor, starts_of(task, *shape))


def of_learners() -> Refused:
    learner: Learner
    for learner in (PPO(env_steps=512), DQN(env_steps=512, learning_starts=64), BC()):
        task, actor, critic = CartPole(), mlp(4, 8, 2), mlp(4, 8, 1)
        masks = [np.ones((MEMBERS, 4, 8), dtype=bool), np.ones((MEMBERS, 8, 2), dtype=bool)]
        wrong: dict[str, tuple[Any, ...]] = {
            "another task's inputs": (task, {"actor": mlp(6, 8, 2), "critic": critic}, {}, (0, 1), 0),
            "another task's actions": (task, {"actor": mlp(4, 8, 9), "critic": critic}, {}, (0, 1), 0),
            "more seeds": (task, {"actor": actor, "critic": critic}, {}, range(9), 0),
            "fewer seeds": (task, {"actor": actor, "critic": critic}, {}, (0,), 0),
            "fewer masks": (task, {"actor": actor, "critic": critic}, {"actor": masks[:1]}, (0, 1), 0),
            "masks of a member": (
                task,
                {"actor": actor, "critic": critic},
                {"actor": [m[:1] for m in masks]},
                (0, 1),
                0,
            ),
            "masks turned": (task, {"actor": actor, "critic": critic}, {"actor": masks[::-1]}, (0, 1), 0),
        }
        if learner.name == "ppo":
            wrong["another critic"] = task, {"actor": actor, "critic": mlp(4, 8, 2)}, {}, (0, 1), 0
        for name, arguments in wrong.items():
            yield (
                f"{learner.name} with {name}",
                lambda learner=learner, arguments=arguments: [
                    population.advance() for population in [learner.start(*arguments)] for _ in range(8)
                ],
            )


def rollout_of(members: int = MEMBERS, envs: int = ENVS, inputs: int = 4) -> Rollout:
    numbers, seen = np.ones((5, members, envs)), np.ones((5, members, envs, inputs), dtype=np.float32)
    return Rollout(seen, numbers.astype(np.int64), numbers, numbers, numbers < 0, numbers > 0, seen)


def of_replay() -> Refused:
    now = np.ones((MEMBERS, ENVS, 4), dtype=np.float32)
    for capacity, horizon, count in (
        (ENVS - 1, 5, 2),
        (0, 5, 2),
        (-9, 5, 2),
        (30, 0, 2),
        (30, -5, 2),
        (30, 5, 0),
        (30, 5, 10**6),
    ):
        yield f"replay of {capacity}, {horizon} and {count}", partial(Replay, now, capacity, horizon, True, count)
    for observations in (now[0], now[:, :0], now.tolist()):
        yield f"replay of observations {np.shape(observations)}", partial(Replay, observations, 30, 5, True, 2)
    right = rollout_of()
    wrong = {
        **{
            f"{shape}": (rollout_of(*shape), now) for shape in ((900, ENVS, 4), (MEMBERS, 900, 4), (MEMBERS, ENVS, 900))
        },
        **{
            f"fewer members in {name}": (right._replace(**{name: getattr(right, name)[:, :1]}), now)
            for name in right._fields
        },
        **{
            f"fewer steps in {name}": (right._replace(**{name: getattr(right, name)[:1]}), now)
            for name in right._fields[2:]
        },
        "present of one": (right, now[:1]),
        "present of fewer inputs": (right, now[..., :1]),
        "present of objects": (right, now.astype(object)),
    }
    for name, arguments in wrong.items():
        yield f"replay adds {name}", lambda arguments=arguments: Replay(now, 30, 5, True, 2).add(*arguments)
    for action in (2, -1, 10**6, 2**16 + 1, np.uint64(2**64 - 1), 1.0, NAN):
        rollout = right._replace(actions=np.full((5, MEMBERS, ENVS), action))
        yield f"replay adds action {action!r}", partial(Replay(now, 30, 5, True, 2).add, rollout, now)
    features, present = np.zeros((5, MEMBERS, ENVS, 4), dtype=np.int16), np.zeros((MEMBERS, ENVS, 4), dtype=np.int16)
    played = right._replace(observations=features, final_observations=features)
    Replay(present, 30, 5, True, 2, 6).add(played, present)
    for feature in (6, -2, 2**16 + 6, 1.0, NAN):
        wrong_features = {
            name: (played._replace(**{name: np.full(features.shape, feature)}), present)
            for name in ("observations", "final_observations")
        } | {"present": (played, np.full(present.shape, feature))}
        for name, arguments in wrong_features.items():
            yield (
                f"replay adds feature {feature!r} in {name}",
                partial(Replay(present, 30, 5, True, 2, 6).add, *arguments),
            )
    for task in (CartPole(), GridMaze()):
        networks = {"actor": mlp(len(task.inputs), 8, task.actions)}
        p = DQN(envs=ENVS, env_steps=512, learning_starts=64).start(task, networks, {}, (0, 1), 0)
        played = play(p.actor, p.batch, task, 5, ENVS, p.rollout_streams, None, p.table)
        for name in ("actions", "final_observations")[: 2 if p.table else 1]:
            beyond = played._replace(**{name: getattr(played, name) + np.int16(300)})
            yield f"{task.name}'s replay adds {name} beyond", partial(p.replay.add, beyond, played.observations[0])
    for batch in (kind().batch(starts_of(kind())) for kind in TASKS):
        for members in (np.int64(0), np.array([[0, 1]]), [0], None):
            yield f"{batch.task.name} keeps {members!r}", partial(batch.keep, members)
    for members in (np.array([5]), np.array([0.5]), np.array(["0"])):
        yield f"replay keeps {members}", lambda members=members: Replay(now, 30, 5, True, 2).keep(members)
        yield f"batch keeps {members}", lambda members=members: CartPole().batch(starts_of(CartPole())).keep(members)


def outcomes_of(group: Callable[[], Refused]) -> dict[str, str]:
    """What each call gave or raised, in a process of its own, since one may crash or never end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        try:
            with os.fdopen(write, "w") as pipe:
                for name, call in group():
                    try:
                        found = f"returned {call()!r}"
                    except Exception as error:
                        found = f"{type(error).__name__}: {error}"
                    print(json.dumps([name, found]), file=pipe, flush=True)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        outcomes = dict(map(json.loads, pipe))
    _, status = os.waitpid(child, 0)
    return outcomes | ({} if status == 0 else {f"what follows {list(outcomes)[-1:]}": f"ended the process: {status}"})


GROUPS = (of_settings, of_gymnasium, of_batches, of_networks, of_tables, of_play, of_learners, of_replay)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__.removeprefix("of_"))
def test_what_does_not_fit_is_refused_in_one_line(group: Callable[[], Refused]) -> None:
    outcomes = outcomes_of(group)
    errors = "ValueError: ", "TypeError: ", "IndexError: "
    assert len(outcomes) > 5
    assert {name: found for name, found in outcomes.items() if not found.startswith(errors) or "\n" in found} == {}


@pytest.mark.parametrize("action", [1, np.int64(1), np.uint8(1), np.int32(1), np.array(1), True])
def test_an_action_may_be_any_whole_number(action: Any) -> None:
    env, expected = GridMazeEnv(), GridMazeEnv()
    np.testing.assert_array_equal(env.step(action)[0], expected.step(np.int64(1))[0])


@pytest.mark.parametrize("kind", TASKS)
def test_arrays_may_be_of_other_numbers_and_lie_anyhow_in_memory(kind: type[Any]) -> None:
    task = kind()
    starts, actions = starts_of(task), np.ones((MEMBERS, ENVS), dtype=np.int64)
    expected = task.batch(starts).step(actions, starts).final_observations
    across = np.asfortranarray(np.repeat(actions, 2, axis=1))[:, ::2]
    for other in (actions.astype(np.int8), actions.astype(np.uint64), actions.astype(bool), across):
        found = task.batch(np.asfortranarray(starts)).step(other, np.asfortranarray(starts)).final_observations
        np.testing.assert_array_equal(found, expected)


def test_parameters_may_lie_anyhow_in_memory() -> None:
    networks, seen = mlp(4, 8, 2), np.ones((MEMBERS, 5, 4))
    for flat in (np.asfortranarray(networks.flat), np.repeat(networks.flat, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(
            outputs_of(replace(networks, flat=flat), np.asfortranarray(seen)), outputs_of(networks, seen)
        )


def test_nothing_may_be_empty_but_a_batch_of_no_samples() -> None:
    assert outputs_of(mlp(4, 8, 2), np.ones((MEMBERS, 0, 4))).shape == (MEMBERS, 0, 2)


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
