"""A user's own pruning rule, initialiser or learner: what its name may be, what it changes, what it makes stale.

The runs at the end are those of a user with a folder of their own: the tree is installed, and is not where they stand.
"""

import dataclasses
import functools
import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import register, source_hash
from harness.evidence.drain import drain
from harness.evidence.fingerprint import engine_parts
from harness.evidence.level_file import from_bytes, to_bytes
from harness.evidence.store import Store, address
from harness.experiment import Cell, Experiment
from harness.files import SUITE_ROOT
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR
from harness.learners.training import Evaluation
from harness.networks.initialisers import INITIALISERS
from harness.networks.mlp import Network, initial_mlp
from harness.overrides import Override
from harness.profiles.profile import PROFILES, Profile, System
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.criteria import CRITERIA, asks_for, saliencies
from harness.pruning.ranking import keep_largest
from harness.pruning.settings import Pruning
from harness.registry import RegistrationError, UnknownNameError, origin_of
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tests.evidence.processes import Ran, run_pytest

TREE = Path(__file__).resolve().parents[2]
EXAMPLES = TREE / "examples"
USAGE, OK = 4, 0


def cell_of(condition: str = TICKET, criterion: str = "magnitude", initialiser: str = "kaiming") -> Cell:
    e = Experiment(
        CartPole(horizon=50),
        BC(env_steps=128, passes=1),
        Network((8, 8), initialiser=initialiser),
        Pruning(0.5, levels=2, criterion=criterion),
        Evaluation(2, 2, 2),
    )
    return Cell(e, condition, (1, 2))


# Names


def one(weights: Any) -> Any:
    return weights


def other(weights: Any) -> Any:
    return weights


def power(exponent: float) -> Callable[[Any], Any]:
    def rule(weights: Any) -> Any:
        return [abs(weight) ** exponent for weight in weights]

    return rule


def with_default(exponent: float) -> Callable[..., Any]:
    def rule(weights: Any, masks: Any = exponent) -> Any:
        return weights

    return rule


def class_with(exponent: float) -> type:
    class Learner:
        @property
        def exponent(self) -> float:
            return exponent

    return Learner


class Bound:
    def rule(self, weights: Any) -> Any:
        return weights

    __call__ = rule


class TestNames:
    def test_built_in_and_registered_ones_stand_side_by_side(self, registered: None) -> None:
        register.criterion("mine")(one)
        assert list(CRITERIA) == ["magnitude", "random", "smallest-stay", "mine"]
        assert list(INITIALISERS) == ["kaiming", "he", "xavier"]

    def test_one_name_for_two_is_an_error_that_names_both(self, registered: None) -> None:
        register.criterion("mine")(one)
        register.criterion("mine")(one)  # as when its module is loaded twice
        with pytest.raises(
            RegistrationError, match=r"criterion 'mine' is registered twice: by .*\.one .*\.other "
        ) as caught:
            register.criterion("mine")(other)
        assert "\n" not in str(caught.value)
        with pytest.raises(RegistrationError, match="registered twice"):
            register.criterion("magnitude")(one)
        with pytest.raises(RegistrationError, match="have a system cart-pole ppo already"):
            register.learner("cart-pole", "ppo")(one)

    @pytest.mark.parametrize("name", ["", " ", "two words", "-n", "a,b", "a=b", "naïve", "a\nb"])
    def test_a_name_that_no_option_could_hold_is_refused(self, name: str, registered: None) -> None:
        with pytest.raises(RegistrationError, match="can't name a criterion"):
            register.criterion(name)(one)

    def test_an_unknown_name_is_told_the_known_ones(self) -> None:
        with pytest.raises(UnknownNameError, match="unknown criterion 'mine': it is one of magnitude, random"):
            CRITERIA["mine"]

    def test_what_has_no_source_is_refused(self, registered: None) -> None:
        made: dict[str, Any] = {"__name__": "nowhere"}
        exec("def rule(weights): return weights\nclass Learner: pass", made)
        for thing in (made["rule"], made["Learner"]):
            with pytest.raises(RegistrationError, match="no source file"):
                origin_of(thing)
        with pytest.raises(RegistrationError, match="no source file"):
            register.criterion("mine")(made["rule"])
        with pytest.raises(RegistrationError, match="is no function"):
            register.criterion("mine")(np.abs)

    @pytest.mark.parametrize(
        "thing",
        [
            power(0.5),
            with_default(0.5),
            class_with(0.5),
            functools.partial(one),
            functools.lru_cache(one),
            Bound().rule,
            Bound(),
        ],
        ids=["closure", "default", "class", "partial", "cache", "method", "object"],
    )
    def test_what_holds_values_that_no_file_shows_is_refused(self, thing: Any, registered: None) -> None:
        for registering in (register.criterion("mine"), register.learner("cart-pole", "mine")):
            with pytest.raises(RegistrationError, match="would not be in the fingerprint, so define it") as caught:
                registering(thing)
            assert "\n" not in str(caught.value)
        assert "mine" not in CRITERIA

    def test_a_class_made_in_a_function_may_be_a_dataclass_and_call_super(self) -> None:
        @dataclasses.dataclass(frozen=True)
        class Settings(PPO):
            more: int = 1

            def __post_init__(self) -> None:
                super().__post_init__()

        assert origin_of(Settings).file == Path(__file__).resolve()

    def test_a_criterion_can_ask_for_what_there_is_alone(self, registered: None) -> None:
        def rule(weights: Any, hessian: Any) -> Any:
            return weights

        with pytest.raises(RegistrationError, match="asks for hessian; what it can have is weights, gradients, masks"):
            register.criterion("mine")(rule)


