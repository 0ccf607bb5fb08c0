"""A baseline file is read as it was written, and a finding stands to its own entry by its conclusion and its drift."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.files import FIXTURES
from harness.results import preregistration
from harness.results.baseline import Baseline, BaselineError, against, of_run, read, write
from harness.results.drift import ALPHA
from harness.results.preregistration import finding_differs
from harness.results.sample import Sample
from harness.results.schema import Finding
from harness.tests.factory import claim_result, finding, run_result

PATTERN = np.cos(np.arange(20.0)) / 100
"""What the seeds of these findings differ by."""


def found(name: str = "test_it", conclusion: str = "supported", shift: float = 0.0, **more: Any) -> Finding:
    """A finding on 20 seeds, whose effect is 0.3 and the shift."""
    sample = Sample.of("mean", 0.3 + shift + PATTERN, seeds=range(20))
    numbers = {"n": (20,), "effect": sample.effect, "sample": sample, "upper": float("inf")}
    return finding(name=name, conclusion=conclusion, **{**numbers, **more})


def baseline(*findings: Finding) -> Baseline:
    return of_run(run_result(claim_result(*(findings or (found(),)))))


# The file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "baselines" / "scaled.json"
    write(baseline(found(), found("test_other", "underpowered", p=None, sample=None)), path)
    return path


def test_what_is_written_is_read_again_to_the_last_byte(file: Path) -> None:
    held = read(file)
    assert held == baseline(found(), found("test_other", "underpowered", p=None, sample=None))
    assert (held.profile, held.seed_block, len(held.claims["a-claim"].findings)) == ("scaled", 0, 2)
    write(baseline(found("test_other", "underpowered", p=None, sample=None), found()), file.with_name("again.json"))
    assert file.with_name("again.json").read_bytes() == file.read_bytes(), "in whatever order they were judged"


def test_entries_that_no_claim_uses_are_found(file: Path) -> None:
    assert read(file).unused({"a-claim": ["test_it"]}) == ["a-claim test_other"]
    assert read(file).unused({"a-claim": ["test_it", "test_other", "test_new"]}) == []
    assert len(read(file).unused({})) == 2


def test_the_committed_baseline_is_of_what_is_registered() -> None:
    """If a claim was changed on purpose: pytest -n auto --claims-update-baseline."""
    held, registered = read(FIXTURES / "baselines" / "scaled.json"), preregistration.read()
    assert held.profile == "scaled" and held.commitments is not None
    for claim, entry in held.claims.items():
        for name in entry.findings:
            assert name in held.commitments.claims[claim].findings and name in registered.claims[claim].findings
            assert finding_differs(held.commitments, registered, claim, name, "scaled") == [], name


A = "claims/a-claim/findings/test_it"


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ("format", 7),
        ("more", 1),
        ("claims/a-claim/verdict", "PERHAPS"),
        (f"{A}/conclusion", "error"),
        (f"{A}/effect", "much"),
        (f"{A}/effect", 0.9),  # not that of its seeds
        (f"{A}/cells", None),
        ("commitments", {"claims": {}}),
    ],
)
def test_anything_else_is_one_line_that_names_the_place_and_the_way_out(file: Path, at: str, value: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    *way, last = at.split("/")
    place = content
    for key in way:
        place = place[key]
    place[last] = value
    if value is None:
        del place[last]
    file.write_text(json.dumps(content), encoding="utf-8")
    said = refused(file)
    assert last in said or way[-1] in said


@pytest.mark.parametrize("content", [b"", b'{"format": 3, "claims": {', b"\xff\xfe", b"[]", b"[" * 100_000])
def test_what_is_no_baseline_at_all_is_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    refused(file)
    refused(file.parent)
    refused(file.with_name("none.json"))


def refused(file: Path) -> str:
    with pytest.raises(BaselineError) as problem:
        read(file)
    said = str(problem.value)
    assert str(file) in said and "--claims-update-baseline" in said and said.isprintable()
    return said


# How a finding stands


@pytest.mark.parametrize(
    ("before", "now", "standing"),
    [
        (found(), found(), "holds"),
        (found(), found(shift=0.2), "holds"),  # supported stays supported, wherever it moves
        (found(), found(conclusion="underpowered", shift=-0.004), "left"),
        (found(), found(conclusion="underpowered", shift=-0.3), "regressed"),
        (found(), found(conclusion="contradicted", shift=-0.6), "regressed"),
        (found(), found(conclusion="equivalent", shift=-0.3), "regressed"),
        (found(conclusion="underpowered"), found(), "recovered"),
        (found(conclusion="contradicted"), found(conclusion="contradicted"), "as recorded"),
        (found(conclusion="underpowered"), found(conclusion="contradicted", shift=-0.6), "regressed"),
        (found(conclusion="underpowered"), found(conclusion="contradicted", shift=-0.001), "changed"),
        (found(), found("test_new"), "new"),
        (found(), finding(name="test_it", conclusion="error"), None),
        (found(), found(min_effect=0.01), "not comparable"),
        (found(), found(unit="levels"), "not comparable"),
        (found(), found(kind="equivalent"), "not comparable"),
        (found(), found(conclusion="underpowered", sample=None), "not comparable"),
    ],
)
def test_a_finding_stands_by_its_conclusion_and_its_drift(before: Finding, now: Finding, standing: str | None) -> None:
    held = against(now, baseline(before))
    assert (held.standing if held else None) == standing
    if held:
        unlike = against(now, baseline(before), "profile a -> b")
        assert unlike is not None and (unlike.standing, unlike.moved) == (
            "new" if standing == "new" else "not comparable",
            None,
        )
        assert standing == "new" or "profile a -> b" in unlike.says


def test_a_drift_within_the_margin_does_not_regress() -> None:
    now = found(conclusion="underpowered", shift=-0.1)
    standings = [against(now, baseline(), share=share).standing for share in (0, 1, 3)]  # type: ignore[union-attr]
    assert standings == ["regressed", "regressed", "left"]


def test_each_finding_is_held_against_its_own_entry() -> None:
    """By claim and by name: of findings that all differ, none borrows another's numbers."""
    claims = [
        claim_result(*(found(f"test_{i}", shift=i, lower=i - j, upper=i + j, claim=f"claim-{j}") for i in range(3)))
        for j in (1, 2)
    ]
    held = of_run(run_result(*claims))
    for one in (one for claim in claims for one in claim.findings):
        told = against(one.replace(effect=one.effect + 0.5), held)
        assert told is not None
        assert (told.effect, told.lower, told.upper) == (one.effect, one.lower, one.upper)
        assert told.moved == pytest.approx(0.0), "by the seeds, which have not moved"


# How often it alarms


def test_what_alarms_alone_need_not_among_many() -> None:
    """Each of m comparisons is made at alpha / m (Bonferroni)."""
    rng = np.random.default_rng(3)
    values = rng.normal(0.3, 0.1, 20)
    lost = found(conclusion="underpowered", sample=Sample.of("mean", values - 0.11), effect=values.mean() - 0.11)
    kept = found(sample=Sample.of("mean", values), effect=values.mean())
    for count, standing in ((1, "regressed"), (40, "left")):
        held = against(lost, baseline(kept, *(found(f"test_{i}") for i in range(count - 1))))
        assert held is not None and held.p is not None
        assert ALPHA / 40 < held.p < ALPHA
        assert held.standing == standing
