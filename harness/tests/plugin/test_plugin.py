"""What a run of the claims says, writes and returns, looked at from the shell.

Each test runs pytest in a small project of its own: the tree's conftest.py and pyproject.toml, and a claim or two.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.files import FIXTURES
from harness.tests.evidence.processes import Ran, run_pytest

TREE = Path(__file__).resolve().parents[3]
USAGE, FAILED, OK, NO_RESULT = 4, 1, 0, 6

# A profile that judges, at the costs of smoke: what the made-up claims below judge are their own numbers.
TINY = """
from types import MappingProxyType

from harness.plugin import options
from harness.profiles.profile import PROFILES, Profile

options.PROFILES = MappingProxyType({**PROFILES, "tiny": Profile("tiny", "for tests", 3, PROFILES["smoke"].systems)})
"""

CLAIM = '''
"""This is {id} (paper 0)."""

import os

import numpy as np
import pytest

from harness import claim, ticket_run
from harness.statistics import PerSeed

pytestmark = claim("{id}", source="0", quantifier="none", systems=1)


def difference(mean, spread=0.01):
    values = mean + spread * np.cos(np.pi * np.arange(20))
    return PerSeed.of("one", values, range(20)) - PerSeed.of("other", np.zeros(20), range(20))


@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])
def test_it(run, judge):
    """It is so."""
    {body}
'''

BODIES = {
    "supported": "judge.greater(difference(0.2), min_effect=0.05)",
    "contradicted": "judge.greater(difference(-0.2), min_effect=0.05)",
    "equivalent": "judge.greater(difference(0.0), min_effect=0.5)",
    "underpowered": "judge.greater(difference(0.1, spread=1.0), min_effect=0.05)",
    "silent": "pass",
    "twice": "judge.greater(difference(0.2), min_effect=0.05)\n    judge.greater(difference(0.2), min_effect=0.05)",
    "raising": 'raise LookupError("no such thing")',
    "not-finite": "judge.greater(difference(np.nan), min_effect=0.05)",
    "skipping": 'pytest.skip("not today")',
}


@dataclass(frozen=True)
class Project:
    """A folder with claims, and how to run them."""

    folder: Path

    def run(self, *args: str) -> Ran:
        return run_pytest(self.folder, *args)

    @property
    def evidence(self) -> Path:
        return self.folder / ".claims" / "evidence"

    def add(self, id: str, body: str) -> None:
        (self.folder / "claims" / f"test_{id}.py").write_text(CLAIM.format(id=id, body=body))

    def summary(self) -> dict[str, Any]:
        (path,) = (self.folder / ".claims").rglob("findings.json")
        content: dict[str, Any] = json.loads(path.read_text())
        return content

    def findings(self) -> dict[str, dict[str, Any]]:
        """By claim and name of the test."""
        claims = self.summary()["claims"]
        return {f"{claim['id']}::{f['name']}": f for claim in claims for f in claim["findings"]}

    def conclusions(self) -> dict[str, str]:
        """By claim: of made-up claims, each has one finding."""
        return {f["claim"]: f["conclusion"] for f in self.findings().values()}

    def verdicts(self) -> dict[str, str]:
        return {claim["id"]: claim["verdict"] for claim in self.summary()["claims"]}


def project(folder: Path, *claims: str, conftest: str = "", ini: dict[str, str] | None = None) -> Project:
    """A project with copies of these modules of claims/."""
    (folder / "claims").mkdir(parents=True)
    (folder / "conftest.py").write_text((TREE / "conftest.py").read_text() + conftest)
    settings = (TREE / "pyproject.toml").read_text()
    for key, value in (ini or {}).items():
        name = f"claims_{key.replace('-', '_')}"
        settings, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", settings)
        assert count == 1
    (folder / "pyproject.toml").write_text(settings)
    for name in claims:
        shutil.copy(TREE / "claims" / name, folder / "claims")
    return Project(folder)


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with one claim of the tree."""
    return project(tmp_path / "project", "test_ticket_effect.py")


