"""Adam, coupled and decoupled, and clipping beside torch's own."""

import numpy as np
import pytest
import torch

from harness.learners.adam import AdamSettings, Decay, _adam_step
from harness.learners.trained import TrainedNetwork, _clipped_adam_step
from harness.networks.params import Params
from harness.streams import streams
from harness.tests.networks.by_torch import leaf
from harness.tests.networks.made import initial_mlp

MEMBERS, UPDATES = 4, 10


@pytest.mark.parametrize(("weight_decay", "decay"), [(0.0, "coupled"), (0.1, "coupled"), (0.1, "decoupled")])
@pytest.mark.parametrize("max_norm", [None, 0.5])
def test_each_member_takes_torchs_steps_also_where_others_stop(
    weight_decay: float, decay: Decay, max_norm: float | None
) -> None:
    mlp = initial_mlp((3, 5, 2), streams(range(MEMBERS), "test")).each(np.float64)
    settings = AdamSettings(0.01, 1e-5, weight_decay, decay == "decoupled")
    network, kept = TrainedNetwork.start(mlp, None), np.array([3, 1])
    optimiser = torch.optim.Adam if decay == "coupled" else torch.optim.AdamW
    theirs = [leaf(params) for params in mlp.flat]
    adams = [optimiser([params], lr=0.01, eps=1e-5, weight_decay=weight_decay) for params in theirs]
    gradients = np.random.default_rng(1).normal(size=(UPDATES, *mlp.flat.shape))
    gradients *= np.array([10, 0.001, 1, 0.1])[:, None]  # one member's is clipped hard, another's not at all
    members = np.arange(MEMBERS)
    for update, every in enumerate(gradients, start=1):
        if update == 5:
            members, network = kept, network.keep(mlp.take(kept), kept)
        own = every[members].copy()
        for row, gradient in enumerate(own):
            if max_norm is None:
                _adam_step(
                    network.params[row], gradient, network.exp_avg[row], network.exp_avg_sq[row], update, settings
                )
            else:
                _clipped_adam_step(network, row, gradient, np.linalg.norm(gradient), max_norm, update, settings)
        for params, adam, gradient in zip(theirs, adams, every, strict=True):
            params.grad = torch.tensor(gradient)
            if max_norm is not None:
                torch.nn.utils.clip_grad_norm_([params], max_norm)
            adam.step()
        expected = [theirs[member].detach() for member in members]
        np.testing.assert_allclose(network.params, np.stack(expected), rtol=0, atol=1e-10)


def test_masks_are_in_the_shape_of_the_parameters_and_biases_are_never_masked() -> None:
    mlp = initial_mlp((3, 5, 2), streams(range(MEMBERS), "test"))
    masks = [np.random.default_rng(0).random(weight.shape) < 0.5 for weight in mlp.weights]
    found = mlp.of(mlp.params.like(TrainedNetwork.start(mlp, Params.masks(mlp.layers, masks)).mask))
    for mine, mask, bias in zip(found.weights, masks, found.biases, strict=True):
        np.testing.assert_array_equal(mine, mask)
        assert (bias == 1).all()


def test_the_mean_of_a_unit_that_has_died_becomes_zero_and_changes_no_weight() -> None:
    """In single precision; numbers below 1e-38 would take several times as long."""
    params, exp_avg, exp_avg_sq = (np.full(1, number, dtype=np.float32) for number in (0.5, 0.1, 0.01))
    for update in range(1, 1_500):
        _adam_step(
            params, np.zeros(1, dtype=np.float32), exp_avg, exp_avg_sq, update, AdamSettings(0.01, 1e-8, 0.0, False)
        )
        if update == 1_000:
            before = params.copy()
    assert exp_avg[0] == 0 and params == before
