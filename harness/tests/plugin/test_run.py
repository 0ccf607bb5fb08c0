"""What a run of the claims says, writes and returns, looked at from the shell."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.tests.evidence.processes import Ran, run_pytest
from harness.tests.plugin.projects import (
    BODIES,
    EVERYTHING,
    FAILED,
    INTERRUPTED,
    NO_RESULT,
    OK,
    TINY,
    TREE,
    USAGE,
    Project,
    assert_refused,
    header,
    made_of_numbers,
    project,
    timeless,
    tree,
)

# A smoke run


@dataclass(frozen=True)
class Smoke:
    """A smoke run of one claim of the tree and a copy of it under another name."""

    project: Project
    ran: Ran
    before: dict[Path, bytes]


def smoke_run(folder: Path, *args: str) -> Smoke:
    made = project(folder, "test_ticket_effect.py")
    text = (TREE / "claims" / "test_ticket_effect.py").read_text()
    assert text.count('"ticket-effect"') == 1
    (folder / "claims" / "test_another.py").write_text(text.replace('"ticket-effect"', '"another-claim"'))
    before = tree(folder)
    return Smoke(made, made.run("--claims-profile", "smoke", "-k", "cart-pole-bc", *args), before)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    """In one process."""
    return smoke_run(tmp_path_factory.mktemp("smoke") / "project", "-n", "0")


def test_a_smoke_run_judges_nothing_writes_into_its_own_folder_and_succeeds(smoke: Smoke) -> None:
    made = smoke.project
    assert smoke.ran.code == OK, smoke.ran.text
    assert "2 smoke in" in smoke.ran.text, "a claim is one file and no other"
    assert "claims: 100 % of the work" in smoke.ran.text
    assert made.verdicts() == {"another-claim": "SMOKE", "ticket-effect": "SMOKE"}
    assert {finding.conclusion for finding in made.findings().values()} == {"smoke"}
    assert all(finding.effect != finding.effect and finding.p is None for finding in made.findings().values())
    assert tree(made.folder) == smoke.before
    assert {path.name for path in (made.folder / ".claims").iterdir()} - {"compiled"} == {
        *("evidence", "smoke", "pytest_cache")
    }
    assert {path.name for path in (made.folder / ".claims" / "smoke").iterdir()} == {"report.html", "findings.json"}
    assert "<html" in (made.folder / ".claims" / "smoke" / "report.html").read_text()


def test_workers_find_the_same_bits_and_the_same_findings(smoke: Smoke, tmp_path: Path) -> None:
    parallel = smoke_run(tmp_path / "project", "-n", "2")
    assert parallel.ran.code == OK, parallel.ran.text
    assert "2 workers" in parallel.ran.text
    assert len(smoke.project.npz) == 1 + 4 * 2
    assert parallel.project.npz == smoke.project.npz
    assert timeless(parallel.project.summary()) == timeless(smoke.project.summary())
    assert tree(parallel.project.folder) == parallel.before


def test_a_second_run_computes_nothing_again_and_damaged_evidence_is_named_and_computed_anew(smoke: Smoke) -> None:
    made = smoke.project
    args = ("--claims-profile=smoke", "-k", "cart-pole-bc")
    written = {path: path.stat().st_mtime_ns for path in made.evidence.rglob("*.npz")}
    before = timeless(made.summary())
    assert made.run(*args).code == OK
    assert {path: path.stat().st_mtime_ns for path in made.evidence.rglob("*.npz")} == written
    assert timeless(made.summary()) == before
    hit = sorted(written)[-1]
    sound = hit.read_bytes()
    hit.write_bytes(sound[:-1])
    ran = made.run(*args)
    assert ran.code == OK, ran.text
    assert f"damaged: {hit}" in ran.text
    assert hit.read_bytes() == sound


def test_one_cell_is_computed_with_its_parents_and_nothing_is_judged(tmp_path: Path) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    plan = made.run("--claims-profile=smoke", "--claims-plan").text
    assert re.search(r"cart-pole, horizon 500, bc: [\d,]+ env_steps .*, 2 levels at \d+ % by magnitude", plan)
    cell = next(line.split()[0] for line in plan.splitlines() if line.endswith(": mask/weights") and " bc, " in line)
    ran = made.run("--claims-profile=smoke", "--claims-cell", cell)
    assert ran.code == OK, ran.text
    assert cell in ran.text and "scored return" in ran.text
    assert not list(made.folder.rglob("*.html"))
    again = made.run("--claims-profile=smoke", "--claims-plan").text
    assert re.search(rf"{cell}  stored", again)
    assert again.count("  stored ") == 2


# Outcomes


@pytest.fixture(scope="module")
def each(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ran]:
    """A run with one claim of each outcome."""
    made = made_of_numbers(tmp_path_factory.mktemp("each") / "project", *BODIES)
    plain = "def test_plain(): pass\n\n\ndef test_judge(judge): pass\n"
    (made.folder / "claims" / "test_plain.py").write_text(plain)
    return made, made.run("-v", "--claims-seed-block=3")


def test_each_outcome_has_its_word_and_each_claim_its_verdict(each: tuple[Project, Ran]) -> None:
    made, ran = each
    assert ran.code == NO_RESULT, ran.text
    errors = dict.fromkeys(("silent", "twice", "raising", "not-finite"), "error")
    judged = ("supported", "contradicted", "equivalent", "underpowered")
    assert made.conclusions() == {**{name: name for name in judged}, **errors, "skipping": "not run"}
    verdicts = {"supported": "REPRODUCED", "contradicted": "REFUTED", "equivalent": "REFUTED"}
    verdicts |= {"underpowered": "INCONCLUSIVE", "skipping": "NOT RUN"}
    assert made.verdicts() == {**verdicts, **dict.fromkeys(errors, "ERROR")}
    for word in ("CONTRADICTED", "EQUIVALENT", "UNDERPOWERED"):
        assert re.search(rf"test_{word.lower()}\.py::test_it {word}", ran.text)
    messages = {finding.claim: finding.message for finding in made.findings().values()}
    assert all(messages[name] for name in (*errors, "skipping"))
    assert messages["raising"] == "LookupError: no such thing"
    assert "seed" in messages["not-finite"] and "\n" not in messages["not-finite"]
    assert "NotFiniteError" not in ran.text, "no traceback of code that did nothing wrong"


def test_an_ordinary_test_is_left_alone_and_has_no_judge(each: tuple[Project, Ran]) -> None:
    made, ran = each
    assert "test_plain.py::test_plain PASSED" in ran.text
    assert "test_plain.py::test_judge ERROR" in ran.text
    assert not any("plain" in name for name in made.findings())


def test_what_fails_says_how_to_repeat_it_and_what_is_undecided_what_would_decide_it(each: tuple[Project, Ran]) -> None:
    made, ran = each
    for finding in made.findings().values():
        assert finding.rerun.endswith(f" claims/test_{finding.claim.replace('-', '_')}.py::test_it")
        assert "--claims-profile tiny --claims-seed-block 3 --claims-report=none" in finding.rerun
    findings = {finding.claim: finding for finding in made.findings().values()}
    assert findings["contradicted"].rerun in ran.text
    more = findings["underpowered"].more_seeds
    assert more is not None and more.command in ran.text


@pytest.mark.parametrize(
    ("names", "args", "code"),
    [
        (["supported", "equivalent", "underpowered"], [], OK),
        (["supported", "underpowered"], ["--claims-strict"], FAILED),
        (["supported", "skipping"], [], NO_RESULT),  # a finding that is missing is a failure
    ],
    ids=str,
)
def test_the_exit_code_says_whether_a_claim_failed(
    each: tuple[Project, Ran], names: list[str], args: list[str], code: int
) -> None:
    ran = each[0].run("--claims-report=none", "--claim", ",".join(names), *args)
    assert ran.code == code, ran.text


def test_x_ends_a_run_alike_with_workers_and_without_and_the_rest_is_missing(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "contradicted", "supported")
    for workers in ("2", "0"):
        ran = made.run("-x", "-n", workers, "-p", "no:randomly")  # in the order of their names
        assert ran.code == FAILED, ran.text
        assert made.conclusions()["contradicted"] == "contradicted"
    assert made.conclusions()["supported"] == "not run"


@pytest.mark.parametrize("spoil", ["import nothing_of_that_name", "def test_it():\n    raise KeyboardInterrupt"])
def test_what_did_not_run_to_its_end_leaves_the_last_report(tmp_path: Path, spoil: str) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    assert made.run().code == OK
    (made.folder / "claims" / "test_a_spoiler.py").write_text(f"{spoil}\n")
    assert made.run().code == INTERRUPTED
    assert made.verdicts() == {"supported": "REPRODUCED"}


@pytest.mark.parametrize("args", [["-n", "0"], ["-n", "2", "-x"]], ids=" ".join)
def test_a_claim_that_can_not_be_imported_is_shown_and_trains_nothing(tmp_path: Path, args: list[str]) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    (made.folder / "claims" / "test_unimportable.py").write_text("import nothing_of_that_name\n")
    ran = made.run("--claims-profile=smoke", *args)
    assert ran.code == INTERRUPTED, ran.text
    assert "ERROR collecting claims/test_unimportable.py" in ran.text
    assert "No module named 'nothing_of_that_name'" in ran.text
    assert "initialized" not in ran.text, "xdist says so of a worker that has started"
    assert not made.npz


def test_a_history_that_can_not_be_used_costs_a_line_unless_the_command_line_names_it(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    history = made.folder / ".claims" / "history.sqlite"
    history.parent.mkdir()
    history.write_text("of an earlier version, or damaged")
    ran = made.run()
    assert ran.code == OK, ran.text
    assert made.verdicts() == {"supported": "REPRODUCED"}
    assert len([line for line in ran.text.splitlines() if str(history) in line]) == 1
    assert made.run(f"--claims-history={history}").code == USAGE


# Evidence that can't be computed


FAILING_ENGINE = """
import harness.evidence.drain as draining

