"""What lies in fixtures/ is read only if it is sound, and what is wrong is said in one line that names the file."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import harness.files
from harness.canonical import to_plain
from harness.files import FixtureError, replace_file
from harness.learners.expert_files import expert_file, read_experts, write_expert
from harness.networks.mlp import Mlp, initial_mlp
from harness.profiles.experts import FIRST_SEED
from harness.profiles.profile import TASKS
from harness.streams import stream, streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.references import read_reference, reference_file
from harness.tasks.rollout import rollout_returns

INPUTS, ACTIONS = len(CartPole.inputs), CartPole.actions


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of experts 0 and 1 that a test may break."""
    originals = [expert_file("cart-pole", index) for index in (0, 1)]
    copies = tmp_path / "experts" / "cart-pole"
    copies.mkdir(parents=True)
    for path in originals:
        shutil.copy(path, copies)
        shutil.copy(path.with_suffix(".json"), copies)
    monkeypatch.setattr(harness.files, "FIXTURES", tmp_path)
    return copies


def change_card(folder: Path, **changes: object) -> None:
    card = folder / "00.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def exchange(path: Path) -> None:
    shutil.copy(path.with_name("01.safetensors"), path)


def pickle_raw(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight.0": np.zeros((4, 64))}))


def pickle_by_torch(path: Path) -> None:
    torch.save({"weight.0": torch.zeros(4, 64)}, path)


class TestExperts:
    def test_an_untouched_copy_reads(self, folder: Path) -> None:
        assert read_experts("cart-pole", [0, 1], INPUTS, ACTIONS).members == 2

    @pytest.mark.parametrize("name", ["00.safetensors", "00.json"])
    def test_a_missing_file_is_named(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        assert_refused(folder / name, "missing")

    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            (truncate, "truncated"),
            (cut_in_the_header, "truncated"),
            (empty, "truncated"),
            (flip_a_bit, "checksum"),
            (exchange, "checksum"),
            (pickle_raw, "a pickle"),
            (pickle_by_torch, "a pickle"),
        ],
    )
    def test_a_damaged_file_is_named_with_what_is_wrong(
        self, folder: Path, damage: Callable[[Path], None], reason: str
    ) -> None:
        damage(folder / "00.safetensors")
        assert_refused(folder / "00.safetensors", reason)

    def test_a_pickle_is_never_executed(self, folder: Path, tmp_path: Path) -> None:
        class Malice:
            def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
                return os.mkdir, (str(tmp_path / "executed"),)

        (folder / "00.safetensors").write_bytes(pickle.dumps(Malice()))
        assert_refused(folder / "00.safetensors", "a pickle")
        assert not (tmp_path / "executed").exists()

    @pytest.mark.parametrize(("inputs", "actions"), [(INPUTS + 1, ACTIONS), (INPUTS, ACTIONS + 1)])
    def test_an_expert_of_another_task_is_refused(self, folder: Path, inputs: int, actions: int) -> None:
        assert_refused(folder / "00.safetensors", "wrong shape", inputs, actions)

    def test_a_file_that_is_not_as_its_card_says_is_refused(self, folder: Path) -> None:
        change_card(folder, sizes=[4, 32, 32, 2])
        assert_refused(folder / "00.safetensors", "wrong shape")

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sizes": [4, 64, 64, 2]}'])
    def test_a_card_that_cannot_be_read_is_named(self, folder: Path, text: str) -> None:
        (folder / "00.json").write_text(text)
        assert_refused(folder / "00.json", "can't be read")

    def test_a_card_whose_sizes_are_no_list_is_refused(self, folder: Path) -> None:
        change_card(folder, sizes=4)
        assert_refused(folder / "00", "")

    def test_the_activation_is_under_the_checksum(self, folder: Path) -> None:
        """It stands in the file, not on the card."""
        content = (folder / "00.safetensors").read_bytes()
        assert content.count(b'"relu"') == 1
        (folder / "00.safetensors").write_bytes(content.replace(b'"relu"', b'"tanh"'))
        assert_refused(folder / "00", "checksum")

    def test_experts_that_differ_in_their_hidden_units_do_not_stack(self, folder: Path) -> None:
        small = initial_mlp((INPUTS, 8, ACTIONS), streams([0], "test"))
        write_expert("cart-pole", 1, small, {})
        with pytest.raises(FixtureError, match="differ in their hidden units"):
            read_experts("cart-pole", [0, 1], INPUTS, ACTIONS)

    def test_what_was_written_is_read(self, folder: Path) -> None:
        mlp = initial_mlp((3, 8, 8, 5), streams([0], "test"), activation="tanh")
        write_expert("another-task", 7, mlp, {"seed": 12})
        read = read_experts("another-task", [7], 3, 5)
        assert_equal(read, mlp)
        assert read.activation == "tanh"
        card = json.loads(expert_file("another-task", 7).with_suffix(".json").read_text())
        assert (card["seed"], card["sizes"]) == (12, [3, 8, 8, 5])

    def test_experts_come_in_the_order_asked_for_and_more_than_once(self) -> None:
        alone = {index: read_experts("cart-pole", [index], INPUTS, ACTIONS) for index in (3, 5)}
        stacked = read_experts("cart-pole", [5, 3, 5], INPUTS, ACTIONS)
        for member, index in enumerate((5, 3, 5)):
            assert_equal(stacked.take(np.array([member])), alone[index])

    @pytest.mark.parametrize(("name", "at_least"), [("cart-pole", 490), ("acrobot", -90), ("gridmaze", 20)])
    def test_every_shipped_expert_masters_its_task(self, name: str, at_least: float) -> None:
        budgets = TASKS[name]
        count, task = budgets.experts.count, budgets.task
        experts = read_experts(name, range(count), len(task.inputs), task.actions)
        starts = task.draw_starts(stream(4711, "test of the experts"), (count, 20))
        returns = rollout_returns(task, experts, starts).mean(axis=1)
        assert returns.shape == (count,)
        assert {index: value for index, value in enumerate(returns.tolist()) if value < at_least} == {}

    @pytest.mark.parametrize("name", TASKS)
    def test_every_shipped_expert_is_what_its_tasks_recipe_makes(self, name: str) -> None:
        budgets = TASKS[name]
        hidden = budgets.experts.network.hidden
        for index in range(budgets.experts.count):
            card = json.loads(expert_file(name, index).with_suffix(".json").read_text())
            for part in ("learner", "evaluation"):  # a field that is younger than the card is not on it
                assert card[part].items() <= to_plain(getattr(budgets.experts, part)).items()
            assert card["sizes"] == [len(budgets.task.inputs), *hidden, budgets.task.actions]
            assert card["seed"] == FIRST_SEED + index


