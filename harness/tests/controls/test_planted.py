"""Planted effects: what is there is found at the power promised, what is too small to be seen is left open.

The claims' own tests are called, with the judge and the rules of the suite, on synthetic chains (`planted`).
"""

import dataclasses
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from harness.evidence.store import Store
from harness.judging.chains import Scene
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.judging.run import Run
from harness.judging.verdict import claim_verdict
from harness.profiles.profile import System
from harness.pruning.conditions import TICKET
from harness.results.schema import Finding, Verdict
from harness.statistics import detectable_effect
from harness.tests.controls import planted
from harness.tests.controls.planted import LEVELS, Plan, Unwritten
from harness.tests.plugin.projects import OK, Project, project
from harness.trust import agreement

CLAIMS = Path(__file__).resolve().parents[3] / "claims"
REPLICATES = 120
RANKED = 60  # replicates of the slowest test
POWER = 0.9
ALPHA = 0.05
MANY = 200_000
"""Chains by which the true effect of a plan is known to a thousandth."""

RANDOM = "random/re-init"


def claim_module(name: str) -> ModuleType:
    """The claim's module."""
    spec = importlib.util.spec_from_file_location(f"planted_{name}", CLAIMS / f"test_{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def findings(
    test: Callable[..., None], plan: Plan, *runs: Run, levels: int = LEVELS, replicates: int = REPLICATES
) -> list[Finding]:
    """What a claim's test finds on so many blocks of seeds."""
    store, profile, found = Unwritten(plan=plan), planted.profile(levels), []
    for block in range(replicates):
        bound = [run.bind(Scene(profile, block, store)) for run in runs]
        judge = Judge(
            claim=Claim("planted", "none", "none", 1, "returns"),
            name=test.__name__,
            nodeid=test.__name__,
            hypothesis="planted",
            runs=bound,
            rerun="",
            gives_findings=True,
        )
        test(*bound, judge)
        assert judge.finding is not None
        found.append(judge.finding)
    return found


def rates(found: Sequence[Finding]) -> Counter[Verdict]:
    """Verdicts of a claim with this one finding."""
    return Counter(claim_verdict([finding])[0] for finding in found)


def promised(found: Sequence[Finding]) -> float:
    """The smallest effect that they say they could have seen."""
    seen = [finding.detectable for finding in found]
    return float(np.median([effect for effect in seen if effect is not None]))


def assert_at_least(count: int, of: int, rate: float) -> None:
    """Unless the binomial test rejects that, at 1 %."""
    assert stats.binomtest(count, of, rate, alternative="less").pvalue > 0.01, f"{count} of {of}"


def assert_at_most(count: int, of: int, rate: float) -> None:
    assert stats.binomtest(count, of, rate, alternative="greater").pvalue > 0.01, f"{count} of {of}"


def shifted(plan: Plan, condition: str, other: str, effect: float, levels: int = LEVELS) -> Plan:
    """The plan with the mean of `condition` such that its area truly exceeds that of `other` by `effect`."""
    base, low, high = plan.areas(other, MANY, levels).mean(), -1.0, 3.0
    for _ in range(30):
        middle = (low + high) / 2
        moved = dataclasses.replace(plan, means={**plan.means, condition: middle})
        low, high = (middle, high) if moved.areas(condition, MANY, levels).mean() - base < effect else (low, middle)
    return moved


# Seeds of the scaled profile lie as far apart in area as these, ticket against random/re-init: 0.07 (BC) and 0.10 (PPO)
NEAR_NORMAL = Plan(means={TICKET: 0.5, RANDOM: 0.4}, seed_sd=0.1, chain_sd=0.06, level_sd=0.06)
CAPPED = Plan(means={TICKET: 1.0, RANDOM: 0.9}, seed_sd=0.02, chain_sd=0.05, level_sd=0.05)
PPO = System("cart-pole", "ppo")


class TestTicketEffect:
    """A pair of conditions by exact sign-flips, 20 seeds."""

    judged = staticmethod(claim_module("ticket_effect").test_ticket_beats_random)
    run = Run(PPO, (TICKET, RANDOM))

    def found(self, plan: Plan, replicates: int) -> list[Finding]:
        return findings(self.judged, plan, self.run, replicates=replicates)

    @pytest.mark.parametrize("plan", [NEAR_NORMAL, CAPPED], ids=["near-normal", "capped"])
    def test_what_it_says_it_could_see_it_sees(self, plan: Plan) -> None:
        """The weaker one is lowered: near the ceiling no ticket could lie so far above it."""
        promise = promised(self.found(shifted(plan, RANDOM, TICKET, -0.08), 10))
        verdicts = rates(self.found(shifted(plan, RANDOM, TICKET, -promise), REPLICATES))
        assert_at_least(verdicts["REPRODUCED"], REPLICATES, POWER)
        assert verdicts["REFUTED"] == 0

    def test_a_third_of_it_is_left_open(self) -> None:
        promise = promised(self.found(NEAR_NORMAL, 10))
        verdicts = rates(self.found(shifted(NEAR_NORMAL, TICKET, RANDOM, promise / 3), REPLICATES))
        assert_at_most(verdicts["REFUTED"], REPLICATES, ALPHA)
        assert verdicts["INCONCLUSIVE"] > verdicts["REPRODUCED"]

    def test_an_effect_the_other_way_is_refuted_at_the_same_power(self) -> None:
        promise = promised(self.found(NEAR_NORMAL, 10))
        verdicts = rates(self.found(shifted(NEAR_NORMAL, TICKET, RANDOM, -promise), 60))
        assert_at_least(verdicts["REFUTED"], 60, POWER)


