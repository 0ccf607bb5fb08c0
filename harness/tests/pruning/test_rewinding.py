"""Rewinding to a later point of training: what a level starts from, what is left to train, and what stays as it was."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import harness.learners.ppo
from harness.evidence.costs import env_steps, estimated_seconds
from harness.evidence.drain import all_cells, drain
from harness.evidence.level_file import from_bytes, to_bytes
from harness.evidence.store import Store, address
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import CRITIC, PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.training import Evaluation, rewind_round
from harness.networks.mlp import Mlp, Network
from harness.profiles.profile import PROFILES, System
from harness.pruning.check import check
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.layout import initial_networks
from harness.pruning.level import Level
from harness.pruning.savings import Savings
from harness.pruning.settings import Pruning
from harness.tasks.cart_pole import CartPole
from harness.tests.pruning.test_imp import Pay, Scripted, rounds_of

LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.01, env_steps=256, envs=4, rollout=8, minibatches=2, epochs=2),  # 8 rounds
    "bc": BC(learning_rate=0.01, env_steps=64, envs=4, batch=16, passes=4),  # 16, 4 a pass
    "dqn": DQN(learning_rate=0.01, env_steps=256, envs=4, rollout=8, batch=16, learning_starts=32, target_interval=5),
}
POINTS = {"ppo": 3, "bc": 6, "dqn": 3}
"""The rounds that 0.375 of a training are; a student's is in the midst of a pass."""
REWIND, SEEDS, LEVELS = 0.375, (5, 0, 41), 3
REWOUND = CONDITIONS[:3]

learners = pytest.mark.parametrize("learner", LEARNERS)


def experiment_of(learner: str, rewind: float = REWIND, savings: Savings | None = None, **pruning: Any) -> Experiment:
    return Experiment(
        CartPole(horizon=50),
        LEARNERS[learner],
        Network(hidden=(8, 8)),
        Pruning(**{"rate": 0.5, "levels": LEVELS, "rewind": rewind, **pruning}),
        Evaluation(per_training=4, episodes=2, scored_episodes=4),
        savings or Savings(),
    )


@functools.cache
def chain(e: Experiment, condition: str) -> tuple[Level, ...]:
    """Levels 0 to K."""
    cell = Cell(e, condition, SEEDS)
    tickets = chain(e, TICKET) if e.pruning.lineage == "branch" and condition != TICKET else None
    levels = [run_level(dataclasses.replace(cell, condition=DENSE), 0, None)]
    for number in range(1, LEVELS + 1):
        levels.append(run_level(cell, number, levels[-1], tickets[number] if tickets else None, levels[0]))
    return tuple(levels)


def start(e: Experiment, condition: str, level: int) -> tuple[dict[str, Mlp], dict[str, list[np.ndarray]]]:
    levels = chain(e, condition)
    branches = e.pruning.lineage == "branch" and condition != TICKET
    ticket = chain(e, TICKET)[level] if branches else None
    return start_level(Cell(e, condition, SEEDS), level, levels[level - 1], ticket, levels[0])


