"""An experiment's cells and their ids."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from harness.canonical import canonical_json
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.networks.mlp import Network
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.pruning_settings import Pruning
from harness.registry import UnknownNameError
from harness.tasks.cart_pole import CartPole

LEARNERS = ("ppo", "bc")


def cell_of(learner: str, condition: str, /, **changes: Any) -> Cell:
    """The first cell of a scaled system, with parts of its experiment replaced."""
    cell = PROFILES["scaled"].cells(System("cart-pole", learner), condition, block=0)[0]
    return dataclasses.replace(cell, experiment=dataclasses.replace(cell.experiment, **changes))


def with_pruning(cell: Cell, **changes: Any) -> Cell:
    pruning = dataclasses.replace(cell.experiment.pruning, **changes)
    return dataclasses.replace(cell, experiment=dataclasses.replace(cell.experiment, pruning=pruning))


class TestPinnedIds:
    """These must never change unless the experiment itself does: evidence, baselines and reports are found by them.

    An id that changes because a field was added, a default moved or the JSON is written differently orphans
    all evidence. Replace a literal only where the experiment that it names is meant to be another one.
    """

    @pytest.mark.parametrize(
        ("learner", "condition", "pinned"),
        [
            ("ppo", DENSE, "82af1fb669ae5fc8726fbc34af51da9a70af9ce26dc0b3f4b2440d86fd08b85c"),
            ("ppo", TICKET, "7f891f6fdd3ef28eb686d79284f15a7ead7bd4c0f7d9d21090293e83274504bd"),
            ("ppo", "random/re-init", "50b8484a6b123fdf79c373a00deb2ff04dedf729764994e14a6629a59a99d738"),
            ("bc", "permuted/permuted", "e85936abe1763e59278951e6ca753043e66434a78da046f7be80c6bba8a04365"),
        ],
    )
    def test_the_cells_of_the_scaled_profile_have_these_ids(self, learner: str, condition: str, pinned: str) -> None:
        assert cell_of(learner, condition).id == pinned

    def test_this_is_what_is_hashed(self) -> None:
        cell = Cell(Experiment(CartPole(), BC()), "mask/permuted", (0, 1))
        assert canonical_json(cell.identity) == (
            '{"condition":"mask/permuted","experiment":{'
            '"control":"","evaluation":{"actions":"greedy","episodes":16,"per_training":10,"scored_episodes":64,"type":"Evaluation"},'
            '"learner":{"batch":64,"decay":"coupled","env_steps":10000,"envs":4,"epsilon":1e-08,"equal_updates":false,"experts":40,"exploration":0.05,"imitates":"policy",'
            '"learning_rate":0.001,"passes":4,"taught_by":"experts","type":"BC","weight_decay":0.0},'
            '"network":{"activation":"relu","dropout":0.0,"hidden":[64,64],"initialiser":"kaiming","input_divisor":1.0,'
            '"type":"Network"},'
            '"pruning":{"checkpoint":"best","criterion":"magnitude","levels":30,"lineage":"own","outputs":true,"rate":0.2,'
            '"rewind":0.0,"scope":"actor","type":"Pruning"},'
            '"savings":{"leave_out_unreachable":true,"leave_out_zero_inputs":true,"list_survivors":true,"share_level_0":true,"stop_at_maximum":true,"type":"Savings"},'
            '"task":{"horizon":500,"type":"CartPole"},"type":"Experiment"},"seeds":[0,1],"type":"Cell"}'
        )


def variants(value: Any) -> Iterator[tuple[str, Any]]:
    """Every dataclass that differs from `value` in one field at any depth, with that field's dotted path."""
    for f in dataclasses.fields(value):
        entry = getattr(value, f.name)
        if dataclasses.is_dataclass(entry):
            for path, changed in variants(entry):
                yield f"{f.name}.{path}", dataclasses.replace(value, **{f.name: changed})
        else:
            yield f.name, _changed(value, f.name, entry)


def _changed(value: Any, name: str, entry: Any) -> Any:
    others = {
        bool: lambda: [not entry],
        int: lambda: [entry * 2, entry + 1],  # a learner may refuse numbers that do not divide each other
        float: lambda: [math.nextafter(entry, 2.0)],
        str: lambda: ["random" if name == "criterion" else entry + "!"],  # an unknown one has no id
        tuple: lambda: [(*entry, 9)],
    }[type(entry)]()
    for other in others:
        try:
            return dataclasses.replace(value, **{name: other})
        except ValueError:
            continue
    raise AssertionError(f"no other value of {name} is accepted")


