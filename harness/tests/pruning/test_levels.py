"""What a level starts from, and what it leaves: CLAIMS.md, "condition", line by line."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from harness import register
from harness.controls import CONTROLS, control_of
from harness.evidence.level_file import from_bytes, to_bytes
from harness.experiment import Cell, Experiment
from harness.learners.ppo import CRITIC
from harness.learners.protocol import ACTOR
from harness.networks.params import Masks, Params, Tensor, prunable
from harness.pruning.conditions import CONDITIONS, DENSE, REDRAWN, SURVIVING, TICKET
from harness.pruning.imp import prune, run_level, start_level
from harness.pruning.level import Level
from harness.pruning.prunable import densities, initial_networks, layouts, prunable_networks
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings
from harness.tasks.gridmaze.maze import GridMaze
from harness.tests.pruning.cases import (
    LEARNERS,
    LEVELS,
    REWIND,
    SEEDS,
    assert_networks_equal,
    chain,
    experiment_of,
    learners,
    level_0,
    scripted,
    scripted_level,
    start,
)

SYSTEMS = {
    "ppo": experiment_of("ppo"),
    "ppo-branch": experiment_of("ppo", lineage="branch"),
    "ppo-critic": experiment_of("ppo", scope="actor+critic"),
    "ppo-critic-branch": experiment_of("ppo", scope="actor+critic", lineage="branch"),
    "bc": experiment_of("bc"),
    "bc-branch": experiment_of("bc", lineage="branch"),
    "dqn": experiment_of("dqn"),
    **{f"{learner}-rewound": experiment_of(learner, rewind=REWIND) for learner in LEARNERS},
    "ppo-branch-rewound": experiment_of("ppo", lineage="branch", rewind=REWIND),
    "ppo-critic-rewound": experiment_of("ppo", scope="actor+critic", rewind=REWIND),
    "ppo-kept-outputs": experiment_of("ppo", outputs=False),
    "ppo-critic-kept-outputs": experiment_of("ppo", scope="actor+critic", outputs=False),
    "ppo-rows": experiment_of("ppo", shuffle="rows"),
    "cnn-ppo-critic": experiment_of("ppo", cnn=True, scope="actor+critic"),
    "cnn-ppo-branch-rewound": experiment_of("ppo", cnn=True, lineage="branch", rewind=REWIND),
    "cnn-ppo-rows-kept-outputs": experiment_of("ppo", cnn=True, shuffle="rows", outputs=False),
    "cnn-dqn": experiment_of("dqn", cnn=True),
}
systems = pytest.mark.parametrize("e", SYSTEMS.values(), ids=SYSTEMS)
conditions = pytest.mark.parametrize("condition", CONDITIONS)


def ones_in(masks: Masks, member: int) -> int:
    return int(sum(mask[member].sum() for kept in masks.values() for mask in kept.weights))


def base(e: Experiment, condition: str, level: int) -> dict[str, Params]:
    """What a level resets to: a fresh draw, the rewind point, or w0."""
    if e.pruning.rewind and condition != REDRAWN:
        return level_0(e).rewound
    drawn = initial_networks(e, SEEDS, redrawn_at=level if condition == REDRAWN else None)
    return {name: network.params for name, network in drawn.items()}


def kept_outputs(e: Experiment, networks: Mapping[str, Any]) -> int:
    """How many weights are of output layers that are not pruned."""
    return 0 if e.pruning.outputs else sum(networks[name].weights[-1][0].size for name in prunable_networks(e))


def largest(e: Experiment, previous: Level, count: int) -> list[np.ndarray]:
    """CLAIMS.md's n, written as plainly as it can be: by the threshold that `count` weights reach."""
    names = prunable_networks(e)
    trained = [previous.trained[name].copy() for name in names]
    if not e.pruning.outputs:
        for params in trained:
            params.weights[-1][:] = np.inf
    layers = [weight for params in trained for weight in params.weights]
    masks = [mask for name in names for mask in previous.masks[name].weights]
    kept = []
    for member in range(len(SEEDS)):
        magnitudes = [np.abs(w[member])[mask[member]].tolist() for w, mask in zip(layers, masks, strict=True)]
        threshold = sorted((value for layer in magnitudes for value in layer), reverse=True)[count - 1]
        kept.append([mask[member] & (np.abs(w[member]) >= threshold) for w, mask in zip(layers, masks, strict=True)])
    return [np.stack([member[layer] for member in kept]) for layer in range(len(layers))]


def by_row(tensor: Tensor, mask: np.ndarray) -> list[list[bool]]:
    """What each input of a layer (of a convolution each channel) has left, in any order of the inputs."""
    rows: list[list[bool]] = np.moveaxis(mask, tensor.input_axis, 0).reshape(mask.shape[tensor.input_axis], -1).tolist()
    return sorted(rows)