class TestStartOfALevel:
    @learners
    @pytest.mark.parametrize("lineage", ["own", "branch"])
    @pytest.mark.parametrize("condition", REWOUND)
    @pytest.mark.parametrize("level", [1, 3])
    def test_it_is_the_mask_times_the_rewound_weights(
        self, learner: str, lineage: Any, condition: str, level: int
    ) -> None:
        """Where they are dealt, they are the same ones at other places of their layer."""
        e = experiment_of(learner, lineage=lineage)
        networks, masks = start(e, condition, level)
        rewound, w0 = chain(e, condition)[0].rewound, initial_networks(e, SEEDS)
        moved = False
        for layer, mask in enumerate(masks[ACTOR]):
            weight, point = networks[ACTOR].weights[layer], rewound[ACTOR].weights[layer]
            assert (point != w0[ACTOR].weights[layer]).any(axis=(1, 2)).all()
            assert (weight[~mask] == 0).all()
            if condition == TICKET:
                np.testing.assert_array_equal(weight, np.where(mask, point, 0))
            elif condition == "mask/permuted":
                for member in range(len(SEEDS)):
                    found, dealt = weight[member][mask[member]], point[member][mask[member]]
                    assert sorted(found.tolist()) == sorted(dealt.tolist())
            else:
                assert np.isin(weight[mask], point).all()
            moved |= bool((weight != np.where(mask, point, 0)).any())
        assert moved == (condition != TICKET)

    @learners
    @pytest.mark.parametrize("condition", REWOUND)
    def test_biases_and_what_is_not_pruned_are_of_that_point_too(self, learner: str, condition: str) -> None:
        e = experiment_of(learner)
        networks, masks = start(e, condition, 2)
        rewound = chain(e, condition)[0].rewound
        assert list(rewound) == list(networks)
        for name, mlp in networks.items():
            for mine, theirs in zip(mlp.biases, rewound[name].biases, strict=True):
                np.testing.assert_array_equal(mine, theirs)
            if name not in masks:
                assert name == CRITIC
                np.testing.assert_array_equal(mlp.flat, rewound[name].flat)

    @learners
    def test_that_point_is_level_0_after_so_many_rounds(self, learner: str) -> None:
        e = experiment_of(learner)
        networks, masks = start_level(Cell(e, DENSE, SEEDS), 0, None, None)
        population = LEARNERS[learner].start(e.task, networks, masks, SEEDS, 0)
        assert rewind_round(REWIND, population.rounds) == POINTS[learner]
        for _ in range(POINTS[learner]):
            population.advance()
        for name, mlp in chain(e, TICKET)[0].rewound.items():
            np.testing.assert_array_equal(mlp.flat, population.networks[name].copy().flat)

    def test_a_start_leaves_the_level_that_it_starts_from_as_it_is(self) -> None:
        e = experiment_of("ppo")
        before = to_bytes(chain(e, TICKET)[0])
        start(e, "permuted/permuted", 1)
        assert to_bytes(chain(e, TICKET)[0]) == before

    @learners
    def test_what_is_left_out_is_put_back_at_that_point_too(self, learner: str) -> None:
        """Inputs that are always zero: their weights count for pruning, and stay those of w0."""

        class Blind(CartPole):
            zero_inputs: ClassVar[tuple[str, ...]] = ("cart velocity",)

        e = dataclasses.replace(experiment_of(learner), task=Blind(horizon=50))
        dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
        place = Blind.inputs.index("cart velocity")
        for name, w0 in initial_networks(e, SEEDS).items():
            mine, first = dense.rewound[name].weights[0], w0.weights[0]
            assert mine.shape == first.shape
            np.testing.assert_array_equal(mine[:, place], first[:, place])
            assert (np.delete(mine, place, axis=1) != np.delete(first, place, axis=1)).any()

    @learners
    def test_under_the_control_that_permutes_inputs_it_is_kept_in_the_tasks_own_order(self, learner: str) -> None:
        still = dataclasses.replace(LEARNERS[learner], learning_rate=1e-30)  # type: ignore[type-var]
        e = dataclasses.replace(experiment_of(learner), learner=still, control="permuted-inputs")
        dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
        for name, w0 in initial_networks(e, SEEDS).items():
            np.testing.assert_array_equal(dense.rewound[name].weights[0], w0.weights[0])


