"""Measures of the masks: how much they keep of the actor's layers, of inputs, and of channels of inputs."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from harness.judging.chains import Chains
from harness.judging.channels import by_channel, relative, share_of_emptied, split_means
from harness.learners.protocol import ACTOR
from harness.networks.params import Params, Tensor, prunable
from harness.pruning.conditions import TICKET
from harness.pruning.imp import by_input
from harness.pruning.level import Level
from harness.pruning.prunable import layouts
from harness.statistics import (
    PerSeed,
    densities_by_fan_in,
    input_magnitude,
    overshoot,
    restricted_level,
    separation_level,
)
from harness.tasks.spec import zero_inputs

OfEnemies = Literal["density", "magnitude", "emptied"]
"""Measures of the inputs that show enemies: the share of weights left, the input magnitude, or the share of inputs
without any weight left."""


class MaskMeasures(Chains):
    """The measures of masks. Inputs are those of the actor's first layer."""

    def layer_densities(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1, layers]: the share of the actor's weights left, per layer."""
        return self.measured(condition, _layer_densities)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The names of the actor's layers, from the input on."""
        count = len(self._layers)
        return ("input layer", *(f"hidden layer {number}" for number in range(2, count)), "output layer")

    @property
    def _layers(self) -> list[Tensor]:
        """The weights of the actor's layers."""
        return prunable(layouts(self.experiment)[ACTOR])

    @property
    def _sizes(self) -> list[int]:
        """Units per layer of an actor whose layers are all dense: inputs, hidden ..., outputs. Raises ValueError."""
        if any(len(tensor.shape) > 2 for tensor in self._layers):
            raise ValueError(f"the layers of {self.system} are not all dense: their fan-ins are not compared")
        return [*(tensor.fan_in for tensor in self._layers), self._layers[-1].shape[-1]]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what the first layer weighs: the entries of an observation, or the channels of a picture."""
        observation, first = self.experiment.task.observation, self._layers[0]
        return observation.inputs if first.shape[first.input_axis] == observation.size else observation.names

    def layer_density_at(self, density: float | None = None, condition: str = TICKET) -> dict[str, PerSeed]:
        """Density of each of the actor's layers at the first level at or below `density`, or the mean over levels 1 to
        K."""
        return self.by_name(self.layer_names, self.at(self.layer_densities(condition), density))

    def layer_gap_span(self, layer: str, other: str, density: float | None = None) -> tuple[float, float]:
        """The lowest and the highest that the density of one layer less that of another can be, whatever a chain
        learned: all the weights that are left there may lie in either."""
        counts = {name: tensor.size for name, tensor in zip(self.layer_names, self._layers, strict=True)}
        most = {name: np.minimum(1.0, self.weights_left / counts[name])[np.newaxis] for name in (layer, other)}
        return -float(self.at(most[other], density)[0]), float(self.at(most[layer], density)[0])

    def density_by_fan_in(self, density: float | None = None, condition: str = TICKET) -> dict[str, PerSeed]:
        """Density of the actor's layers with the "lowest" fan-in, and of those with the "highest": at the first level
        at or below `density`, or the mean over levels 1 to K."""
        found = densities_by_fan_in(self.layer_densities(condition), self._sizes)
        return self.by_name(("lowest", "highest"), self.at(np.stack(found, axis=-1), density))

    def fan_in_gap(self, density: float | None = None, condition: str = TICKET) -> PerSeed:
        """The lowest's density less the highest's (`density_by_fan_in`), as one number that another system has, too."""
        found = self.density_by_fan_in(density, condition)
        return self.per_seed(str(self.system), (found["lowest"] - found["highest"]).values)

    def overshoot(self, condition: str = TICKET) -> PerSeed:
        """1 where the first layer is empty at 10 % density (the first level at or below it), else 0."""
        counts = self.measured(condition, _first_layer_count)
        return self.per_seed(str(self.system), overshoot(counts, self.densities))

    def input_densities(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1, inputs]: the share of each input's weights that is left."""
        return self.measured(condition, _input_densities)

    def input_magnitudes(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1, inputs]: each input's share of the first layer's summed magnitudes."""
        return self.measured(condition, _input_magnitudes)

    def input_magnitude_at(self, density: float, condition: str = TICKET) -> dict[str, PerSeed]:
        """Each input's share at the first level at or below `density`, per seed."""
        return self.by_name(self.inputs, self.at(self.input_magnitudes(condition), density))

    def separation_level(self, inputs: Sequence[str], condition: str = TICKET) -> PerSeed:
        """First level at which `inputs` hold 0.8 of the input magnitude, K + 1 where none does."""
        named = [self.inputs.index(name) for name in inputs]
        levels = restricted_level(separation_level(self.input_magnitudes(condition), named))
        return self.per_seed(str(self.system), levels)

    def inputs_left(self, condition: str = TICKET, changing: bool = False) -> np.ndarray:
        """float64[seeds, K + 1]: how many inputs are still connected. changing: count only inputs that are not zero in
        every state."""
        counted = self._changing if changing else slice(None)
        return np.asarray((self.input_densities(condition)[..., counted] > 0).sum(axis=-1), dtype=np.float64)

    def inputs_gone_at(self, density: float, condition: str = TICKET, changing: bool = False) -> PerSeed:
        """Share of the inputs that are no longer connected, at the first level at or below `density`. changing: see
        `inputs_left`."""
        left = self.inputs_left(condition, changing)
        count = self._changing.sum() if changing else len(self._changing)
        return self.per_seed(str(self.system), 1 - self.at(left, density) / count)

    def channel_densities(self, condition: str = TICKET, changing: bool = False) -> dict[str, np.ndarray]:
        """float64[seeds, K + 1] by channel: the share of its weights that is left. changing: see `inputs_left`.

        Raises ValueError, in one line, for a task that has no channels.
        """
        channels, counted = self._channels, self._changing if changing else None
        found = by_channel(self.input_densities(condition), len(channels), counted)
        return {name: found[..., i] for i, name in enumerate(channels)}

    def channel_density_at(
        self, density: float | None = None, condition: str = TICKET, changing: bool = False
    ) -> dict[str, PerSeed]:
        """`channel_densities` at the first level at or below `density`, or the mean over levels 1 to K."""
        found = self.channel_densities(condition, changing)
        return {name: self.per_seed(name, self.at(values, density)) for name, values in found.items()}

    def enemies_at(
        self, density: float | None = None, measure: OfEnemies = "density", condition: str = TICKET
    ) -> dict[str, PerSeed]:
        """The mean of a measure over the inputs that show an enemy at a place that it can reach ("reachable"), and over
        those at other places ("unreachable"): at the first level at or below `density`, or over levels 1 to K.

        Raises ValueError, in one line, for a task without enemies.
        """
        among, reachable = self._enemies
        values = self.input_magnitudes(condition) if measure == "magnitude" else self.input_densities(condition)
        if measure == "emptied":
            values = (values == 0).astype(np.float64)
        found = split_means(self.at(values, density), among, reachable)
        return self.by_name(("reachable", "unreachable"), np.stack(found, axis=-1))

    def unreachable_of_emptied(self, density: float, condition: str = TICKET) -> PerSeed:
        """The share of unreachable places among the enemies' inputs that have no weight left, at the first level at or
        below `density`, less the same share among all the enemies' inputs, which is chance. 0 where none is empty."""
        among, reachable = self._enemies
        share, chance = share_of_emptied(self.at(self.input_densities(condition), density), among, ~reachable)
        return self.per_seed("of those emptied", share) - self.per_seed("of all", np.full(share.shape, chance))

    def check(self, needs_density: float | None, needs_fan_ins: bool) -> None:
        """Raise ValueError, in one line, where this run can't show what a claim needs; see `Claim`."""
        if needs_density is not None:
            self.level_at(needs_density)
        if needs_fan_ins:
            densities_by_fan_in(np.ones(len(self._layers)), self._sizes)

    def check_cells(self) -> None:
        """Raise ValueError, in one line, where the first layer is a convolution, which weighs no cell by itself."""
        if len(self.inputs) < self.experiment.task.observation.size:
            raise ValueError(f"the first layer of {self.system} is a convolution, which has no weights of single cells")

    @property
    def _changing(self) -> np.ndarray:
        """bool[inputs]: those that are not zero in every state."""
        return ~np.isin(self.inputs, zero_inputs(self.experiment.task))

    @property
    def _channels(self) -> tuple[str, ...]:
        channels: tuple[str, ...] = getattr(self.experiment.task, "channels", ())
        if not channels:
            raise ValueError(f"the inputs of {self.system} are no maps: it has no channels to look at")
        return channels

    @property
    def _enemies(self) -> tuple[np.ndarray, np.ndarray]:
        """bool[inputs] twice: those that show an enemy, and of these the ones where it can come to."""
        reachable: Mapping[str, np.ndarray] = getattr(self.experiment.task, "reachable", {})
        channels = self._channels
        self.check_cells()
        if not set(reachable) & set(channels):
            raise ValueError(f"the inputs of {self.system} show no enemies")
        nowhere = np.zeros(len(self.inputs) // len(channels), dtype=bool)
        shown = [np.full_like(nowhere, channel in reachable) for channel in channels]
        within = [reachable[channel].ravel() if channel in reachable else nowhere for channel in channels]
        return np.concatenate(shown), np.concatenate(within)


def relative_lead(one: PerSeed, other: PerSeed) -> PerSeed:
    """By how much the share that `one` has of both exceeds that of `other`: (one - other) / (one + other), per seed.

    From -1 to 1, and 0 where they are alike, also where both are 0; see `harness.judging.channels.relative`. It is a
    pair of two shares, each with the span 0 to 1. Both are of the same seeds.
    """
    shares = relative(one.values, other.values)
    first, second = (PerSeed.of(str(each), share, each.seeds) for each, share in zip((one, other), shares, strict=True))
    return first - second


def _layer_densities(level: Level) -> np.ndarray:
    return np.stack([mask.reshape(len(mask), -1).mean(axis=1) for mask in level.masks[ACTOR].weights], axis=1)


def _input_densities(level: Level) -> np.ndarray:
    return np.asarray(_first_by_input(level.masks[ACTOR]).mean(axis=2))


def _input_magnitudes(level: Level) -> np.ndarray:
    return input_magnitude(_first_by_input(level.trained[ACTOR]))


def _first_layer_count(level: Level) -> np.ndarray:
    return np.asarray(_first_by_input(level.masks[ACTOR]).sum(axis=(1, 2)))


def _first_by_input(params: Params) -> np.ndarray:
    """[members, inputs, weights of each]: the first layer's; of a convolution the inputs are its channels."""
    first = by_input({ACTOR: params})[ACTOR][0]
    return first.reshape(*first.shape[:2], -1)