@pytest.fixture(scope="module")
def tiny_evidence(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The evidence that all made-up claims share: an option that names its folder."""
    return f"--claims-evidence={tmp_path_factory.mktemp('tiny') / 'evidence'}"


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., Project]:
    """Makes a project of claims from `BODIES`, judged at the profile tiny."""

    def make(*names: str, **ini: str) -> Project:
        made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"', **ini})
        for name in names:
            made.add(name, BODIES[name])
        return made

    return make


# Readings and controls


def test_a_control_breaks_every_experiment_apart_from_the_evidence_of_real_ones(made: Project) -> None:
    ran = made.run(
        "--claims-profile",
        "smoke",
        "--claims-control",
        "exchanged-returns",
        "--claims-set",
        "pruning.shuffle=rows",
        "-k",
        "cart-pole-bc",
    )
    assert ran.code == OK, ran.text
    altered = "smoke with pruning.shuffle=rows, control exchanged-returns"
    assert f"claims: profile {altered}, seeds 0 to 2" in ran.text
    assert f"SMOKE         ticket-effect at {altered}" in ran.text
    assert not made.evidence.exists()
    assert list((made.folder / ".claims" / "controls" / "evidence").rglob("*.npz"))
    summary = made.summary()
    assert summary["changes"] == ["pruning.shuffle=rows", "control exchanged-returns"]
    (finding,) = made.findings().values()
    assert "--claims-set pruning.shuffle=rows --claims-control exchanged-returns" in finding["rerun"]
    assert not list((made.folder / ".claims").glob("*.html"))


def test_a_claim_that_declares_an_unknown_control_is_refused(made: Project) -> None:
    module = made.folder / "claims" / "test_ticket_effect.py"
    module.write_text(module.read_text().replace('"no-learning"', '"no-laerning"'))
    assert_refused(
        made, made.run("--claims-profile", "smoke"), "ticket-effect names a control 'no-laerning'", "no-learning"
    )


# Bad input: one clear line, exit code 4, nothing trained


def assert_refused(made: Project, ran: Ran, *words: str) -> None:
    """The run ended with exit code 4 and one line that has the words; nothing was trained or written."""
    complaints = [line for line in ran.text.splitlines() if "error" in line.lower()]
    assert "Traceback" not in ran.text, ran.text
    assert "INTERNALERROR" not in ran.text, ran.text
    assert ran.code == USAGE, ran.text
    assert len(complaints) == 1, ran.text
    for word in words:
        assert word in complaints[0]
    assert not made.evidence.exists() or not list(made.evidence.rglob("*.npz"))
    assert not (made.folder / ".claims" / "report.html").exists(), "an earlier report would be lost"
    assert not (made.folder / ".claims" / "findings.json").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--claims-profile", "huge"], ["unknown profile 'huge'", "smoke, reduced, scaled, extended, paper"]),
        (["--claims-profile="], ["unknown profile ''"]),
        (["--claims-seed-block=-1"], ["seed block", "'-1'"]),
        (["--claims-seed-block", "-1"], ["seed"]),
        (["--claims-seed-block=two"], ["seed block", "'two'"]),
        (["--claims-seed-block="], ["seed block", "''"]),
        (["--claims-seed-block=1.5"], ["seed block", "'1.5'"]),
        (["--claims-seed-block=²"], ["seed block", "'²'"]),
        (["--claims-control", "nonsense"], ["unknown control 'nonsense'", "nothing, unmasked"]),
        (["--claims-set", "learner.decay=decoupled"], ["decay=decoupled changes nothing here"]),
        (["--claims-seed-block=1000"], ["no claim is judged on seed block 1000", "A/A"]),
        (["--claim", "ticket-efect"], ["no claim 'ticket-efect'", "ticket-effect"]),
        (["--claim", "ticket-effect,nonsense"], ["no claim 'nonsense'"]),
        (["--claims-cell", "0000000000"], ["no cell", "'0000000000'", "--claims-plan"]),
        (["--claims-cell", "zz", "--claims-plan"], ["no cell", "'zz'"]),
        (["--claims-evidence=file/below"], ["file/below can't be written", "--claims-evidence"]),
        (["--claims-evidence=file"], ["file can't be written", "--claims-evidence"]),
        (["--claims-evidence=/proc/evidence"], ["/proc/evidence can't be written"]),
        (["--claims-report=file/report.html"], ["file/report.html", "--claims-report"]),
        (["--claims-report=claims"], ["claims", "--claims-report"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_a_bad_option_is_one_line_before_any_training(made: Project, args: list[str], words: list[str]) -> None:
    (made.folder / "file").write_text("")
    assert_refused(
        made, made.run(*args, *([] if "--claims-profile" in args[0] else ["--claims-profile=smoke"])), *words
    )


def test_a_bad_value_in_pyproject_is_one_line_before_any_training(tmp_path: Path) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py", ini={"profile": '"huge"'})
    assert_refused(made, made.run(), "unknown profile 'huge'")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--claim", "nonsense"], ["no claim 'nonsense'"]),
        (["--claims-evidence=file/below"], ["file/below can't be written"]),
        (["--claims-seed-block=-1"], ["seed block"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_a_bad_option_is_refused_before_workers_start(made: Project, args: list[str], words: list[str]) -> None:
    (made.folder / "file").write_text("")
    ran = made.run("-n", "2", "--claims-profile=smoke", *args)
    assert "initialized" not in ran.text  # as xdist says of a worker that has started
    assert_refused(made, ran, *words)


@pytest.mark.parametrize(
    ("claim", "change", "words"),
    [
        (
            "kaiming-biases-layers",
            "pruning.rate=0.2",
            "no level of Kaiming is at or below density 0.1: the last is 0.51",
        ),
        ("kaiming-biases-layers", "network.hidden=4", "all layers of (4, 4, 2) have the same fan-in"),
        ("cart-pole-keeps-pole", "pruning.rate=0.2", "is at or below density 0.1"),
        ("kaiming-tenth-finds-inputs", "pruning.rate=0.2", "is at or below density 0.1"),
    ],
)
def test_what_a_claim_needs_is_checked_before_any_training(tmp_path: Path, claim: str, change: str, words: str) -> None:
    made = project(tmp_path / "project", f"test_{claim.replace('-', '_')}.py")
    ran = made.run("--claims-profile=smoke", f"--claims-set={change}")
    assert_refused(made, ran, f"claim {claim} can't be judged", words)


EXPERT = "experts/cart-pole/01"


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def make_pickle(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.")


def alter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")


def say_less(path: Path) -> None:
    path.write_text("{}")


def give_sizes_as_a_number(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "sizes": 3}))


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        (f"{EXPERT}.safetensors", remove, ["missing"]),
        (f"{EXPERT}.safetensors", truncate, ["truncated or damaged"]),
        (f"{EXPERT}.safetensors", make_pickle, ["not safetensors but a pickle"]),
        (f"{EXPERT}.safetensors", alter, ["does not match the checksum"]),
        (f"{EXPERT}.json", remove, ["missing"]),
        (f"{EXPERT}.json", truncate, ["can't be read"]),
        (f"{EXPERT}.json", say_less, ["can't be read"]),
        (f"{EXPERT}.json", give_sizes_as_a_number, ["can't be read"]),
        ("references/cart-pole-500.json", remove, ["missing"]),
        ("references/cart-pole-500.json", truncate, ["can't be read"]),
    ],
)
def test_an_unsound_fixture_is_one_line_before_any_training(
    tmp_path: Path, file: str, damage: Callable[[Path], None], words: list[str]
) -> None:
    fixtures = tmp_path / "fixtures"
    shutil.copytree(FIXTURES, fixtures)
    damage(fixtures / file)
    made = project(tmp_path / "project", "test_ticket_effect.py", conftest=redirected(fixtures))
    assert_refused(made, made.run("--claims-profile=smoke"), file, "git", "python -m harness experts", *words)


def redirected(fixtures: Path) -> str:
    """Lines of a conftest.py that have fixtures read from another folder."""
    return f"\nimport pathlib\n\nimport harness.files\n\nharness.files.FIXTURES = pathlib.Path({str(fixtures)!r})\n"


def test_an_unsound_fixture_is_refused_before_workers_start(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    made = project(tmp_path / "project", "test_ticket_effect.py", conftest=redirected(tmp_path / "fixtures"))
    assert_refused(made, made.run("-n", "2", "--claims-profile=smoke"), f"{EXPERT[:-2]}00.safetensors", "missing")


@pytest.mark.parametrize("args", [[], ["-n", "2"], ["-n", "2", "-x"]], ids=" ".join)
def test_a_claim_that_can_not_be_imported_is_shown_and_trains_nothing(made: Project, args: list[str]) -> None:
    (made.folder / "claims" / "test_unimportable.py").write_text("import nothing_of_that_name\n")
    ran = made.run("--claims-profile=smoke", *args)
    assert ran.code == pytest.ExitCode.INTERRUPTED, ran.text
    assert "ERROR collecting claims/test_unimportable.py" in ran.text
    assert "ModuleNotFoundError: No module named 'nothing_of_that_name'" in ran.text
    assert "Interrupted: 1 error during collection" in ran.text
    assert "initialized" not in ran.text  # as xdist says of a worker that has started
    assert not list(made.evidence.rglob("*.npz"))


@pytest.mark.parametrize("spoil", ["import nothing_of_that_name", "def test_it():\n    raise KeyboardInterrupt"])
def test_what_did_not_run_to_its_end_leaves_the_last_report(
    made_up: Callable[..., Project], tiny_evidence: str, spoil: str
) -> None:
    made = made_up("supported")
    assert made.run(tiny_evidence).code == OK
    (made.folder / "claims" / "test_a_spoiler.py").write_text(f"{spoil}\n")
    assert made.run(tiny_evidence).code == pytest.ExitCode.INTERRUPTED
    assert made.verdicts() == {"supported": "REPRODUCED"}


def test_nothing_selected_is_told(made: Project) -> None:
    ran = made.run("--claims-plan", "-k", "nothing_of_that_name")
    assert "no claim is selected" in ran.text
    assert "INTERNALERROR" not in ran.text


# Settings


def header(ran: Ran) -> str:
    return next(line for line in ran.text.splitlines() if line.startswith("claims: "))


def test_settings_come_from_pyproject_and_the_command_line_wins(tmp_path: Path) -> None:
    ini = {"profile": '"extended"', "seed-block": '"7"', "evidence": '"here"', "report": '"there.html"'}
    made = project(tmp_path / "project", ini={**ini, "strict": "true"})
    said = header(made.run("--claims-list"))
    folder = made.folder
    assert said == (
        f"claims: profile extended, seeds 7000 to 7039, evidence {folder}/here, report {folder}/there.html, strict"
    )
    said = header(
        made.run(
            "--claims-list",
            "--claims-profile=paper",
            "--claims-seed-block=1",
            "--claims-evidence=e",
            "--claims-report=none",
        )
    )
    assert said == f"claims: profile paper, seeds 1000 to 1014, evidence {folder}/e, report none, strict"


def test_a_folder_on_the_command_line_starts_where_the_user_stands(made: Project) -> None:
    ran = run_pytest(made.folder / "claims", "--claims-list", "--claims-evidence=e")
    assert f"evidence {made.folder}/claims/e, report {made.folder}/.claims/report.html" in header(ran)


def test_an_existing_evidence_folder_after_a_space_does_not_hide_the_project(made: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    ran = made.run("--claims-list", "--claims-evidence", str(tmp_path / "elsewhere"))
    assert ran.code == OK
    assert f"rootdir: {made.folder}" in ran.text
    assert f"evidence {tmp_path}/elsewhere," in header(ran)
    assert "ticket-effect" in ran.text


def test_the_options_stand_in_one_group_of_the_help(made: Project) -> None:
    ran = made.run("--help")
    group = ran.text.split("reproducing the paper's claims:")[1].split("\n\n")[0]
    options = ("profile", "seed-block", "evidence", "report", "strict", "cell", "plan", "list")
    assert all(f"--claims-{name}" in group for name in options)


# Telling


@pytest.mark.parametrize(
    "args",
    [
        ("--claims-plan",),
        ("--claims-list",),
        ("--claims-plan", "-n", "2"),
        ("--claims-list", "-n", "2"),
        ("--collect-only",),
    ],
)
def test_telling_trains_and_writes_nothing(made: Project, args: tuple[str, ...]) -> None:
    ran = made.run(*args, "--claims-profile=smoke")
    assert ran.code == OK, ran.text
    assert "ticket-effect" in ran.text or "test_ticket_beats_random[cart-pole-bc]" in ran.text
    assert " workers" not in ran.text
    assert {path.name for path in (made.folder / ".claims").glob("*")} <= {"pytest_cache"}


def test_the_papers_plan_is_that_of_its_tables(tmp_path: Path) -> None:
    made = project(tmp_path / "project", *sorted(path.name for path in (TREE / "claims").glob("test_*.py")))
    text = made.run("--claims-profile", "paper", "--claims-plan").text
    assert "15 seeds, 0 to 14" in text
    assert re.search(r"cart-pole, horizon 500, bc: 10,000 env_steps .*, 30 levels at 20 %", text)
    assert re.search(r"cart-pole, horizon 500, ppo: 80,000 env_steps .*, 30 levels at 20 %", text)


def test_two_modules_can_not_declare_one_claim(made: Project) -> None:
    """A copied claim that kept its id."""
    shutil.copy(made.folder / "claims" / "test_ticket_effect.py", made.folder / "claims" / "test_copied.py")
    assert_refused(made, made.run("--claims-profile=smoke"), "ticket-effect", "test_copied.py", "test_ticket_effect.py")


def test_each_claim_is_listed_with_what_it_says_and_its_source(made: Project) -> None:
    text = made.run("--claims-list").text
    assert re.search(r"ticket-effect +Tickets found by .* beat random sparse networks \(1, 3.3, Figures", text)


def test_one_cell_is_computed_with_its_parents_and_nothing_is_judged(made: Project) -> None:
    plan = made.run("--claims-profile=smoke", "--claims-plan").text
    cell = next(line.split()[0] for line in plan.splitlines() if line.endswith(": mask/weights") and " bc " in line)
    ran = made.run("--claims-profile=smoke", "--claims-cell", cell)
    assert ran.code == OK
    assert f"{cell}  cart-pole bc" in ran.text
    assert "scored return" in ran.text
    assert len(list(made.evidence.rglob("complete.json"))) == 2
    assert not (made.folder / ".claims" / "report.html").exists()
    again = made.run("--claims-profile=smoke", "--claims-plan").text
    assert re.search(rf"{cell}  stored", again)
    assert again.count("  stored ") == 2


# A smoke run


@dataclass(frozen=True)
class Smoke:
    """A smoke run of one claim of the tree and a copy of it under another name."""

    project: Project
    ran: Ran
    before: dict[Path, bytes]

    def npz(self) -> dict[str, bytes]:
        folder = self.project.evidence
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.npz")}


def tree(folder: Path) -> dict[Path, bytes]:
    """All files but .claims and compiled modules."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not {".claims", "__pycache__"} & set(name.parts)}


def smoke_run(folder: Path, *args: str) -> Smoke:
    made = project(folder, "test_ticket_effect.py")
    text = (TREE / "claims" / "test_ticket_effect.py").read_text()
    assert text.count('"ticket-effect"') == 1
    (folder / "claims" / "test_another.py").write_text(text.replace('"ticket-effect"', '"another-claim"'))
    before = tree(folder)
    return Smoke(
        made, made.run("--claims-profile", "smoke", "-k", "cart-pole-bc", *args), before
    )  # BC alone: half the time


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    """In one process."""
    return smoke_run(tmp_path_factory.mktemp("smoke") / "project", "-n", "0")


def test_a_smoke_run_judges_nothing_and_succeeds(smoke: Smoke) -> None:
    assert smoke.ran.code == OK, smoke.ran.text
    assert "12 deselected, 2 smoke in" in smoke.ran.text  # two claims of seven systems
    assert {f["conclusion"] for f in smoke.project.findings().values()} == {"smoke"}
    assert all(f["effect"] == "NaN" and f["p"] is None for f in smoke.project.findings().values())
    assert set(smoke.project.verdicts().values()) == {"SMOKE"}


def test_a_smoke_run_writes_a_report_and_findings_and_nothing_outside_its_folder(smoke: Smoke) -> None:
    folder = smoke.project.folder
    assert tree(folder) == smoke.before
    assert {path.name for path in (folder / ".claims").iterdir()} == {"evidence", "smoke", "pytest_cache"}
    assert {path.name for path in (folder / ".claims" / "smoke").iterdir()} == {"report.html", "findings.json"}
    assert "<html" in (folder / ".claims" / "smoke" / "report.html").read_text()


def test_a_claim_is_one_file_and_no_other(smoke: Smoke) -> None:
    assert smoke.project.verdicts().keys() == {"another-claim", "ticket-effect"}


def timeless(findings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**finding, "cpu_seconds": 0} for name, finding in findings.items()}