class TestWhatIsLeftToTrain:
    @learners
    def test_a_level_goes_on_from_that_round_with_data_of_its_own(self, learner: str) -> None:
        """Run by hand, with an optimiser that begins anew."""
        e = experiment_of(learner, checkpoint="last", savings=Savings(leave_out_unreachable=False))
        networks, masks = start(e, TICKET, 2)
        population: Any = LEARNERS[learner].start(e.task, networks, masks, SEEDS, 2)
        population.round = POINTS[learner]
        while population.round < population.rounds:
            population.advance()
        found = chain(e, TICKET)[2].trained[ACTOR].flat
        np.testing.assert_array_equal(found, population.networks[ACTOR].copy().flat)

    @learners
    def test_evaluations_before_it_are_none_and_the_share_is_of_a_whole_training(self, learner: str) -> None:
        e = experiment_of(learner, savings=Savings(stop_at_maximum=False))
        for condition in CONDITIONS:
            rewound = condition in REWOUND
            for number, level in enumerate(chain(e, condition)):
                whole = number == 0 or not rewound
                assert np.isnan(level.evaluations).all(axis=0).tolist() == [not whole, False, False, False]
                assert not np.isnan(level.evaluations[:, 1:]).any()
                assert level.trained_fraction.tolist() == [1.0 if whole else 0.625] * len(SEEDS)
                assert np.isfinite(level.best_evaluations).all()

    def test_an_evaluation_at_the_rewind_point_itself_is_left_out(self) -> None:
        """Nothing has been learned there yet: what would be pruned is what the level started from."""
        level = chain(experiment_of("ppo", 0.5), TICKET)[1]
        assert np.isnan(level.evaluations).all(axis=0).tolist() == [True, True, False, False]

    def test_schedules_go_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rates: list[float] = []
        improve = harness.learners.ppo._improve

        def watched(actor: Any, critic: Any, samples: Any, minibatches: Any, pace: Any, *rest: Any) -> None:
            rates.append(pace.learning_rate)
            improve(actor, critic, samples, minibatches, pace, *rest)

        e = experiment_of("ppo")
        falling = dataclasses.replace(e.learner, learning_rate_schedule="linear")  # type: ignore[type-var]
        e = dataclasses.replace(e, learner=falling)
        dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
        monkeypatch.setattr(harness.learners.ppo, "_improve", watched)
        run_level(Cell(e, TICKET, SEEDS), 1, dense, None, dense)
        assert rates == pytest.approx([0.01 * (1 - number / 8) for number in range(3, 8)])

    def test_a_student_that_starts_in_the_midst_of_a_pass_learns_no_lesson_twice_in_it(self) -> None:
        e = experiment_of("bc")
        population: Any = LEARNERS["bc"].start(e.task, initial_networks(e, SEEDS), {}, SEEDS, 1)
        population.round = 6
        orders = []
        for _ in range(3):
            population.advance()
            orders.append(population.shuffled[0])
        assert orders[0] is orders[1] is not orders[2]  # rounds 6 and 7 are of one pass, 8 of the next
        assert not np.array_equal(orders[0], population.observations)
        np.testing.assert_array_equal(
            np.sort(orders[0].numpy(), axis=1), np.sort(population.observations.numpy(), axis=1)
        )

    def test_the_plan_reckons_with_it(self) -> None:
        for condition, left in ((TICKET, 0.625), ("random/re-init", 1.0), (DENSE, 1.0)):
            rewound, plain = (Cell(experiment_of("ppo", rewind), condition, SEEDS) for rewind in (REWIND, 0.0))
            assert env_steps(rewound) == left * env_steps(plain)
            share = estimated_seconds(rewound) / estimated_seconds(plain)
            assert share == 1.0 if left == 1.0 else left < share < 0.9  # checkpoints are scored as ever

    def test_the_plan_knows_that_nobody_stops_before_the_rewind_point(self) -> None:
        profile = PROFILES["extended"]
        for learner in ("ppo", "dqn"):
            systems = [System("cart-pole", learner, (f"pruning.rewind={share}",)) for share in (0.0, 0.02, 0.8)]
            dense = [Cell(profile.experiment(system), DENSE, SEEDS) for system in systems]
            from_start, early, late = map(estimated_seconds, dense)
            assert from_start == early < 0.6 * late


