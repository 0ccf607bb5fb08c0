"""Planted effects: what is there is found at the power promised, what is too small to be seen is left open.

The claims' own tests are called, with the judge and the rules of the suite, on synthetic chains (`planted`).
"""

import importlib.util
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.files import SUITE_ROOT
from harness.judging.chains import Scene
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.judging.run import Run
from harness.judging.verdict import claim_verdict
from harness.profiles.profile import System
from harness.pruning.conditions import TICKET
from harness.results.schema import Finding, Verdict
from harness.statistics.power import detectable_effect
from harness.tests.controls import planted
from harness.tests.controls.planted import LEVELS, Plan, Unwritten
from harness.tests.plugin.projects import OK, Project, project

POWER = 0.9
ALPHA = 0.05
MANY = 50_000
"""Chains by which the true effect of a plan is known to a thousandth."""
RANDOM = "random/re-init"
PERMUTED, SHUFFLED = "mask/permuted", "permuted/permuted"
PPO, BC = System("cart-pole", "ppo"), System("cart-pole", "bc")
EQUAL = System("cart-pole", "bc", ("learner.equal_updates=true",))


def judged_by(claim: str, name: str) -> Callable[..., None]:
    """A claim's test."""
    spec = importlib.util.spec_from_file_location(f"planted_{claim}", SUITE_ROOT / "claims" / f"test_{claim}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test: Callable[..., None] = getattr(module, name)
    return test


def shifted(plan: Plan, condition: str, other: str, effect: float) -> Plan:
    """The plan with the mean of `condition` such that its area truly exceeds that of `other` by `effect`."""
    base, low, high = plan.areas(other, MANY, LEVELS).mean(), -1.0, 3.0
    for _ in range(30):
        middle = (low + high) / 2
        moved = replace(plan, means={**plan.means, condition: middle})
        low, high = (middle, high) if moved.areas(condition, MANY, LEVELS).mean() - base < effect else (low, middle)
    return moved


def breaking(effect: float, levels: int = 11, sd: float = 2.0) -> Plan:
    """P(a student holds out longer) - 1/2 is `effect`, ties and censoring counted."""
    z = np.random.default_rng(0).standard_normal((2, 4000))
    low, high = -10.0, 10.0
    for _ in range(30):
        lead = (low + high) / 2
        student, agent = (np.clip(np.floor(5 + by + sd * own), 0, levels) for by, own in ((lead, z[0]), (0.0, z[1])))
        difference = student[:, None] - agent[None, :]
        here = (difference > 0).mean() + (difference == 0).mean() / 2 - 0.5
        low, high = (lead, high) if here < effect else (low, lead)
    return Plan(breaks={"bc": (5 + lead, sd), "ppo": (5.0, sd)})


@dataclass(frozen=True)
class Planted:
    """A claim's test on synthetic chains. plan: those whose true effect is as large as it says; guess: one of the size
    that the test can see."""

    test: Callable[..., None]
    runs: tuple[Run, ...]
    plan: Callable[[float], Plan]
    guess: float = 0.1
    levels: int = LEVELS
    replicates: int = 120

    def findings(self, plan: Plan, replicates: int | None = None) -> list[Finding]:
        """On so many blocks of seeds."""
        store, profile, found = Unwritten(plan=plan), planted.profile(self.levels), []
        claim, name = Claim("planted", "none", "none", 1, "returns"), self.test.__name__
        for block in range(replicates or self.replicates):
            runs = [run.bind(Scene(profile, block, store)) for run in self.runs]
            judge = Judge(claim, name, name, "planted", runs, rerun="", gives_findings=True)
            self.test(*runs, judge)
            assert judge.finding is not None
            found.append(judge.finding)
        return found

    def verdicts(self, plan: Plan, replicates: int | None = None) -> Counter[Verdict]:
        """Of a claim with this one finding."""
        return Counter(claim_verdict([finding])[0] for finding in self.findings(plan, replicates))

    def promise(self) -> float:
        """The smallest effect that the findings say they could have seen."""
        seen = [finding.detectable for finding in self.findings(self.plan(self.guess), 10)]
        return float(np.median([effect for effect in seen if effect is not None]))


# Seeds of the scaled profile lie as far apart in area as these, ticket against random/re-init: 0.07 (BC) and 0.10 (PPO)
NEAR_NORMAL = Plan(means={TICKET: 0.5, RANDOM: 0.4}, seed_sd=0.1, chain_sd=0.06, level_sd=0.06)
CAPPED = Plan(means={TICKET: 1.0, RANDOM: 0.9}, seed_sd=0.02, chain_sd=0.05, level_sd=0.05)
CONTRAST = Plan({TICKET: 0.9, PERMUTED: 0.9, SHUFFLED: 0.6, RANDOM: 0.3}, seed_sd=0.05, chain_sd=0.06, level_sd=0.06)
_PAIR: Any = (judged_by("ticket_effect", "test_ticket_beats_random"), (Run(PPO, (TICKET, RANDOM)),))
CASES = {
    # a pair of conditions by exact sign-flips; near the ceiling the weaker one is lowered
    "pair": Planted(*_PAIR, lambda effect: shifted(NEAR_NORMAL, TICKET, RANDOM, effect)),
    "pair at the ceiling": Planted(*_PAIR, lambda effect: shifted(CAPPED, RANDOM, TICKET, -effect)),
    # mask part - weights part, by the guarded t test: both conditions with the mask return as much
    "contrast": Planted(
        judged_by("mask_explains_most", "test_mask_part_exceeds_weights_part"),
        (Run(PPO),),
        lambda effect: shifted(CONTRAST, SHUFFLED, PERMUTED, -effect),
        guess=0.3,
    ),
    # censored break densities of different chains, by ranks
    "ranks": Planted(
        judged_by("bc_prunes_sparser", "test_student_holds_out_longer"),
        (Run(BC, (TICKET,)), Run(EQUAL, (TICKET,)), Run(PPO, (TICKET,))),
        breaking,
        guess=0.2,
        levels=11,
        replicates=60,
    ),
}


def assert_at_least(count: int, of: int, rate: float) -> None:
    """Unless the binomial test rejects that, at 1 %."""
    assert stats.binomtest(count, of, rate, alternative="less").pvalue > 0.01, f"{count} of {of}"


def assert_at_most(count: int, of: int, rate: float) -> None:
    assert stats.binomtest(count, of, rate, alternative="greater").pvalue > 0.01, f"{count} of {of}"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_it_says_it_could_see_it_sees_and_a_third_of_it_is_left_open(case: Planted) -> None:
    promise = case.promise()
    seen, third = (case.verdicts(case.plan(effect)) for effect in (promise, promise / 3))
    assert_at_least(seen["REPRODUCED"], case.replicates, POWER)
    assert seen["REFUTED"] <= 1
    assert third["INCONCLUSIVE"] > third["REPRODUCED"]
    assert_at_most(third["REFUTED"], case.replicates, ALPHA)


def test_an_effect_the_other_way_is_refuted_at_the_same_power() -> None:
    case = CASES["pair"]
    assert_at_least(case.verdicts(case.plan(-case.promise()), 60)["REFUTED"], 60, POWER)


class TestNoDifference:
    """By the guarded t test on 40 seeds, where the ticket effect shows that one could be seen."""

    case = Planted(
        judged_by("weights_matter_little", "test_weights_part_is_nothing"),
        (Run(PPO, (TICKET, PERMUTED), times=2), Run(PPO, (TICKET, RANDOM), assay=True)),
        plan=lambda effect: Plan(),
    )

    def plan(self, noise: float = 1.0, part: float = 0.0, random: float = 0.3) -> Plan:
        """Areas of both conditions differ by `part`. noise: in standard deviations at which 40 seeds place a difference
        of 0 within the margin of 0.1 9 times in 10, as they say."""
        low, high = 0.001, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            seen = detectable_effect(middle, 40, "guarded t", reach=0.75, kind="equivalent")
            low, high = (middle, high) if seen is not None and seen < 0.1 else (low, middle)
        sd, means = noise * low, {TICKET: 0.7 + part, PERMUTED: 0.7, RANDOM: random}
        return Plan(means, seed_sd=0.05, chain_sd=sd / 2, level_sd=sd / 2 * np.sqrt(LEVELS))

    def test_it_is_shown_where_it_says_it_could_be_and_three_times_the_noise_leaves_it_open(self) -> None:
        found = self.case.findings(self.plan())
        assert np.median([finding.detectable or 0 for finding in found]) == pytest.approx(0.1, rel=0.05)
        verdicts = Counter(claim_verdict([finding])[0] for finding in found)
        assert_at_least(verdicts["REPRODUCED"], len(found), POWER)
        noisy = self.case.verdicts(self.plan(noise=3))
        assert_at_most(noisy["REFUTED"], len(found), ALPHA)
        assert noisy["INCONCLUSIVE"] > noisy["REPRODUCED"]

    def test_one_as_large_as_the_margin_is_rarely_called_none(self) -> None:
        verdicts = self.case.verdicts(self.plan(part=0.1))
        assert_at_most(verdicts["REPRODUCED"], self.case.replicates, ALPHA / 2)
        assert_at_most(verdicts["REFUTED"], self.case.replicates, ALPHA / 2)

    def test_nothing_is_claimed_where_nothing_could_be_seen(self) -> None:
        assert self.case.verdicts(self.plan(random=0.7), 20) == {"INCONCLUSIVE": 20}


# From the store to the page

CONFTEST = """
import harness.evidence.drain
from harness.profiles import profile
from harness.tests.controls import planted

harness.evidence.drain.run_level = planted.{plan}.train
profile.PROFILES = {{**profile.PROFILES, "planted": planted.profile()}}
"""
SYSTEMS = ("-k", "not acrobot and not gridmaze and not dqn")
"""Those that the profile has."""
MODULES = (
    *("ticket_effect", "mask_explains_most", "weights_matter_little", "layer_ratio_matters", "bc_prunes_sparser"),
    "mask_reaches_sparser",
)


def run_of(plan: str, folder: Path) -> Project:
    """A run of the claims on what is planted, from the plan of cells to the report."""
    modules = [f"test_{name}.py" for name in MODULES]
    made = project(folder / "project", *modules, conftest=CONFTEST.format(plan=plan), ini={"profile": '"planted"'})
    ran = made.run("-n", "0", *SYSTEMS)
    assert ran.code == OK, ran.text
    return made


@pytest.fixture(scope="module")
def strong(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return run_of("STRONG", tmp_path_factory.mktemp("strong"))


def assert_verdicts(made: Project, verdict: Verdict) -> None:
    assert made.verdicts() == {name.replace("_", "-"): verdict for name in MODULES}
    page = (made.folder / ".claims" / "report.html").read_text()
    for name in MODULES:
        section = page[page.index(f'id="claim-{name.replace("_", "-")}"') :].split("</section>")[0]
        assert f">{verdict}<" in re.sub(r"<svg.*?</svg>", "", section)


def test_what_is_strong_is_reproduced_and_what_is_weak_left_open_on_the_page_too(
    strong: Project, tmp_path: Path
) -> None:
    assert_verdicts(strong, "REPRODUCED")
    assert_verdicts(run_of("WEAK", tmp_path), "INCONCLUSIVE")
