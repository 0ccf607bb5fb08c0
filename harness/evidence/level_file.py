"""A level as an npz archive: arrays alone, no objects, no pickle."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from harness.networks.mlp import Mlp
from harness.pruning.conditions import DENSE
from harness.pruning.level import Level

Arrays = dict[str, np.ndarray]


def to_bytes(level: Level) -> bytes:
    """A level as an npz archive, the same bytes for the same numbers."""
    arrays: Arrays = {
        "scores": level.scores,
        "evaluations": level.evaluations,
        "share": level.share,
    }
    for name, mlp in level.trained.items():
        arrays[f"{name}.activation"] = np.array(mlp.activation)
        for layer, (weight, bias, mask) in enumerate(zip(mlp.weights, mlp.biases, level.masks[name], strict=True)):
            arrays[f"{name}.weight.{layer}"] = weight
            arrays[f"{name}.bias.{layer}"] = bias
            arrays[f"{name}.mask.{layer}"] = mask
        for layer, gradient in enumerate(level.gradients.get(name, ())):
            arrays[f"{name}.gradient.{layer}"] = gradient
        if name in level.rewound:
            start = level.rewound[name]
            for layer, (weight, bias) in enumerate(zip(start.weights, start.biases, strict=True)):
                arrays[f"{name}.rewound.weight.{layer}"] = weight
                arrays[f"{name}.rewound.bias.{layer}"] = bias
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def arrays_of(content: bytes) -> Arrays:
    """The arrays of an npz archive by name; ValueError if it is none, or holds objects."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    # whatever numpy, zipfile and zlib make of bytes that are no archive
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, RuntimeError, TypeError) as error:
        raise ValueError(f"not a level: {error}") from None
    except AttributeError:  # a single array, which is no archive
        raise ValueError("not a level: not an archive") from None


def level_of(arrays: Arrays) -> Level:
    """The level that these arrays are of; ValueError if one is missing.

    Its networks act, and are pruned, as wholes: what dropout they were trained under is not theirs to know.
    """
    trained, masks, gradients, rewound = {}, {}, {}, {}
    try:
        for name in network_names(arrays):
            layers = range(sum(key.startswith(f"{name}.weight.") for key in arrays))
            trained[name] = Mlp.of(
                [arrays[f"{name}.weight.{layer}"] for layer in layers],
                [arrays[f"{name}.bias.{layer}"] for layer in layers],
                str(arrays[f"{name}.activation"]),
            )
            masks[name] = [arrays[f"{name}.mask.{layer}"] for layer in layers]
            if f"{name}.gradient.0" in arrays:
                gradients[name] = [arrays[f"{name}.gradient.{layer}"] for layer in layers]
            if f"{name}.rewound.weight.0" in arrays:
                rewound[name] = Mlp.of(
                    [arrays[f"{name}.rewound.weight.{layer}"] for layer in layers],
                    [arrays[f"{name}.rewound.bias.{layer}"] for layer in layers],
                    str(arrays[f"{name}.activation"]),
                )
        return Level(masks, trained, arrays["scores"], arrays["evaluations"], arrays["share"], gradients, rewound)
    except KeyError as error:
        raise ValueError(f"not a level: it has no array {error}") from None


def from_bytes(content: bytes) -> Level:
    """The inverse of `to_bytes`; ValueError if it is not such an archive."""
    return level_of(arrays_of(content))


def network_names(arrays: Arrays) -> list[str]:
    """The networks whose weights and masks are in the archive."""
    return [key.removesuffix(".activation") for key in arrays if key.endswith(".activation")]


def faults(arrays: Arrays, identity: Mapping[str, Any]) -> list[str]:
    """Where the arrays are not of the shapes and types that a cell's settings (plain data) demand; empty if all are.

    The settings leave open what only code knows: the number of inputs, of outputs, the networks' names, and whether
    the criterion asks for gradients. Of a chain that trains level 0 itself they leave open which level this is.
    """
    experiment = identity["experiment"]
    members, evaluation = len(identity["seeds"]), experiment["evaluation"]
    wanted: dict[str, tuple[tuple[int, ...], str]] = {
        "scores": ((members, evaluation["scored_episodes"]), "f"),
        "evaluations": ((members, evaluation["per_training"]), "f"),
        "share": ((members,), "f"),
    }
    names = network_names(arrays)
    rewinds = experiment["pruning"].get("rewind", 0) > 0
    is_rewound = rewinds and identity["condition"] == DENSE
    may_be_rewound = rewinds and not experiment["savings"].get("share_level_0", True)
    found = [] if names else ["no network is in it"]
    for name in names:
        weights = [arrays.get(f"{name}.weight.0"), arrays.get(f"{name}.weight.{len(experiment['network']['hidden'])}")]
        if any(weight is None or weight.ndim != 3 for weight in weights):
            found.append(f"{name} has no weights of {len(experiment['network']['hidden']) + 1} layers")
            continue
        ends = [weight.shape for weight in weights if weight is not None]
        sizes = (ends[0][1], *experiment["network"]["hidden"], ends[1][2])
        for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
            wanted[f"{name}.weight.{layer}"] = (members, inputs, outputs), "f"
            wanted[f"{name}.bias.{layer}"] = (members, 1, outputs), "f"
            wanted[f"{name}.mask.{layer}"] = (members, inputs, outputs), "b"
            if is_rewound or (may_be_rewound and f"{name}.rewound.weight.0" in arrays):
                wanted[f"{name}.rewound.weight.{layer}"] = (members, inputs, outputs), "f"
                wanted[f"{name}.rewound.bias.{layer}"] = (members, 1, outputs), "f"
            if f"{name}.gradient.0" in arrays:
                wanted[f"{name}.gradient.{layer}"] = (members, inputs, outputs), "f"
        wanted[f"{name}.activation"] = (), "U"
    for name in sorted(wanted.keys() | arrays.keys()):
        if name not in arrays or name not in wanted:
            found.append(f"{name} is missing" if name in wanted else f"{name} does not belong there")
            continue
        shape, kind = wanted[name]
        if arrays[name].shape != shape or arrays[name].dtype.kind != kind:
            found.append(f"{name} is {arrays[name].dtype} {arrays[name].shape}, not {kind} {shape}")
    return found
