"""Evidence under faults, kills, damage, full disks and Ctrl-C: nothing finished is lost, nothing wrong is used."""

import contextlib
import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.evidence import drain as draining
from harness.evidence import lease as leases
from harness.evidence import store as storing
from harness.evidence.drain import drain
from harness.evidence.inventory import inventory
from harness.evidence.level_file import to_bytes
from harness.evidence.store import Store, StoreError, address
from harness.experiment import Cell
from harness.pruning.conditions import TICKET
from harness.tests.evidence import processes
from harness.tests.evidence.test_evidence import CHAIN, CHAIN_PLAN, DENSE_CELL, final, finish, numbers, partial
from harness.tests.plugin.test_plugin import BODIES, FAILED, OK, TINY, USAGE, Project, project

INTERRUPTED, UNWRITABLE = 2, 3
SECONDS_TO_STOP = 5.0
KILLS, MUTATIONS = 50, 200


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The evidence of `CHAIN_PLAN`. Not to be changed."""
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    finish(store)
    return store


def evidence(store: Store) -> dict[str, bytes]:
    """All that is evidence in a store, by path; costs differ from run to run."""
    cells = store.folder / "cells"
    kept = (path for path in cells.rglob("*") if path.is_file() and not path.name.endswith(".cost.json"))
    return {str(path.relative_to(cells)): path.read_bytes() for path in kept}


# Killed


def drain_alone(folder: Path) -> None:
    drain(CHAIN_PLAN, Store(folder))


def finished_levels(store: Store) -> dict[tuple[str, int], int]:
    """When each finished level was written, by cell and number."""
    found = {}
    for cell in CHAIN_PLAN:
        for number in cell.levels:
            for folder in (final(store, cell), partial(store, cell)):
                with contextlib.suppress(OSError):
                    (folder / f"level_{number:02}.sha256").stat()
                    found[cell.condition, number] = (folder / f"level_{number:02}.npz").stat().st_mtime_ns
    return found


def test_fifty_kills_lose_nothing_that_was_finished(tmp_path: Path, undisturbed: Store) -> None:
    """Each process is killed at a random moment of its run; what one finished, no later one computes again."""
    chance, stores, before = random.Random(7), 1, {}
    store = Store(tmp_path / "1")
    interrupted = 0
    for _ in range(KILLS):
        process = processes.start(drain_alone, store.folder)
        process.join(chance.uniform(0.0, 0.35))
        process.kill()
        process.join()
        interrupted += process.exitcode == -signal.SIGKILL
        after = finished_levels(store)
        assert {name: after.get(name) for name in before} == before
        before = after
        if all(store.is_complete(address(cell)) for cell in CHAIN_PLAN):
            assert evidence(store) == evidence(undisturbed)
            stores, before = stores + 1, {}
            store = Store(tmp_path / str(stores))
    finish(store)
    assert evidence(store) == evidence(undisturbed)
    assert store.damaged == []
    assert interrupted > KILLS / 2


def start_together(folder: Path, said: Any, go: Any) -> None:
    said.put("ready")
    go.get()
    said.put(drain(CHAIN_PLAN, Store(folder)).computed)


def test_runs_that_start_together_on_an_empty_store_compute_each_cell_once(tmp_path: Path, undisturbed: Store) -> None:
    for attempt in range(5):
        store, said, go = Store(tmp_path / str(attempt)), processes.queue(), processes.queue()
        both = [processes.start(start_together, store.folder, said, go) for _ in range(2)]
        assert [said.get(), said.get()] == ["ready", "ready"]
        for _ in both:
            go.put("go")
        computed = [*said.get(), *said.get()]
        for process in both:
            process.join()
        assert sorted(computed) == sorted(address(cell).key for cell in CHAIN_PLAN)
        assert evidence(store) == evidence(undisturbed)


# Damaged


def flip(path: Path, chance: random.Random, others: list[Path]) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= chance.randint(1, 255)
    path.write_bytes(content)


def truncate(path: Path, chance: random.Random, others: list[Path]) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) + 1)])


def empty(path: Path, chance: random.Random, others: list[Path]) -> None:
    path.write_bytes(b"")


def delete(path: Path, chance: random.Random, others: list[Path]) -> None:
    path.unlink()


def append(path: Path, chance: random.Random, others: list[Path]) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randint(1, 20)))


def swap(path: Path, chance: random.Random, others: list[Path]) -> None:
    """Change places with another file of the kind: with its companions, so that it looks whole."""
    stems = sorted({(other.parent, other.name.split(".")[0]) for other in others if other.name.startswith("level")})
    if not path.name.startswith("level"):
        same = [other for other in others if other.name == path.name]
        stems = []
        content, place = path.read_bytes(), chance.choice(same)
        path.write_bytes(place.read_bytes())
        place.write_bytes(content)
    for suffix in ("npz", "sha256") if stems else ():
        (a, one), (b, two) = (path.parent, path.name.split(".")[0]), stems[chance.randrange(len(stems))]
        first, second = a / f"{one}.{suffix}", b / f"{two}.{suffix}"
        if first.exists() and second.exists():
            content = first.read_bytes()
            first.write_bytes(second.read_bytes())
            second.write_bytes(content)


def put_beside(path: Path, chance: random.Random, others: list[Path]) -> None:
    """A folder in progress beside the finished one, or the reverse."""
    folder = path.parent
    twin = folder.with_name(folder.name.removesuffix(".partial") if folder.suffix else f"{folder.name}.partial")
    if folder.parent.name == "cells" and not twin.exists():
        shutil.copytree(folder, twin)
        flip(path, chance, others)


HOW = [flip, truncate, empty, delete, append, swap, put_beside]


def test_two_hundred_mutations_are_never_used_and_leave_the_same_evidence(tmp_path: Path, undisturbed: Store) -> None:
    """Any file of a store: levels, checksums, markers, descriptions, costs, leases; finished or in progress."""
    chance, done = random.Random(11), 0
    right = {(cell, number): undisturbed.read(address(cell), number) for cell in CHAIN_PLAN for number in cell.levels}
    for attempt in range(MUTATIONS):
        store = Store(tmp_path / "store")
        shutil.rmtree(store.folder, ignore_errors=True)
        shutil.copytree(undisturbed.folder, store.folder)
        if attempt % 2:
            (final(store, CHAIN) / "complete.json").unlink()
            final(store, CHAIN).rename(partial(store, CHAIN))
        lease = store.folder / "leases" / f"{address(CHAIN).key}.json"
        assert leases.acquire(lease.parent, address(CHAIN).key) is not None
        lease.write_text(lease.read_text().replace(f'"pid":{os.getpid()}', '"pid":999999999'))
        files = sorted(path for path in store.folder.rglob("*") if path.is_file())
        how, path = HOW[attempt % len(HOW)], chance.choice(files)
        how(path, chance, files)
        if lease.exists():
            os.utime(lease, (0, 0))  # whoever the mutated lease names has not been heard of for long
        done += 1
        for (cell, number), expected in right.items():
            found = store.read(address(cell), number)
            assert found is None or to_bytes(found) == to_bytes(expected), (how.__name__, path)
        finish(store)
        found_now = {name: content for name, content in evidence(store).items() if ".partial/" not in name}
        assert found_now == evidence(undisturbed), (how.__name__, path)
        assert all(0 <= store.cpu_seconds(address(cell)) < 1e12 for cell in CHAIN_PLAN)
    assert done == MUTATIONS


def test_levels_of_a_cell_in_progress_that_changed_places_are_not_used(tmp_path: Path, undisturbed: Store) -> None:
    store = Store(Path(shutil.copytree(undisturbed.folder, tmp_path / "store")))
    (final(store, CHAIN) / "complete.json").unlink()
    final(store, CHAIN).rename(folder := partial(store, CHAIN))
    for suffix in ("npz", "sha256"):
        one, two = folder / f"level_01.{suffix}", folder / f"level_02.{suffix}"
        one.rename(folder / "aside")
        two.rename(one)
        (folder / "aside").rename(two)
    assert store.read(address(CHAIN), 1) is None
    assert finish(store) == [(TICKET, 1), (TICKET, 2)]
    assert evidence(store) == evidence(undisturbed)


def test_sound_levels_of_a_damaged_cell_survive_one_in_progress_beside_it(tmp_path: Path, undisturbed: Store) -> None:
    store = Store(Path(shutil.copytree(undisturbed.folder, tmp_path / "store")))
    shutil.copytree(final(store, CHAIN), partial(store, CHAIN))
    (partial(store, CHAIN) / "level_01.sha256").unlink()
    (final(store, CHAIN) / "level_02.npz").write_bytes(b"")
    assert finish(store) == []
    assert evidence(store) == evidence(undisturbed)


def test_looking_at_a_damaged_store_changes_nothing(tmp_path: Path, undisturbed: Store) -> None:
    """Whoever looks has no lease: another process may be mending what he sees."""
    store = Store(Path(shutil.copytree(undisturbed.folder, tmp_path / "store")))
    for path in (final(store, CHAIN) / "level_01.npz", final(store, DENSE_CELL) / "complete.json"):
        path.write_bytes(b"")
    before = evidence(store)
    assert not any(store.is_complete(address(cell)) for cell in CHAIN_PLAN)
    assert store.read(address(CHAIN), 1) is None
    assert evidence(store) == before


def test_a_checksum_from_before_it_said_what_it_is_of_counts_with_a_marker_alone(
    tmp_path: Path, undisturbed: Store
) -> None:
    store = Store(Path(shutil.copytree(undisturbed.folder, tmp_path / "store")))
    for path in final(store, CHAIN).glob("*.sha256"):
        path.write_text(path.read_text()[:64])
    assert store.is_complete(address(CHAIN))
    (final(store, CHAIN) / "complete.json").unlink()
    assert store.read(address(CHAIN), 1) is None


def test_checksums_are_those_that_sha256sum_reads(undisturbed: Store) -> None:
    names = sorted(str(path.relative_to(undisturbed.folder / "cells")) for path in undisturbed.folder.rglob("*.sha256"))
    command = ["sha256sum", "--check", "--quiet", *names]
    assert subprocess.run(command, cwd=undisturbed.folder / "cells").returncode == 0


# Leases


def holder(folder: Path, **changes: object) -> Path:
    """A lease as this process writes it, with changes."""
    assert leases.acquire(folder, "cell") is not None
    path = folder / "cell.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def sleep_until_killed(said: Any) -> None:
    said.put(leases._started(os.getpid()))
    time.sleep(60)


def test_a_dead_process_that_nobody_has_buried_holds_nothing(tmp_path: Path) -> None:
    said = processes.queue()
    process = processes.start(sleep_until_killed, said)
    holder(tmp_path, pid=process.pid, started=said.get())
    assert leases.acquire(tmp_path, "cell") is None
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.1)
    assert leases.acquire(tmp_path, "cell") is None, "stopped a moment ago, it may go on"
    os.utime(tmp_path / "cell.json", (0, 0))
    assert leases.acquire(tmp_path, "cell") is not None, "stopped for long, it holds nobody up"
    process.kill()
    process.join()


def test_a_zombie_holds_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"])
    holder(tmp_path, pid=child.pid, started=leases._started(child.pid))
    assert leases.acquire(tmp_path, "cell") is None
    child.kill()
    deadline = time.monotonic() + 5
    while leases._started(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert leases.acquire(tmp_path, "cell") is not None
    child.wait()


@pytest.mark.parametrize("pid", [-1, 0, "12x", 10**400, 1.5, None, True])
def test_a_lease_with_an_impossible_pid_holds_nothing(tmp_path: Path, pid: object) -> None:
    holder(tmp_path, pid=pid, started="1")
    assert leases.acquire(tmp_path, "cell") is not None


def test_a_host_of_the_same_name_is_not_this_machine(tmp_path: Path) -> None:
    """As two containers are: the pid means another process here, or none, and only the heartbeat tells."""
    holder(tmp_path, machine="another boot, another namespace", pid=999_999_999)
    assert leases.acquire(tmp_path, "cell") is None


def test_heartbeats_are_held_against_the_clock_that_dates_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder(tmp_path, machine="another")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)  # this machine's clock is wrong by an hour
    assert leases.acquire(tmp_path, "cell") is None


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"{")], ids=["removed", "damaged"])
def test_a_lease_that_was_lost_is_renewed_by_the_next_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    held = leases.acquire(tmp_path, "cell")
    assert held is not None
    with held:
        harm(tmp_path / "cell.json")
        deadline = time.monotonic() + 5
        while leases.live_holder(tmp_path / "cell.json") is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert leases.acquire(tmp_path, "cell") is None


def test_who_was_overtaken_leaves_the_cell_to_the_other(
    tmp_path: Path, undisturbed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept until its lease was taken over, and wakes up with a level that the other has written too."""
    store, real, overtaken = Store(tmp_path), draining.run_level, []

    def run_level(cell: Cell, number: int, *rest: Any) -> Any:
        computed = real(cell, number, *rest)
        if cell == CHAIN and not overtaken:
            overtaken.append(number)
            path = store.folder / "leases" / f"{address(CHAIN).key}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"token": "other", "pid": 999_999_999}))
        return computed

    monkeypatch.setattr(draining, "run_level", run_level)
    assert finish(store) == [("dense", 0), (TICKET, 1), (TICKET, 2)]
    assert evidence(store) == evidence(undisturbed)


