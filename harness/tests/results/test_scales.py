"""Of each profile what it found last is kept beside the report, claim by claim, for reports of other profiles."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.results import scales
from harness.results.scales import Kept, ScaleError
from harness.tests.plugin.test_junit import made_of_numbers
from harness.tests.plugin.test_plugin import BODIES, OK, Project
from harness.tests.results.test_history import summary

LARGE = """
options.PROFILES = MappingProxyType({**options.PROFILES, "large": Profile("large", "", 3, PROFILES["smoke"].systems)})
"""


def run(created: str = "2026-11-22T10:00:00+00:00", effect: float = 0.2) -> dict[str, Any]:
    """A run of the claim `one`, one finding of which was judged, and the other refused."""
    return summary(effect, "extended", (), created)


def of(created: str, of: int | None = 2, own_seeds: bool = True, claim: str = "one") -> Kept:
    (kept,) = scales.kept_of(run(created), {"one": of}, own_seeds)
    return replace(kept, id=claim)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return scales.path_of(tmp_path / "report.html", "extended")


# The file


def test_what_is_kept_comes_back_without_charts_and_numbers_per_seed(file: Path) -> None:
    scales.keep(file, "extended", [of("2026-11-22")])
    kept = scales.read(file).claims["one"]
    assert kept == of("2026-11-22") and kept.whole
    assert [(finding.name, finding.effect, finding.conclusion) for finding in kept.findings] == [
        ("a", 0.2, "supported"),
        ("b", kept.findings[1].effect, "underpowered"),
    ]
    assert all(finding.sample is None and finding.chart is None for finding in kept.findings)


def test_a_run_of_some_claims_replaces_these_and_leaves_the_others(file: Path) -> None:
    scales.keep(file, "extended", [of("2026-11-20", claim="one"), of("2026-11-20", claim="two")])
    scales.keep(file, "extended", [of("2026-11-22", claim="two"), of("2026-11-22", claim="three")])
    days = {name: kept.created for name, kept in scales.read(file).claims.items()}
    assert days == {"one": "2026-11-20", "three": "2026-11-22", "two": "2026-11-22"}


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ({}, {}, True),
        ({}, {"of": 3}, False),
        ({}, {"of": None}, False),
        ({}, {"own_seeds": False}, False),
        ({"of": 3}, {"of": None}, True),
        ({"of": None}, {}, True),
        ({"own_seeds": False}, {}, True),
    ],
)
def test_a_part_does_not_take_the_place_of_a_whole_nor_other_seeds_that_of_the_profiles(
    old: dict[str, Any], new: dict[str, Any], replaced: bool, file: Path
) -> None:
    scales.keep(file, "extended", [of("2026-11-20", **old)])
    scales.keep(file, "extended", [of("2026-11-22", **new)])
    assert scales.read(file).claims["one"].created == ("2026-11-22" if replaced else "2026-11-20")


def test_a_claim_of_which_nothing_was_judged_is_not_kept() -> None:
    nothing = run()
    for finding in nothing["claims"][0]["findings"]:
        finding["conclusion"] = "not run"
    assert scales.kept_of(nothing, {"one": 2}, own_seeds=True) == []


def damaged(entry: dict[str, Any], **changes: Any) -> str:
    return json.dumps({"schema": 1, "profile": "extended", "claims": [{**entry, **changes}]})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[" * 100_000,
        "[]",
        '{"schema": 2, "profile": "extended", "claims": []}',
        '{"schema": 1, "profile": "scaled", "claims": []}',
        '{"schema": 1, "profile": "extended", "claims": [3]}',
        '{"schema": 1, "profile": "extended", "claims": {"one": {}}}',
        json.dumps(run()),
        {"verdict": 3},
        {"commit": 3},
        {"of": "2"},
        {"more": 1},
        {"findings": [{}]},
        {"findings": None},
    ],
)
def test_a_foreign_file_is_one_line_and_is_left_as_it_is(content: Any, file: Path) -> None:
    scales.keep(file, "extended", [of("2026-11-20")])
    if isinstance(content, dict):
        content = damaged(json.loads(file.read_text())["claims"][0], **content)
    file.write_text(content)
    found, problems = scales.read_all(file.parent)
    assert found == [] and len(problems) == 1 and "\n" not in problems[0]
    assert problems[0].startswith(f"{file} can't be read: ") and problems[0].endswith("; move it away")
    with pytest.raises(ScaleError, match="can't be read"):
        scales.keep(file, "extended", [of("2026-11-22")])
    assert file.read_text() == content


def test_scales_are_in_the_order_of_the_profiles_and_smoke_and_reduced_are_none(tmp_path: Path) -> None:
    for name in ("reduced", "smoke", "paper", "extended", "scaled"):
        scales.keep(tmp_path / f"{name}.json", name, [of("2026-11-20")])
    found, problems = scales.read_all(tmp_path)
    assert [scale.profile for scale in found] == ["scaled", "extended", "paper"] and problems == []


def test_where_nothing_is_kept_nothing_is_found(tmp_path: Path) -> None:
    assert scales.read_all(tmp_path / "none") == ([], [])


# A run of pytest


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """Two claims, and two profiles that judge: tiny, the default, and large."""
    made = made_of_numbers(tmp_path / "project", alpha=BODIES["supported"], beta=BODIES["equivalent"])
    with (made.folder / "conftest.py").open("a") as conftest:
        conftest.write(LARGE)
    return made


def verdicts(file: Path) -> dict[str, tuple[str, str]]:
    """Of each claim that is kept: verdict, and the last option of its run."""
    return {name: (kept.verdict, kept.command.split()[-1]) for name, kept in scales.read(file).claims.items()}


def test_runs_of_two_profiles_show_each_other_claim_by_claim(made: Project) -> None:
    folder = made.folder / ".claims"
    assert made.run("--claims-profile=large").code == OK
    assert "At other scales" not in (folder / "report.html").read_text()
    made.add("alpha", BODIES["underpowered"])
    path = made.folder / "claims" / "test_alpha.py"
    text = path.read_text().replace('@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])\n', "")
    path.write_text(text.replace("(run, judge)", "(judge)"))
    assert made.run("--claims-profile=large", "--claim=alpha").code == OK
    assert verdicts(folder / "scales" / "large.json") == {
        "alpha": ("INCONCLUSIVE", "--claim=alpha"),
        "beta": ("REFUTED", "--claims-profile=large"),
    }
    assert made.run("-q").code == OK
    page = (folder / "report.html").read_text()
    assert "large: INCONCLUSIVE</a>" in page and "large: REFUTED</a>" in page and "tiny: " not in page
    assert set(verdicts(folder / "scales" / "tiny.json")) == {"alpha", "beta"}
    assert made.run("--claims-profile=large", "--claims-report=there/report.html").code == OK
    assert not (folder / "there").exists() and (made.folder / "there" / "scales" / "large.json").exists()
    assert "At other scales" not in (made.folder / "there" / "report.html").read_text(), "of another folder"


@pytest.mark.parametrize(
    "option",
    [
        "--claims-report=none",
        "--claims-seed-block=1",
        "--claims-profile=smoke",
        "--claims-profile=reduced",
        "--claims-control=random-mask",
        "--claims-plan",
    ],
)
def test_only_runs_of_a_profile_as_it_is_are_kept(option: str, made: Project) -> None:
    assert made.run(option).code == OK
    assert not list(made.folder.rglob("scales"))


def test_a_claim_named_in_part_says_so(made: Project) -> None:
    assert made.run("claims/test_alpha.py::test_it").code == OK
    kept = scales.read(made.folder / ".claims" / "scales" / "tiny.json").claims["alpha"]
    assert (kept.judged, kept.of, kept.whole, kept.own_seeds) == (1, None, False, True)


def test_what_lies_in_the_way_costs_a_line_and_nothing_else(made: Project) -> None:
    folder = made.folder / ".claims" / "scales"
    folder.mkdir(parents=True)
    for name in ("tiny", "large"):
        (folder / f"{name}.json").write_text("not ours")
    ran = made.run()
    assert ran.code == OK, ran.text
    for name in ("tiny", "large"):
        assert ran.text.count(f"claims: {folder}/{name}.json can't be read: ") == 1
        assert (folder / f"{name}.json").read_text() == "not ours"
    page = (folder.parent / "report.html").read_text()
    assert "Not shown beside this run: scales/large.json can&#39;t be read: " in page and str(folder) not in page


def test_where_nothing_can_be_written_the_report_is_there_all_the_same(made: Project) -> None:
    (made.folder / ".claims").mkdir()
    (made.folder / ".claims" / "scales").write_text("a file")
    ran = made.run()
    assert ran.code == OK, ran.text
    assert ran.text.count("tiny.json can't be written: ") == 1
    assert (made.folder / ".claims" / "report.html").exists()
