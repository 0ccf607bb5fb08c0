"""Experts in fixtures/experts: a safetensors file per expert, and beside it a card with its shape and checksum.

They are written by `python -m harness experts` alone (see `harness.profiles.experts`). Everything read is checked.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from harness import files
from harness.files import FixtureError, replace_file
from harness.networks.mlp import ACTIVATIONS, Mlp


def expert_file(task: str, index: int) -> Path:
    """Where expert `index` of a task lies; its card has the suffix .json."""
    return files.FIXTURES / "experts" / task / f"{index:02}.safetensors"


def read_experts(task: str, indices: Sequence[int], inputs: int, actions: int) -> Mlp:
    """The actors of these experts, stacked in the order given; an expert may occur more than once.

    Raises FixtureError, in one line, where a file is missing, damaged, altered (its card holds the checksum) or of
    another shape than from `inputs` to `actions`.
    """
    experts = {index: _read_expert(expert_file(task, index), inputs, actions) for index in sorted(set(indices))}
    chosen = [experts[index] for index in indices]
    if len({(expert.activation, expert.sizes) for expert in chosen}) > 1:
        raise FixtureError(f"the experts in {expert_file(task, 0).parent} differ in their activation or hidden units")
    return replace(chosen[0], flat=np.concatenate([expert.flat for expert in chosen]))


def write_expert(task: str, index: int, expert: Mlp, card: Mapping[str, Any]) -> None:
    """Write one expert (`expert` has one member), and its card with its shape and checksum added."""
    from safetensors.numpy import save

    path = expert_file(task, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"weight.{layer}": weight[0] for layer, weight in enumerate(expert.weights)}
    tensors |= {f"bias.{layer}": bias[0, 0] for layer, bias in enumerate(expert.biases)}
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    content = save(contiguous, metadata={"activation": expert.activation})
    replace_file(path, content)
    shape = {"sizes": list(expert.sizes), "sha256": hashlib.sha256(content).hexdigest()}
    replace_file(path.with_suffix(".json"), (json.dumps({**card, **shape}, indent=1) + "\n").encode())


def _read_expert(path: Path, inputs: int, actions: int) -> Mlp:
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load

    def unsound(what: str) -> FixtureError:
        return FixtureError(f"{what}; restore it from git, or retrain all with `python -m harness experts`")

    try:
        content = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
        sizes, checksum = [int(size) for size in card["sizes"]], card["sha256"]
    except OSError as error:
        raise unsound(f"expert file {error.filename} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise unsound(f"expert card {path.with_suffix('.json')} can't be read") from None
    try:
        tensors = load(content)
        with safe_open(path, framework="numpy") as file:
            activation = (file.metadata() or {}).get("activation", "")
    except SafetensorError as error:
        raise unsound(f"expert file {path} is not safetensors: {error}") from None
    expected: dict[str, tuple[int, ...]] = {f"bias.{i}": (size,) for i, size in enumerate(sizes[1:])}
    expected |= {f"weight.{i}": pair for i, pair in enumerate(pairwise(sizes))}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected or (sizes[0], sizes[-1]) != (inputs, actions):
        raise unsound(
            f"expert file {path} has the wrong shape: {found}; the task needs {inputs} inputs and {actions} outputs,"
            f" and the card says layers of {sizes}"
        )
    if hashlib.sha256(content).hexdigest() != checksum:
        raise unsound(f"expert file {path} does not match the checksum on its card")
    if activation not in ACTIVATIONS:
        raise unsound(f"expert file {path} names the unknown activation {activation!r}")
    layers = range(len(sizes) - 1)
    return Mlp.of(
        [tensors[f"weight.{i}"][None] for i in layers], [tensors[f"bias.{i}"][None, None] for i in layers], activation
    )
