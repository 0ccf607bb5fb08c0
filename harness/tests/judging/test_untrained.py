"""What needs no learning is told as such: the untrained network, and findings that it gives already."""

from itertools import permutations

import numpy as np
import pytest

from harness.controls import broken_by, control_of
from harness.experiment import Cell
from harness.judging.untrained import ABOVE, ALONE, FOLLOWS, IN_PART, excess, untrained_level
from harness.learners.protocol import ACTOR
from harness.profiles.profile import System
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.prunable import densities
from harness.statistics import PerSeed
from harness.tests.controls.test_controls import SEEDS, TINY
from harness.tests.judging.made import level_of, made_run
from harness.tests.judging.test_judge import found

NAMES = range(20)
NOISE = 0.01 * np.random.default_rng(1).standard_normal(20)


def gap(name: str, mean: float) -> PerSeed:
    return PerSeed.of(name, mean + NOISE, NAMES)


class TestTheUntrainedNetwork:
    @pytest.mark.parametrize("overrides", [(), ("network.input_divisor=10",), ("pruning.outputs=false",)])
    def test_it_is_what_a_chain_keeps_that_learns_nothing(self, overrides: tuple[str, ...]) -> None:
        e = broken_by("no-learning", TINY).experiment(System("cart-pole", "ppo", overrides))
        control = control_of(e)
        level = run_level(Cell(e, DENSE, SEEDS), 0, None, control=control)
        for number in (1, 2):
            level = run_level(Cell(e, TICKET, SEEDS), number, level, control=control)
            made = untrained_level(e, SEEDS, number)
            assert made.masks[ACTOR].layout == made.trained[ACTOR].layout == level.masks[ACTOR].layout
            np.testing.assert_array_equal(level.masks[ACTOR].flat, made.masks[ACTOR].flat)
            for chained, once in zip(level.trained[ACTOR].weights, made.trained[ACTOR].weights, strict=True):
                np.testing.assert_array_equal(chained, once)

    def test_every_measure_of_masks_works_on_it_under_names_of_its_own(self) -> None:
        run = made_run(lambda cell, number: level_of(cell, kept=[64, 256, 32]))
        counts = (run.untrained.layer_densities() * [64, 256, 32]).sum(axis=2) / 352
        np.testing.assert_allclose(counts, np.tile(densities(run.experiment), (20, 1)))
        both = run.fan_in_gap(0.1) - run.untrained.fan_in_gap(0.1)
        assert both.conditions == ("cart-pole bc", "untrained cart-pole bc")
        assert np.ptp(run.untrained.input_magnitudes()[:, 0, :].sum(axis=1)) == pytest.approx(0, abs=1e-6)

    def test_layers_are_as_far_apart_as_the_weights_that_are_left_allow(self) -> None:
        run = made_run(lambda cell, number: level_of(cell, kept=[64, 256, 32]))
        spans = [run.layer_gap_span(*each, 0.1) for each in permutations(("input layer", "output layer"))]
        assert run.weights_left[1] == 35  # of 64 + 256 + 32
        assert spans == [(-1.0, 35 / 64), (-35 / 64, 1.0)]
        assert run.layer_gap_span("output layer", "input layer")[0] == pytest.approx(-run.weights_left[1:].mean() / 64)

    def test_it_has_no_returns(self) -> None:
        run = made_run(lambda cell, number: level_of(cell)).untrained
        assert np.isnan(run.normalised_returns()).all()


class TestFindings:
    @pytest.mark.parametrize(
        ("alone", "begins"),
        [
            (0.73, FOLLOWS),
            (0.65, FOLLOWS),  # 0.03 above it is not shown
            (0.1, f"{IN_PART}: {ALONE} gives +0.1 of +0.68."),
            (0.0, ""),
            (-0.5, ""),
        ],
    )
    def test_a_finding_that_the_untrained_network_gives_already_says_so(self, alone: float, begins: str) -> None:
        finding = found("greater", gap("gap", 0.68), min_effect=0.05, unit="density", untrained=gap("w0", alone))
        assert finding.conclusion == "supported"
        assert finding.note.startswith(begins) and bool(finding.note) == bool(begins)
        assert {each.name: round(each.effect, 2) for each in finding.sensitivity} == {
            ABOVE: pytest.approx(0.68 - alone),
            ALONE: pytest.approx(alone),
        }

    @pytest.mark.parametrize(
        ("effect", "alone", "begins"), [(0.6, 0.65, FOLLOWS), (0.9, 0.2, IN_PART), (0.6, -0.65, "")]
    )
    def test_so_does_one_that_is_contradicted_for_how_weights_were_drawn(
        self, effect: float, alone: float, begins: str
    ) -> None:
        finding = found("equivalent", gap("gap", effect), margin=0.05, unit="density", untrained=gap("w0", alone))
        assert finding.conclusion == "contradicted"
        assert finding.note.startswith(begins) and bool(finding.note) == bool(begins)

    @pytest.mark.parametrize(("drawn", "begins"), [(20, FOLLOWS), (10, IN_PART), (0, "")])
    def test_so_does_one_on_shares_of_seeds(self, drawn: int, begins: str) -> None:
        none = PerSeed.of("none", np.zeros(20), NAMES)
        empty, alone = (PerSeed.of(f"first {count}", np.arange(20) < count, NAMES) for count in (20, drawn))
        finding = found("greater", empty - none, min_effect=0.2, unit="share", shares=True, untrained=alone - none)
        assert (finding.test, finding.conclusion) == ("paired shares", "supported")
        assert finding.note.startswith(begins) and bool(finding.note) == bool(begins)

    def test_an_excess_can_be_all_that_its_quantity_can_less_what_is_known_exactly(self) -> None:
        drawn = PerSeed.of("w0", np.full(20, 0.7), NAMES)
        of_one, of_two = (excess(each, drawn) for each in (gap("a", 0.8), gap("a", 0.8) - gap("b", 0.1)))
        assert of_one.conditions == (f"(a) {ABOVE}",)
        assert of_one.span == pytest.approx((-0.7, 0.3))
        assert of_two.span == pytest.approx((-1.7, 0.3))
        assert excess(gap("a", 0.8), drawn, (-0.1, 1.0)).span == pytest.approx((-0.8, 0.3))

    @pytest.mark.parametrize(
        ("more", "at_least", "word"),
        [
            (0.2, 0.05, "supported"),
            (-0.2, 0.05, "contradicted"),
            (0.06, 0.05, "underpowered"),
            (0.0, 0.11, "equivalent"),
        ],
    )
    def test_what_exceeds_it_must_survive_a_chain_that_keeps_something_else(
        self, more: float, at_least: float, word: str
    ) -> None:
        """A failing chain may keep anything: 20 seeds, though all alike, tell no excess of a share under 0.1."""
        jitter = PerSeed.of("gap", 0.7 + more + NOISE[::-1] / 10, NAMES)
        learned = excess(jitter, PerSeed.of("w0", np.full(20, 0.7), NAMES))
        finding = found("greater", learned, min_effect=at_least, unit="density")
        assert (finding.conclusion, finding.note) == (word, "")