# Disks that take no more


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of its own; skips where none may be mounted."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def complaint(text: str, name: str = "the evidence folder") -> str:
    """The one line of a run that says what can't be written."""
    assert "Traceback" not in text and "INTERNALERROR" not in text, text
    (line,) = [line for line in text.splitlines() if name in line and "can't be written" in line]
    return line


@pytest.mark.parametrize("number", ["ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO", "EFBIG"])
@pytest.mark.parametrize("after", [0, 3, 4, 9, 12])
def test_a_disk_that_fails_ends_the_drain_in_one_line_and_costs_nothing(
    tmp_path: Path, undisturbed: Store, monkeypatch: pytest.MonkeyPatch, number: str, after: int
) -> None:
    store, write, count, failing = Store(tmp_path), storing.replace_file, 0, True

    def failing_write(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if failing and count > after:
            raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)), str(path))
        write(path, content)

    monkeypatch.setattr(storing, "replace_file", failing_write)
    with pytest.raises(StoreError) as refused:
        drain(CHAIN_PLAN, store)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"the evidence folder {tmp_path} can't be written: ")
    assert os.strerror(getattr(errno, number)).lower() in str(refused.value)
    assert list((tmp_path / "leases").glob("*.json")) == []
    assert [line for cell in inventory(tmp_path) for line in cell.damage() if cell.description] == []
    before, failing = finished_levels(store), False
    assert len(finish(store)) == 3 - len(before)
    assert evidence(store) == evidence(undisturbed)