class TestMaskExplainsMost:
    """A contrast of three conditions by the guarded t test, 20 seeds."""

    judged = staticmethod(claim_module("mask_explains_most").test_mask_part_exceeds_weights_part)
    run = Run(PPO)
    means: ClassVar = {TICKET: 0.9, "mask/permuted": 0.9, RANDOM: 0.3}

    @pytest.mark.parametrize("share", [1.0, 1 / 3])
    def test_what_it_says_it_could_see_it_sees_and_a_third_of_it_is_left_open(self, share: float) -> None:
        plan = Plan({**self.means, "permuted/permuted": 0.6}, seed_sd=0.05, chain_sd=0.06, level_sd=0.06)
        promise = promised(findings(self.judged, plan, self.run, replicates=20))
        # mask part - weights part: both conditions with the mask return as much
        planted = shifted(plan, "permuted/permuted", "mask/permuted", -share * promise)
        verdicts = rates(findings(self.judged, planted, self.run))
        if share == 1:
            assert_at_least(verdicts["REPRODUCED"], REPLICATES, POWER)
        else:
            assert verdicts["INCONCLUSIVE"] > verdicts["REPRODUCED"]
        assert_at_most(verdicts["REFUTED"], REPLICATES, ALPHA)


class TestWeightsMatterLittle:
    """No difference, by the guarded t test on 40 seeds, where the ticket effect shows that one could be seen."""

    judged = staticmethod(claim_module("weights_matter_little").test_weights_part_is_nothing)
    runs = (Run(PPO, (TICKET, "mask/permuted"), times=2), Run(PPO, (TICKET, RANDOM), assay=True))

    def plan(self, sd: float, part: float = 0.0) -> Plan:
        """Areas of both conditions differ by `part`, with this standard deviation over seeds."""
        means = {TICKET: 0.7 + part, "mask/permuted": 0.7, RANDOM: 0.3}
        return Plan(means, seed_sd=0.05, chain_sd=sd / 2, level_sd=sd / 2 * np.sqrt(LEVELS))

    def sd_for(self, margin: float) -> float:
        """At which 40 seeds place a difference of 0 within the margin 9 times in 10, as they say."""
        low, high = 0.001, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            seen = detectable_effect(middle, 40, "guarded t", reach=0.75, kind="equivalent")
            low, high = (middle, high) if seen is not None and seen < margin else (low, middle)
        return low

    def test_no_difference_is_shown_where_it_says_it_could_be(self) -> None:
        found = findings(self.judged, self.plan(self.sd_for(0.1)), *self.runs)
        assert promised(found) == pytest.approx(0.1, rel=0.05)
        assert_at_least(rates(found)["REPRODUCED"], REPLICATES, POWER)

    def test_three_times_the_noise_leaves_it_open(self) -> None:
        verdicts = rates(findings(self.judged, self.plan(3 * self.sd_for(0.1)), *self.runs))
        assert_at_most(verdicts["REFUTED"], REPLICATES, ALPHA)
        assert verdicts["INCONCLUSIVE"] > verdicts["REPRODUCED"]

    def test_a_difference_as_large_as_the_margin_is_rarely_called_none(self) -> None:
        verdicts = rates(findings(self.judged, self.plan(self.sd_for(0.1), part=0.1), *self.runs))
        assert_at_most(verdicts["REPRODUCED"], REPLICATES, ALPHA / 2)
        assert_at_most(verdicts["REFUTED"], REPLICATES, ALPHA / 2)

    def test_nothing_is_claimed_where_nothing_could_be_seen(self) -> None:
        plan = self.plan(self.sd_for(0.1))
        blind = dataclasses.replace(plan, means={**plan.means, RANDOM: 0.7})
        assert rates(findings(self.judged, blind, *self.runs, replicates=20)) == {"INCONCLUSIVE": 20}


