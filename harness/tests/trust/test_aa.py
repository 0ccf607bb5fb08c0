"""A/A runs: the arms differ by chance alone, and what the judge makes of them is counted right."""

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from harness.errors import OneLineError
from harness.evidence import drain
from harness.evidence.store import Store
from harness.experiment import Cell
from harness.learners.bc import BC
from harness.learners.protocol import ACTOR
from harness.profiles.profile import AA_BLOCK, SEEDS_PER_BLOCK
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level, start_level
from harness.results import records
from harness.results.schema import Conclusion
from harness.trust import aa
from harness.trust.aa import ARMS, CHUNK, SEEDS, TWICE, Case, Chunk, Count, Group, cases, conclusion, experiment
from harness.trust.retrained import ARM

FIRST = AA_BLOCK * SEEDS_PER_BLOCK


def dense(arm: int) -> Cell:
    return Cell(experiment(arm), DENSE, (FIRST, FIRST + 1))


def test_arms_start_alike_and_see_other_lessons() -> None:
    populations = []
    for arm in range(ARMS):
        networks, masks = start_level(dense(arm), 0, None, None)
        task = experiment(arm).task
        populations.append(experiment(arm).learner.start(task, networks, masks, dense(arm).seeds, 0))
    for one, other in pairwise(populations):
        assert np.array_equal(one.networks[ACTOR].flat, other.networks[ACTOR].flat)
        assert not np.array_equal(one.observations, other.observations)


def test_the_first_arm_is_the_learner_itself_and_no_stream_of_one_arm_is_that_of_another() -> None:
    learner = experiment(0).learner
    plain = BC(**{field.name: getattr(learner, field.name) for field in dataclasses.fields(BC)})
    own = run_level(dense(0), 0, None)
    other = run_level(Cell(dataclasses.replace(experiment(0), learner=plain), DENSE, dense(0).seeds), 0, None)
    assert np.array_equal(own.scores, other.scores)
    assert np.array_equal(own.trained[ACTOR].flat, other.trained[ACTOR].flat)
    levels = [level + ARM * arm for arm in range(ARMS) for level in range(experiment(arm).pruning.levels + 1)]
    assert len(set(levels)) == len(levels)
    assert len({dense(arm).id for arm in range(ARMS)}) == ARMS


def test_evidence_is_trained_once_and_differs_between_arms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, store = (FIRST, FIRST + 1, FIRST + 2), Store(tmp_path)
    first, seconds = aa.trained(seeds, store)
    assert first.returns.shape == (ARMS, len(seeds), experiment(0).pruning.levels + 1)
    assert len({first.returns[arm].tobytes() for arm in range(ARMS)}) == ARMS
    assert seconds > 0

    monkeypatch.setattr(drain, "run_level", None)  # whoever trains again fails
    again, same = aa.trained(seeds, store)
    assert np.array_equal(first.returns, again.returns)
    assert same == seconds


def group(rng: np.random.Generator, seeds: int = SEEDS, lead: float = 0.0) -> Group:
    """Near-normal returns that fall from level to level; the first arm leads the others."""
    returns = rng.normal(0.5, 0.1, (ARMS, seeds, 4)) + np.array([0.3, 0.2, 0.0, -0.2])
    returns[0, :, 1:] += lead
    return Group(returns, tuple(range(seeds)), np.array([1.0, 0.3, 0.09, 0.027]), (-0.05, 1.0))


def case(hypothesis: str, min_effect: float = 0.0) -> Case:
    return next(c for c in cases() if (c.hypothesis, c.min_effect) == (hypothesis, min_effect))


@pytest.mark.parametrize(("hypothesis", "most"), [("greater, a pair", 0.1), ("greater, contrast of four", 0.4)])
def test_arms_that_change_places_turn_each_conclusion_into_its_opposite(hypothesis: str, most: float) -> None:
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    seen = set()
    for seed, lead in enumerate(np.linspace(-most, most, 9)):
        one = group(np.random.default_rng(seed), lead=lead)
        other = dataclasses.replace(one, returns=one.returns[[1, 0, 3, 2]])
        said = conclusion(case(hypothesis), one)
        seen.add(said)
        assert conclusion(case(hypothesis), other) == opposite.get(said, said)
    assert seen == {"supported", "contradicted", "underpowered"}


