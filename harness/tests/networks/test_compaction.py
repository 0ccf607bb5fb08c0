"""Compact networks: without what reaches no output, and the way back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.networks.compaction import compact
from harness.networks.heads import Categorical, Gaussian
from harness.networks.network import outputs_of
from harness.networks.params import Params
from harness.tests.networks.made import initial_mlp


def reaches_an_output(masks: list[np.ndarray]) -> list[np.ndarray]:
    """bool[members, units] per layer: whether a path leads from there to an output, by matrix products."""
    reached = [np.ones((len(masks[0]), masks[-1].shape[2]), dtype=bool)]
    for mask in reversed(masks[1:]):
        reached.insert(0, (mask.astype(int) @ reached[0][:, :, None].astype(int))[:, :, 0] > 0)
    return reached


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 0.3, 0.6, 2.0]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([Categorical, Gaussian]),
)
def test_a_compact_network_has_exactly_what_reaches_an_output_and_the_same_outputs(
    sizes: list[int], members: int, density: float, seed: int, kind: type[Categorical] | type[Gaussian]
) -> None:
    """In double precision, under random masks, member by member of another density; there and back changes nothing."""
    rng = np.random.default_rng(seed)
    drawn = initial_mlp(sizes, [rng] * members, kind(sizes[-1])).each(np.float64)
    shares = density * rng.random((members, 1, 1))
    masks = [rng.random(weight.shape) < shares for weight in drawn.weights]
    kept = Params.masks(drawn.params.layout, masks)
    mlp = drawn.each(lambda flat: flat * kept.flat)
    small = compact(mlp, kept)
    small.network.own[:] += 1  # what is the head's own comes back as it was trained
    mlp.own[:] += 1
    x = rng.normal(size=(members, 5, sizes[0]))
    np.testing.assert_allclose(outputs_of(small.network, x), outputs_of(mlp, x), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(small.restored(mlp.params, small.network.params).flat, mlp.flat)
    assert [units.shape[1] for units in small.units[:: len(sizes) - 1]] == [sizes[0], sizes[-1]]
    for units, reaching in zip(small.units[1:-1], reaches_an_output(masks)[:-1], strict=True):
        assert units.shape[1] == max(1, reaching.sum(axis=1).max())
        for member in range(members):
            assert set(np.flatnonzero(reaching[member])) <= set(units[member].tolist())
            assert len(set(units[member].tolist())) == units.shape[1]