def drain_with_small_files(folder: Path, said: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    try:
        drain(CHAIN_PLAN, Store(folder))
    except StoreError as error:
        said.put(str(error))


def test_a_limit_on_files_is_told_with_the_size_that_was_wanted(tmp_path: Path, undisturbed: Store) -> None:
    said = processes.queue()
    process = processes.start(drain_with_small_files, tmp_path, said)
    assert "file too large: " in (line := said.get())
    assert " were to be written, " in line
    process.join()
    finish(store := Store(tmp_path))
    assert evidence(store) == evidence(undisturbed)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_disk_that_fills_up_ends_the_run_in_every_process(tmp_path: Path, workers: str) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    with disk(tmp_path / "disk", "160k") as small:
        args = (
            "--claims-profile=smoke",
            "-k",
            "cart-pole-bc",
            f"--claims-evidence={small}/evidence",
            "--claims-report=none",
        )
        ran = made.run("-n", workers, "-p", "no:hypothesispytest", *args)  # which takes seconds to say nothing
        assert ran.code == UNWRITABLE, ran.text
        line = complaint(ran.text)
        assert f"{small}/evidence can't be written: no space left on device: " in line
        assert "were to be written" in line and "the same command goes on from there" in line
        store = Store(small / "evidence")
        assert list((store.folder / "leases").glob("*.json")) == []
        before = numbers(store)
        assert [line for cell in inventory(store.folder) if cell.description for line in cell.damage()] == []
        remount(small, "size=4m")
        assert made.run("-n", "0", *args).code == OK
        ended = numbers(store)
        assert {name: ended[name.replace(".partial", "")] for name in before} == before
        assert len(ended) == 13


def test_a_disk_that_is_full_is_refused_before_any_training(tmp_path: Path) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    with disk(tmp_path / "disk", "100k") as small:
        (small / "fill").write_bytes(bytes(80_000))
        ran = made.run("--claims-profile=smoke", f"--claims-evidence={small}/evidence", "--claims-report=none")
        assert ran.code == USAGE
        assert "no space left on device: 65.5 kB were to be written, " in complaint(ran.text)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A made-up claim with its evidence."""
    made = project(tmp_path_factory.mktemp("judged") / "project", conftest=TINY, ini={"profile": '"tiny"'})
    made.add("supported", BODIES["supported"])
    assert made.run("--claims-report=none").code == OK
    return made


def test_claims_are_judged_from_read_only_evidence_as_long_as_nothing_is_pending(
    judged: Project, tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", "4m") as small:
        shutil.copytree(judged.evidence, small / "evidence")
        remount(small, "ro")
        ran = judged.run(f"--claims-evidence={small}/evidence", "--claims-report=none")
        assert ran.code == OK, ran.text
        assert "REPRODUCED" in ran.text
        ran = judged.run(
            "-n", "2", f"--claims-evidence={small}/evidence", "--claims-report=none", "--claims-seed-block=1"
        )
        assert ran.code == USAGE
        assert complaint(ran.text).endswith("read-only file system; name another with --claims-evidence")
        assert " workers [" not in ran.text


READ_ONLY = """
import errno

import harness.evidence.store as storing
from harness.evidence import lease


def refuse(*args):
    raise OSError(errno.EROFS, "Read-only file system")


storing.prove_writable = storing.replace_file = lease.acquire = refuse
"""


def test_claims_are_judged_where_every_write_fails(judged: Project, tmp_path: Path) -> None:
    """As above, where no disk may be mounted."""
    made = project(tmp_path / "project", conftest=TINY + READ_ONLY, ini={"profile": '"tiny"'})
    made.add("supported", BODIES["supported"])
    assert made.run(f"--claims-evidence={judged.evidence}", "--claims-report=none").code == OK
    ran = made.run(f"--claims-evidence={judged.evidence}", "--claims-report=none", "--claims-seed-block=1")
    assert ran.code == USAGE
    assert "read-only file system" in complaint(ran.text)


FULL_REPORT = """
import errno

from harness.results import findings_file as findings


def refuse(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


findings.write = refuse
"""


@pytest.mark.parametrize("body", ["supported", "contradicted"])
def test_findings_are_told_even_if_the_report_can_not_be_written(judged: Project, tmp_path: Path, body: str) -> None:
    made = project(tmp_path / "project", conftest=TINY + FULL_REPORT, ini={"profile": '"tiny"'})
    made.add("it", BODIES[body])
    ran = made.run(f"--claims-evidence={judged.evidence}")
    assert ran.code == UNWRITABLE != FAILED
    assert ("REPRODUCED" if body == "supported" else "REFUTED") in ran.text
    assert "no space left on device" in complaint(ran.text, "the findings")


# Ctrl-C


def pytest_in_a_group_of_its_own(folder: str, args: tuple[str, ...], output: str) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    processes._pytest(folder, args, output)


@dataclass(frozen=True)
class Interrupted:
    """What a run left that was interrupted while it trained."""

    code: int | None
    seconds: float
    text: str


def interrupt(made: Project, args: tuple[str, ...], times: int, whole_group: bool = True) -> Interrupted:
    """Interrupt a run as soon as each of its processes trains."""
    output = made.folder.parent / "output"
    wanted = 2 if "2" in args else 1
    process = processes.start(pytest_in_a_group_of_its_own, str(made.folder), args, str(output))
    assert process.pid is not None
    deadline = time.monotonic() + 60
    while len(list((made.evidence / "leases").glob("*.json"))) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    started = time.monotonic()
    for _ in range(times):
        with contextlib.suppress(ProcessLookupError):  # it may have ended at the first one
            (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        process.join(0.2)
    process.join(30)
    seconds = time.monotonic() - started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return Interrupted(process.exitcode, seconds, output.read_text())


def at_its_best(attempt: Callable[[], Interrupted], tries: int = 3) -> Interrupted:
    """The limit is that of a machine with nothing else to do; here, other tests run beside."""
    ended = attempt()
    while ended.seconds >= SECONDS_TO_STOP and tries > 1:
        ended, tries = attempt(), tries - 1
    return ended


@pytest.mark.parametrize(
    ("args", "times", "whole_group"),
    [
        (("-n", "0"), 1, True),
        (("-n", "2"), 1, True),
        (("-n", "2"), 3, True),
        (("-n", "2"), 1, False),  # as a program sends it, to the controller alone
    ],
)
def test_ctrl_c_is_obeyed_within_seconds(tmp_path: Path, args: tuple[str, ...], times: int, whole_group: bool) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    ended = at_its_best(
        lambda: interrupt(made, ("--claims-profile=paper", "--claims-report=none", *args), times, whole_group)
    )
    assert ended.code == INTERRUPTED, ended.text
    assert ended.seconds < SECONDS_TO_STOP, ended.text
    assert "claims: the same command goes on from the last finished level" in ended.text
    assert "Traceback" not in ended.text, ended.text
    held = [leases.live_holder(path) for path in (made.evidence / "leases").glob("*.json")]
    assert [holder for holder in held if holder is not None] == []  # a worker that had to be killed holds none either


def test_ctrl_c_ends_a_single_cell_as_well(tmp_path: Path) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    plan = made.run("--claims-profile=paper", "--claims-plan").text
    cell = next(line.split()[0] for line in plan.splitlines() if line.endswith(": dense") and " ppo " in line)
    ended = at_its_best(lambda: interrupt(made, ("--claims-profile=paper", "--claims-cell", cell), 2))
    assert (ended.code, ended.seconds < SECONDS_TO_STOP) == (INTERRUPTED, True), ended.text
    assert "Traceback" not in ended.text, ended.text
    assert list((made.evidence / "leases").glob("*.json")) == []