class TestStart:
    @systems
    @conditions
    @pytest.mark.parametrize("level", [1, LEVELS])
    def test_it_is_what_claims_md_spells(self, e: Experiment, condition: str, level: int) -> None:
        names = prunable_networks(e)
        networks, masks = start(e, condition, level)
        assert list(masks) == names
        outputs = kept_outputs(e, networks)
        total = sum(weight[0].size for name in names for weight in networks[name].weights) - outputs
        count, reset = outputs + round(total * 0.5**level), base(e, condition, level)
        if Cell(e, condition, SEEDS).follows_ticket:
            n = [mask for name in names for mask in chain(e, TICKET)[level].masks[name].weights]
        else:
            n = largest(e, chain(e, condition)[level - 1], count)
        layers = [
            layer
            for name in names
            for layer in zip(
                prunable(layouts(e)[name]),
                *(each[name].weights for each in (masks, networks, reset)),
                strict=True,
            )
        ]
        for member in range(len(SEEDS)):
            assert ones_in(masks, member) == count
            for (tensor, mask, weight, value), kept in zip(layers, n, strict=True):
                mask, weight, value, kept = mask[member], weight[member], value[member], kept[member]
                assert (weight[~mask] == 0).all()
                if condition in ("mask/weights", "mask/permuted"):
                    np.testing.assert_array_equal(mask, kept)
                if condition in ("mask/weights", "random/re-init"):
                    np.testing.assert_array_equal(weight, np.where(mask, value, 0))
                if condition in ("mask/permuted", "permuted/permuted"):
                    assert mask.sum() == kept.sum()
                    assert sorted(weight[mask].tolist()) == sorted(value[kept].tolist())
                if condition == "permuted/permuted" and e.pruning.shuffle == "rows":
                    assert by_row(tensor, mask) == by_row(tensor, kept)

    @systems
    @conditions
    def test_all_that_is_not_pruned_is_reset(self, e: Experiment, condition: str) -> None:
        """Biases always, and the critic where only the actor is pruned."""
        (networks, masks), expected = start(e, condition, 2), base(e, condition, 2)
        assert list(networks) == list(expected)
        for name, network in networks.items():
            for tensor in network.params.layout:
                if not tensor.prunable:
                    np.testing.assert_array_equal(network.params[tensor.name], expected[name][tensor.name])
            if name not in masks:
                assert (name, e.pruning.scope) == (CRITIC, "actor")
                np.testing.assert_array_equal(network.flat, expected[name].flat)

    @conditions
    @pytest.mark.parametrize("cnn", [False, True])
    def test_a_member_starts_alike_alone_and_among_others(self, condition: str, cnn: bool) -> None:
        e, seeds = experiment_of("ppo", cnn=cnn), tuple(range(40))
        rng = np.random.default_rng(0)
        w0 = initial_networks(e, seeds)[ACTOR].params
        trained = {ACTOR: w0.each(lambda w: w + rng.normal(size=w.shape))}
        masks = {ACTOR: w0.everywhere()}
        nothing = np.empty(0)
        networks, together = start_level(Cell(e, condition, seeds), 1, Level(masks, trained, *3 * [nothing]))
        for row in (3, 17):
            own = {ACTOR: masks[ACTOR].take(np.array([row]))}
            before = Level(own, {ACTOR: trained[ACTOR].take(np.array([row]))}, *3 * [nothing])
            alone, alone_masks = start_level(Cell(e, condition, (seeds[row],)), 1, before)
            assert_networks_equal(alone, {name: mlp.take(np.array([row])) for name, mlp in networks.items()})
            np.testing.assert_array_equal(alone_masks[ACTOR].flat[0], together[ACTOR].flat[row])

    def test_it_leaves_the_level_that_it_starts_from_as_it_is(self) -> None:
        e = experiment_of("ppo", rewind=REWIND)
        before = to_bytes(level_0(e))
        start(e, "permuted/permuted", 1)
        assert to_bytes(level_0(e)) == before


