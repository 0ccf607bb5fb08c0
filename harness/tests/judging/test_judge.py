"""What the judge makes of numbers: findings that say what they could have seen, and why nothing is said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.experiment import Cell
from harness.judging.assay import DENSE_BAR, insensitive
from harness.judging.claim import Claim
from harness.judging.judge import RETURN_UNIT, Judge, JudgedTwiceError
from harness.judging.run import Run
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.results.schema import Finding
from harness.statistics import Censored, PerSeed, normalisation_error
from harness.tests.judging.made import EXPERT, RANDOM, Making, level_of, made_run, returns_of

NOISE = np.random.default_rng(5).normal(size=80)


def judge(runs: Sequence[Run] = (), gives_findings: bool = True) -> Judge:
    return Judge(Claim("a-claim", "0", "none", 1, "returns"), "it", "a.py::it", "It is so.", runs, "", gives_findings)


def found(method: str, *args: Any, runs: Sequence[Run] = (), gives_findings: bool = True, **kwargs: Any) -> Finding:
    held = judge(runs, gives_findings)
    getattr(held, method)(*args, **kwargs)
    assert held.finding is not None
    return held.finding


def difference(mean: float, spread: float, seeds: int, third: bool = False) -> PerSeed:
    """One condition less another, by seed, far from either end of the span; with a third one if asked for, which a
    sign-flip does not allow."""
    names = range(seeds)
    one = PerSeed.of("one", 0.5 + mean + spread * NOISE[:seeds], names)
    other = one - PerSeed.of("other", np.full(seeds, 0.5), names)
    return other + PerSeed.of("third", np.zeros(seeds), names) if third else other


def broken(at: float, seeds: int) -> Censored:
    """Break densities around `at`, the first few censored."""
    densities, last = at * np.exp(0.1 * NOISE[:seeds]), np.zeros(seeds, dtype=bool)
    last[:3] = True
    return Censored(densities, left=np.zeros(seeds, dtype=bool), right=last, falling=True)


def levels(values: np.ndarray) -> np.ndarray:
    """float[seeds, 2]"""
    return np.stack([values, values[::-1]], axis=1)


def wide(n: int) -> tuple[np.ndarray, np.ndarray]:
    return levels(2 * NOISE[:n]), levels(np.roll(NOISE, 7)[:n])


EVERY_METHOD: dict[str, tuple[str, Any]] = {
    "sign-flip": ("sign-flip", lambda n, **k: found("greater", difference(0.1, 0.1, n), min_effect=0.05, **k)),
    "contrast of three": (
        "guarded t",
        lambda n, **k: found("greater", difference(0.1, 0.1, n, third=True), min_effect=0.05, **k),
    ),
    "equivalent": ("guarded t", lambda n, **k: found("equivalent", difference(0.0, 0.1, n), margin=0.2, **k)),
    "non-inferior": ("guarded t", lambda n, **k: found("non_inferior", difference(0.0, 0.1, n), margin=0.2, **k)),
    "ranks": (
        "censored ranks",
        lambda n, **k: found("holds_out_longer", broken(0.1, n), broken(0.1, n), min_effect=0.1, **k),
    ),
    "spreads": (
        "swapped spreads",
        lambda n, **k: found("spreads_wider", *wide(n), min_effect=0.1, unit="returns", **k),
    ),
}


class TestEveryMethod:
    @pytest.mark.parametrize(("test", "judged"), EVERY_METHOD.values(), ids=list(EVERY_METHOD))
    def test_it_says_what_it_could_have_seen_and_sees_more_with_more_seeds(self, test: str, judged: Any) -> None:
        few, many = judged(16), judged(40)
        assert few.test == many.test == test
        assert few.detectable is not None
        assert 0 < many.detectable < few.detectable
        assert many.sample is not None and many.sample.effect == pytest.approx(many.effect)

    @pytest.mark.parametrize("judged", [judged for _, judged in EVERY_METHOD.values()], ids=list(EVERY_METHOD))
    def test_a_smoke_run_concludes_nothing(self, judged: Any) -> None:
        finding, smoke = judged(16), judged(16, gives_findings=False)
        assert (smoke.conclusion, smoke.test, smoke.sample) == ("smoke", "", None)
        assert (smoke.kind, smoke.unit, smoke.min_effect) == (finding.kind, finding.unit, finding.min_effect)

    def test_other_readings_are_judged_alike_and_not_counted(self) -> None:
        readings = {"against": difference(-0.3, 0.05, 20), "unsure": difference(0.0, 0.4, 20)}
        finding = found("greater", difference(0.2, 0.05, 20), min_effect=0.05, sensitivity=readings)
        assert finding.conclusion == "supported"
        assert {r.name: r.conclusion for r in finding.sensitivity} == {
            "against": "contradicted",
            "unsure": "underpowered",
        }
        assert [r.effect for r in finding.sensitivity] == [float(each.values.mean()) for each in readings.values()]

    @pytest.mark.parametrize(("mean", "conclusion"), [(0.15, "supported"), (0.0, "underpowered")])
    def test_that_it_is_even_greater_is_one_more_reading(self, mean: float, conclusion: str) -> None:
        kept = found("non_inferior", difference(mean, 0.1, 40), margin=0.2, greater_by=0.05, able=[], note="Told.")
        assert (kept.conclusion, kept.note) == ("supported", "Told.")
        assert [(one.name, one.conclusion, one.counts) for one in kept.sensitivity] == [
            ("whether it is greater", conclusion, False)
        ]
        smoke = found("non_inferior", difference(mean, 0.1, 40), margin=0.2, greater_by=0.05, gives_findings=False)
        assert not smoke.sensitivity

    def test_one_item_judges_one_hypothesis(self) -> None:
        held = judge()
        held.greater(difference(0.2, 0.05, 20), min_effect=0.05)
        with pytest.raises(JudgedTwiceError, match=r"a\.py::it"):
            held.greater(difference(0.2, 0.05, 20), min_effect=0.05)

    def test_a_value_that_is_no_number_is_named_with_its_seed_and_its_reading(self) -> None:
        bad = PerSeed.of("one", [0.5, np.nan, *[0.5] * 18], range(100, 120))
        good = PerSeed.of("one", [0.5] * 20, range(100, 120))
        for gives_findings in (True, False):
            with pytest.raises(ValueError, match=r"one.*seed 101"):
                judge(gives_findings=gives_findings).greater(bad, min_effect=0.05)
            with pytest.raises(ValueError, match=r"'other'.*seed 101"):
                judge(gives_findings=gives_findings).greater(good, min_effect=0.05, sensitivity={"other": bad})
        one, other = wide(20)
        other[3, 1] = np.inf
        with pytest.raises(ValueError, match=r"narrower.*4 of 20"):
            judge().spreads_wider(one, other, min_effect=0.1, unit="returns")


class TestSpan:
    """The span of one chain: of returns from a network without weights to the best expert, of anything else 0 to 1."""

    RUN = made_run(returns_of(1, 1, 1, 1), system=System("gridmaze", "dqn"))
    EFFECT = difference(0.0, 0.1, 20, third=True)

    @pytest.mark.parametrize(("method", "name"), [("greater", "min_effect"), ("non_inferior", "margin")])
    def test_it_is_the_tasks_for_returns_and_0_to_1_for_other_units(self, method: str, name: str) -> None:
        assert self.RUN.normalised_span[0] == pytest.approx(-0.354, abs=0.001)  # 0 points, of a random policy's 6.53
        assert 1.05 < self.RUN.normalised_span[1] < 1.5
        both = {"runs": [self.RUN], name: 0.2, **({} if method == "greater" else {"able": []})}
        bounds = {
            (unit, span): found(method, self.EFFECT, unit=unit, span=span, **both).lower
            for unit in (RETURN_UNIT, "share of inputs")
            for span in (None, self.RUN.normalised_span, (0.0, 1.0))
        }
        task, share = (bounds["share of inputs", span] for span in (self.RUN.normalised_span, (0.0, 1.0)))
        assert task < share  # one more seed at its worst is worse
        assert bounds[RETURN_UNIT, None] == bounds[RETURN_UNIT, self.RUN.normalised_span] == task
        assert bounds["share of inputs", None] == bounds[RETURN_UNIT, (0.0, 1.0)] == share

    def test_spreads_are_guarded_on_what_the_task_allows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given_spans = []
        monkeypatch.setattr(
            "harness.judging.calibrated.checked_spreads",
            lambda outcome, one, other, span: given_spans.append(span) or outcome,
        )
        found("spreads_wider", *wide(20), min_effect=0.1, unit="any", runs=[self.RUN])
        assert given_spans == [self.RUN.normalised_span]


class TestReadingsThatCount:
    """A conclusion must hold under every reading that the paper leaves open."""

    ABOVE, BELOW = difference(0.2, 0.05, 20), difference(-0.2, 0.05, 20)

    @pytest.mark.parametrize(("effect", "other"), [(ABOVE, BELOW), (BELOW, ABOVE)])
    def test_what_is_decided_otherwise_hangs_on_it_and_no_seeds_would_do(self, effect: PerSeed, other: PerSeed) -> None:
        readings = {"updates of cloning": other, "another": effect}
        finding = found("greater", effect, min_effect=0.05, hangs_on=readings, sensitivity={"aside": other})
        assert (finding.conclusion, finding.hangs_on) == ("underpowered", ("updates of cloning",))
        assert finding.reason.startswith("Hangs on: updates of cloning.")
        assert finding.seeds_needed is None

    def test_ranks_and_spreads_have_them_too(self) -> None:
        early, late = broken(0.3, 20), broken(0.01, 20)
        hanging = {"updates": (early, late)}
        assert found("holds_out_longer", late, early, min_effect=0.1, hangs_on=hanging).hangs_on == ("updates",)
        one, other = levels(4 * NOISE[:20]), levels(NOISE[20:40])
        readings: Any = {"min_effect": 0.1, "unit": "returns", "hangs_on": {"updates": (other, one)}}
        assert found("spreads_wider", one, other, **readings).hangs_on == ("updates",)


class TestShares:
    """Shares of seeds that say yes or no are judged by the exact paired test."""

    @staticmethod
    def shares(first: int, second: int, seeds: int = 20) -> PerSeed:
        one, other = (np.arange(seeds) < count for count in (first, second))
        return PerSeed.of("one", one, range(seeds)) - PerSeed.of("other", other, range(seeds))

    def test_none_of_20_and_none_of_20_are_alike(self) -> None:
        finding = found("greater", self.shares(0, 0), min_effect=0.25, shares=True)
        assert (finding.test, finding.conclusion) == ("paired shares", "equivalent")

    def test_a_difference_is_seen_either_way(self) -> None:
        for shares, conclusion in ((self.shares(9, 0), "supported"), (self.shares(0, 9), "contradicted")):
            assert found("greater", shares, min_effect=0.25, shares=True).conclusion == conclusion
        kept = found("non_inferior", self.shares(40, 40, 40), margin=0.1, shares=True, able=[])
        assert (kept.test, kept.conclusion) == ("paired shares", "supported")

    def test_other_contrasts_and_other_values_are_errors(self) -> None:
        for wrong in (2 * self.shares(3, 0), PerSeed.of("one", np.ones(20), range(20)), difference(0.1, 0.1, 20)):
            with pytest.raises(ValueError, match=r"compared|values 0 and 1"):
                found("greater", wrong, min_effect=0.25, shares=True)


class TestSeedsThatWouldDo:
    def test_too_few_seeds_see_nothing_and_it_is_said_how_many_would_do(self) -> None:
        finding = found("equivalent", difference(0.0, 0.1, 8), margin=0.2)
        assert (finding.conclusion, finding.refusal, finding.detectable) == ("underpowered", "few seeds", None)
        assert finding.seeds_needed is not None and finding.seeds_needed >= 15


# Assay sensitivity: whether no difference means anything


def nothing(seeds: int = 80) -> PerSeed:
    """No difference, and enough seeds for the guard."""
    values = 0.001 * np.cos(np.arange(seeds))
    return PerSeed.of("a", values, range(seeds)) - PerSeed.of("b", 0 * values, range(seeds))


def of_a_ticket(effect: float, dense: float = 1.0) -> Making:
    """The ticket's returns exceed those of all other conditions, which are 0.5, by `effect`."""

    def making(cell: Cell, level: int) -> Any:
        returns = dense if level == 0 else 0.5 + (effect if cell.condition == TICKET else 0.0)
        spread = 0.0 if level == 0 else 0.02 * np.roll(NOISE, CONDITIONS.index(cell.condition))[: len(cell.seeds)]
        return level_of(cell, RANDOM + (returns + spread) * (EXPERT - RANDOM))

    return making