@pytest.mark.parametrize("workers", ["2", "4"])
def test_workers_find_the_same_bits_and_the_same_findings(smoke: Smoke, tmp_path: Path, workers: str) -> None:
    parallel = smoke_run(tmp_path / "project", "-n", workers)
    assert parallel.ran.code == OK, parallel.ran.text
    assert f"{workers} workers" in parallel.ran.text
    assert len(smoke.npz()) == 1 + 4 * 3
    assert parallel.npz() == smoke.npz()
    assert timeless(parallel.project.findings()) == timeless(smoke.project.findings())
    assert tree(parallel.project.folder) == parallel.before


def test_workers_judge_alike(smoke: Smoke, tmp_path: Path) -> None:
    """The claim's own statistics, on the evidence of the smoke run."""
    judged = []
    for workers in ("0", "2"):
        made = project(tmp_path / workers, "test_ticket_effect.py", conftest=TINY, ini={"profile": '"tiny"'})
        made.run("-n", workers, "-k", "cart-pole-bc", f"--claims-evidence={smoke.project.evidence}")
        judged.append(timeless(made.findings()))
    (finding,) = judged[0].values()
    assert finding["test"] == "sign-flip"
    assert isinstance(finding["effect"], float)
    assert judged[0] == judged[1]


def test_a_second_run_computes_nothing_again(smoke: Smoke) -> None:
    written = {path: path.stat().st_mtime_ns for path in smoke.project.evidence.rglob("*") if path.is_file()}
    before = timeless(smoke.project.findings())
    ran = smoke.project.run("--claims-profile=smoke", "-k", "cart-pole-bc")
    assert ran.code == OK
    after = {path: path.stat().st_mtime_ns for path in smoke.project.evidence.rglob("*") if path.is_file()}
    assert {path: time for path, time in after.items() if "leases" not in path.parts} == {
        path: time for path, time in written.items() if "leases" not in path.parts
    }
    assert timeless(smoke.project.findings()) == before