# What they do


def layer(*values: float) -> np.ndarray:
    """One layer [1, 1, n] of one member."""
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


class TestCriteria:
    def test_gradient_times_weight_by_hand(self, registered: None) -> None:
        @register.criterion("gradient-times-weight")
        def rule(weights: Any, gradients: Any) -> Any:
            return [abs(gradient * weight) for gradient, weight in zip(gradients, weights, strict=True)]

        weights, gradients = [layer(1, -2), layer(3, 4)], [layer(-5, 1), layer(0, 1)]
        masks = [np.ones(w.shape, dtype=bool) for w in weights]
        found = saliencies("gradient-times-weight", weights, gradients, masks, [])
        assert [one.ravel().tolist() for one in found] == [[5, 2], [0, 4]]
        kept = keep_largest(found, masks, 2)
        assert [one.ravel().tolist() for one in kept] == [[True, False], [False, True]]
        assert asks_for("gradient-times-weight", "gradients")
        assert not asks_for("magnitude", "gradients")

    def test_negative_saliencies_are_ranked_too(self) -> None:
        ranks, masks = [layer(-1, -2, -3, 9)], [layer(1, 1, 1, 0).astype(bool)]
        assert keep_largest(ranks, masks, 2)[0].ravel().tolist() == [True, True, False, False]

    def test_random_keeps_any_weight_as_often_as_any_other(self) -> None:
        weights = [np.ones((1, 2, 5)), np.ones((1, 5, 2))]
        masks = [np.ones(w.shape, dtype=bool) for w in weights]
        counts = np.zeros(20)
        for level in range(400):
            kept = keep_largest(saliencies("random", weights, [], masks, streams([3], "t", level)), masks, 10)
            counts += np.concatenate([mask.ravel() for mask in kept])
        assert counts.sum() == 4000
        assert (abs(counts - 200) < 4.5 * 10).all()  # the standard deviation of a count is 10

    def test_members_draw_for_themselves(self) -> None:
        weights = [np.ones((2, 4, 4))]
        both = saliencies("random", weights, [], [], streams([3, 4], "t", 1))[0]
        alone = saliencies("random", [weights[0][:1]], [], [], streams([4], "t", 1))[0]
        np.testing.assert_array_equal(both[1], alone[0])

    def test_another_shape_than_the_weights_is_an_error(self, registered: None) -> None:
        @register.criterion("mine")
        def rule(weights: Any) -> Any:
            return [weight.sum(axis=2) for weight in weights]

        with pytest.raises(ValueError, match=r"'mine' gave layers of \[\(1, 1\)\] for weights of \[\(1, 1, 2\)"):
            saliencies("mine", [layer(1, 2)], [], [], [])


