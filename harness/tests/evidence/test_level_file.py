"""A level as a file: bit by bit what was computed, and nothing that runs."""

import dataclasses
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.level_file import PARTS, ArraysOnDisk, StoredLevel, densities, from_bytes, to_bytes
from harness.networks.heads import Gaussian
from harness.networks.mlp import mlp_layout
from harness.networks.params import Params, length, prunable
from harness.pruning.level import Level

LAYOUT = (*mlp_layout((4, 8, 8, 2)), *Gaussian(2).tensors)


def a_level(networks: tuple[str, ...] = ("actor", "critic"), seed: int = 0, more: bool = False) -> Level:
    """A level of random numbers. more: with gradients and a rewind point."""
    rng, members = np.random.default_rng(seed), 2

    def params() -> dict[str, Params]:
        return {
            name: Params(rng.normal(size=(members, length(LAYOUT))).astype(np.float32), LAYOUT) for name in networks
        }

    kept = [rng.random((members, *tensor.shape)) < 0.5 for tensor in prunable(LAYOUT)]
    evaluations = rng.normal(size=(members, 2))
    evaluations[0, 1:] = np.nan  # a member that had stopped
    return Level(
        masks={name: Params.masks(LAYOUT, kept) for name in networks},
        trained=params(),
        scores=rng.normal(size=(members, 2)),
        evaluations=evaluations,
        trained_fraction=rng.random(members),
        gradients=params() if more else {},
        rewound=params() if more else {},
    )


@given(st.sampled_from([("actor",), ("actor", "critic")]), st.booleans(), st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_a_level_survives_storage_bit_by_bit(networks: tuple[str, ...], more: bool, seed: int) -> None:
    before = a_level(networks, seed, more)
    content = to_bytes(before)
    after = from_bytes(content)
    assert to_bytes(after) == content == to_bytes(before)
    assert (list(after.trained), list(after.gradients), list(after.rewound)) == (
        list(before.trained),
        list(before.gradients),
        list(before.rewound),
    )
    for part in PARTS:
        for name, params in getattr(before, part).items():
            found = getattr(after, part)[name]
            assert found.layout == params.layout and found.flat.dtype == params.flat.dtype
            np.testing.assert_array_equal(found.flat, params.flat)
    assert np.array_equal(before.evaluations, after.evaluations, equal_nan=True)
    assert np.array_equal(before.scored_returns, after.scored_returns)


def test_the_bytes_do_not_depend_on_the_time() -> None:
    with zipfile.ZipFile(io.BytesIO(to_bytes(a_level()))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_only_those_arrays_are_read_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "level.npz").write_bytes(content := to_bytes(a_level()))
    arrays = ArraysOnDisk(tmp_path / "level.npz")
    assert list(arrays) == list(vars(from_bytes(content))["arrays"])
    level = StoredLevel(arrays)
    (tmp_path / "level.npz").write_bytes(content.replace(b"actor", b"ACTOR"))  # its weights can't be found any more
    assert np.array_equal(level.scores, a_level().scores)
    with pytest.raises(KeyError):
        _ = level.masks


class Bomb:
    """Its pickle runs code when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_objects_are_neither_read_nor_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = np.array([Bomb()], dtype=object)
    np.savez("bomb.npz", allow_pickle=True, scores=bomb)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        from_bytes(Path("bomb.npz").read_bytes())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        _ = ArraysOnDisk(Path("bomb.npz"))["scores"]
    with pytest.raises(ValueError, match="allow_pickle=False"):
        to_bytes(dataclasses.replace(a_level(), scores=bomb))
    assert not Path("exploded").exists()


def test_the_density_is_the_share_of_weights_under_the_masks() -> None:
    level = a_level()
    kept = sum(mask.sum(axis=(1, 2)) for masks in level.masks.values() for mask in masks.weights)
    assert (
        densities(vars(from_bytes(to_bytes(level)))["arrays"]).tolist()
        == (kept / (2 * (4 * 8 + 8 * 8 + 8 * 2))).tolist()
    )
