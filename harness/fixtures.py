"""Reading and writing of what lies in `fixtures/`: experts, and the task's reference returns.

Written only by commands whose purpose it is (`python -m harness experts`); everything read is checked, and what
is wrong is said in one line.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from harness.files import HOUSE, replace_file
from harness.networks.mlp import ACTIVATIONS, Mlp

FIXTURES = HOUSE / "fixtures"


class FixtureError(Exception):
    """A fixture is missing or not what it must be; the message is one line."""


def expert_file(folder: str, index: int) -> Path:
    """Where expert `index` of a task lies; its card is beside it, with the suffix .json."""
    return FIXTURES / "experts" / folder / f"{index:02}.safetensors"


def read_experts(folder: str, indices: Sequence[int], inputs: int, actions: int) -> Mlp:
    """The actors of these experts, stacked in the order given; one may occur more than once.

    Raises FixtureError where a file is missing, truncated, altered (its card holds the checksum), of another
    shape than `inputs` to `actions`, or not in the safetensors format.
    """
    experts = {index: _read_expert(expert_file(folder, index), inputs, actions) for index in sorted(set(indices))}
    chosen = [experts[index] for index in indices]
    for what in ("activation", "sizes"):
        if len({getattr(expert, what) for expert in chosen}) > 1:
            words = {"activation": "activation", "sizes": "hidden units"}[what]
            raise FixtureError(f"the experts in {expert_file(folder, 0).parent} differ in their {words}")
    return replace(chosen[0], flat=np.concatenate([expert.flat for expert in chosen]))


def write_expert(folder: str, index: int, expert: Mlp, card: Mapping[str, Any]) -> None:
    """Write one expert (`expert` has one member) and its card, with its shape and checksum added."""
    path = expert_file(folder, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"weight.{layer}": weight[0] for layer, weight in enumerate(expert.weights)}
    tensors |= {f"bias.{layer}": bias[0, 0] for layer, bias in enumerate(expert.biases)}
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    content = save(contiguous, metadata={"activation": expert.activation})
    replace_file(path, content)
    shape = {"sizes": list(expert.sizes), "sha256": hashlib.sha256(content).hexdigest()}
    replace_file(path.with_suffix(".json"), (json.dumps({**card, **shape}, indent=1) + "\n").encode())


def reference_file(task: str, horizon: int) -> Path:
    """Where a task's random and expert returns lie."""
    return FIXTURES / "references" / f"{task}-{horizon}.json"


def read_reference(task: str, horizon: int) -> dict[str, float]:
    """The keys random, random_se, expert, expert_se. Raises FixtureError."""
    path = reference_file(task, horizon)
    try:
        content = json.loads(path.read_text())
        return {name: float(content[name]) for name in ("random", "random_se", "expert", "expert_se")}
    except (OSError, ValueError, KeyError, TypeError):
        raise FixtureError(
            f"reference returns {path} are missing or can't be read; restore them from git, or measure them anew"
            " with `python -m harness experts`"
        ) from None


def _read_expert(path: Path, inputs: int, actions: int) -> Mlp:
    remedy = "restore it from git, or retrain all with `python -m harness experts`"
    try:
        content = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text())
        sizes, checksum = [int(size) for size in card["sizes"]], card["sha256"]
    except FileNotFoundError as error:
        raise FixtureError(f"expert file {error.filename} is missing; {remedy}") from None
    except OSError as error:
        raise FixtureError(f"expert file {error.filename} can't be read: {error.strerror}; {remedy}") from None
    except (ValueError, KeyError, TypeError):
        raise FixtureError(f"expert card {path.with_suffix('.json')} can't be read; {remedy}") from None
    try:
        tensors = load(content)
    except SafetensorError as error:
        reason = "a pickle" if content[:1] == b"\x80" or content[:2] == b"PK" else f"truncated or damaged ({error})"
        raise FixtureError(f"expert file {path} is not safetensors but {reason}; {remedy}") from None
    expected: dict[str, tuple[int, ...]] = {f"bias.{i}": (size,) for i, size in enumerate(sizes[1:])}
    expected |= {f"weight.{i}": pair for i, pair in enumerate(pairwise(sizes))}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected or (sizes[0], sizes[-1]) != (inputs, actions):
        raise FixtureError(
            f"expert file {path} is of the wrong shape: {found}, but the task asks for {inputs} inputs,"
            f" {actions} outputs and the card for layers of {sizes}; {remedy}"
        )
    if hashlib.sha256(content).hexdigest() != checksum:
        raise FixtureError(f"expert file {path} does not match the checksum on its card; {remedy}")
    with safe_open(path, framework="numpy") as file:
        activation = (file.metadata() or {}).get("activation", "")
    if activation not in ACTIVATIONS:
        raise FixtureError(f"expert file {path} names no known activation but {activation!r}; {remedy}")
    layers = range(len(sizes) - 1)
    return Mlp.of(
        [tensors[f"weight.{i}"][None] for i in layers], [tensors[f"bias.{i}"][None, None] for i in layers], activation
    )