class TestInitialisers:
    def test_one_of_ones_own_draws_the_weights(self, registered: None) -> None:
        @register.initialiser("ones")
        def ones(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
            return np.full((fan_in, fan_out), 2.0)

        mlp = initial_mlp((3, 4, 2), streams([0, 1], "w0"), "ones", input_divisor=10)
        assert (mlp.weights[0] == np.float32(0.2)).all()
        assert (mlp.weights[1] == 2).all()
        assert mlp.weights[0].dtype == np.float32

    @pytest.mark.parametrize("drawn", [np.zeros((4, 3)), np.full((3, 4), np.nan), np.float64(0.5)])
    def test_one_that_does_not_fit_is_refused(
        self, drawn: Any, registered: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @register.initialiser("wrong")
        def wrong(rng: np.random.Generator, fan_in: int, fan_out: int) -> Any:
            return None

        monkeypatch.setitem(INITIALISERS._entries, "wrong", lambda rng, fan_in, fan_out: drawn)
        with pytest.raises(ValueError, match="initialiser 'wrong' gave"):
            initial_mlp((3, 4, 2), streams([0], "w0"), "wrong")


@pytest.fixture
def half_ppo(registered: None) -> str:
    @register.learner("cart-pole", "half-ppo", like="ppo")
    def half(ppo: PPO) -> PPO:
        return dataclasses.replace(ppo, env_steps=ppo.env_steps // 2)

    return "half-ppo"


class TestLearners:
    @pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
    def test_one_of_ones_own_has_the_budgets_of_the_one_it_is_like(self, profile: Profile, half_ppo: str) -> None:
        ppo, mine = (profile.experiment(System("cart-pole", name)) for name in ("ppo", half_ppo))
        assert mine.learner.env_steps == ppo.learner.env_steps // 2
        assert dataclasses.replace(mine, learner=ppo.learner) == ppo

    def test_it_is_like_the_tasks_first_where_nothing_else_is_said(self, registered: None) -> None:
        register.learner("cart-pole", "same")(one)
        smoke = PROFILES["smoke"]
        assert smoke.experiment(System("cart-pole", "same")) == smoke.experiment(System("cart-pole", "ppo"))

    def test_it_can_stand_where_the_profile_has_another(self, half_ppo: str) -> None:
        changed = with_changes("learner.ppo=half-ppo")
        assert changed.experiment(System("cart-pole", "ppo")) == changed.experiment(System("cart-pole", half_ppo))
        assert changed.experiment(System("cart-pole", "bc")) == PROFILES["smoke"].experiment(System("cart-pole", "bc"))

    def test_unknown_ones_are_told_the_known_ones(self, half_ppo: str) -> None:
        with pytest.raises(
            ValueError, match=r"no system cart-pole mine; it has .*cart-pole bc, .*, cart-pole half-ppo"
        ):
            PROFILES["smoke"].experiment(System("cart-pole", "mine"))

    def test_one_like_nothing_is_refused(self, registered: None) -> None:
        register.learner("cart-pole", "mine", like="nothing")(one)
        with pytest.raises(ValueError, match="no system cart-pole nothing to take a learner's budgets from"):
            PROFILES["smoke"].experiment(System("cart-pole", "mine"))


# Changes to a profile


def with_changes(*texts: str) -> Profile:
    return dataclasses.replace(PROFILES["smoke"], overrides=tuple(map(Override.parse, texts)))


class TestChanges:
    @pytest.mark.parametrize(
        ("text", "part", "field", "value"),
        [
            ("pruning.criterion=random", "pruning", "criterion", "random"),
            ("pruning.rate=0.25", "pruning", "rate", 0.25),
            ("network.hidden=8,4", "network", "hidden", (8, 4)),
            ("network.hidden=8-4", "network", "hidden", (8, 4)),
            ("evaluation.episodes=3", "evaluation", "episodes", 3),
            ("savings.stop_at_maximum=false", "savings", "stop_at_maximum", False),
            ("learner.clip = 0.1", "learner", "clip", 0.1),
            ("learner.clip_schedule=linear", "learner", "clip_schedule", "linear"),
            ("task.horizon=200", "task", "horizon", 200),
        ],
    )
    def test_one_field_takes_the_value_and_no_other_changes(self, text: str, part: str, field: str, value: Any) -> None:
        system = System("cart-pole", "ppo")
        before, after = PROFILES["smoke"].experiment(system), with_changes(text).experiment(system)
        assert getattr(getattr(after, part), field) == value
        part_after = dataclasses.replace(getattr(after, part), **{field: getattr(getattr(before, part), field)})
        assert dataclasses.replace(after, **{part: part_after}) == before

    def test_a_learner_without_the_field_stays(self) -> None:
        bc = System("cart-pole", "bc")
        assert with_changes("learner.clip=0.1").experiment(bc) == PROFILES["smoke"].experiment(bc)

    def test_what_a_claim_changes_itself_wins(self) -> None:
        changed = with_changes("network.input_divisor=7", "network.initialiser=he")
        divided = changed.experiment(System("cart-pole", "ppo", ("network.input_divisor=10",)))
        assert (divided.network.input_divisor, divided.network.initialiser) == (10, "he")
        assert (
            changed.experiment(System("cart-pole", "ppo", ("network.initialiser=xavier",))).network.initialiser
            == "xavier"
        )

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "PART.FIELD=VALUE"),
            ("pruning", "PART.FIELD=VALUE"),
            ("pruning.criterion", "PART.FIELD=VALUE"),
            ("pruning.criterion=", "PART.FIELD=VALUE"),
            ("=random", "PART.FIELD=VALUE"),
            ("criterion=random", "PART.FIELD=VALUE"),
            ("prunning.rate=1", "no part 'prunning': it has task, learner, network, pruning, evaluation, savings"),
            ("control.name=unmasked", "no part 'control'"),
            ("pruning.rates=0.1", "changes nothing here: the fields of pruning are rate, levels,"),
            ("learner.passes=2", "changes nothing here: the fields of learner are learning_rate, discount"),
            ("pruning.rate=much", "it is a number from 0 on"),
            ("pruning.rate=-0.1", "it is a number from 0 on"),
            ("pruning.rate=nan", "it is a number from 0 on"),
            ("pruning.levels=2.5", "it is a whole number from 1 on"),
            ("pruning.levels=0", "it is a whole number from 1 on"),
            ("pruning.levels=²", "it is a whole number from 1 on"),
            ("pruning.scope=critic", r"it is one of actor, actor\+critic"),
            ("savings.stop_at_maximum=no", "it is true or false"),
            ("network.hidden=8,x", "it is a whole number from 1 on, or several of them, as in 64-64"),
            ("learner.minibatches=7", "7 minibatches do not divide a rollout of 256 samples"),
            ("learner.ppo=mine", "has no system cart-pole mine"),
            ("pruning.rate=0.9", "pruning.rate=0.9 changes nothing here: each run selected has that value already"),
        ],
    )
    def test_what_can_not_be_meant_is_one_line(self, text: str, words: str) -> None:
        with pytest.raises(ValueError, match=words) as caught:
            with_changes(text).refuse_idle([System("cart-pole", "ppo")])
        assert "\n" not in str(caught.value)

    def test_a_field_that_all_runs_set_themselves_is_refused(self) -> None:
        short, long = (System("cart-pole", "ppo", (f"task.horizon={horizon}",)) for horizon in (200, 500))
        with pytest.raises(ValueError, match=r"task\.horizon=300 changes nothing here: .* or one of its own"):
            with_changes("task.horizon=300").refuse_idle([short, long])
        with_changes("task.horizon=300").refuse_idle([short, System("cart-pole", "ppo")])

    def test_changes_that_go_together_alone_are_not_idle(self) -> None:
        with_changes("learner.rollout=30", "learner.minibatches=5").refuse_idle([System("cart-pole", "ppo")])


