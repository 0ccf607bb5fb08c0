"""A/A runs: the arms differ by chance alone, and what the judge makes of them is counted right."""

import dataclasses
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
from harness.trust.aa import ARMS, CHUNK, SEEDS, TWICE, Case, Count, Group, cases, conclusion, experiment
from harness.trust.retrained import ARM

FIRST = AA_BLOCK * SEEDS_PER_BLOCK


def test_arms_share_their_start_alone_and_are_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, store = (FIRST, FIRST + 1), Store(tmp_path)
    dense = [Cell(experiment(arm), DENSE, seeds) for arm in range(ARMS)]
    learner = experiment(0).learner
    plain = BC(**{field.name: getattr(learner, field.name) for field in dataclasses.fields(BC)})
    levels = [run_level(cell, 0, None) for cell in dense]
    of_plain = run_level(Cell(dataclasses.replace(experiment(0), learner=plain), DENSE, seeds), 0, None)
    assert np.array_equal(levels[0].scores, of_plain.scores), "the first arm is the learner itself"
    assert len({start_level(cell, 0, None, None)[0][ACTOR].flat.tobytes() for cell in dense}) == 1
    assert len({level.trained[ACTOR].flat.tobytes() for level in levels}) == ARMS
    assert experiment(0).pruning.levels < ARM, "no stream of one arm is that of another"

    first, seconds = aa.trained(seeds, store)
    assert first.returns.shape == (ARMS, len(seeds), experiment(0).pruning.levels + 1)
    assert len({first.returns[arm].tobytes() for arm in range(ARMS)}) == ARMS and seconds > 0
    monkeypatch.setattr(drain, "run_level", None)  # whoever trains again fails
    again, same = aa.trained(seeds, store)
    assert np.array_equal(first.returns, again.returns) and same == seconds


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


def test_false_alarms_are_counted_and_bounded() -> None:
    pair = case("greater, a pair")

    def said(supported: int, contradicted: int, others: int, each: Case = pair) -> Count:
        return Count(each, {"supported": supported, "contradicted": contradicted, "underpowered": others})

    assert said(0, 0, 400).bounds == pytest.approx((0.0, 1 - 0.025 ** (1 / 400)))
    some = said(2, 1, 397)
    assert (some.false, some.replicates) == (3, 400) and some.bounds[0] < 3 / 400 < some.bounds[1]
    assert said(90, 2, 8, case("equivalent", aa.MARGIN)).false == 2  # where no difference is claimed, it is right
    assert not said(10, 10, 380).exceeds(0.01) and said(20, 20, 360).exceeds(0.01)
    assert not said(2, 0, 8).exceeds(0.01)  # ten replicates show little


@pytest.mark.parametrize(
    ("said", "of", "code"),
    [
        ("supported", "equivalent", 0),
        ("supported", "greater, contrast of three", 1),
        ("contradicted", "spreads wider", 1),
        ("supported", "equivalent, at the margin's edge", 1),
    ],
)
def test_too_many_false_alarms_fail_and_stand_in_the_record(
    said: Conclusion, of: str, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One hypothesis came to the same in all of its replicates, every other is underpowered."""
    monkeypatch.chdir(tmp_path)
    flat: list[int] = []

    def trained(seeds: tuple[int, ...], store: Store) -> tuple[Group, float]:
        flat.extend(seeds)
        return group(np.random.default_rng(0), CHUNK), 3.0

    monkeypatch.setattr(aa, "trained", trained)
    monkeypatch.setattr(aa, "conclusion", lambda case, group: said if case.hypothesis == of else "underpowered")
    assert aa.main(replicates=15, processes=1) == code
    assert flat == list(range(FIRST, FIRST + 2 * CHUNK)), "seeds of blocks that no claim is judged on"
    held = records.read("aa", committed=tmp_path / "none")
    assert held is not None and held.ok == (code == 0) and held.cpu_seconds >= 6
    assert (of in held.verdict) == bool(code)
    bad = {row[0] for row in held.tables[0].rows if getattr(row[-1], "tone", "") == "bad"}
    assert bad == ({of} if code else set())


@pytest.mark.parametrize("arguments", [{"replicates": 0}, {"replicates": 399, "fixture": True}, {"processes": 0}, {}])
def test_what_can_not_be_measured_is_refused_before(
    arguments: dict[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    if not arguments:
        (tmp_path / ".claims").write_text("")  # in its place
    with pytest.raises(OneLineError, match="replicates" if arguments else r"\.claims"):
        aa.main(**arguments)