class TestBcPrunesSparser:
    """Censored break densities of different chains, by ranks, 20 seeds a group."""

    judged = staticmethod(claim_module("bc_prunes_sparser").test_student_holds_out_longer)
    runs = (Run(System("cart-pole", "bc"), (TICKET,)), Run(PPO, (TICKET,)))
    levels, sd = 11, 2.0

    def plan(self, effect: float) -> Plan:
        """P(a student holds out longer) - 1/2 is `effect`, ties and censoring counted."""
        z = np.random.default_rng(0).standard_normal((2, 4000))
        low, high = -10.0, 10.0
        for _ in range(30):
            lead = (low + high) / 2
            student, agent = (self.held(5 + part + self.sd * own) for part, own in ((lead, z[0]), (0.0, z[1])))
            difference = student[:, None] - agent[None, :]
            here = (difference > 0).mean() + (difference == 0).mean() / 2 - 0.5
            low, high = (lead, high) if here < effect else (low, lead)
        return Plan(breaks={"bc": (5 + lead, self.sd), "ppo": (5.0, self.sd)})

    def held(self, breaks: np.ndarray) -> np.ndarray:
        """The last level that holds."""
        return np.asarray(np.clip(np.floor(breaks), 0, self.levels))

    @pytest.mark.parametrize("share", [1.0, 1 / 3])
    def test_what_it_says_it_could_see_it_sees_and_a_third_of_it_is_left_open(self, share: float) -> None:
        promise = promised(findings(self.judged, self.plan(0.2), *self.runs, levels=self.levels, replicates=1))
        found = findings(self.judged, self.plan(share * promise), *self.runs, levels=self.levels, replicates=RANKED)
        verdicts = rates(found)
        if share == 1:
            assert_at_least(verdicts["REPRODUCED"], RANKED, POWER)
        else:
            assert verdicts["INCONCLUSIVE"] > verdicts["REPRODUCED"]
        assert_at_most(verdicts["REFUTED"], RANKED, ALPHA)


# From the store to the page

CONFTEST = """
import harness.evidence.drain
from harness.profiles import profile
from harness.tests.controls import planted

harness.evidence.drain.run_level = planted.{plan}.train
profile.PROFILES = {{**profile.PROFILES, "planted": planted.profile()}}
"""
PLANTED = ("-k", "not acrobot and not gridmaze and not dqn")
"""The systems that the profile has."""
MODULES = ("ticket_effect", "mask_explains_most", "weights_matter_little", "layer_ratio_matters", "bc_prunes_sparser")


@pytest.fixture(scope="module")
def strong(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return run_of("STRONG", tmp_path_factory.mktemp("strong"))


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return run_of("WEAK", tmp_path_factory.mktemp("weak"))


def run_of(plan: str, folder: Path) -> Project:
    """A run of the claims on what is planted, from the plan of cells to the report."""
    modules = [f"test_{name}.py" for name in MODULES]
    made = project(folder / "project", *modules, conftest=CONFTEST.format(plan=plan), ini={"profile": '"planted"'})
    ran = made.run("-n", "0", *PLANTED)
    assert ran.code == OK, ran.text
    return made


@pytest.mark.parametrize(("plan", "verdict"), [("strong", "REPRODUCED"), ("weak", "INCONCLUSIVE")])
def test_it_goes_through_store_judge_verdict_and_report(
    plan: str, verdict: Verdict, request: pytest.FixtureRequest
) -> None:
    made: Project = request.getfixturevalue(plan)
    assert made.verdicts() == {name.replace("_", "-"): verdict for name in MODULES}
    page = (made.folder / ".claims" / "report.html").read_text()
    for name in MODULES:
        section = page[page.index(f'id="claim-{name.replace("_", "-")}"') :].split("</section>")[0]
        assert f">{verdict}<" in re.sub(r"<svg.*?</svg>", "", section)


def test_what_is_read_from_the_disk_is_what_was_planted(strong: Project) -> None:
    run = Run(PPO).bind(Scene(planted.profile(), 0, Store(strong.evidence)))
    unwritten = Run(PPO).bind(Scene(planted.profile(), 0, Unwritten(plan=planted.STRONG)))
    for condition in run.conditions:
        assert np.array_equal(run.returns(condition), unwritten.returns(condition))
    held = strong.findings()["ticket-effect::test_ticket_beats_random[cart-pole-ppo]"]
    (alone,) = findings(TestTicketEffect.judged, planted.STRONG, Run(PPO), replicates=1)
    assert (held.effect, held.lower, held.p) == (alone.effect, alone.lower, alone.p)
    truth = [planted.STRONG.areas(condition, MANY, LEVELS).mean() for condition in (TICKET, RANDOM)]
    assert held.effect == pytest.approx(truth[0] - truth[1], abs=0.05)


def test_what_is_strong_is_found_again_on_fresh_seeds(strong: Project) -> None:
    ran = strong.run("-n", "0", *PLANTED, "--claims-seed-block=1", "--claims-report=other/report.html")
    assert ran.code == OK, ran.text
    paths = [strong.folder / folder / "findings.json" for folder in (".claims", "other")]
    made = agreement.record(agreement.read_blocks(paths), "python -m harness agreement")
    assert made.ok
    assert made.data["agreeing"] == {"1": made.data["findings"]}
