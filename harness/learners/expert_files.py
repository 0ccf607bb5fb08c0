"""Experts in fixtures/experts: a safetensors file per expert, and beside it a card with its network and checksum.

They are written by `python -m harness experts` alone (see `harness.profiles.experts`). Everything read is checked.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import files
from harness.canonical import to_plain
from harness.files import FixtureError, replace_file
from harness.networks.heads import Head
from harness.networks.kinds import NetworkSettings, network_from_plain
from harness.networks.network import BaseNetwork
from harness.networks.params import Layout, Params


def expert_file(task: str, index: int) -> Path:
    """Where expert `index` of a task lies; its card has the suffix .json."""
    return files.fixtures_of(task) / "experts" / task / f"{index:02}.safetensors"


def read_experts(
    task: str, indices: Sequence[int], observation: tuple[int, ...], head: Head, behind: Layout = ()
) -> BaseNetwork:
    """The actors of these experts, stacked in the order given; an expert may occur more than once.

    observation: the shape of what they see. behind: the tensors behind their head's. Raises FixtureError, in one line,
    where a file is missing, damaged, altered (its card holds the checksum), or not of a network for these observations
    and this head.
    """
    found = {index: _read_expert(expert_file(task, index), observation, head, behind) for index in sorted(set(indices))}
    settings = {network for network, _ in found.values()}
    if len(settings) > 1:
        raise FixtureError(f"the experts in {expert_file(task, 0).parent} differ in their networks")
    chosen = [found[index][1] for index in indices]
    params = Params(np.concatenate([params.flat for params in chosen]), chosen[0].layout)
    return settings.pop().build(observation, head, params)


def write_expert(task: str, index: int, network: NetworkSettings, params: Params, card: Mapping[str, Any]) -> None:
    """Write one expert (`params` has one member), and its card with its network and checksum added."""
    from safetensors.numpy import save

    path = expert_file(task, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = save({name: np.ascontiguousarray(params[name][0]) for name in params})
    replace_file(path, content)
    facts = {"network": to_plain(network), "sha256": hashlib.sha256(content).hexdigest()}
    replace_file(path.with_suffix(".json"), (json.dumps({**card, **facts}, indent=1) + "\n").encode())


def _read_expert(
    path: Path, observation: tuple[int, ...], head: Head, behind: Layout
) -> tuple[NetworkSettings, Params]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    def unsound(what: str) -> FixtureError:
        return FixtureError(f"{what}; restore it from git, or retrain all with `python -m harness experts`")

    try:
        content = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
        network, checksum = network_from_plain(card["network"]), card["sha256"]
    except OSError as error:
        raise unsound(f"expert file {error.filename} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise unsound(f"expert card {path.with_suffix('.json')} can't be read") from None
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise unsound(f"expert file {path} is not safetensors: {error}") from None
    layout = network.layout(observation, head) + behind
    found, wanted = {name: tensor.shape for name, tensor in tensors.items()}, {t.name: t.shape for t in layout}
    if found != wanted:
        raise unsound(f"expert file {path} has the wrong shape: {found}; the task and the card's network need {wanted}")
    if hashlib.sha256(content).hexdigest() != checksum:
        raise unsound(f"expert file {path} does not match the checksum on its card")
    return network, Params.of(layout, {name: tensor[None] for name, tensor in tensors.items()})
