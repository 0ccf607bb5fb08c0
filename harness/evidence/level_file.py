"""A level as an npz archive: arrays alone, no objects, no pickle."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.pruning.level import Level

if TYPE_CHECKING:  # compiled code is loaded only by who computes
    from harness.networks.mlp import Mlp

Arrays = Mapping[str, np.ndarray]
_PART = re.compile(r"(?P<network>.+?)\.(?P<kind>(rewound\.)?(weight|bias)|mask|gradient)\.(?P<layer>[0-9]+)")


class ArraysOnDisk(Arrays):
    """The arrays of an archive by name, each read when it is asked for."""

    def __init__(self, file: Path):
        self._file = file

    def __getitem__(self, name: str) -> np.ndarray:
        with np.load(self._file, allow_pickle=False) as archive:
            return np.asarray(archive[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> list[str]:
        with np.load(self._file, allow_pickle=False) as archive:
            return list(archive.files)


class StoredLevel(Level):
    """A level of which each part is read from its arrays when it is asked for; KeyError then, if one is missing.

    Its networks act, and are pruned, as wholes: the dropout that they were trained under is not stored.
    """

    def __init__(self, arrays: Arrays):
        vars(self)["arrays"] = arrays

    arrays: Arrays
    scores = cached_property(lambda self: self.arrays["scores"])
    evaluations = cached_property(lambda self: self.arrays["evaluations"])
    trained_fraction = cached_property(lambda self: self.arrays["trained_fraction"])
    masks = cached_property(lambda self: self._layers("mask"))
    weights = cached_property(lambda self: self._layers("weight"))
    gradients = cached_property(lambda self: self._layers("gradient"))
    trained = cached_property(lambda self: self._networks(""))
    rewound = cached_property(lambda self: self._networks("rewound."))

    def _layers(self, kind: str) -> dict[str, list[np.ndarray]]:
        found = {}
        for name in network_names(self.arrays):
            layers = range(sum(key.startswith(f"{name}.{kind}.") for key in self.arrays))
            found[name] = [self.arrays[f"{name}.{kind}.{layer}"] for layer in layers]
        return {name: layers for name, layers in found.items() if layers}

    def _networks(self, kind: str) -> "dict[str, Mlp]":
        from harness.networks.mlp import Mlp

        weights, biases = self._layers(f"{kind}weight"), self._layers(f"{kind}bias")
        return {n: Mlp.of(weights[n], biases[n], str(self.arrays[f"{n}.activation"])) for n in weights}


def to_bytes(level: Level) -> bytes:
    """A level as an npz archive, the same bytes for the same numbers."""
    per_member = ("scores", "evaluations", "trained_fraction")
    arrays: dict[str, np.ndarray] = {name: getattr(level, name) for name in per_member}
    for name, mlp in level.trained.items():
        arrays[f"{name}.activation"] = np.array(mlp.activation)
        layers = {"weight": mlp.weights, "bias": mlp.biases, "mask": level.masks[name]}
        if name in level.gradients:
            layers["gradient"] = level.gradients[name]
        if name in level.rewound:
            layers |= {"rewound.weight": level.rewound[name].weights, "rewound.bias": level.rewound[name].biases}
        arrays |= {f"{name}.{kind}.{layer}": part for kind, parts in layers.items() for layer, part in enumerate(parts)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def arrays_of(content: bytes) -> dict[str, np.ndarray]:
    """All arrays of an npz archive by name; ValueError if it is none, or holds objects."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    # whatever numpy, zipfile and zlib make of bytes that are no archive; a single array has no attributes of one
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        AttributeError,
    ) as e:
        raise ValueError(f"not a level: {e}") from None


def from_bytes(content: bytes) -> Level:
    """The inverse of `to_bytes`; ValueError if it is not such an archive."""
    return StoredLevel(arrays_of(content))


def network_names(arrays: Arrays) -> list[str]:
    """The networks whose weights and masks are in the archive."""
    return [key.removesuffix(".activation") for key in arrays if key.endswith(".activation")]


def densities(arrays: Arrays) -> np.ndarray:
    """float64[members]: the share of weights left, over the networks that are pruned (at level 0 over all)."""
    masks = [arrays[name] for name in arrays if ".mask." in name]
    return np.asarray(sum(mask.sum(axis=(1, 2)) for mask in masks) / sum(mask[0].size for mask in masks))


def faults(arrays: Arrays, identity: Mapping[str, Any]) -> list[str]:
    """Where the arrays are not of the shapes and types that a cell's settings (plain data) demand; empty if all are.

    The settings leave open what only code knows: which networks there are, and of what sizes.
    """
    members, evaluation = len(identity["seeds"]), identity["experiment"]["evaluation"]
    wanted: dict[str, tuple[tuple[int, ...], str]] = {
        "scores": ((members, evaluation["scored_episodes"]), "f"),
        "evaluations": ((members, evaluation["per_training"]), "f"),
        "trained_fraction": ((members,), "f"),
    }
    for name in network_names(arrays):
        wanted[f"{name}.activation"] = (), "U"
        layers = {int(part["layer"]) for part in map(_PART.fullmatch, arrays) if part and part["network"] == name}
        for layer in range(max(layers, default=0) + 1):
            weight = arrays.get(f"{name}.weight.{layer}")
            inputs, outputs = weight.shape[1:] if weight is not None and weight.ndim == 3 else (0, 0)
            for kind in ("weight", "mask", "gradient", "rewound.weight", "bias", "rewound.bias"):
                if kind in ("weight", "mask", "bias") or f"{name}.{kind}.{layer}" in arrays:
                    sizes = (members, 1 if kind.endswith("bias") else inputs, outputs)
                    wanted[f"{name}.{kind}.{layer}"] = sizes, "b" if kind == "mask" else "f"
    found = [] if network_names(arrays) else ["no network is in it"]
    for name in sorted(wanted.keys() | arrays.keys()):
        if name not in arrays or name not in wanted:
            found.append(f"{name} is missing" if name in wanted else f"{name} does not belong there")
        elif (arrays[name].shape, arrays[name].dtype.kind) != wanted[name]:
            found.append(
                f"{name} is {arrays[name].dtype} {arrays[name].shape}, not {wanted[name][1]} {wanted[name][0]}"
            )
    return found