def test_damaged_evidence_is_named_and_computed_again(smoke: Smoke, tmp_path: Path) -> None:
    shutil.copytree(smoke.project.evidence, tmp_path / "evidence")
    hit = sorted((tmp_path / "evidence").rglob("level_02.npz"))[0]
    sound = hit.read_bytes()
    hit.write_bytes(sound[:-1])
    ran = smoke.project.run(
        "--claims-profile=smoke",
        "-k",
        "cart-pole-bc",
        f"--claims-evidence={tmp_path / 'evidence'}",
        "--claims-report=none",
    )
    assert ran.code == OK
    assert f"damaged: {hit}" in ran.text
    assert hit.read_bytes() == sound


# Outcomes


def test_each_outcome_has_its_word_and_each_claim_its_verdict(
    made_up: Callable[..., Project], tiny_evidence: str
) -> None:
    made = made_up(*(name for name in BODIES if name != "skipping"))
    ran = made.run("-v", tiny_evidence)
    assert ran.code == NO_RESULT, ran.text
    assert made.conclusions() == {
        "supported": "supported",
        "contradicted": "contradicted",
        "equivalent": "equivalent",
        "underpowered": "underpowered",
        "silent": "error",
        "twice": "error",
        "raising": "error",
        "not-finite": "error",
    }
    verdicts = {"supported": "REPRODUCED", "contradicted": "REFUTED", "equivalent": "REFUTED"}
    errors = dict.fromkeys(("silent", "twice", "raising", "not-finite"), "ERROR")
    assert made.verdicts() == {**verdicts, "underpowered": "INCONCLUSIVE", **errors}
    for word in ("CONTRADICTED", "EQUIVALENT", "UNDERPOWERED"):
        assert re.search(rf"test_{word.lower()}\.py::test_it\S* {word}", ran.text)
    messages = {f["claim"]: f["message"] for f in made.findings().values()}
    assert "judged nothing" in messages["silent"]
    assert "judged two hypotheses" in messages["twice"]
    assert messages["raising"] == "LookupError: no such thing"
    assert re.search(r"test_it\S*: .* is not finite: NaN or infinite for seed \d+ \(nan\)", messages["not-finite"])
    assert "\n" not in messages["not-finite"]
    assert "NotFiniteError" not in ran.text  # one line, and no traceback of code that did nothing wrong
    assert "5 failed, 1 passed, 1 equivalent, 1 underpowered" in ran.text