real = draining.run_level


def run_level(cell, level, *rest):
    if cell.condition == "mask/permuted":
        {what}
    return real(cell, level, *rest)


draining.run_level = run_level
"""


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ran]:
    """Two claims, one on tickets and one on all conditions, of which one can't be computed."""
    engine = FAILING_ENGINE.format(what='raise ValueError("diverged")')
    made = project(
        tmp_path_factory.mktemp("half") / "project", conftest=TINY + engine, ini={"profile": '"tiny"'}, draws=False
    )
    made.add("tickets", BODIES["supported"])
    made.add("conditions", BODIES["supported"], runs=EVERYTHING)
    return made, made.run()


def test_a_failed_cell_is_an_error_of_the_claims_that_need_it_alone(half: tuple[Project, Ran]) -> None:
    made, ran = half
    assert ran.code == NO_RESULT, ran.text
    assert made.conclusions() == {"tickets": "supported", "conditions": "error"}
    assert "diverged" in next(f.message for f in made.findings().values() if f.claim == "conditions")


def test_finished_evidence_is_judged_and_the_rest_says_how_far_it_is(half: tuple[Project, Ran]) -> None:
    made, _ = half
    before = {path: path.stat().st_mtime_ns for path in made.evidence.rglob("*") if path.is_file()}
    history = made.folder / ".claims" / "history.sqlite"
    remembered = history.read_bytes()
    for workers in ("0", "2"):
        ran = made.run("--claims-finished", "-n", workers)
        assert ran.code == OK, ran.text
        assert made.conclusions() == {"tickets": "supported", "conditions": "not run"}
        assert made.verdicts() == {"tickets": "REPRODUCED", "conditions": "NOT RUN"}
        assert "1 passed, 1 not run" in ran.text
    partial = made.summary().partial
    assert partial is not None
    assert (partial.of_cells, partial.of_levels) == (5, 9)
    assert 0 < partial.share < 1
    (left,) = (finding for finding in made.findings().values() if finding.claim == "conditions")
    assert "of 9 levels" in left.reason
    assert {path: path.stat().st_mtime_ns for path in made.evidence.rglob("*") if path.is_file()} == before
    assert history.read_bytes() == remembered, "what was judged early is not remembered as judged"
    assert made.run("--claims-finished", "--claim", "tickets").code == OK
    assert made.summary().partial is None


