"""Experts are read only if they are sound, and what is wrong is said in one line that names the file."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import harness.files
from harness.canonical import to_plain
from harness.files import FixtureError
from harness.learners.expert_files import expert_file, read_experts, write_expert
from harness.networks.heads import Categorical, Gaussian, Head, Values
from harness.networks.mlp import Mlp, Network
from harness.networks.params import Params
from harness.profiles.experts import FIRST_SEED
from harness.profiles.profile import TASKS
from harness.streams import streams

TASK = "cart-pole"
INPUTS, ACTIONS = 4, 2
SEEN = (INPUTS,), Categorical(ACTIONS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of experts 0 and 1 that a test may break."""
    copies = tmp_path / "experts" / TASK
    copies.mkdir(parents=True)
    for path in [expert_file(TASK, index) for index in (0, 1)]:
        shutil.copy(path, copies)
        shutil.copy(path.with_suffix(".json"), copies)
    monkeypatch.setattr(harness.files, "FIXTURES", tmp_path)
    return copies


def assert_refused(path: Path, inputs: int = INPUTS, actions: int = ACTIONS) -> None:
    with pytest.raises(FixtureError) as caught:
        read_experts(TASK, [0, 1], (inputs,), Categorical(actions))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert "python -m harness experts" in message  # what to do about it


def flip_a_bit(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("name", ["00.safetensors", "00.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    assert read_experts(TASK, [0, 1], *SEEN).members == 2
    (folder / name).unlink()
    assert_refused(folder / name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-100],
        lambda content: content[:20],
        lambda content: b"",
        flip_a_bit,
        lambda content: pickle.dumps({"weight.0": np.zeros((4, 64))}),
    ],
    ids=["truncated", "cut in the header", "empty", "a bit", "pickle"],
)
def test_a_damaged_file_is_named(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = folder / "00.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(path)


def test_an_expert_in_the_place_of_another_is_refused(folder: Path) -> None:
    shutil.copy(folder / "01.safetensors", folder / "00.safetensors")
    assert_refused(folder / "00.safetensors")


@pytest.mark.parametrize(("inputs", "actions"), [(INPUTS + 1, ACTIONS), (INPUTS, ACTIONS + 1)])
def test_an_expert_of_another_task_is_refused(folder: Path, inputs: int, actions: int) -> None:
    assert_refused(folder / "00.safetensors", inputs, actions)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"sha256": ""}', '{"network": {"type": "Network"}, "sha256": ""}']
)
def test_a_card_that_cannot_be_read_is_named(folder: Path, text: str) -> None:
    (folder / "00.json").write_text(text)
    assert_refused(folder / "00.json")


def test_a_file_that_is_not_as_its_card_says_is_refused(folder: Path) -> None:
    card, narrower = json.loads((folder / "00.json").read_text()), to_plain(Network(hidden=(32, 32)))
    (folder / "00.json").write_text(json.dumps(card | {"network": narrower}))
    assert_refused(folder / "00.safetensors")


def write(task: str, index: int, network: Network, observation: int, head: Head, **card: int) -> Params:
    params = network.initial((observation,), head, streams([0], "test")).params
    write_expert(task, index, network, params, card)
    return params


def test_experts_that_differ_in_their_networks_do_not_stack(folder: Path) -> None:
    write(TASK, 1, Network(hidden=(8,)), INPUTS, Categorical(ACTIONS))
    with pytest.raises(FixtureError, match="differ in their networks"):
        read_experts(TASK, [0, 1], *SEEN)


@pytest.mark.parametrize("head", [Categorical(5), Values(5), Gaussian(5)])
def test_what_was_written_is_read(folder: Path, head: Head) -> None:
    network = Network(hidden=(8, 8), activation="tanh")
    params = write("another-task", 7, network, 3, head, seed=12)
    read = read_experts("another-task", [7], (3,), head)
    np.testing.assert_array_equal(read.flat, params.flat)
    assert isinstance(read, Mlp) and read.activation == "tanh" and read.head is head
    card = json.loads(expert_file("another-task", 7).with_suffix(".json").read_text())
    assert (card["seed"], card["network"]) == (12, to_plain(network))


def test_experts_come_in_the_order_asked_for_and_more_than_once() -> None:
    alone = {index: read_experts(TASK, [index], *SEEN) for index in (3, 5)}
    stacked = read_experts(TASK, [5, 3, 5], *SEEN)
    for member, index in enumerate((5, 3, 5)):
        np.testing.assert_array_equal(stacked.flat[[member]], alone[index].flat)


@pytest.mark.parametrize("name", TASKS)
def test_every_shipped_expert_is_what_its_tasks_recipe_makes(name: str) -> None:
    recipe = TASKS[name].experts
    for index in range(recipe.count):
        card = json.loads(expert_file(name, index).with_suffix(".json").read_text())
        for part in ("learner", "evaluation", "network"):  # a field that is younger than the card is not on it
            assert card[part].items() <= to_plain(getattr(recipe, part)).items()
        assert card["seed"] == FIRST_SEED + index