class TestWhatALevelLeaves:
    def test_where_all_episodes_are_the_same_one_is_scored_and_says_what_many_would(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        e = dataclasses.replace(experiment_of("ppo"), task=GridMaze(horizon=20))
        one = run_level(Cell(e, DENSE, SEEDS), 0, None)
        monkeypatch.setattr("harness.tasks.rollout.distinct_episodes", lambda task, acting, episodes: episodes)
        many = run_level(Cell(e, DENSE, SEEDS), 0, None)
        assert (one.scores.shape, many.scores.shape) == ((3, 1), (3, 4))
        np.testing.assert_array_equal(many.scores, np.broadcast_to(one.scores, (3, 4)))
        np.testing.assert_array_equal(many.evaluations, one.evaluations)
        assert_networks_equal(many.trained, one.trained)

    @systems
    @conditions
    def test_exact_counts_zeros_outside_the_masks_and_weights_that_moved(self, e: Experiment, condition: str) -> None:
        names, stated = prunable_networks(e), densities(e)
        outputs = kept_outputs(e, level_0(e).trained)
        total = sum(mask[0].size for name in names for mask in level_0(e).masks[name].weights) - outputs
        for number, level in enumerate(chain(e, condition)):
            initial = start(e, condition, number)[0] if number else initial_networks(e, SEEDS)
            assert list(level.masks) == list(level.trained) == (names if number else list(layouts(e)))
            assert [array.shape for array in (level.scores, level.evaluations, level.trained_fraction)] == [
                *((3, 4), (3, 4), (3,))
            ]
            pruned = {name: level.masks[name] for name in names}
            assert all((ones_in(pruned, member) - outputs) / total == stated[number] for member in range(len(SEEDS)))
            for name, masks in level.masks.items():
                assert masks.layout == level.trained[name].layout
                assert (level.trained[name].flat[~masks.flat] == 0).all()
                assert (level.trained[name].flat != initial[name].flat).any()
                if number and condition in ("mask/weights", "mask/permuted"):
                    assert not (masks.flat & ~chain(e, condition)[number - 1].masks[name].flat).any()

    def test_densities_of_a_small_network_by_hand(self) -> None:
        """4-8-8-2 has 32 + 64 + 16 = 112 weights, and its critic 8 fewer."""
        for name, outputs in ((ACTOR, 2), (CRITIC, 1)):
            shapes = [tensor.shape for tensor in prunable(layouts(experiment_of("ppo"))[name])]
            assert shapes == [(4, 8), (8, 8), (8, outputs)]
        assert densities(experiment_of("ppo")).tolist() == [1, 56 / 112, 28 / 112, 14 / 112]
        assert densities(SYSTEMS["ppo-critic"]).tolist() == [1, 108 / 216, 54 / 216, 27 / 216]
        without_outputs = densities(experiment_of("ppo", outputs=False))
        assert without_outputs.tolist() == [1, 48 / 96, 24 / 96, 12 / 96]

    def test_densities_of_a_small_cnn_by_hand(self) -> None:
        """3 filters of 2x2 on 4 channels, 2 on those 3, then 8-8-2: 48 + 24 + 64 + 16 = 152, and its critic 8 fewer."""
        shapes = [tensor.shape for tensor in prunable(layouts(SYSTEMS["cnn-dqn"])[ACTOR])]
        assert shapes == [(2, 2, 4, 3), (2, 2, 3, 2), (8, 8), (8, 2)]
        assert densities(SYSTEMS["cnn-dqn"]).tolist() == [1, 76 / 152, 38 / 152, 19 / 152]
        assert densities(SYSTEMS["cnn-ppo-critic"]).tolist() == [1, 148 / 296, 74 / 296, 37 / 296]
        assert densities(SYSTEMS["cnn-ppo-rows-kept-outputs"]).tolist() == [1, 68 / 136, 34 / 136, 17 / 136]

    def test_level_0_is_dense_and_the_same_whatever_is_pruned_afterwards(self) -> None:
        one, other = level_0(SYSTEMS["ppo"]), level_0(SYSTEMS["ppo-critic-branch"])
        assert all(masks.flat.all() for masks in one.masks.values())
        assert to_bytes(one) == to_bytes(other)
        assert Cell(SYSTEMS["ppo"], DENSE, SEEDS).id == Cell(SYSTEMS["ppo-critic-branch"], DENSE, SEEDS).id

    def test_a_member_that_diverged_is_named_by_its_seed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        e = scripted((0, 1), (1, 2))
        population = e.learner.start(e.task, initial_networks(e, (10, 11)), {}, (10, 11), 0)
        population.actor.biases[0][1] = np.nan
        population.advance = lambda rounds: None
        monkeypatch.setattr(type(e.learner), "start", lambda *_: population)
        with pytest.raises(ValueError, match="seed 11"):
            scripted_level(e)

    def test_a_control_that_is_not_passed_is_refused(self) -> None:
        e = dataclasses.replace(experiment_of("bc"), control="unmasked")
        with pytest.raises(ValueError, match="unmasked"):
            run_level(Cell(e, DENSE, SEEDS), 0, None)
        assert control_of(e) is CONTROLS["unmasked"]


class TestSurvivingInputs:
    """Dense networks on the inputs that the ticket's mask keeps (paper 4.1)."""

    @pytest.mark.parametrize(
        ("cnn", "rate", "rewind"), [(False, 0.95, 0.0), (False, 0.95, REWIND), (True, 0.75, REWIND)]
    )
    def test_networks_start_from_the_tickets_weights_and_lack_those_inputs_alone(
        self, cnn: bool, rate: float, rewind: float
    ) -> None:
        """Of a convolution: those channels."""
        e = experiment_of("ppo", cnn=cnn, rate=rate, levels=1, rewind=rewind)
        dense, cell = level_0(e), Cell(e, SURVIVING, SEEDS)
        ticket = run_level(Cell(e, TICKET, SEEDS), 1, dense, None, dense)
        left = ticket.masks[ACTOR].weights[0]
        gone = ~left.any(axis=(1, 2, 4) if cnn else 2, keepdims=True)
        assert gone.any() and not gone.all()
        networks, masks = start_level(cell, 1, None, ticket, dense)
        first, *others = masks[ACTOR].weights
        np.testing.assert_array_equal(first, np.broadcast_to(~gone, first.shape))
        assert all(mask.all() for mask in others)
        reset = base(e, SURVIVING, 1)[ACTOR]
        np.testing.assert_array_equal(networks[ACTOR].flat, np.where(masks[ACTOR].flat, reset.flat, 0))
        level = run_level(cell, 1, None, ticket, dense)
        assert (level.trained[ACTOR].weights[0][~first] == 0).all()
        assert (level.trained[ACTOR].weights[0][first] != reset.weights[0][first]).any()
        assert to_bytes(from_bytes(to_bytes(level))) == to_bytes(level)


@pytest.fixture
def by_gradient(registered: None) -> str:
    """A criterion that asks for gradients."""

    @register.criterion("by-gradient")
    def by_gradient(weights: Any, gradients: Any) -> Any:
        return [abs(weight * gradient) for weight, gradient in zip(weights, gradients, strict=True)]

    return "by-gradient"


class TestGradients:
    """Of the loss at the pruned checkpoint, for a criterion that asks for them."""

    @learners
    def test_asking_for_them_changes_no_training_and_what_stays_is_ranked_highest(
        self, learner: str, by_gradient: str
    ) -> None:
        e = experiment_of(learner, criterion=by_gradient)
        plain, asked = level_0(experiment_of(learner)), run_level(Cell(e, DENSE, SEEDS), 0, None)
        assert plain.gradients == {} and set(asked.gradients) == set(plain.trained)
        assert to_bytes(dataclasses.replace(asked, gradients={})) == to_bytes(plain)
        kept = prune(Cell(e, TICKET, SEEDS), 1, asked)[ACTOR].weights
        ranks = [abs(w * g) for w, g in zip(asked.trained[ACTOR].weights, asked.gradients[ACTOR].weights, strict=True)]
        for member in range(len(SEEDS)):
            ranked = np.concatenate([rank[member].ravel() for rank in ranks])
            stays = np.concatenate([mask[member].ravel() for mask in kept])
            assert ranked[stays].min() >= ranked[~stays].max()

    @learners
    def test_leaving_units_out_changes_none(self, learner: str, by_gradient: str) -> None:
        """At a learning rate of nothing, so that both trainings end in the same weights."""
        still = dataclasses.replace(LEARNERS[learner], learning_rate=1e-30)  # type: ignore[type-var]
        pruning = Pruning(rate=0.9, levels=1, scope="actor+critic", criterion=by_gradient)
        levels = []
        for saves in (True, False):
            e = experiment_of(learner, Savings(leave_out_unreachable=saves))
            e = dataclasses.replace(e, learner=still, pruning=pruning)
            levels.append(run_level(Cell(e, TICKET, SEEDS), 1, run_level(Cell(e, DENSE, SEEDS), 0, None)))
        compacted, full = levels
        assert list(compacted.gradients) == list(full.gradients) == prunable_networks(e)
        for name, gradient in full.gradients.items():
            assert (gradient.flat[~full.masks[name].flat] == 0).all()
            for mine, theirs in zip(compacted.gradients[name].weights, gradient.weights, strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)
        assert any(gradient.any() for gradient in full.gradients[ACTOR].weights)

    @pytest.mark.parametrize("maximum", [np.inf, 4.0])
    def test_they_are_of_the_pruned_checkpoint_also_of_members_that_stopped(
        self, maximum: float, by_gradient: str
    ) -> None:
        script = ((1, 3, 4, 0), (4, 0, 0, 0), (0, 1, 2, 1), (3, 4, 0, 0))
        level = scripted_level(scripted(*script, maximum=maximum, criterion=by_gradient))
        found = [float(gradient.flat[0]) for gradient in level.gradients[ACTOR].weights[0]]
        assert found == pytest.approx([0.2, 0, 0.2, 0.1])  # a tenth of the round