# Ids and stored levels


class TestIds:
    def test_the_name_is_in_the_id_and_level_0_is_shared_by_all_that_leave_it_as_it_is(self, registered: None) -> None:
        @register.criterion("by-gradient")
        def rule(weights: Any, gradients: Any) -> Any:
            return gradients

        register.criterion("mine")(one)
        names = ("magnitude", "random", "mine", "by-gradient")
        for condition in CONDITIONS:
            cells = [cell_of(condition, name) for name in names]
            assert len({cell.id for cell in cells}) == 4
            assert all(name in json.dumps(cell.identity) for name, cell in zip(names, cells, strict=True))
        dense = [cell_of(DENSE, name).id for name in names]
        assert dense[0] == dense[1] == dense[2] != dense[3]  # the last keeps gradients

    def test_gradients_survive_storage_and_resume_with_the_same_bits(self, registered: None, tmp_path: Path) -> None:
        @register.criterion("by-gradient")
        def rule(weights: Any, gradients: Any) -> Any:
            return [abs(gradient) for gradient in gradients]

        plan = [cell_of(DENSE, "by-gradient"), cell_of(TICKET, "by-gradient")]
        store = Store(tmp_path)
        assert drain(plan, store).failed == {}
        dense = store.read(address(plan[0]), 0)
        assert dense
        assert any(gradient.any() for gradient in dense.gradients[ACTOR])
        again = from_bytes(to_bytes(dense))
        for before, after in zip(dense.gradients[ACTOR], again.gradients[ACTOR], strict=True):
            np.testing.assert_array_equal(before, after)
        cut = store.folder / "cells" / address(plan[1]).key / "level_02.npz"
        written = cut.read_bytes()
        cut.unlink()
        assert drain(plan, store).computed == [address(plan[1]).key]
        assert cut.read_bytes() == written

    def test_a_level_of_magnitude_pruning_holds_no_gradients(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        assert drain([cell_of(DENSE)], store).failed == {}
        (path,) = tmp_path.rglob("*.npz")
        assert not [name for name in np.load(path) if "gradient" in name]


# The fingerprint

RULE = '''
from . import maths
from {package}.more import twice
import numpy
from harness import register
from harness.learners.adam import adam_step


@register.criterion("mine")
def rule(weights):
    """Twice."""
    return [twice(maths.absolute(weight)) for weight in weights]


@register.initialiser("unused")
def unused(rng, fan_in, fan_out):
    return rng.normal(size=(fan_in, fan_out))
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None) -> Callable[..., Path]:
    """Writes and imports a package that registers the criterion "mine"; returns its folder."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "maths.py").write_text("def absolute(values):\n    return abs(values)\n")
        (folder / "more.py").write_text("def twice(values):\n    return 2 * values\n")
        (folder / "aside.py").write_text("x = 1\n")
        (folder / "rule.py").write_text(RULE.format(package=name))
        importlib.import_module(f"{name}.rule")
        return folder

    yield make
    for name in [name for name in sys.modules if name.startswith("own_package")]:
        del sys.modules[name]


class TestFingerprint:
    @staticmethod
    def parts(criterion: str = "mine", condition: str = TICKET) -> dict[str, dict[str, str]]:
        source_hash.forget()
        return engine_parts(cell_of(condition, criterion))

    def test_it_holds_the_rules_module_and_those_of_its_package_that_it_imports(self, package: Any) -> None:
        package("own_package_a")
        places = list(self.parts()["registered"])
        origin = "criterion own_package_a.rule.rule"
        assert places == [f"{origin}: own_package_a.{name}" for name in ("maths", "more", "rule")]

    def test_what_a_cell_does_not_use_changes_nothing_for_it(self, package: Any) -> None:
        before = self.parts("magnitude")
        package("own_package_a")
        assert self.parts("magnitude") == before
        assert "registered" not in before
        assert "registered" not in self.parts("mine", DENSE)  # level 0 is not pruned yet

    def test_what_it_imports_from_here_counts_and_the_public_names_do_not(self, package: Any) -> None:
        package("own_package_a")
        assert self.parts()["modules"] == self.parts("magnitude")["modules"]  # a student has that optimiser too
        assert "harness.register" not in self.parts()["modules"]

    @pytest.mark.parametrize(
        ("file", "before", "after", "stale"),
        [
            ("rule.py", '"""Twice."""', '"""Other words."""  # and a comment', False),
            ("rule.py", "twice(maths", "twice(2 * maths", True),
            ("maths.py", "abs(values)", "abs(values) ** 2", True),
            ("more.py", "2 *", "3 *", True),
            ("aside.py", "1", "2", False),
        ],
    )
    def test_only_an_edit_of_code_behind_it_makes_its_cells_stale(
        self, file: str, before: str, after: str, stale: bool, package: Any
    ) -> None:
        path = package("own_package_a") / file
        then = self.parts()
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
        assert (self.parts() != then) == stale

    def test_two_packages_that_give_one_name_are_told_apart(self, package: Any) -> None:
        seen = []
        for name in ("own_package_a", "own_package_b"):
            package(name)
            seen.append(self.parts()["registered"])
            CRITERIA._entries.pop("mine"), CRITERIA._origins.pop("mine")
            INITIALISERS._entries.pop("unused"), INITIALISERS._origins.pop("unused")
        assert not set(seen[0]) & set(seen[1])

    def test_the_module_that_registers_counts_beside_the_one_that_defines(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "own_defining.py").write_text("EXPONENT = 1\n\n\ndef rule(weights):\n    return weights\n")
        registrar = tmp_path / "own_registering.py"
        registrar.write_text(
            "import own_defining\nfrom harness import register\n\nown_defining.EXPONENT = 0.5\n"
            'register.criterion("apart")(own_defining.rule)\n'
        )
        importlib.import_module("own_registering")
        then = self.parts("apart")
        origin = "criterion own_defining.rule"
        assert list(then["registered"]) == [f"{origin}: own_defining", f"{origin}: own_registering"]
        registrar.write_text(registrar.read_text().replace("0.5", "2"))
        assert self.parts("apart") != then

    def test_all_that_a_task_and_a_learner_hold_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        head = "from dataclasses import dataclass\nfrom typing import Any\n"
        part = "\n\n@dataclass(frozen=True)\nclass Part:\n    size: int = 1\n"
        for name in ("own_wind", "own_schedule"):
            (tmp_path / f"{name}.py").write_text(head + part)
        (tmp_path / "own_task.py").write_text(
            f"from harness.tasks.cart_pole import CartPole\n{head}\n\n@dataclass(frozen=True)\n"
            "class Windy(CartPole):\n    winds: Any = ()\n"
        )
        (tmp_path / "own_learner.py").write_text(
            f"from harness.learners.bc import BC\n{head}\n\n@dataclass(frozen=True)\n"
            "class Scheduled(BC):\n    schedules: Any = ()\n"
        )
        (tmp_path / "own_settings.py").write_text(
            "from harness import register\n\n\n"
            '@register.learner("cart-pole", "scheduled", like="bc")\ndef settings(bc):\n'
            "    from own_learner import Scheduled\n\n    return Scheduled(**vars(bc))\n"
        )
        wind, schedule, task, learner, _ = map(
            importlib.import_module, ("own_wind", "own_schedule", "own_task", "own_learner", "own_settings")
        )
        e = Experiment(task.Windy(winds=[wind.Part()]), learner.Scheduled(schedules=((schedule.Part(),),)))
        source_hash.forget()
        assert sorted(engine_parts(Cell(e, TICKET, (1,)))["registered"]) == [
            "learner own_learner.Scheduled: own_learner",
            "learner own_schedule.Part: own_schedule",
            "task own_task.Windy: own_task",
            "task own_wind.Part: own_wind",
        ]

    def test_a_learner_of_ones_own_changes_nothing_for_the_others(self, half_ppo: str) -> None:
        assert "registered" not in self.parts("magnitude")

    def test_modules_beside_a_lone_one_count_as_well(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "own_maths_beside.py").write_text("def same(values):\n    return values\n")
        (tmp_path / "own_lone_rule.py").write_text(
            "from own_maths_beside import same\nfrom harness import register\n\n\n"
            '@register.criterion("lone")\ndef rule(weights):\n    return same(weights)\n'
        )
        importlib.import_module("own_lone_rule")
        assert [place.split(": ")[1] for place in self.parts("lone")["registered"]] == [
            "own_lone_rule",
            "own_maths_beside",
        ]


# From a folder of one's own


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the example's conftest.py in it, and nothing else."""
    folder = tmp_path_factory.mktemp("user") / "project"
    shutil.copytree(EXAMPLES / "gradient_times_weight", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


SMOKE = (
    "--claims-profile=smoke",
    "--claims-seeds=2",
    "--claims-set=pruning.levels=1",
    "-k",
    "cart-pole-bc",
    "--claim=ticket-effect",
)
RULE_ARG = "--claims-set=pruning.criterion=gradient-times-weight"


def evidence(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.suffix in (".npz", ".sha256")}


@pytest.fixture(scope="module")
def ran(own: Path) -> Ran:
    return run_pytest(own, "-n", "0", "-p", "pytester", *SMOKE, RULE_ARG)


def test_the_houses_claim_is_judged_with_the_users_rule(own: Path, ran: Ran) -> None:
    assert ran.code == OK, ran.text
    changed = "smoke with pruning.levels=1, pruning.criterion=gradient-times-weight"
    assert f"claims: profile {changed}, seeds 0 to 1," in ran.text
    assert f"ticket-effect at {changed}, judged on" in ran.text
    report = (own / ".claims" / "smoke" / "report.html").read_text()
    assert report.index("A changed experiment") < report.index("The board")
    assert "<code>pruning.criterion=gradient-times-weight</code>" in report
    summary = json.loads((own / ".claims" / "smoke" / "findings.json").read_text())
    assert summary["changes"] == ["pruning.levels=1", "pruning.criterion=gradient-times-weight"]
    (finding,) = summary["claims"][0]["findings"]
    assert finding["rerun"] == (
        "pytest -n auto --claims-profile smoke --claims-seeds 2 -p pytester --claims-set pruning.levels=1"
        " --claims-set pruning.criterion=gradient-times-weight"
        ' --claims-report=none --claim ticket-effect -k "test_ticket_beats_random[cart-pole-bc]"'
    )


def test_workers_find_the_same_rule(own: Path, ran: Ran, tmp_path: Path) -> None:
    """The same bits in the same places."""
    done = run_pytest(own, "-n", "2", *SMOKE, RULE_ARG, f"--claims-evidence={tmp_path}/e", "--claims-report=none")
    assert done.code == OK, done.text
    assert evidence(tmp_path / "e") == evidence(own / ".claims" / "evidence")
    assert len(evidence(tmp_path / "e")) == 2 * (1 + 4)


def test_another_rule_under_that_name_is_other_evidence(own: Path, ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    text = (own / "conftest.py").read_text()
    (tmp_path / "own" / "conftest.py").write_text(text.replace("abs(gradient * weight)", "abs(gradient)"))
    told = run_pytest(
        tmp_path / "own", "--claims-plan", *SMOKE, RULE_ARG, f"--claims-evidence={own / '.claims' / 'evidence'}"
    ).text.splitlines()
    waiting = next(line for line in told if line.startswith("not in the evidence yet"))
    assert waiting.split()[5] == "4"  # all conditions, but level 0 stays valid


def test_from_a_shell_a_module_named_by_p_does_as_well(own: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    shutil.copy(own / "conftest.py", tmp_path / "my_own_rule.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "my_own_rule", "-W", "error", "--claims-plan", *SMOKE, RULE_ARG],
        cwd=tmp_path / "own",
        env=environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == OK, done.stdout
    assert "by gradient-times-weight" in done.stdout
    assert "profile smoke with pruning.levels=1, pruning.criterion=gradient-times-weight:" in done.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            [RULE_ARG.replace("gradient-times", "gradent-times")],
            "one of magnitude, random, smallest-stay, gradient-times-weight",
        ),
        (["--claims-set", "pruning.rate=2"], "the pruning rate is between 0 and 1, not 2.0"),
        (["--claims-set", "nonsense", "-n", "2"], "PART.FIELD=VALUE"),
        (["--claims-set", "learner.clip=0.1", "-n", "2"], "learner.clip=0.1 changes nothing here"),
        (["--claims-set", "learner.batch=64", "-n", "2"], "learner.batch=64 changes nothing here"),
        (["--claim", "nonsense"], "there is no claim 'nonsense' here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_be_meant_is_one_line_before_any_training(
    own: Path, tmp_path: Path, args: list[str], words: str
) -> None:
    ran = run_pytest(own, *SMOKE, *args, f"--claims-evidence={tmp_path}/e", "--claims-report=none")
    assert ran.code == USAGE, ran.text
    (complaint,) = [line for line in ran.text.splitlines() if "error" in line.lower()]
    assert words in complaint
    assert "initialized" not in ran.text
    assert not list(tmp_path.rglob("*.npz"))


def test_changes_may_stand_in_pyproject_and_the_command_line_wins(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(own, folder, ignore=shutil.ignore_patterns(".claims", "__pycache__"))
    (folder / "pytest.ini").write_text("[pytest]\nset =\n  pruning.criterion=random\n  pruning.levels=2\n")
    said = run_pytest(folder, "--claims-list", RULE_ARG).text
    assert "with pruning.criterion=gradient-times-weight, pruning.levels=2, seeds" in said
    for path in SUITE_ROOT.glob("claims/test_*.py"):  # all of the house's can be named from here
        assert path.stem.removeprefix("test_").replace("_", "-") in said


def test_a_claim_of_ones_own_with_a_name_of_the_houses_is_the_one_meant(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(SUITE_ROOT / "claims" / "test_ticket_effect.py", folder / "tests" / "test_my_ticket_effect.py")
    said = run_pytest(folder, "--collect-only", "-q", *SMOKE).text
    assert "tests/test_my_ticket_effect.py::test_ticket_beats_random[cart-pole-bc]" in said
    assert "minimal-tickets" not in said


# The examples


def test_the_examples_learner_and_initialiser_are_judged(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(EXAMPLES / "own_learner", folder, ignore=shutil.ignore_patterns("__pycache__"))
    ran = run_pytest(
        folder, "-n", "0", "--claims-profile=smoke", "--claims-seeds=1", "--claims-set", "pruning.levels=1"
    )
    assert ran.code == OK, ran.text
    cells = [json.loads(path.read_text()) for path in folder.rglob("cell.json")]
    assert {cell["cell"]["experiment"]["learner"]["type"] for cell in cells} == {"conftest.AnnealedPPO"}
    assert {place for cell in cells for place in cell["engine"]["registered"]} == {
        "initialiser conftest.orthogonal: conftest",
        "learner conftest.AnnealedPPO: conftest",
    }
    changes = ["learner.ppo=annealed-ppo", "network.initialiser=orthogonal", "pruning.levels=1"]
    args = [
        "--claims-plan",
        "--claims-profile=smoke",
        "--claims-seeds=1",
        "--claim=ticket-effect",
        "-k",
        "cart-pole-ppo",
    ]
    again = run_pytest(folder, *args, *(f"--claims-set={change}" for change in changes))
    waiting = next(line for line in again.text.splitlines() if line.startswith("not in the evidence yet"))
    assert waiting.split()[5] == "0"  # the same experiment by options


def test_a_control_of_ones_own_breaks_the_houses_claim(tmp_path: Path) -> None:
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "conftest.py").write_text(
        "from harness import register\n"
        "from harness.controls import Control\n\n\n"
        '@register.control("mute")\n'
        "class Mute(Control):\n"
        '    """Every return is lost."""\n\n'
        "    def returns(self, returns, seeds):\n"
        "        return {name: 0 * held for name, held in returns.items()}\n"
    )
    ran = run_pytest(folder, "-n", "0", *SMOKE, "--claims-control=mute")
    assert ran.code == OK, ran.text
    assert "ticket-effect at smoke with pruning.levels=1, control mute" in ran.text
    assert not (folder / ".claims" / "evidence").exists()
    refused = run_pytest(folder, "-n", "0", *SMOKE, "--claims-control=mutr")
    assert refused.code == USAGE
    assert "one-initialiser, start-shuffled, larger-shuffled, smallest-shuffled, mute" in refused.text


def test_the_readme_shows_the_example_as_it_is() -> None:
    text = (EXAMPLES / "gradient_times_weight" / "conftest.py").read_text()
    assert text.strip() in (TREE / "README.md").read_text()
    assert len(text.splitlines()) < 30


def test_an_installation_has_all_claims_and_fixtures() -> None:
    named = tomllib.loads((TREE / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    globs = [TREE / pattern for patterns in named.values() for pattern in patterns]
    folders = {path.parent for name in ("claims", "fixtures") for path in (TREE / name).rglob("*.*") if path.is_file()}
    folders = {folder for folder in folders if "__pycache__" not in folder.parts}
    assert folders == {pattern.parent for pattern in globs}
    for place, patterns in named.items():
        for pattern in patterns:
            assert place == f"share/minimal-tickets/{Path(pattern).parent}"