def test_damaged_evidence_is_not_judged_by_finished_and_left_as_it_is(
    half: tuple[Project, Ran], tmp_path: Path
) -> None:
    made, _ = half
    shutil.copytree(made.evidence, tmp_path / "evidence")
    for hit in (tmp_path / "evidence").rglob("level_*.npz"):
        hit.write_bytes(b"no longer what was written")
    ran = made.run("--claims-finished", f"--claims-evidence={tmp_path / 'evidence'}")
    assert ran.code == OK, ran.text
    assert set(made.conclusions().values()) == {"not run"}
    assert "damaged: " in ran.text
    assert hit.read_bytes() == b"no longer what was written"


def test_a_worker_that_dies_makes_its_finding_an_error_and_no_other(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported", "equivalent", crashing="os.kill(os.getpid(), 9)")
    ran = made.run("-n", "2")
    assert ran.code == NO_RESULT, ran.text
    assert made.conclusions() == {"crashing": "error", "supported": "supported", "equivalent": "equivalent"}
    assert made.verdicts()["crashing"] == "ERROR"
    assert re.search(r"worker gw\d+", next(f.message for f in made.findings().values() if f.claim == "crashing"))


# Which claims


def test_two_modules_can_not_declare_one_claim(tmp_path: Path) -> None:
    """As a copied claim does that kept its id."""
    made = made_of_numbers(tmp_path / "project", "supported")
    shutil.copy(made.folder / "claims" / "test_supported.py", made.folder / "claims" / "test_copied.py")
    assert_refused(made, made.run(), "supported", "test_copied.py", "test_supported.py")


ORDER = '\nfrom harness.plugin import collection\n\ncollection.ORDER = ("tiny", "larger", "extended")\n'


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One claim for any profile, one that waits for a larger one, and one of which a single test does."""
    made = made_of_numbers(tmp_path_factory.mktemp("mixed") / "project", "supported", "contradicted", "equivalent")
    conftest = made.folder / "conftest.py"
    conftest.write_text(conftest.read_text() + ORDER)
    waits = made.folder / "claims" / "test_contradicted.py"
    marked = 'pytestmark = [pytestmark, pytest.mark.at_least("larger")]\n\n\ndef difference'
    waits.write_text(waits.read_text().replace("def difference", marked, 1))
    both = made.folder / "claims" / "test_equivalent.py"
    text = both.read_text()
    more = text[text.index("def test_it") :].replace("test_it", "test_more")
    both.write_text(f"{text}\n\n@pytest.mark.at_least('larger')\n{more}")
    return made


def test_what_waits_for_a_larger_profile_is_left_out_and_named_and_the_run_is_complete(mixed: Project) -> None:
    ran = mixed.run("--claims-update-baseline")  # which is refused where claims were deselected by hand
    assert ran.code == 7, ran.text
    assert set(mixed.findings()) == {"supported::test_it", "equivalent::test_it"}
    later = {later.id: later.profile for later in mixed.summary().later}
    assert later == {"contradicted": "larger", "equivalent": "larger"}
    assert mixed.summary().complete
    assert re.search(r"larger on, or .*: contradicted\n", ran.text)
    assert re.search(r"larger on: equivalent\n", ran.text)


def test_a_claim_that_waits_is_judged_where_its_name_is_given_and_a_part_that_waits_is_not(mixed: Project) -> None:
    mixed.run("--claim=contradicted,equivalent")
    assert mixed.conclusions() == {"contradicted": "contradicted", "equivalent": "equivalent"}
    assert set(mixed.findings()) == {"contradicted::test_it", "equivalent::test_it"}


def test_a_marker_that_names_no_profile_is_refused(mixed: Project) -> None:
    wrong = mixed.folder / "claims" / "test_wrong.py"
    text = (mixed.folder / "claims" / "test_contradicted.py").read_text()
    wrong.write_text(text.replace('"contradicted"', '"wrong"').replace('"larger"', '"enormous"'))
    ran = mixed.run()
    wrong.unlink()
    assert ran.code == 4
    assert "'enormous'" in ran.text and "tiny, larger, extended" in ran.text


# Telling


@pytest.mark.parametrize("args", [("--claims-plan", "-n", "2"), ("--claims-list",), ("--collect-only",)])
def test_telling_trains_and_writes_nothing(tmp_path: Path, args: tuple[str, ...]) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    ran = made.run(*args, "--claims-profile=smoke")
    assert ran.code == OK, ran.text
    assert "ticket-effect" in ran.text or "test_ticket_beats_random[cart-pole-bc]" in ran.text
    assert " workers" not in ran.text
    assert {path.name for path in (made.folder / ".claims").glob("*")} <= {"pytest_cache", "compiled"}


def test_the_list_says_what_each_claim_says_and_from_which_profile_on_it_is_judged(mixed: Project) -> None:
    listed = mixed.run("--claims-list").text
    assert re.search(r"supported +This is supported \(0\)", listed)
    assert re.search(r"contradicted +.*larger", listed) and re.search(r"equivalent +.*in full .*larger", listed)
    planned = mixed.run("--claims-plan").text
    assert "contradicted" not in planned.partition("cells (")[0].partition("systems")[2]
    assert "no claim is selected" in mixed.run("--claims-plan", "-k", "nothing_of_that_name").text


# Elsewhere


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Another project, with a test of its own."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "test_one.py").write_text("def test_one(): pass\n")
    return folder


def pytest_in(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(TREE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_a_project_without_claims_sees_nothing_of_the_plugin(foreign: Path) -> None:
    """Where the plugin is loaded; that the package is installed is no matter, test_installation says."""
    loaded = (
        "import sys\n\ndef pytest_unconfigure():\n    print(*(m for m in sys.modules if m.startswith('harness.')))\n"
    )
    (foreign / "conftest.py").write_text(loaded)
    with_it = pytest_in(foreign, "-q", "-p", "harness.plugin").stdout
    assert "claims" not in with_it
    assert not any(room in with_it for room in ("judging", "evidence", "networks", "statistics", "results"))
    assert [path.name for path in foreign.iterdir() if path.is_dir()] == []
    assert "pytest11" not in (TREE / "pyproject.toml").read_text()


def test_a_claim_of_this_suite_is_found_from_another_project_by_its_name(foreign: Path) -> None:
    args = ("-p", "harness.plugin", "--claim", "ticket-effect", "--claims-profile=smoke", "-k", "cart-pole-bc")
    ran = run_pytest(foreign, *args)
    assert ran.code == OK, ran.text
    assert "1 deselected" not in header(ran)
    (path,) = foreign.rglob("findings.json")
    (finding,) = (finding for claim in json.loads(path.read_text())["claims"] for finding in claim["findings"])
    assert "-p harness.plugin" in finding["rerun"]
    assert "--claim ticket-effect -k 'test_ticket_beats_random[cart-pole-bc]'" in finding["rerun"]
    (path.parent / "findings.json").unlink()
    ran = run_pytest(foreign, *args[:4], "--claims-finished", "--claims-baseline=suite")
    assert ran.code == OK, "of this suite's baseline, the claims that were not asked for are not unused"
    (path,) = foreign.rglob("findings.json")
    baseline = json.loads(path.read_text())["baseline"]
    assert baseline["file"].endswith("scaled.json") and not baseline["unused"]
    ran = run_pytest(foreign, "-p", "harness.plugin", "--claim", "ticket-efect")
    assert ran.code == 4
    assert "'ticket-efect'" in ran.text