PAIR = (TICKET, "mask/permuted")
LEARNER = {"bc": None, "ppo": System("cart-pole", "ppo")}


def run(effect: float, *conditions: str, dense: float = 1.0, learner: str = "bc") -> Run:
    return made_run(of_a_ticket(effect, dense), *(conditions or CONDITIONS), system=LEARNER[learner])


class TestAssay:
    def test_a_difference_could_be_seen_where_dense_agents_learn_and_tickets_win(self) -> None:
        assert insensitive([run(0.3)]) == ""
        assert insensitive([run(0.3, *PAIR), run(0.3)]) == ""
        assert insensitive([run(0.3, DENSE)]) == ""

    def test_dense_agents_must_have_reached_their_bar(self) -> None:
        assert insensitive([run(0.3, DENSE, dense=DENSE_BAR + 0.01)]) == ""
        assert "cart-pole bc" in insensitive([run(0.3, dense=DENSE_BAR - 0.01)])
        assert "0.10" in insensitive([run(0.3), run(0.3, DENSE, dense=0.1)])

    @pytest.mark.parametrize(("normalised", "reached"), [(0.94, True), (0.9, True), (0.87, False)])
    def test_the_bar_allows_for_the_error_of_the_references(self, normalised: float, reached: bool) -> None:
        """GridMaze's five experts return 25.0 on the average, with a standard error of 0.63, which is 0.034 of the
        distance to a random policy."""
        maze = PROFILES["scaled"]
        dense = made_run(lambda cell, level: level_of(cell, 0.0), DENSE, profile=maze, system=System("gridmaze", "dqn"))
        low, high = dense.reference.random, dense.reference.expert
        scores = low + normalised * (high - low)
        made = made_run(lambda cell, level: level_of(cell, scores), DENSE, profile=maze, system=dense.system)
        assert normalisation_error(1.0, dense.reference) == pytest.approx(0.034, abs=0.001)
        assert (insensitive([made]) == "") == reached

    def test_what_is_saved_in_training_makes_no_other_system(self) -> None:
        saving = made_run(of_a_ticket(0.3), *PAIR, system=System("cart-pole", "bc", ("savings.stop_at_maximum=false",)))
        assert insensitive([saving, run(0.3)]) == ""

    @pytest.mark.parametrize("effect", [0.0, 0.03, -0.3])
    def test_the_ticket_effect_must_be_supported(self, effect: float) -> None:
        assert "cart-pole bc" in insensitive([run(effect)])

    def test_what_is_pruned_needs_a_run_that_shows_the_ticket_effect_on_the_same_system(self) -> None:
        pair, able, other = run(0.3, *PAIR), run(0.3), run(0.3, learner="ppo")
        assert "assay=True" in insensitive([pair])
        assert "assay=True" in insensitive([pair, other])
        assert insensitive([pair, other, able]) == ""

    def test_a_reference_may_be_too_unsure_for_any_bar(self) -> None:
        """That of GridMaze's second layout, of five experts: 0.18."""
        maze = System("gridmaze-2", "dqn")
        made = made_run(lambda cell, level: level_of(cell, 50.0), DENSE, profile=PROFILES["scaled"], system=maze)
        assert "too unsure" in insensitive([made])

    @pytest.mark.parametrize("method", ["equivalent", "non_inferior"])
    def test_no_difference_is_refused_where_none_could_be_seen_and_asks_for_no_seeds(self, method: str) -> None:
        """All runs must be able, unless some are named."""
        able, poor = run(0.3), run(0.3, DENSE, dense=0.5)
        refused = found(method, nothing(), margin=0.1, runs=[able, poor])
        assert (refused.conclusion, refused.refusal, refused.seeds_needed) == ("underpowered", "insensitive", None)
        assert refused.refused in refused.reason
        assert found(method, nothing(), margin=0.1, runs=[poor, able], able=[able]).conclusion == "supported"
        assert found(method, nothing(), margin=0.1, runs=[able], able=[poor]).refusal == "insensitive"

    def test_a_difference_needs_no_assay(self) -> None:
        poor = run(0.3, DENSE, dense=0.5)
        assert found("greater", difference(0.2, 0.05, 20), min_effect=0.05, runs=[poor]).conclusion == "supported"
