"""What a claim measures on a run, and what its judge and its chart make of that: on levels made by hand."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest

from harness.evidence.store import Address, Store
from harness.experiment import Cell
from harness.judging.claim import Claim
from harness.judging.figures import Figure, figure
from harness.judging.judge import Judge
from harness.judging.run import Run, Scene
from harness.learners.protocol import ACTOR
from harness.networks.mlp import Mlp
from harness.profiles.profile import PROFILES, System
from harness.profiles.readings import READINGS
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.layout import layer_sizes
from harness.pruning.level import Level
from harness.results.schema import Finding
from harness.statistics import PerSeed

PROFILE = dataclasses.replace(PROFILES["smoke"], name="by hand", seeds=20, gives_findings=True)
SEEDS = np.arange(20)
EXPERT, RANDOM = 499.96975, 25.34  # fixtures/references/cart-pole-500.json
Scores = Callable[[Cell, int], np.ndarray]


@dataclass
class Made:
    """A store whose levels are made when they are read. scores: float[members] for a cell and a level."""

    scores: Scores
    kept: Callable[[int], Sequence[int]] = lambda level: (64, 256, 32)
    """Weights left in each layer of the actor, of 64, 256 and 32."""

    def read(self, where: Address, number: int) -> Level:
        cell = where.cell
        assert number in cell.levels
        sizes = layer_sizes(cell.experiment)[ACTOR]
        members = len(cell.seeds)
        masks = [np.zeros((members, a, b), dtype=bool) for a, b in pairwise(sizes)]
        for mask, count in zip(masks, self.kept(number), strict=True):
            mask.reshape(members, -1)[:, :count] = True
        biases = [np.zeros((members, 1, mask.shape[2])) for mask in masks]
        evaluations = np.tile([100.0 + number, np.nan], (members, 1))
        evaluations[1:, 1] = 200.0
        scores = np.tile(self.scores(cell, number)[:, None], (1, 8))
        mlp = Mlp.of([mask.astype(float) for mask in masks], biases)
        return Level({ACTOR: masks}, {ACTOR: mlp}, scores, evaluations, np.ones(members))

    def cpu_seconds(self, where: Address) -> float:
        return 1.0


def returns_of(*normalised: float) -> Scores:
    """Per level a normalised return, of all seeds."""
    return lambda cell, level: np.full(len(cell.seeds), RANDOM + normalised[level] * (EXPERT - RANDOM))


def run_of(
    scores: Scores, conditions: Sequence[str] = (TICKET,), made: dict[str, Any] | None = None, **more: Any
) -> Run:
    system = System("cart-pole", more.pop("learner", "bc"), tuple(more.pop("changes", ())))
    store = cast(Store, Made(scores, **(made or {})))
    return Run(system, tuple(conditions), **more).bind(Scene(PROFILE, 0, store))


class TestMeasures:
    def test_dense_is_the_normalised_return_of_level_0_alone(self) -> None:
        dense = run_of(returns_of(0.9, 0.1, 0.1, 0.1)).dense()
        np.testing.assert_allclose(dense.values, 0.9)
        assert (str(dense), dense.seeds) == ("cart-pole bc", tuple(range(20)))
        np.testing.assert_allclose(run_of(returns_of(0.9), [DENSE]).dense().values, 0.9)

    def test_twice_the_seeds_are_measured_in_the_order_of_the_seeds(self) -> None:
        run = run_of(lambda cell, level: np.array(cell.seeds, dtype=float), [DENSE], times=2)
        assert run.dense_returns().tolist() == list(range(40))
        assert run.dense().seeds == run.seeds == tuple(range(40))

    def test_dense_runs_of_two_systems_on_one_task_can_be_compared(self) -> None:
        narrowed = run_of(returns_of(0.8), [DENSE], changes=["task.inputs=pole angle"])
        difference = narrowed.dense() - run_of(returns_of(0.9), [DENSE]).dense()
        assert difference.is_pair
        np.testing.assert_allclose(difference.values, -0.1)

    def test_a_member_that_stopped_stays_at_the_maximum(self) -> None:
        evaluations = run_of(returns_of(1, 1, 1, 1)).evaluations()
        assert evaluations.shape == (20, 2)
        assert evaluations[0].tolist() == [100, 500]
        assert (evaluations[1:] == [100, 200]).all()

    def test_normalised_returns_are_0_for_random_and_1_for_the_expert(self) -> None:
        run = run_of(lambda cell, level: np.where(SEEDS % 2, EXPERT, RANDOM) + 0.0 * level)
        np.testing.assert_allclose(run.normalised_returns()[:4], [[0, 0, 0, 0], [1, 1, 1, 1]] * 2)

    def test_layer_densities_are_counted_and_their_gap_is_at_the_density_asked_for(self) -> None:
        """4-16-16-2: a fan-in of 4 against 16. Levels at densities of 1, 0.1, 0.01 and 0.001."""
        kept = {"kept": lambda level: [(64, 256, 32), (32, 64, 8), (16, 0, 0), (0, 0, 8)][level]}
        run = run_of(returns_of(1, 1, 1, 1), made=kept)
        np.testing.assert_allclose(
            run.layer_densities()[7], [[1, 1, 1], [1 / 2, 1 / 4, 1 / 4], [1 / 4, 0, 0], [0, 0, 1 / 4]]
        )
        gaps = [0, 1 / 2 - 72 / 288, 1 / 4, -8 / 288]
        np.testing.assert_allclose(run.fan_in_gap(0.1).values, gaps[1])
        np.testing.assert_allclose(run.fan_in_gap(0.05).values, gaps[2])
        np.testing.assert_allclose(run.fan_in_gap().values, np.mean(gaps[1:]))


# The judge


def judged(kind: str, effect: PerSeed, runs: Sequence[Run], figure: Figure = "returns", **more: Any) -> Finding:
    judge = Judge(Claim("made", "0", "none", 1, figure), "it", "made::it", "It is so.", runs, "pytest", True)
    getattr(judge, kind)(effect, margin=0.1, **more)
    assert judge.finding is not None
    return judge.finding


def nothing(seeds: int = 80) -> PerSeed:
    """No difference, and enough seeds for the guard."""
    values = 0.001 * np.cos(np.arange(seeds))
    return PerSeed.of("a", values, range(seeds)) - PerSeed.of("b", 0 * values, range(seeds))


def of_a_ticket_that(helps: bool) -> Scores:
    """All conditions alike, unless the ticket helps; dense learning is perfect."""

    def scores(cell: Cell, level: int) -> np.ndarray:
        level_of_it = 1.0 if level == 0 or (helps and cell.condition == TICKET) else 0.5
        return RANDOM + (level_of_it - 0.001 * (SEEDS % 3)) * (EXPERT - RANDOM)

    return scores


KINDS = pytest.mark.parametrize("kind", ["equivalent", "non_inferior"])


@KINDS
class TestAble:
    def test_no_difference_counts_where_one_could_be_seen(self, kind: str) -> None:
        pair, able = (run_of(of_a_ticket_that(True), shown) for shown in ([TICKET, "mask/permuted"], CONDITIONS))
        assert judged(kind, nothing(), [pair, able]).conclusion == "supported"
        finding = judged(kind, nothing(), [pair])
        assert finding.conclusion == "underpowered"
        assert "no run shows the ticket effect on cart-pole bc" in finding.reason

    def test_all_runs_must_be_able_unless_some_are_named(self, kind: str) -> None:
        able, poor = run_of(returns_of(1), [DENSE]), run_of(returns_of(0.9), [DENSE])
        finding = judged(kind, nothing(), [poor, able])
        assert finding.conclusion == "underpowered"
        assert "cart-pole bc reached a normalised return of 0.90 when dense, under 0.95" in finding.reason
        assert judged(kind, nothing(), [poor, able], able=[able]).conclusion == "supported"
        assert judged(kind, nothing(), [able], able=[poor]).conclusion == "underpowered"

    def test_the_ticket_effect_must_be_supported_where_it_is_measured(self, kind: str) -> None:
        pair = run_of(of_a_ticket_that(False), [TICKET, "mask/permuted"])
        for helps in (True, False):
            able = run_of(of_a_ticket_that(helps), CONDITIONS)
            finding = judged(kind, nothing(), [pair, able], able=[pair, able])
            assert finding.conclusion == ("supported" if helps else "underpowered")
            assert ("the ticket effect is not supported on cart-pole bc" in finding.reason) == (not helps)


# Charts


class TestFigures:
    def test_layers_are_named_from_the_input_on_and_drawn_by_run(self) -> None:
        kept = {"kept": lambda level: [(64, 256, 32), (32, 64, 8), (16, 0, 0), (0, 0, 8)][level]}
        runs = [run_of(returns_of(1, 1, 1, 1), made=kept, learner="ppo", label=label) for label in ("one", "other")]
        chart = figure("layers", runs)
        assert chart["kind"] == "layers"
        assert chart["names"] == ["input layer", "hidden layer 2", "output layer"]
        assert [series["label"] for series in chart["series"]] == ["one", "other"]
        values = np.array(chart["series"][1]["values"])
        assert values.shape == (4, 20, 3)
        assert values[1, 3].tolist() == [0.5, 0.25, 0.25]
        np.testing.assert_allclose(chart["series"][0]["density"], runs[0].densities)

    def test_learning_is_drawn_over_the_env_steps_of_level_0(self) -> None:
        runs = [run_of(returns_of(1), [DENSE], label=label) for label in ("some", "every")]
        chart = figure("learning", runs)
        assert (chart["kind"], chart["title"]) == ("learning", "Cart-Pole BC, dense")
        assert [series["label"] for series in chart["series"]] == ["some", "every"]
        assert chart["series"][0]["env_steps"] == [256, 512]
        assert np.array(chart["series"][0]["values"]).shape == (2, 20)
        assert [row[0] for row in chart["series"][0]["values"]] == [100, 500]
        assert chart["references"] == pytest.approx({"expert": EXPERT, "random": RANDOM})

    def test_sizes_are_drawn_over_the_numbers_of_weights_that_are_left(self) -> None:
        """4-8-8-2 has 112 weights, 4-16-16-2 has 352; nine tenths go at each of three levels."""
        conditions = (TICKET, "permuted/permuted")
        runs = [
            run_of(returns_of(1, 0.5, 0.2, 0), conditions, changes=[f"network.hidden={h}"]) for h in ("8-8", "16-16")
        ]
        chart = figure("sizes", runs)
        assert (chart["kind"], chart["title"], chart["unit"]) == ("sizes", "Cart-Pole BC", "scored return")
        assert [series["label"] for series in chart["series"]] == [
            *("8-8, mask/weights", "8-8, permuted/permuted"),
            *("16-16, mask/weights", "16-16, permuted/permuted"),
        ]
        assert [(series["size"], series["condition"]) for series in chart["series"]][1:3] == [
            ("8-8", "permuted/permuted"),
            ("16-16", TICKET),
        ]
        assert [series["weights"] for series in chart["series"]] == 2 * [[112, 11, 1, 1]] + 2 * [[352, 35, 4, 1]]
        for series, run in zip(chart["series"], np.repeat(np.array(runs, dtype=object), 2), strict=True):
            np.testing.assert_allclose(series["density"], run.densities)
            np.testing.assert_allclose(np.array(series["weights"]) / series["weights"][0], run.densities)
        values = np.array(chart["series"][0]["values"])
        assert values.shape == (4, 20)
        assert values[1] == pytest.approx(RANDOM + 0.5 * (EXPERT - RANDOM), abs=0.01)
        assert chart["references"] == pytest.approx({"expert": EXPERT, "random": RANDOM})

    def test_a_chart_of_returns_tells_what_its_series_do_not_share(self) -> None:
        def labels(*runs: Run) -> list[str]:
            return [series["label"] for series in figure("returns", runs)["series"]]

        def run(label: str, *conditions: str) -> Run:
            return run_of(returns_of(1, 1, 1, 1), conditions, label=label)

        assert labels(run("one", TICKET, "random/re-init")) == [TICKET, "random/re-init"]
        assert labels(run("BC", TICKET), run("PPO", TICKET)) == ["BC", "PPO"]
        to_start = run("rewound to 0", TICKET, "random/re-init")
        later = [run(f"rewound to {share} %", TICKET) for share in (2, 8, 80)]
        assert labels(to_start, *later) == [
            *("rewound to 0", "random/re-init"),
            *("rewound to 2 %", "rewound to 8 %", "rewound to 80 %"),
        ]
        assert labels(run("A", TICKET, "random/re-init"), run("B", TICKET, "random/re-init")) == [
            *("A, mask/weights", "A, random/re-init", "B, mask/weights", "B, random/re-init")
        ]

    def test_a_chart_says_which_return_it_is_of(self) -> None:
        run = run_of(returns_of(1, 1, 1, 1))
        other = dataclasses.replace(PROFILE, overrides=(READINGS["judged"].override,))
        assert figure("returns", [run])["unit"] == "scored return"
        assert figure("returns", [run.bind(Scene(other, 0, run.bound.store))])["unit"] == "best evaluation"

    def test_a_finding_holds_the_chart_that_its_claim_names(self) -> None:
        run = run_of(returns_of(1), [DENSE])
        finding = judged("equivalent", nothing(), [run], "learning")
        assert finding.chart is not None and finding.chart["kind"] == "learning"


def test_the_area_at_the_end_is_of_the_last_evaluation_and_a_member_that_stopped_stays_at_the_maximum() -> None:
    run = Run(System("cart-pole", "ppo"), (TICKET,)).bind(
        Scene(PROFILE, 0, cast(Store, Made(returns_of(0.0, 0.0, 0.0, 0.0))))
    )
    found = run.area_at_end().values
    np.testing.assert_allclose(found[0], (500 - RANDOM) / (EXPERT - RANDOM))
    np.testing.assert_allclose(found[1:], (200 - RANDOM) / (EXPERT - RANDOM))