def assert_refused(path: Path, reason: str, inputs: int = INPUTS, actions: int = ACTIONS) -> None:
    with pytest.raises(FixtureError) as caught:
        read_experts("cart-pole", [0, 1], inputs, actions)
    message = str(caught.value)
    assert str(path) in message
    assert reason in message
    assert "\n" not in message
    assert "python -m harness experts" in message  # what to do about it


def assert_equal(one: Mlp, other: Mlp) -> None:
    for a, b in zip((*one.weights, *one.biases), (*other.weights, *other.biases), strict=True):
        np.testing.assert_array_equal(a, b)


class TestReferences:
    def test_the_shipped_references_of_acrobot_read(self) -> None:
        reference = read_reference("acrobot", 500)
        assert -500 <= reference["random"] < -495  # by chance the links rarely get there
        assert -80 < reference["expert"] < -60

    def test_the_shipped_references_of_gridmaze_read(self) -> None:
        reference = read_reference("gridmaze", 200)
        assert 5 < reference["random"] < 8  # some coins lie on any way
        assert 22 < reference["expert"] < 30  # of 42

    @pytest.mark.parametrize("name", TASKS)
    def test_every_variant_of_a_task_has_references_far_apart(self, name: str) -> None:
        for variant in TASKS[name].references:
            reference = read_reference(name, variant.horizon)
            errors = np.hypot(reference["random_se"], reference["expert_se"])
            assert reference["expert"] - reference["random"] > 20 * errors

    @pytest.mark.parametrize("horizon", [500, 200])
    def test_the_shipped_references_read(self, horizon: int) -> None:
        reference = read_reference("cart-pole", horizon)
        assert set(reference) == {"random", "random_se", "expert", "expert_se"}
        assert 15 < reference["random"] < 30  # a random policy falls after some twenty steps
        assert 0.99 * horizon < reference["expert"] <= horizon

    def test_references_are_numbers_whatever_else_the_file_holds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(harness.files, "FIXTURES", tmp_path)
        write_reference(json.dumps({"random": 1, "random_se": 2, "expert": 3, "expert_se": 4, "more": "words"}))
        assert read_reference("a-task", 10) == {"random": 1.0, "random_se": 2.0, "expert": 3.0, "expert_se": 4.0}

    @pytest.mark.parametrize("text", [None, "", "{", "[1]", '{"random": 1}', '{"random": "x"}', "null"])
    def test_a_reference_that_cannot_be_read_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
    ) -> None:
        monkeypatch.setattr(harness.files, "FIXTURES", tmp_path)
        if text is not None:
            write_reference(text)
        with pytest.raises(FixtureError) as caught:
            read_reference("a-task", 10)
        assert str(reference_file("a-task", 10)) in str(caught.value)
        assert "\n" not in str(caught.value)


def write_reference(text: str) -> None:
    path = reference_file("a-task", 10)
    path.parent.mkdir(parents=True)
    path.write_text(text)


class TestReplaceFile:
    def test_the_content_is_there_and_nothing_beside_it(self, tmp_path: Path) -> None:
        for content in (b"first", b"second"):
            replace_file(tmp_path / "file", content)
            assert (tmp_path / "file").read_bytes() == content
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    @pytest.mark.parametrize(("module", "name"), [(os, "fsync"), (Path, "replace")])
    def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
    ) -> None:
        path = tmp_path / "file"
        replace_file(path, b"old")

        def fail(*_: object) -> None:
            raise OSError("no space left on device")

        monkeypatch.setattr(module, name, fail)
        with pytest.raises(OSError, match="no space"):
            replace_file(path, b"new")
        assert path.read_bytes() == b"old"
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_the_new_content_is_whole_on_disk_before_it_takes_the_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        happened: list[tuple[str, bytes]] = []
        fsync, replace = os.fsync, Path.replace

        def watched_fsync(number: int) -> None:
            fsync(number)
            happened.append(("on disk", path.read_bytes()))

        def watched_replace(beside: Path, target: Path) -> Path:
            happened.append(("renamed", beside.read_bytes()))
            return replace(beside, target)

        monkeypatch.setattr(os, "fsync", watched_fsync)
        monkeypatch.setattr(Path, "replace", watched_replace)
        replace_file(path, b"new")
        assert happened == [("on disk", b"old"), ("renamed", b"new")]