@pytest.mark.parametrize(
    ("names", "args", "code"),
    [
        (["supported"], [], OK),
        (["supported", "contradicted"], [], FAILED),
        (["supported", "equivalent", "underpowered"], [], OK),
        (["supported", "equivalent"], ["--claims-strict"], FAILED),
        (["supported", "underpowered"], ["--claims-strict"], FAILED),
        (["supported"], ["--claims-strict"], OK),
        (["silent"], [], NO_RESULT),
        (["twice"], [], NO_RESULT),
        (["raising"], [], NO_RESULT),
        (["skipping"], [], NO_RESULT),  # a finding that is missing is a failure
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_exit_code_says_whether_a_claim_failed(
    made_up: Callable[..., Project], tiny_evidence: str, names: list[str], args: list[str], code: int
) -> None:
    ran = made_up(*names).run(tiny_evidence, "--claims-report=none", *args)
    assert ran.code == code, ran.text


def test_strictness_may_stand_in_pyproject(made_up: Callable[..., Project], tiny_evidence: str) -> None:
    assert made_up("underpowered", **{"strict": "true"}).run(tiny_evidence).code == FAILED


def test_a_contradiction_says_how_to_repeat_it(made_up: Callable[..., Project], tiny_evidence: str) -> None:
    ran = made_up("contradicted").run(tiny_evidence, "--claims-seed-block=3")
    options = f"--claims-profile tiny --claims-seed-block 3 {tiny_evidence} --claims-report=none"
    assert "contradicted contradicted: test_it[cart-pole-bc] on cart-pole bc" in ran.text
    assert "an effect above 0, and of at least 0.05 normalised return" in ran.text
    assert f'pytest -n auto {options} "claims/test_contradicted.py::test_it[cart-pole-bc]"' in ran.text


def test_what_is_underpowered_says_what_would_decide_it(made_up: Callable[..., Project], tiny_evidence: str) -> None:
    ran = made_up("underpowered").run(tiny_evidence)
    assert re.search(r"test_it\[cart-pole-bc\]: .* would decide 0.05 normalised return", ran.text)


def test_no_difference_is_not_assessable_where_dense_agents_learned_nothing(
    made_up: Callable[..., Project], tiny_evidence: str
) -> None:
    """As at the costs of smoke: the same numbers without a run that failed to learn are supported."""
    made = made_up()
    made.add("unlearned", "judge.equivalent(difference(0.0), margin=0.5)")
    made.run(tiny_evidence)
    (finding,) = made.findings().values()
    assert finding["conclusion"] == "underpowered"
    assert "when dense, under 0.95" in finding["reason"]
    text = (made.folder / "claims" / "test_unlearned.py").read_text()
    text = text.replace('@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])\n', "")
    (made.folder / "claims" / "test_unlearned.py").write_text(text.replace("(run, judge)", "(judge)"))
    made.run(tiny_evidence)
    assert made.conclusions() == {"unlearned": "supported"}


def test_only_the_claims_asked_for_are_judged(made_up: Callable[..., Project], tiny_evidence: str) -> None:
    made = made_up("supported", "contradicted", "equivalent")
    ran = made.run(tiny_evidence, "--claim", "supported,equivalent")
    assert ran.code == OK, ran.text
    assert made.conclusions() == {"supported": "supported", "equivalent": "equivalent"}


def test_none_is_no_report(made_up: Callable[..., Project], tiny_evidence: str) -> None:
    made = made_up("supported")
    assert made.run(tiny_evidence, "--claims-report", "none").code == OK
    assert not list((made.folder / ".claims").rglob("*.html"))
    assert not list((made.folder / ".claims").rglob("findings.json"))


def test_numbers_without_a_run_can_be_judged(made_up: Callable[..., Project]) -> None:
    made = made_up("supported")
    path = made.folder / "claims" / "test_supported.py"
    text = path.read_text().replace('@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])\n', "")
    path.write_text(text.replace("(run, judge)", "(judge)"))
    ran = made.run()
    assert made.conclusions() == {"supported": "supported"}
    assert ran.code == OK


def test_an_ordinary_test_is_left_alone_and_has_no_judge(made_up: Callable[..., Project], tiny_evidence: str) -> None:
    made = made_up("supported")
    (made.folder / "claims" / "test_plain.py").write_text("def test_plain(): pass\n\n\ndef test_judge(judge): pass\n")
    ran = made.run(tiny_evidence)
    assert ran.code == FAILED
    assert "2 passed, 1 error" in ran.text
    assert "only a test marked by harness.judging.claim(...) has a judge" in ran.text
    assert made.conclusions() == {"supported": "supported"}


FAILING_ENGINE = """
import harness.evidence.drain as draining

real = draining.run_level


def run_level(cell, level, *rest):
    if cell.condition == "mask/permuted":
        raise ValueError("diverged")
    return real(cell, level, *rest)


draining.run_level = run_level
"""


def test_a_failed_cell_is_an_error_of_the_claims_that_need_it_alone(tmp_path: Path, tiny_evidence: str) -> None:
    made = project(tmp_path / "project", conftest=TINY + FAILING_ENGINE, ini={"profile": '"tiny"'})
    made.add("tickets", BODIES["supported"])
    made.add("conditions", BODIES["supported"])
    path = made.folder / "claims" / "test_conditions.py"
    everything = 'imp_runs(["cart-pole"], ["bc"])'
    text = path.read_text().replace('[ticket_run("cart-pole", "bc")]', everything)
    path.write_text(text.replace("claim, ticket_run", "claim, imp_runs"))
    ran = made.run(tiny_evidence)
    assert ran.code == NO_RESULT
    assert made.conclusions() == {"tickets": "supported", "conditions": "error"}
    message = next(f["message"] for f in made.findings().values() if f["claim"] == "conditions")
    assert "its evidence could not be computed: ValueError: diverged" in message


def test_a_worker_that_dies_judging_makes_its_finding_an_error_and_no_other(
    made_up: Callable[..., Project], tiny_evidence: str
) -> None:
    made = made_up("supported", "equivalent", "contradicted")
    made.add("crashing", "os.kill(os.getpid(), 9)")
    ran = made.run(tiny_evidence, "-n", "2", "--claim", "supported,equivalent,crashing")
    assert ran.code == NO_RESULT, ran.text
    assert made.conclusions() == {"crashing": "error", "supported": "supported", "equivalent": "equivalent"}
    assert made.verdicts()["crashing"] == "ERROR"
    message = next(f["message"] for f in made.findings().values() if f["claim"] == "crashing")
    assert re.fullmatch(r"worker gw\d+ crashed while it judged this item: .*", message)
    assert message in " ".join(ran.text.split())
    assert (made.folder / ".claims" / "report.html").exists()


KILLED_AT_FIRST = """
import os
import pathlib

import harness.evidence.drain as draining

real = draining.run_level


def run_level(cell, level, *rest):
    if cell.condition == "mask/permuted" and level == 1:
        with open("deaths", "a") as deaths:
            deaths.write(f"{os.getpid()}\\n")
        if len(open("deaths").readlines()) <= DEATHS:
            os.kill(os.getpid(), 9)
    return real(cell, level, *rest)


draining.run_level = run_level
"""


@pytest.mark.parametrize("deaths", [1, 1000])
def test_a_worker_that_dies_computing_costs_the_item_it_had_and_a_cell_that_kills_again_is_left_alone(
    tmp_path: Path, replay: str, deaths: int
) -> None:
    engine = replay + KILLED_AT_FIRST.replace("DEATHS", str(deaths))
    made = project(tmp_path / "project", conftest=TINY + engine, ini={"profile": '"tiny"'})
    made.add("tickets", BODIES["supported"])
    made.add("conditions", BODIES["supported"])
    path = made.folder / "claims" / "test_conditions.py"
    text = path.read_text().replace('[ticket_run("cart-pole", "bc")]', 'imp_runs(["cart-pole"], ["bc"])')
    path.write_text(text.replace("claim, ticket_run", "claim, imp_runs"))
    ran = run_pytest(made.folder, "-n", "2", seconds=300)  # workers start slowly, and here up to six of them
    assert ran.code == NO_RESULT, ran.text
    died = re.findall(r"claims: worker gw\d+ died while it computed cell [0-9a-f]{12}", ran.text)
    messages = [f["message"] for f in made.findings().values() if f["conclusion"] == "error"]
    assert (made.folder / ".claims" / "report.html").exists()
    if deaths == 1:
        assert len(died) == 1
        assert sorted(made.conclusions().values()) == ["error", "supported"], "its item, and no other"
        assert re.match(r"worker gw\d+ crashed while it computed evidence", messages[0])
        assert run_pytest(made.folder, "-n", "0").code == OK, "others went on with its cell"
    else:
        assert 2 <= len(died) <= 5, "each worker may try it, and be replaced once"
        assert made.conclusions()["conditions"] == "error"
        assert any("crashed" in message or "the workers that computed it died" in message for message in messages)