NOT_OF = {
    # how level 0 is pruned later; experiments share it
    DENSE: {"criterion", "rate", "levels", "scope", "lineage", "shuffle", "outputs"},
    TICKET: {"lineage", "shuffle"},  # the ticket is its own lineage in either reading
    "mask/permuted": {"shuffle"},  # its mask is not shuffled
    "random/re-init": {"shuffle", "rewind"},  # its mask and weights are drawn anew
}
"""Fields of `Pruning` that deliberately do not enter the id of such a cell."""


class TestEveryFieldCounts:
    @pytest.mark.parametrize("learner", LEARNERS)
    @pytest.mark.parametrize("condition", [DENSE, *CONDITIONS])
    def test_the_id_changes_with_every_field_but_those_named(self, learner: str, condition: str) -> None:
        cell = cell_of(learner, condition)
        ids = {path: changed.id for path, changed in variants(cell)}
        same = {path for path, name in ids.items() if name == cell.id}
        pruning = {f"experiment.pruning.{field}" for field in NOT_OF.get(condition, ())}
        assert same == {"experiment.evaluation.judged", *pruning}
        others = [name for path, name in ids.items() if path not in same]
        assert len(set(others)) == len(others)


class TestOneNumberOneId:
    def test_an_integer_given_for_a_float_is_the_same_number(self) -> None:
        whole = cell_of("ppo", TICKET, network=Network(input_divisor=10), learner=PPO(discount=1, weight_decay=0))
        real = cell_of("ppo", TICKET, network=Network(input_divisor=10.0), learner=PPO(discount=1.0, weight_decay=0.0))
        assert whole.id == real.id

    @pytest.mark.parametrize("value", [np.int64(3), np.zeros(2), {1, 2}, {"a": 1}, len])
    def test_what_json_cannot_hold_is_refused(self, value: Any) -> None:
        with pytest.raises(TypeError, match=r"plain values only|unhashable"):
            _ = cell_of("bc", TICKET, pruning=Pruning(levels=value)).id

    @pytest.mark.parametrize("condition", [DENSE, TICKET])
    def test_a_criterion_that_is_not_registered_has_no_id(self, condition: str) -> None:
        """Else a dense cell's would hang on whether this process imported the module that registers it."""
        with pytest.raises(UnknownNameError, match=r"unknown criterion 'mine'.* magnitude"):
            _ = cell_of("bc", condition, pruning=Pruning(criterion="mine")).id


class TestParents:
    @pytest.mark.parametrize("lineage", ["own", "branch"])
    def test_all_conditions_start_from_one_dense_cell(self, lineage: str) -> None:
        cells = [with_pruning(cell_of("ppo", condition), lineage=lineage) for condition in CONDITIONS]
        assert {cell.parents[0].id for cell in cells} == {cell_of("ppo", DENSE).id}
        assert cell_of("ppo", DENSE).parents == ()

    def test_a_rewound_chain_starts_from_a_dense_cell_that_keeps_that_point(self) -> None:
        at = {rewind: with_pruning(cell_of("ppo", DENSE), rewind=rewind) for rewind in (0.0, 0.02, 0.25)}
        assert at[0.0].id == cell_of("ppo", DENSE).id
        assert len({cell.id for cell in at.values()}) == 3
        for condition in CONDITIONS[:3]:
            (dense,) = with_pruning(cell_of("ppo", condition), rewind=0.25).parents
            assert dense.id == at[0.25].id

    def test_a_redrawn_baseline_is_one_cell_wherever_the_others_rewind_to_but_where_it_branches_off(self) -> None:
        plain = cell_of("ppo", "random/re-init")
        rewound = with_pruning(plain, rewind=0.25)
        assert rewound.id == plain.id
        assert [parent.id for parent in rewound.parents] == [cell_of("ppo", DENSE).id]
        branches = [with_pruning(plain, lineage="branch", rewind=rewind) for rewind in (0.0, 0.25)]
        assert branches[0].id != branches[1].id
        tickets = [cell.parents[1] for cell in branches]
        assert tickets[1].id == with_pruning(cell_of("ppo", TICKET), lineage="branch", rewind=0.25).id != tickets[0].id

    def test_a_branching_baseline_waits_for_the_ticket_too(self) -> None:
        for condition in CONDITIONS:
            parents = with_pruning(cell_of("ppo", condition), lineage="branch").parents
            assert [parent.condition for parent in parents] == [DENSE, TICKET][: 1 if condition == TICKET else 2]

    def test_a_dense_cell_has_level_0_the_others_have_the_rest(self) -> None:
        assert list(cell_of("ppo", DENSE).levels) == [0]
        assert list(cell_of("ppo", TICKET).levels) == list(range(1, 12))
