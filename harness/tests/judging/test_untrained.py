"""What needs no learning is told as such: the untrained network, and findings that it gives already."""

import numpy as np
import pytest

from harness.controls import broken_by, control_of
from harness.experiment import Cell
from harness.judging.untrained import ABOVE, ALONE, FOLLOWS, excess, untrained_level
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
            for chained, once in zip(level.masks[ACTOR], made.masks[ACTOR], strict=True):
                np.testing.assert_array_equal(chained, once)
            for chained, once in zip(level.weights[ACTOR], made.weights[ACTOR], strict=True):
                np.testing.assert_array_equal(chained, once)

    def test_every_measure_of_masks_works_on_it_under_names_of_its_own(self) -> None:
        run = made_run(lambda cell, number: level_of(cell, kept=[64, 256, 32]))
        counts = (run.untrained.layer_densities() * [64, 256, 32]).sum(axis=2) / 352
        np.testing.assert_allclose(counts, np.tile(densities(run.experiment), (20, 1)))
        both = run.fan_in_gap(0.1) - run.untrained.fan_in_gap(0.1)
        assert both.conditions == ("cart-pole bc", "untrained cart-pole bc")
        assert np.ptp(run.untrained.input_magnitudes()[:, 0, :].sum(axis=1)) == pytest.approx(0, abs=1e-6)

    def test_it_has_no_returns(self) -> None:
        run = made_run(lambda cell, number: level_of(cell)).untrained
        assert np.isnan(run.normalised_returns()).all()


class TestFindings:
    @pytest.mark.parametrize(("alone", "follows"), [(0.73, True), (0.0, False), (-0.5, False)])
    def test_a_finding_that_the_untrained_network_gives_already_says_so(self, alone: float, follows: bool) -> None:
        finding = found("greater", gap("gap", 0.68), min_effect=0.05, unit="density", untrained=gap("w0", alone))
        assert finding.conclusion == "supported"
        assert finding.note.startswith(FOLLOWS) == follows
        assert {each.name: round(each.effect, 2) for each in finding.sensitivity} == {
            ABOVE: pytest.approx(0.68 - alone),
            ALONE: pytest.approx(alone),
        }

    def test_the_untrained_network_needs_no_spread_to_give_it(self) -> None:
        alone = PerSeed.of("w0", np.ones(20), NAMES)
        finding = found("greater", gap("gone", 0.7), min_effect=0.2, unit="share", untrained=alone)
        assert (finding.conclusion, finding.note[: len(FOLLOWS)]) == ("supported", FOLLOWS)

    def test_so_does_one_that_is_contradicted_for_how_weights_were_drawn(self) -> None:
        finding = found("equivalent", gap("gap", 0.6), margin=0.05, unit="density", untrained=gap("w0", 0.65))
        assert (finding.conclusion, finding.note[: len(FOLLOWS)]) == ("contradicted", FOLLOWS)

    @pytest.mark.parametrize(("more", "word"), [(0.06, "supported"), (-0.06, "contradicted"), (0.03, "equivalent")])
    def test_what_exceeds_it_need_not_survive_a_failure_that_it_cannot_have(self, more: float, word: str) -> None:
        """A chain that learned nothing has an excess of 0: with the span of all densities, no excess under 0.11 could
        be told from none by 20 seeds."""
        jitter = PerSeed.of("gap", 0.7 + more + NOISE[::-1] / 10, NAMES)
        learned = excess(jitter, PerSeed.of("w0", np.full(20, 0.7), NAMES))
        assert learned.conditions == (f"(gap) {ABOVE}",)
        assert learned.span is not None and 0 in np.clip(0, *learned.span)[None]
        finding = found("greater", learned, min_effect=0.05, unit="density")
        assert (finding.conclusion, finding.note) == (word, "")