@pytest.mark.parametrize("each", cases(), ids=lambda each: f"{each.hypothesis}, {each.on}, {each.min_effect:g}")
def test_every_hypothesis_is_judged_and_can_raise_an_alarm(each: Case) -> None:
    lead = group(np.random.default_rng(0), each.seeds, lead=-0.3 if "inferior" in each.hypothesis else 0.3)
    if each.hypothesis == "spreads wider":
        lead.returns[0] = 0.5 + 5 * (lead.returns[1] - 0.5)
    assert conclusion(each, lead) in each.false


def test_groups_share_no_seed_and_keep_their_returns() -> None:
    whole = group(np.random.default_rng(0), CHUNK)
    parts = list(whole.split(TWICE))
    assert [seed for part in parts for seed in part.seeds] == list(whole.seeds)
    assert np.array_equal(np.concatenate([part.returns for part in parts], axis=1), whole.returns)
    assert len(list(group(np.random.default_rng(0), TWICE - 1).split(SEEDS))) == 1


def said(supported: int, contradicted: int, others: int, hypothesis: str = "greater, a pair") -> Count:
    counted: dict[Conclusion, int] = {"supported": supported, "contradicted": contradicted, "underpowered": others}
    return Count(case(hypothesis, aa.MARGIN if "equivalent" in hypothesis else 0.0), counted)


def test_false_alarms_are_counted_and_bounded() -> None:
    assert said(0, 0, 400).bounds == pytest.approx((0.0, 1 - 0.025 ** (1 / 400)))
    some = said(2, 1, 397)
    assert (some.false, some.replicates) == (3, 400)
    assert some.bounds[0] < 3 / 400 < some.bounds[1]
    assert said(90, 2, 8, "equivalent").false == 2  # where no difference is claimed, supported is right
    assert said(3, 2, 0, "equivalent, at the margin's edge").false == 5


def test_five_per_cent_is_no_excess_and_ten_is() -> None:
    assert not said(10, 10, 380).exceeds(0.01)
    assert said(20, 20, 360).exceeds(0.01)
    assert not said(2, 0, 8).exceeds(0.01)  # ten replicates show little


@pytest.mark.parametrize(
    ("conclusion_of", "code"),
    [
        ({}, 0),
        ({"equivalent": "supported", "non-inferior": "supported"}, 0),
        ({"greater, contrast of three": "supported"}, 1),
        ({"spreads wider": "contradicted"}, 1),
        ({"equivalent, at the margin's edge": "supported"}, 1),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, dict) else str(value),
)
def test_too_many_false_alarms_fail_and_stand_in_the_record(
    conclusion_of: dict[str, Conclusion], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each case came to the same in all of its replicates: underpowered, if nothing else is said."""
    monkeypatch.chdir(tmp_path)
    asked: list[int] = []

    def measure(number: int, folder: Path) -> Chunk:
        asked.append(number)
        one = [[conclusion_of.get(c.hypothesis, "underpowered")] * (CHUNK // c.seeds) for c in cases()]
        return Chunk(one, np.random.default_rng(0).normal(0.5, 0.1, (ARMS, CHUNK, 4)), 3.0)

    monkeypatch.setattr(aa, "measure", measure)
    assert aa.main(replicates=15, processes=1) == code
    assert asked == [0, 1]
    held = records.read("aa", committed=tmp_path / "none")
    assert held is not None
    assert (held.ok, held.cpu_seconds) == (code == 0, 6.0)
    assert all((name in held.verdict) == bool(code) for name in conclusion_of)
    bad = {row[0] for row in held.tables[0].rows if getattr(row[-1], "tone", "") == "bad"}
    assert bad == (set(conclusion_of) if code else set())


@pytest.mark.parametrize("arguments", [{"replicates": 0}, {"replicates": 399, "fixture": True}, {"processes": 0}])
def test_arguments_that_can_not_be_used_are_refused(
    arguments: dict[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OneLineError, match="replicates"):
        aa.main(**arguments)
    assert not (tmp_path / ".claims").exists()


def test_a_place_that_can_not_be_written_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".claims").write_text("")
    with pytest.raises(OneLineError, match=r"\.claims"):
        aa.main()


def test_seeds_are_of_blocks_that_no_claim_is_judged_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flat: list[int] = []

    def trained(seeds: tuple[int, ...], store: Store) -> tuple[Group, float]:
        flat.extend(seeds)
        return group(np.random.default_rng(0), TWICE), 0.0

    monkeypatch.setattr(aa, "trained", trained)
    monkeypatch.setattr(aa, "cases", list)
    for number in range(3):
        aa.measure(number, tmp_path)
    assert flat == list(range(FIRST, FIRST + 3 * CHUNK))
