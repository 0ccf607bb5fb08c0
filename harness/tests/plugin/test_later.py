"""Claims that are judged from a larger profile on: left out and named, unless they are asked for."""

from pathlib import Path

import pytest

from harness.tests.plugin.projects import BODIES, OK, TINY, USAGE, Project, project

ORDER = '\nfrom harness.plugin import later\n\nlater.ORDER = ("tiny", "larger", "extended")\n'
WAITS = 'pytestmark = [pytestmark, pytest.mark.at_least("{least}")]\n\n\ndef difference'


@pytest.fixture
def mixed(tmp_path: Path) -> Project:
    """One claim for any profile, one that waits, and one of which a single test does."""
    made = project(tmp_path / "project", conftest=TINY + ORDER, ini={"profile": '"tiny"'})
    for name in ("supported", "contradicted", "equivalent"):
        made.add(name, BODIES[name])
    waits(made, "contradicted")
    both = made.folder / "claims" / "test_equivalent.py"
    text = both.read_text()
    later = text[text.index("@pytest.mark.parametrize") :].replace("test_it", "test_more")
    both.write_text(text + "\n\n@pytest.mark.at_least('larger')\n" + later)
    return made


def waits(made: Project, name: str, least: str = "larger") -> None:
    path = made.folder / "claims" / f"test_{name}.py"
    path.write_text(path.read_text().replace("def difference", WAITS.format(least=least), 1))


def test_what_waits_is_left_out_and_named_and_the_run_is_complete(mixed: Project) -> None:
    ran = mixed.run()
    assert ran.code == OK, ran.text
    assert set(mixed.findings()) == {"supported::test_it[cart-pole-bc]", "equivalent::test_it[cart-pole-bc]"}
    assert "judged from the profile larger on, or where --claim names it: contradicted\n" in ran.text
    assert "more of it is judged from the profile larger on: equivalent\n" in ran.text
    assert [(one["id"], one["profile"]) for one in mixed.summary()["later"]] == [
        ("contradicted", "larger"),
        ("equivalent", "larger"),
    ]
    written = mixed.run("--claims-update-baseline")  # refused where claims were deselected by hand
    assert written.code == 7 and "contradicted" not in (mixed.folder / "fixtures/baselines/tiny.json").read_text()


def test_it_is_judged_where_its_name_is_given(mixed: Project) -> None:
    ran = mixed.run("--claim=contradicted")
    assert mixed.conclusions() == {"contradicted": "contradicted"}
    assert "contradicted" not in [one["id"] for one in mixed.summary()["later"]], ran.text


def test_the_name_of_a_claim_that_is_judged_in_part_asks_for_that_part(mixed: Project) -> None:
    """A gate of one claim keeps the systems that it has without its name."""
    ran = mixed.run("--claim=equivalent")
    assert set(mixed.findings()) == {"equivalent::test_it[cart-pole-bc]"}
    assert "more of it is judged from the profile larger on: equivalent\n" in ran.text


def test_the_list_of_claims_has_it_and_the_plan_has_not(mixed: Project) -> None:
    listed = mixed.run("--claims-list").text
    assert "(0; from the profile larger on)" in listed and "(0; more of it from the profile larger on)" in listed
    assert "contradicted" not in mixed.run("--claims-plan").text.partition("cells (")[0].partition("systems")[2]


def test_a_profile_that_is_none_is_refused_in_one_line(mixed: Project) -> None:
    waits(mixed, "supported", "enormous")
    ran = mixed.run()
    assert ran.code == USAGE
    assert "at_least('enormous') names none of tiny, larger, extended" in ran.text
