"""What a claim's test asks of its numbers, found on planted chains before anything is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.evidence.store import Store
from harness.judging.chains import Scene
from harness.judging.claim import Claim
from harness.judging.dry_run import SD, PlannedFinding, planned
from harness.judging.judge import Judge
from harness.judging.run import Run
from harness.profiles.profile import System
from harness.pruning.conditions import CONDITIONS
from harness.statistics.power import guard_floor
from harness.tests.controls import planted as synthetic

RUN = Run(System("cart-pole", "ppo"), CONDITIONS)
LOW = 0.0335
"""How far a network without weights returns below a random policy on Cart-Pole, in normalised return."""


def asked(test: Callable[..., None], run: Run = RUN, seeds: int = 20) -> PlannedFinding | str | None:
    judge = Judge(Claim("a-claim", "0", "none", 1, "returns"), "it", "a.py::it", "It is so.", [run], "", True)
    scene = Scene(synthetic.profile(seeds=seeds), 0, Store(Path("no evidence")))
    return planned(judge, test, {"run": run}, scene)


def known(test: Callable[..., None], seeds: int = 20) -> PlannedFinding:
    found = asked(test, seeds=seeds)
    assert isinstance(found, PlannedFinding)
    return found


def three(run: Run, judge: Judge) -> None:
    area = run.area()
    judge.greater(area.mask_part - area.weights_part, min_effect=0.3)


def pair(run: Run, judge: Judge) -> None:
    judge.greater(run.area().ticket_effect, min_effect=0.05)


def alike(run: Run, judge: Judge) -> None:
    judge.equivalent(run.area().weights_part, margin=0.1)


def learning(run: Run, judge: Judge) -> None:
    judge.non_inferior(run.dense() - run.dense().prefixed("other "), margin=0.1)


def share(run: Run, judge: Judge) -> None:
    judge.greater(run.met_reward() - run.met_reward().prefixed("other "), min_effect=0.3, shares=True)


def one(run: Run, judge: Judge) -> None:
    judge.greater(run.met_reward(), min_effect=0.2, unit="share")


def ranks(run: Run, judge: Judge) -> None:
    judge.holds_out_longer(run.break_density(), run.break_density("random/re-init"), min_effect=0.2)


def spreads(run: Run, judge: Judge) -> None:
    judge.spreads_wider(run.normalised_returns(), run.normalised_returns(), min_effect=0.1, unit="any")


EXPECTED: dict[str, tuple[Any, str, str, float]] = {
    # from the expert's return down, which moves the contrast furthest by its double weight
    "three conditions": (three, "greater", "guarded t", 2 + 2 * LOW),
    "a pair": (pair, "greater", "sign-flip", 0.0),
    "no difference": (alike, "equivalent", "guarded t", 1 + LOW),
    "dense agents": (learning, "non-inferior", "guarded t", 1 + LOW),
    "shares": (share, "greater", "paired shares", 0.0),
    "one condition lies where it is asked to": (one, "greater", "guarded t", 0.2),
    "ranks": (ranks, "greater", "censored ranks", 0.0),
    "spreads": (spreads, "greater", "swapped spreads", 1 + LOW),
}


@pytest.mark.parametrize(("test", "kind", "chosen", "reach"), EXPECTED.values(), ids=EXPECTED)
def test_kind_test_seeds_and_reach_follow_from_the_one_call_of_the_judge(
    test: Any, kind: str, chosen: str, reach: float
) -> None:
    found = known(test, seeds=23)
    assert (found.claim, found.name, found.kind, found.test, found.n) == ("a-claim", "it", kind, chosen, 23)
    assert found.reach == pytest.approx(reach, abs=0.001)


def test_more_than_its_weights_make_a_contrast_noisier() -> None:
    contrast, difference = known(three), known(pair)
    assert (contrast.sd, difference.sd) == pytest.approx((SD * 6**0.5, SD * 2**0.5))
    assert contrast.seeds is not None and contrast.fewest is not None
    assert contrast.seeds >= contrast.fewest


def test_what_no_sample_could_support_is_told_with_the_seeds_that_would_do() -> None:
    few, enough = known(alike, seeds=20), known(alike, seeds=40)
    assert few.floor == pytest.approx(guard_floor(1 + LOW, 20), rel=0.01)
    assert not few.provable and enough.provable

    def strict(run: Run, judge: Judge) -> None:
        judge.equivalent(run.area().weights_part, margin=0.02)

    refused = known(strict)
    assert not refused.provable
    assert refused.fewest is not None and guard_floor(refused.reach, refused.fewest) <= 0.02
    assert f"--claims-seeds {refused.fewest}" in refused.refusal(20)
    assert f"--claims-seeds {-(-refused.fewest // 2)})" in refused.refusal(10)  # the finding takes twice as many
    nothing = known(pair, seeds=5)
    assert not nothing.provable
    assert "judges nothing" in nothing.refusal(5)


def test_what_no_calibration_covers_is_refused_whatever_its_seeds() -> None:
    """Five conditions: no claim of ours compares as many, so the table does not hold them."""

    def five(run: Run, judge: Judge) -> None:
        area = run.area()
        other = area["mask/weights"].prefixed("other ")
        judge.greater(sum((area[name] for name in CONDITIONS[1:]), area["mask/weights"]) - other, min_effect=0.5)

    for seeds in (20, 200):
        refused = known(five, seeds)
        assert not refused.provable
        assert "can't be supported: there is no calibration for guarded t (greater) on 5" in refused.refusal(20)


def test_spreads_near_a_ceiling_are_refused_where_failures_may_be_unseen() -> None:
    """Of n seeds none failed: up to 1 - 0.025^(1/n) may, and each failure is as wide as the span."""
    few, enough = known(spreads, 14), known(spreads, 20)
    assert few.floor == pytest.approx((1 + LOW) * (1 - 0.025 ** (1 / 14)), rel=0.01)
    assert not few.provable and enough.provable
    assert few.fewest == 18


def silent(run: Run, judge: Judge) -> None:
    pass


def failing(run: Run, judge: Judge) -> None:
    raise LookupError("no such\nlevel")


def skipping(run: Run, judge: Judge) -> None:
    pytest.skip("not today")


def other_fixture(run: Run, judge: Judge, tmp_path: Path) -> None:
    raise AssertionError("it is not called")


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (silent, "it asks nothing of the judge"),
        (failing, "LookupError no such level"),
        (other_fixture, "it takes tmp_path"),
        (skipping, None),
    ],
)
def test_what_can_not_be_known_before_says_why(test: Any, why: str | None) -> None:
    assert asked(test) == why


def test_a_claim_without_runs_is_not_called() -> None:
    judge = Judge(Claim("a-claim", "0", "none", 1, "returns"), "it", "a.py::it", "It is so.", [], "", True)
    assert planned(judge, failing, {}, Scene(synthetic.profile(), 0, Store(Path("none")))) is None
