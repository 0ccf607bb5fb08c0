"""A/A runs: the arms differ by chance alone, and what the judge makes of them is counted right."""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from harness.evidence import drain
from harness.evidence.store import Store
from harness.experiment import Cell
from harness.learners.protocol import ACTOR
from harness.profiles.profile import AA_BLOCK, SEEDS_PER_BLOCK
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.results import records
from harness.results.schema import Conclusion
from harness.trust import aa
from harness.trust.aa import ALPHA, ARMS, CHUNK, SEEDS, TWICE, Case, Chunk, Count, Group, cases, conclusion, experiment
from harness.trust.retrained import ARM

FIRST = AA_BLOCK * SEEDS_PER_BLOCK


def dense(arm: int, seeds: tuple[int, ...] = (FIRST, FIRST + 1)) -> Cell:
    return Cell(experiment(arm), DENSE, seeds)


def test_arms_start_alike_and_see_other_lessons_in_another_order() -> None:
    populations = []
    for arm in range(ARMS):
        networks, masks = start_level(dense(arm), 0, None, None)
        task = experiment(arm).task
        populations.append(experiment(arm).learner.start(task, networks, masks, dense(arm).seeds, 0))
    for one, other in pairwise(populations):
        assert np.array_equal(one.networks[ACTOR].copy().flat, other.networks[ACTOR].copy().flat)
        assert not np.array_equal(one.observations, other.observations)  # type: ignore[attr-defined]
        assert [rng.random() for rng in one.minibatch_streams] != [rng.random() for rng in other.minibatch_streams]  # type: ignore[attr-defined]


def test_the_first_arm_is_the_learner_itself() -> None:
    plain = dataclasses.replace(experiment(0), learner=experiment(0).learner.learner)  # type: ignore[attr-defined]
    own, other = run_level(dense(0), 0, None), run_level(Cell(plain, DENSE, dense(0).seeds), 0, None)
    assert np.array_equal(own.scores, other.scores)
    assert np.array_equal(own.trained[ACTOR].flat, other.trained[ACTOR].flat)


def test_no_stream_of_one_arm_is_that_of_another() -> None:
    levels = [level + ARM * arm for arm in range(ARMS) for level in range(experiment(arm).pruning.levels + 1)]
    assert len(set(levels)) == len(levels)


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


def case(hypothesis: str, on: str = "area", smallest: float = 0.0) -> Case:
    (found,) = (c for c in cases() if (c.hypothesis, c.on, c.min_effect) == (hypothesis, on, smallest))
    return found


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
    rng = np.random.default_rng(0)
    lead = group(rng, each.seeds, lead=-0.3 if "inferior" in each.hypothesis else 0.3)
    if each.hypothesis == "spreads wider":
        lead.returns[0] = 0.5 + 5 * (lead.returns[1] - 0.5)
    assert conclusion(each, lead) in each.false


def test_groups_share_no_seed_and_keep_their_returns() -> None:
    whole = group(np.random.default_rng(0), CHUNK)
    parts = list(aa.groups(whole, TWICE))
    assert [seed for part in parts for seed in part.seeds] == list(whole.seeds)
    assert np.array_equal(np.concatenate([part.returns for part in parts], axis=1), whole.returns)
    assert len(list(aa.groups(group(np.random.default_rng(0), TWICE - 1), SEEDS))) == 1


def said(supported: int, contradicted: int, others: int) -> Count:
    """A count of a case of which both conclusions are false alarms."""
    counted: dict[Conclusion, int] = {"supported": supported, "contradicted": contradicted, "underpowered": others}
    return Count(case("greater, a pair"), counted)


def test_rates_are_those_of_clopper_and_pearson() -> None:
    none = said(0, 0, 400)
    assert none.bounds == pytest.approx((0.0, 1 - 0.025 ** (1 / 400)))
    some = said(2, 1, 397)
    assert (some.false, some.replicates) == (3, 400)
    assert some.bounds[0] < 3 / 400 < some.bounds[1]


def test_supported_is_no_false_alarm_where_no_difference_is_claimed() -> None:
    found = Count(case("equivalent", min_effect=0.1), {"supported": 90, "contradicted": 2, "underpowered": 8})
    assert found.false == 2
    edge = Count(case("equivalent, at the margin's edge", min_effect=0.1), {"supported": 3, "contradicted": 2})
    assert edge.false == 5


def test_five_per_cent_is_no_excess_and_ten_is() -> None:
    assert not said(10, 10, 380).exceeds(0.01)
    assert said(20, 20, 360).exceeds(0.01)
    assert not said(2, 0, 8).exceeds(0.01)  # ten replicates show little


def chunk(conclusion_of: dict[str, Conclusion], replicates: int) -> Chunk:
    """Each case came to the same in all of its replicates: underpowered, if nothing else is said."""
    conclusions: list[list[Conclusion]] = []
    for each in cases():
        one: Conclusion = conclusion_of.get(each.hypothesis, "underpowered")
        conclusions.append([one] * (replicates * SEEDS // each.seeds))
    returns = np.random.default_rng(0).normal(0.5, 0.1, (ARMS, CHUNK, 4))
    return Chunk(conclusions, returns, 2.0, 1.0)


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
def test_too_many_false_alarms_are_exit_code_1_and_stand_in_the_record(
    conclusion_of: dict[str, Conclusion],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[int] = []

    def measure(number: int, folder: Path) -> Chunk:
        asked.append(number)
        return chunk(conclusion_of, CHUNK // SEEDS)

    monkeypatch.setattr(aa, "measure", measure)
    assert aa.main(replicates=15, processes=1) == code
    assert asked == [0, 1]
    held = records.read("aa", committed=tmp_path / "none")
    assert held is not None
    assert held["ok"] is (code == 0)
    assert held["cpu_seconds"] == 6.0
    assert held["data"]["replicates"] == {str(SEEDS): 20, str(TWICE): 10}
    wrong = {entry["hypothesis"] for entry in held["data"]["hypotheses"] if not entry["ok"]}
    assert wrong == (set(conclusion_of) if code else set())
    assert all(name in capsys.readouterr().out for name in wrong)


@pytest.mark.parametrize("arguments", [{"replicates": 0}, {"replicates": 399, "fixture": True}, {"processes": 0}])
def test_arguments_that_can_not_be_used_are_one_line(
    arguments: dict[str, int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert aa.main(**arguments) == 4  # type: ignore[arg-type]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("error: ")
    assert not (tmp_path / ".claims").exists()


def test_a_place_that_can_not_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".claims").write_text("")
    assert aa.main() == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert "can't be written" in line


def test_seeds_are_of_blocks_that_no_claim_is_judged_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Sequence[int]] = []

    def trained(seeds: tuple[int, ...], store: Store) -> tuple[Group, float]:
        seen.append(seeds)
        return group(np.random.default_rng(0), TWICE), 0.0

    monkeypatch.setattr(aa, "trained", trained)
    monkeypatch.setattr(aa, "cases", list)
    for number in range(3):
        aa.measure(number, tmp_path)
    flat = [seed for seeds in seen for seed in seeds]
    assert flat == list(range(AA_BLOCK * SEEDS_PER_BLOCK, AA_BLOCK * SEEDS_PER_BLOCK + 3 * CHUNK))
    assert ALPHA == 0.05


@pytest.mark.parametrize("condition", [DENSE, TICKET])
def test_evidence_of_arms_is_never_that_of_a_claim(condition: str) -> None:
    assert len({Cell(experiment(arm), condition, (FIRST,)).id for arm in range(ARMS)}) == ARMS
