"""What a user registers: which names and which functions can be, and what they then do."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness import register
from harness.learners.ppo import PPO
from harness.networks.initialisers import INITIALISERS
from harness.overrides import Override
from harness.profiles.profile import PROFILES, Profile, System
from harness.pruning.criteria import CRITERIA, saliencies
from harness.pruning.ranking import keep_largest
from harness.registry import RegistrationError, UnknownNameError, origin_of
from harness.streams import streams
from harness.tests.networks.made import initial_mlp

pytestmark = pytest.mark.usefixtures("registered")


def one(weights: Any) -> Any:
    return weights


def other(weights: Any) -> Any:
    return weights


def closure(exponent: float) -> Callable[[Any], Any]:
    def rule(weights: Any) -> Any:
        return [abs(weight) ** exponent for weight in weights]

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
    def test_built_in_and_registered_ones_stand_side_by_side(self) -> None:
        register.criterion("mine")(one)
        assert list(CRITERIA) == ["magnitude", "random", "smallest-stay", "mine"]
        assert list(INITIALISERS) == ["kaiming", "he", "xavier"]

    def test_one_name_for_two_is_an_error_that_names_both(self) -> None:
        register.criterion("mine")(one)
        register.criterion("mine")(one)  # as when its module is loaded twice
        with pytest.raises(RegistrationError, match=r"'mine' .*\.one .*\.other ") as caught:
            register.criterion("mine")(other)
        assert "\n" not in str(caught.value)
        with pytest.raises(RegistrationError, match="magnitude"):
            register.criterion("magnitude")(one)
        with pytest.raises(RegistrationError, match="cart-pole ppo"):
            register.learner("cart-pole", "ppo")(one)

    @pytest.mark.parametrize("name", ["", " ", "two words", "-n", "a,b", "a=b", "naïve", "a\nb"])
    def test_a_name_that_no_option_could_hold_is_refused(self, name: str) -> None:
        with pytest.raises(RegistrationError) as caught:
            register.criterion(name)(one)
        assert repr(name) in str(caught.value)
        assert name not in CRITERIA

    def test_an_unknown_name_is_told_the_known_ones(self) -> None:
        with pytest.raises(UnknownNameError, match=r"'mine'.* magnitude, random"):
            CRITERIA["mine"]

    def test_what_has_no_source_is_refused(self) -> None:
        made: dict[str, Any] = {"__name__": "nowhere"}
        exec("def rule(weights): return weights\nclass Learner: pass", made)
        for thing in (made["rule"], made["Learner"]):
            with pytest.raises(RegistrationError, match="source file"):
                origin_of(thing)
        with pytest.raises(RegistrationError, match=r"nowhere\.rule"):
            register.criterion("mine")(made["rule"])

    @pytest.mark.parametrize(
        "thing",
        [
            *(closure(0.5), class_with(0.5)),
            *(functools.partial(one), functools.lru_cache(one), Bound().rule, Bound(), np.abs),
        ],
        ids=["closure", "class", "partial", "cache", "method", "object", "ufunc"],
    )
    def test_what_holds_values_that_no_file_shows_is_refused(self, thing: Any) -> None:
        for registering in (register.criterion("mine"), register.learner("cart-pole", "mine")):
            with pytest.raises(RegistrationError, match="fingerprint") as caught:
                registering(thing)
            assert "\n" not in str(caught.value)
        assert "mine" not in CRITERIA


def layer(*values: float) -> np.ndarray:
    """One layer [1, 1, n] of one member."""
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


class TestCriteria:
    def test_random_keeps_any_weight_as_often_as_any_other(self) -> None:
        weights = [np.ones((1, 2, 5)), np.ones((1, 5, 2))]
        masks = [np.ones(w.shape, dtype=bool) for w in weights]
        counts = np.zeros(20)
        for level in range(400):
            kept = keep_largest(saliencies("random", weights, [], masks, streams([3], "t", level)), masks, 10)
            counts += np.concatenate([mask.ravel() for mask in kept])
        assert counts.sum() == 4000
        assert (abs(counts - 200) < 4.5 * 10).all()  # the standard deviation of a count is 10

    def test_what_it_can_not_have_and_what_does_not_fit_are_errors_that_name_it(self) -> None:
        def asking(weights: Any, hessian: Any) -> Any:
            return weights

        @register.criterion("mine")
        def rule(weights: Any) -> Any:
            return [weight.sum(axis=2) for weight in weights]

        with pytest.raises(RegistrationError, match=r"hessian.* weights, gradients, masks"):
            register.criterion("asking")(asking)
        with pytest.raises(ValueError, match=r"'mine' .*\[\(1, 1\)\].*\[\(1, 1, 2\)"):
            saliencies("mine", [layer(1, 2)], [], [], [])


class TestInitialisers:
    def test_one_of_ones_own_draws_the_weights(self) -> None:
        @register.initialiser("twos")
        def twos(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
            return np.full((fan_in, fan_out), 2.0)

        mlp = initial_mlp((3, 4, 2), streams([0, 1], "w0"), initialiser="twos", input_divisor=10)
        assert (mlp.weights[0] == np.float32(0.2)).all()
        assert (mlp.weights[1] == 2).all()
        assert mlp.weights[0].dtype == np.float32

    @pytest.mark.parametrize("drawn", [np.zeros((4, 3)), np.full((3, 4), np.nan), np.float64(0.5)])
    def test_one_that_does_not_fit_is_refused(self, drawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(INITIALISERS._entries, "kaiming", lambda rng, fan_in, fan_out: drawn)
        with pytest.raises(ValueError, match="'kaiming'"):
            initial_mlp((3, 4, 2), streams([0], "w0"), initialiser="kaiming")


class TestLearners:
    @pytest.fixture
    def half_ppo(self) -> str:
        @register.learner("cart-pole", "half-ppo", like="ppo")
        def half(ppo: PPO) -> PPO:
            return dataclasses.replace(ppo, env_steps=ppo.env_steps // 2)

        return "half-ppo"

    @pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
    def test_one_of_ones_own_has_the_budgets_of_the_one_it_is_like(self, profile: Profile, half_ppo: str) -> None:
        ppo, mine = (profile.experiment(System("cart-pole", name)) for name in ("ppo", half_ppo))
        assert mine.learner.env_steps == ppo.learner.env_steps // 2
        assert dataclasses.replace(mine, learner=ppo.learner) == ppo

    def test_it_can_stand_where_the_profile_has_another(self, half_ppo: str) -> None:
        plain = PROFILES["smoke"]
        changed = dataclasses.replace(plain, overrides=(Override.parse("learner.ppo=half-ppo"),))
        assert changed.experiment(System("cart-pole", "ppo")) == plain.experiment(System("cart-pole", half_ppo))
        assert changed.experiment(System("cart-pole", "bc")) == plain.experiment(System("cart-pole", "bc"))

    def test_unknown_ones_are_told_the_known_ones(self, half_ppo: str) -> None:
        with pytest.raises(ValueError, match=r"cart-pole mine.*cart-pole bc, .*, cart-pole half-ppo"):
            PROFILES["smoke"].experiment(System("cart-pole", "mine"))
        register.learner("cart-pole", "mine", like="nothing")(one)
        with pytest.raises(ValueError, match="cart-pole nothing"):
            PROFILES["smoke"].experiment(System("cart-pole", "mine"))