class TestWhatStaysAsItWas:
    @learners
    def test_level_0_is_the_same_wherever_the_others_rewind_to(self, learner: str) -> None:
        plain, rewound = (chain(experiment_of(learner, rewind), TICKET)[0] for rewind in (0.0, REWIND))
        assert plain.rewound == {}
        assert to_bytes(plain) == to_bytes(dataclasses.replace(rewound, rewound={}))

    @learners
    def test_a_redrawn_baseline_is_the_same_to_the_byte(self, learner: str) -> None:
        plain, rewound = (chain(experiment_of(learner, rewind), "random/re-init") for rewind in (0.0, REWIND))
        assert list(map(to_bytes, plain[1:])) == list(map(to_bytes, rewound[1:]))

    @learners
    def test_at_0_a_level_needs_no_level_0(self, learner: str) -> None:
        e = experiment_of(learner, 0.0)
        for condition in CONDITIONS:
            first = run_level(Cell(e, condition, SEEDS), 2, chain(e, condition)[1])
            assert to_bytes(first) == to_bytes(chain(e, condition)[2])


class TestStoppingAtTheMaximum:
    SCRIPT = ((4, 0, 0, 0), (0, 4, 0, 1), (0, 0, 0, 4), (0, 0, 4, 0))

    @staticmethod
    def level(rewind: float, stops: bool = True) -> Level:
        e = Experiment(
            Pay(0.0, 4.0),
            Scripted(TestStoppingAtTheMaximum.SCRIPT),
            Network(hidden=()),
            Pruning(rewind=rewind),
            Evaluation(per_training=4, episodes=3, scored_episodes=6),
            Savings(stop_at_maximum=stops),
        )
        return run_level(Cell(e, DENSE, (10, 11, 12, 13)), 0, None)

    @pytest.mark.parametrize(
        ("rewind", "shares"),
        [
            (0.0, [0.25, 0.5, 1, 0.75]),
            (0.25, [0.25, 0.5, 1, 0.75]),
            (0.5, [0.5, 0.5, 1, 0.75]),
            (0.75, [0.75, 0.75, 1, 0.75]),
        ],
    )
    def test_at_level_0_nobody_stops_before_the_rewind_point(self, rewind: float, shares: list[float]) -> None:
        """A member that reached the maximum before goes there, and no further; what is pruned is what it was."""
        level = self.level(rewind)
        assert level.trained_fraction.tolist() == shares
        assert rounds_of(level) == [0, 1, 3, 2]
        assert (np.isnan(level.evaluations).sum(axis=1) == 4 * (1 - level.trained_fraction)).all()

    @pytest.mark.parametrize("rewind", [0.25, 0.5, 0.75])
    def test_it_changes_neither_what_is_pruned_nor_what_is_rewound_to(self, rewind: float) -> None:
        with_it, without = self.level(rewind), self.level(rewind, stops=False)
        assert (without.trained_fraction == 1).all()
        for kind in ("trained", "rewound"):
            np.testing.assert_array_equal(getattr(with_it, kind)[ACTOR].flat, getattr(without, kind)[ACTOR].flat)
        assert (with_it.rewound[ACTOR].weights[0] == 4 * rewind - 1).all()  # each round writes its number


# --- in the store


PLANS = [
    ("own", True),
    ("branch", True),
    ("branch", False),
]


def plan_of(lineage: str, shared: bool) -> list[Cell]:
    e = experiment_of("bc", lineage=lineage, levels=2, savings=Savings(share_level_0=shared))
    return all_cells([Cell(e, condition, SEEDS) for condition in CONDITIONS])


def evidence(store: Store) -> dict[str, bytes]:
    cells = store.folder / "cells"
    return {str(path.relative_to(cells)): path.read_bytes() for path in sorted(cells.rglob("*.npz"))}


class Killed(BaseException):
    """As a process is, after a level."""


class TestStore:
    @pytest.mark.parametrize(("lineage", "shared"), PLANS)
    def test_a_run_killed_after_any_level_ends_with_the_same_bits(
        self, lineage: str, shared: bool, tmp_path: Path
    ) -> None:
        plan, undisturbed, resumed = plan_of(lineage, shared), Store(tmp_path / "one"), Store(tmp_path / "other")
        assert drain(plan, undisturbed).failed == {}

        def kill(cell: Cell, level: int) -> None:
            raise Killed

        kills = 0
        while True:
            try:
                assert drain(plan, resumed, kill).failed == {}
                break
            except Killed:
                kills += 1
        assert kills == sum(len(cell.levels) for cell in plan)
        assert evidence(resumed) == evidence(undisturbed)

    def test_a_dense_cell_keeps_the_point_and_no_other_does(self, tmp_path: Path) -> None:
        plan, store = plan_of("own", True), Store(tmp_path)
        drain(plan, store)
        for cell in plan:
            for number in cell.levels:
                level = store.read(address(cell), number)
                assert level is not None
                assert bool(level.rewound) == (cell.condition == DENSE and cell.rewind > 0)
        assert sorted(cell.rewind for cell in plan if cell.condition == DENSE) == [0.0, REWIND]

    def test_what_is_stored_trains_on_as_what_was_not(self, tmp_path: Path) -> None:
        plan, store = plan_of("own", True), Store(tmp_path)
        drain(plan, store)
        (cell,) = [cell for cell in plan if cell.condition == TICKET]
        dense = run_level(dataclasses.replace(cell, condition=DENSE), 0, None)
        first = run_level(cell, 1, dense, None, dense)
        assert to_bytes(first) == to_bytes(store.read(address(cell), 1) or dense)

    @learners
    def test_a_level_with_its_rewind_point_survives_storage(self, learner: str) -> None:
        level = chain(experiment_of(learner), TICKET)[0]
        again = from_bytes(to_bytes(level))
        assert list(again.rewound) == list(level.rewound)
        for name, mlp in level.rewound.items():
            np.testing.assert_array_equal(again.rewound[name].flat, mlp.flat)


# --- what is refused


class Resumable(Scripted):
    offers_rewinding: ClassVar[bool] = True

    @property
    def rounds(self) -> int:
        return len(self.script[0])


class TestCheck:
    @pytest.mark.parametrize("rewind", [-0.1, 1.0, 1.5, float("nan")])
    def test_a_share_that_is_none_is_one_line(self, rewind: float) -> None:
        with pytest.raises(ValueError, match=r"^rewind is a share of the training from 0 to below 1, not [-\dn]"):
            check(experiment_of("ppo", rewind))

    @pytest.mark.parametrize(("learner", "last"), [("ppo", 7), ("bc", 15)])
    def test_a_point_that_leaves_nothing_to_evaluate_is_one_line(self, learner: str, last: int) -> None:
        check(experiment_of(learner, last / (last + 1)))
        with pytest.raises(
            ValueError, match=rf"^rewind 0\.999 leaves none of the training's {last + 1} rounds"
        ) as told:
            check(experiment_of(learner, 0.999))
        assert "\n" not in str(told.value)

    @learners
    def test_the_first_point_later_than_w0_is_after_a_round(self, learner: str) -> None:
        """So that a claim's early point is one at the smallest scale, too."""
        assert rewind_round(0.0, 8) == 0
        assert rewind_round(0.001, 8) == rewind_round(1 / 8, 8) == 1
        check(experiment_of(learner, 0.001))

    def test_a_learner_that_can_not_start_late_is_refused_before_training(self) -> None:
        e = Experiment(Pay(), Scripted(((0, 0),)), Network(hidden=()), Pruning(rewind=0.5))
        with pytest.raises(ValueError, match=r"^rewind 0\.5 is asked for, which learner scripted does not offer: see"):
            check(e)
        check(dataclasses.replace(e, pruning=Pruning()))
        check(dataclasses.replace(e, learner=Resumable(((0, 0),))))

    def test_a_learner_of_ones_own_starts_late_by_setting_its_round(self) -> None:
        e = Experiment(
            Pay(0.0),
            Resumable(((0, 1, 2, 3), (3, 4, 1, 2))),
            Network(hidden=()),
            Pruning(rewind=0.5, levels=1),
            Evaluation(per_training=4, episodes=1, scored_episodes=1),
        )
        dense = run_level(Cell(e, DENSE, (0, 1)), 0, None)
        level = run_level(Cell(e, TICKET, (0, 1)), 1, dense, None, dense)
        np.testing.assert_array_equal(level.evaluations, [[np.nan, np.nan, 2, 3], [np.nan, np.nan, 1, 2]])
