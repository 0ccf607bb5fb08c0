"""Negative controls: each breaks its ingredient and nothing else, and what they come to is told rightly."""

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness.__main__
import harness.trust.controls
from harness.controls import CONTROLS, control_of, says
from harness.evidence.fingerprint import engine_fingerprint, engine_parts
from harness.experiment import CONDITIONS, DENSE, TICKET, Cell, Evaluation, Experiment, Network, Pruning
from harness.imp import Level, check, run_level, start_level
from harness.layout import initial_networks
from harness.learners import ACTOR
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.profiles import PROFILES, System
from harness.pruning.conditions import rule_of
from harness.registry import UnknownNameError
from harness.tasks.cart_pole import CartPole
from harness.trust import multiverse, records
from harness.trust.controls import IDLE, main, outcome
from harness.trust.sessions import Judged, SessionError
from harness.verdict import Finding

SEEDS = (2, 5, 9, 14)
LEARNERS = {
    "ppo": PPO(learning_rate=0.01, env_steps=192, envs=4, rollout=16, minibatches=2, epochs=2),
    "bc": BC(learning_rate=0.01, env_steps=64, envs=4, batch=16, passes=2),
}
REAL = [name for name in CONTROLS if name != IDLE]


def experiment(learner: str = "bc", control: str = "") -> Experiment:
    real = Experiment(
        CartPole(horizon=50),
        LEARNERS[learner],
        Network(hidden=(8, 6)),
        Pruning(rate=0.5, levels=2),
        Evaluation(per_training=2, episodes=2, scored_episodes=3),
    )
    return dataclasses.replace(CONTROLS[control].experiment(real), control=control) if control else real


def chain(condition: str, learner: str = "bc", control: str = "") -> list[Level]:
    e = experiment(learner, control)
    levels = [run_level(Cell(e, DENSE, SEEDS), 0, None)]
    for level in (1, 2):
        levels.append(run_level(Cell(e, condition, SEEDS), level, levels[-1]))
    return levels


def first_start(condition: str, control: str = "", learner: str = "bc") -> Any:
    """Networks and masks of level 1, from the level 0 of the real experiment."""
    dense = run_level(Cell(experiment(learner), DENSE, SEEDS), 0, None)
    return start_level(Cell(experiment(learner, control), condition, SEEDS), 1, dense, None)


def same(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class TestWhatEachBreaks:
    @pytest.mark.parametrize(("control", "shuffled"), [("larger-shuffled", 128), ("smallest-shuffled", 64)])
    def test_tickets_of_one_size_are_shuffled_and_those_of_the_other_are_not(self, control: str, shuffled: int) -> None:
        profile = dataclasses.replace(PROFILES["reduced"], control=control)
        for units in (64, 128):
            system = System("cart-pole", "ppo", hidden=(units, units))
            rules = {c: control_of(e).rule(Cell(e, c, SEEDS)) for e in [profile.experiment(system)] for c in CONDITIONS}
            as_ever = {condition: rule_of(condition) for condition in CONDITIONS}
            assert rules == as_ever | ({TICKET: rule_of("permuted/permuted")} if units == shuffled else {})

    def test_a_ticket_rewound_to_the_start_is_shuffled_and_one_rewound_later_is_not(self) -> None:
        profile = dataclasses.replace(PROFILES["reduced"], control="start-shuffled")
        for share in (0.0, 0.08):
            e = profile.experiment(System("cart-pole", "ppo", rewind=share))
            rules = {c: control_of(e).rule(Cell(e, c, SEEDS)) for c in CONDITIONS}
            as_ever = {condition: rule_of(condition) for condition in CONDITIONS}
            assert rules == as_ever | ({} if share else {TICKET: rule_of("permuted/permuted")})

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_the_idle_one_breaks_nothing(self, learner: str) -> None:
        for real, idle in zip(chain(TICKET, learner), chain(TICKET, learner, IDLE), strict=True):
            np.testing.assert_array_equal(real.scores, idle.scores)
            np.testing.assert_array_equal(real.trained[ACTOR].flat, idle.trained[ACTOR].flat)

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_unmasked_trains_all_weights_from_w0_and_prunes_as_ever(self, condition: str) -> None:
        cell = Cell(experiment(control="unmasked"), condition, SEEDS)
        networks, masks = first_start(condition, "unmasked")
        whole, everywhere = control_of(cell.experiment).before_training(cell, networks, masks)
        w0 = initial_networks(cell.experiment, SEEDS)[ACTOR].weights
        for trained, start, mask, ones, first in zip(
            whole[ACTOR].weights, networks[ACTOR].weights, masks[ACTOR], everywhere[ACTOR], w0, strict=True
        ):
            assert ones.all()
            np.testing.assert_array_equal(trained[mask], start[mask])
            np.testing.assert_array_equal(trained[~mask], first[~mask])
        levels = chain(condition, control="unmasked")
        assert [sum(m.sum() for m in level.masks[ACTOR]) for level in levels] == [
            sum(m.sum() for m in level.masks[ACTOR]) for level in chain(condition)
        ]
        assert all(
            (w[~m] == 0).all() for w, m in zip(levels[2].trained[ACTOR].weights, levels[2].masks[ACTOR], strict=True)
        )

    def test_a_random_mask_has_as_many_weights_with_their_initial_values(self) -> None:
        networks, masks = first_start(TICKET, "random-mask")
        kept = first_start(TICKET)[1][ACTOR]
        count = [sum(mask[member].sum() for mask in kept) for member in range(len(SEEDS))]
        assert [sum(mask[member].sum() for mask in masks[ACTOR]) for member in range(len(SEEDS))] == count
        assert not same(masks[ACTOR], kept)
        w0 = initial_networks(experiment(), SEEDS)[ACTOR].weights
        for weight, mask, first in zip(networks[ACTOR].weights, masks[ACTOR], w0, strict=True):
            np.testing.assert_array_equal(weight, np.where(mask, first, 0))

    def test_redrawn_weights_stand_under_the_same_mask(self) -> None:
        networks, masks = first_start(TICKET, "redrawn-weights")
        real, kept = first_start(TICKET)
        assert same(masks[ACTOR], kept[ACTOR])
        for weight, mask, first in zip(networks[ACTOR].weights, masks[ACTOR], real[ACTOR].weights, strict=True):
            assert (weight[~mask] == 0).all()
            assert not np.isin(weight[mask], first[mask]).any()

    def test_the_largest_go(self) -> None:
        dense = run_level(Cell(experiment(), DENSE, SEEDS), 0, None)
        _, masks = start_level(Cell(experiment(control="largest-pruned"), TICKET, SEEDS), 1, dense, None)
        flat = [np.abs(np.concatenate([w[m].ravel() for w in dense.trained[ACTOR].weights])) for m in range(len(SEEDS))]
        kept = [np.concatenate([mask[m].ravel() for mask in masks[ACTOR]]) for m in range(len(SEEDS))]
        for values, stays in zip(flat, kept, strict=True):
            assert values[stays].max() <= values[~stays].min()

    def test_shuffled_layers_keep_the_count_and_the_values_but_no_layers(self) -> None:
        networks, masks = first_start("permuted/permuted", "shuffled-layers")
        real, kept = first_start("permuted/permuted")
        moved = False
        for member in range(len(SEEDS)):
            held = [int(mask[member].sum()) for mask in masks[ACTOR]]
            was = [int(mask[member].sum()) for mask in kept[ACTOR]]
            assert sum(held) == sum(was)
            moved |= held != was
            pairs = [(networks, masks), (real, kept)]
            values = [
                np.sort(np.concatenate([w[member][m[member]] for w, m in zip(n[ACTOR].weights, k[ACTOR], strict=True)]))
                for n, k in pairs
            ]
            np.testing.assert_array_equal(*values)
        assert moved

    def test_a_random_expert_teaches_chance(self) -> None:
        population = experiment(control="random-expert").learner.start(
            CartPole(), initial_networks(experiment(), SEEDS), {}, SEEDS, 0
        )
        assert (population.policies == 0.5).all()  # type: ignore[attr-defined]
        real = experiment().learner.start(CartPole(), initial_networks(experiment(), SEEDS), {}, SEEDS, 0)
        assert not (real.policies == 0.5).all()  # type: ignore[attr-defined]
        assert experiment("ppo", "random-expert").learner == experiment("ppo").learner  # it has no expert

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_without_learning_no_weight_moves(self, learner: str) -> None:
        dense = chain(TICKET, learner, "no-learning")[0]
        w0 = initial_networks(experiment(learner), SEEDS)
        for name, mlp in dense.trained.items():
            np.testing.assert_array_equal(mlp.flat, w0[name].flat)

    def test_exchanged_returns_are_a_seeds_own_in_another_order(self) -> None:
        rng = np.random.default_rng(0)
        seeds = tuple(range(50))
        real = {condition: rng.normal(size=(50, 4)) for condition in CONDITIONS}
        dealt = CONTROLS["exchanged-returns"].returns(real, seeds)
        assert list(dealt) == list(real)
        for seed in seeds:
            rows = [sorted(map(tuple, [held[name][seed] for name in CONDITIONS])) for held in (real, dealt)]
            assert rows[0] == rows[1]
        homes = [np.mean([np.array_equal(dealt[name][s], real[name][s]) for s in seeds]) for name in CONDITIONS]
        assert max(homes) < 0.5  # a quarter stays by chance
        again = CONTROLS["exchanged-returns"].returns(real, seeds)
        assert all(np.array_equal(dealt[name], again[name]) for name in CONDITIONS)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_permuted_inputs_are_the_same_training_under_other_names(self, learner: str) -> None:
        """Of networks whose first rows were dealt beforehand the other way round: to the last bit."""
        cell = Cell(experiment(learner, "permuted-inputs"), DENSE, SEEDS)
        control = control_of(cell.experiment)
        networks, masks = start_level(cell, 0, None, None)
        seen, _ = control.before_training(cell, networks, masks)
        assert not np.array_equal(seen[ACTOR].weights[0], networks[ACTOR].weights[0])
        for name in networks:
            assert same(seen[name].weights[1:], networks[name].weights[1:])
            back = control.after_training(cell, {name: seen[name]}, masks)[name]
            np.testing.assert_array_equal(back.flat, networks[name].flat)
        levels = chain(TICKET, learner, "permuted-inputs")
        for level in levels:
            held = zip(level.trained[ACTOR].weights, level.masks[ACTOR], strict=True)
            assert all((weight[~mask] == 0).all() for weight, mask in held)

    def test_one_initialiser_stands_under_every_name(self) -> None:
        broken = dataclasses.replace(PROFILES["smoke"], control="one-initialiser")
        named = [{}, {"initialiser": "xavier"}, {"input_divisor": 10}, {"input_divisor": 100}]
        cells = [broken.cells(System("cart-pole", "ppo", **fields), TICKET, 0)[0] for fields in named]
        assert len({cell.id for cell in cells}) == 1


class TestKeptApart:
    @pytest.mark.parametrize("name", list(CONTROLS))
    def test_a_broken_cell_has_an_id_of_its_own(self, name: str) -> None:
        broken = dataclasses.replace(PROFILES["smoke"], control=name)
        for learner in ("bc", "ppo"):
            for condition in (DENSE, *CONDITIONS):
                system = System("cart-pole", learner)
                real = PROFILES["smoke"].cells(system, condition, 0)[0]
                assert broken.cells(system, condition, 0)[0].id != real.id
                check(broken.experiment(system))

    def test_real_evidence_knows_no_control_and_a_broken_cells_fingerprint_has_its_own(self) -> None:
        real, broken = (Cell(experiment(control=name), TICKET, SEEDS) for name in ("", "unmasked"))
        assert "harness.controls.broken" not in engine_parts(real)["modules"]
        assert "harness.controls.broken" in engine_parts(broken)["modules"]
        assert engine_fingerprint(engine_parts(real)) != engine_fingerprint(engine_parts(broken))

    def test_each_says_in_a_line_what_it_breaks(self) -> None:
        assert len({says(name) for name in CONTROLS}) == len(list(CONTROLS))
        assert all(10 < len(says(name)) < 120 and says(name).endswith(".") for name in CONTROLS)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(UnknownNameError, match="unknown control 'mine': it is one of nothing, unmasked"):
            check(dataclasses.replace(experiment(), control="mine"))


def finding(name: str, conclusion: Any, effect: float = 0.5, detectable: float | None = 0.1) -> Finding:
    return Finding(
        *("c", name, name, "s", "h", "greater", 0.05, "u", conclusion),
        effect=effect,
        lower=effect - 0.1,
        upper=effect + 0.1,
        detectable=detectable,
    )


def judged(verdict: str, *findings: Finding, controls: Sequence[str] = ()) -> Judged:
    return Judged(verdict, {found.name: found for found in findings}, tuple(controls))


TWIN = judged("REPRODUCED", finding("a", "supported"), finding("b", "supported", effect=0.3))


class TestOutcome:
    @pytest.mark.parametrize("conclusion", ["contradicted", "equivalent", "underpowered"])
    def test_a_finding_that_lost_its_support_is_a_kill(self, conclusion: str) -> None:
        mutated = judged("INCONCLUSIVE", finding("a", "supported"), finding("b", conclusion, effect=0.01))
        assert outcome(TWIN, mutated) == ("killed", f"b: +0.3 supported, now +0.01 {conclusion}")
        both = judged("INCONCLUSIVE", *(finding(name, conclusion, effect=0.01) for name in "ab"))
        first = f"a: +0.5 supported, now +0.01 {conclusion}"
        assert outcome(TWIN, both)[1] == f"{first}; b: +0.3 supported, now +0.01 {conclusion}"
        names = ("test_x[1]", "test_x[2]", "test_y[1]")
        twin = judged("REPRODUCED", *(finding(name, "supported") for name in names))
        all_three = judged("INCONCLUSIVE", *(finding(name, conclusion, effect=0.01) for name in names))
        said = [f"{name}: +0.5 supported, now +0.01 {conclusion}" for name in names]
        assert outcome(twin, all_three)[1] == f"{said[0]}, and 1 more of it; {said[2]}"

    def test_underpowered_is_no_kill_where_the_twin_could_not_have_seen_it_either(self) -> None:
        for detectable in (None, 0.4):
            twin = judged("REPRODUCED", finding("b", "supported", effect=0.3, detectable=detectable))
            mutated = judged("INCONCLUSIVE", finding("b", "underpowered", effect=0.01))
            assert outcome(twin, mutated)[0] == "unclear"
            assert outcome(twin, judged("REFUTED", finding("b", "contradicted", effect=-0.3)))[0] == "killed"

    def test_no_difference_is_lost_where_the_twin_could_place_one_within_its_margin(self) -> None:
        mutated = judged("INCONCLUSIVE", finding("b", "underpowered", effect=0.01))
        for detectable, word in ((0.04, "killed"), (0.06, "unclear")):
            found = finding("b", "supported", effect=0.001, detectable=detectable)
            twin = judged("REPRODUCED", dataclasses.replace(found, kind="equivalent"))
            assert outcome(twin, mutated)[0] == word

    def test_what_is_supported_still_has_survived(self) -> None:
        as_well = judged("REPRODUCED", finding("a", "supported", effect=0.2), finding("b", "supported"))
        assert outcome(TWIN, as_well) == ("survived", "still supported")
        assert outcome(TWIN, TWIN) == ("survived", "it changes no number")

    def test_what_could_not_be_judged_is_no_kill(self) -> None:
        refused = dataclasses.replace(finding("a", "underpowered", effect=0.01), refused="the table says so")
        assert outcome(TWIN, judged("INCONCLUSIVE", refused))[0] == "unclear"

    def test_only_what_the_twin_supports_can_be_lost_or_survive(self) -> None:
        twin = judged("INCONCLUSIVE", *TWIN.findings.values(), finding("c", "underpowered", effect=0.02))
        weak = finding("c", "underpowered", effect=0.0)
        for mutated, word in ((finding("b", "supported"), "survived"), (finding("b", "contradicted"), "killed")):
            now = judged("INCONCLUSIVE", finding("a", "supported"), mutated, weak)
            assert outcome(twin, now)[0] == word
        against = judged("MIXED", *TWIN.findings.values(), finding("c", "contradicted", effect=-0.3))
        assert outcome(twin, against) == ("killed", "c: +0.02 underpowered, now -0.3 contradicted")
        assert outcome(against, against)[0] == "survived"
        even = judged("INCONCLUSIVE", *TWIN.findings.values(), finding("c", "equivalent", effect=0.0))
        assert outcome(twin, even)[0] == "survived"
        nothing = judged("INCONCLUSIVE", weak)
        assert outcome(nothing, judged("REFUTED", finding("c", "contradicted")))[0] == "unclear"

    def test_a_finding_that_is_not_there_any_more_is_no_kill(self) -> None:
        assert outcome(TWIN, judged("ERROR", finding("a", "supported")))[0] == "unclear"

    @pytest.mark.parametrize("conclusion", ["error", "not run"])
    def test_what_broke_down_is_no_kill(self, conclusion: str) -> None:
        mutated = judged("ERROR", finding("a", conclusion), finding("b", conclusion))
        assert outcome(TWIN, mutated)[0] == "unclear"


class Sessions:
    """In place of runs of pytest: what each control leaves of two claims."""

    def __init__(self, twin: dict[str, Judged], mutated: dict[str, str]):
        self.twin, self.mutated, self.ran = twin, mutated, []
        self.default = list(twin)

    def wait(self, *names: str) -> None:
        """These are judged where they are named alone."""
        self.default = [name for name in self.twin if name not in names]

    def waiting(self, name: str) -> list[str]:
        return [name for name in self.twin if name not in self.default]

    def __call__(self, name: str, options: Sequence[str], evidence: Path, claims: Sequence[str] = ()) -> Any:
        self.ran.append((name, tuple(options), str(evidence), tuple(claims)))
        if not options:
            return {claim: one for claim, one in self.twin.items() if claim in (claims or self.default)}
        word: Any = self.mutated.get(name, "supported")
        verdict = "REPRODUCED" if word == "supported" else "INCONCLUSIVE"
        return {claim: judged(verdict, finding("a", word, effect=0.01)) for claim in claims}


def told(lines: Generator[str, None, int]) -> tuple[list[str], int]:
    kept = []
    while True:
        try:
            kept.append(next(lines))
        except StopIteration as end:
            return kept, end.value


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(records, "HERE", tmp_path)
    return tmp_path


def with_sessions(monkeypatch: pytest.MonkeyPatch, mutated: dict[str, str], second: str = "supported") -> Sessions:
    one = judged("REPRODUCED", finding("a", "supported"), controls=["unmasked", "random-mask"])
    weak = finding("b", "underpowered")
    two = judged("INCONCLUSIVE", finding("a", second), weak, controls=["unmasked"])
    third = judged("REFUTED", finding("a", "contradicted"))
    ran = Sessions({"one": one, "two": two, "third": third}, mutated)
    monkeypatch.setattr(harness.trust.controls.sessions, "judge", ran)
    monkeypatch.setattr(harness.trust.controls.sessions, "waiting", ran.waiting)
    return ran


KILLED = {"unmasked": "underpowered", "random-mask": "equivalent"}


class TestCommand:
    def test_all_killed_is_0_and_only_declared_pairs_are_run(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        lines, code = told(main())
        assert code == 0
        assert [(name, claims) for name, _, _, claims in ran.ran] == [
            ("twin", ()),
            ("unmasked", ("one", "two")),
            ("random-mask", ("one",)),
        ]
        assert {evidence for _, _, evidence, _ in ran.ran} == {".claims/trust/evidence", ".claims/controls/evidence"}
        assert "3 of 3 declared controls kill" in lines[-2]
        record = records.read("controls", here, here)
        assert record is not None
        assert record["ok"]
        assert record["data"]["claims"]["one"]["random-mask"]["outcome"] == "killed"
        assert record["data"]["twin"] == {
            "one": "REPRODUCED",
            "two": "INCONCLUSIVE, 1 of 2 supported",
            "third": "REFUTED",
        }
        assert record["data"]["nothing to lose"] == []
        row = next(row for row in record["tables"][0]["rows"] if row[0] == "third")
        assert {entry["text"] for entry in row[2:]} == {"not applicable"}

    def test_a_claim_that_waits_for_a_larger_profile_is_asked_by_name(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        ran.wait("two")
        lines, code = told(main())
        assert code == 0
        assert [(name, claims) for name, _, _, claims in ran.ran][:3] == [
            ("twin", ()),
            ("twin-later", ("two",)),
            ("unmasked", ("one", "two")),
        ]
        assert "3 of 3 declared controls kill" in lines[-2]

    def test_a_survivor_is_1_and_named(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, {"unmasked": "underpowered"})
        lines, code = told(main())
        assert code == 1
        assert "2 of 3 declared controls kill; these do not: one x random-mask" in lines[-2]
        record = records.read("controls", here, here)
        assert record is not None
        assert not record["ok"]

    def test_a_twin_that_supports_nothing_is_1_and_named(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, KILLED, second="underpowered")
        lines, code = told(main())
        assert code == 1
        assert "these do not: two x unmasked; the twin supports nothing of, or speaks against, two" in lines[-2]

    def test_a_twin_that_speaks_against_a_claim_is_1_and_named(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        against = judged("MIXED", finding("a", "supported"), finding("b", "contradicted"), controls=["unmasked"])
        ran.twin["two"] = against
        lines, code = told(main())
        assert code == 1
        assert "3 of 3 declared controls kill; the twin supports nothing of, or speaks against, two" in lines[-2]
        record = records.read("controls", here, here)
        assert record is not None
        assert (record["ok"], record["data"]["nothing to lose"]) == (False, ["two"])

    def test_a_twin_that_supports_a_part_is_told_so(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, KILLED)
        lines, code = told(main())
        assert code == 0
        assert lines[0] == "twin: one REPRODUCED, two INCONCLUSIVE, 1 of 2 supported, third REFUTED"
        record = records.read("controls", here, here)
        assert record is not None
        assert record["tables"][0]["rows"][1][1]["text"] == "INCONCLUSIVE, 1 of 2 supported"

    def test_a_control_whose_mutation_is_disabled_is_found_out(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        lines, code = told(main(idle="unmasked"))
        assert code == 1
        assert ran.ran[1] == (IDLE, ("--control", IDLE), ".claims/controls/evidence", ("one", "two"))
        assert "these do not: one x unmasked, two x unmasked" in lines[-1]
        assert not list(here.iterdir())  # it is no record of the controls

    def test_a_disk_that_takes_nothing_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / ".claims").touch()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["harness", "controls"])
        assert harness.__main__.main() == 3
        assert capsys.readouterr().out.startswith("error: ")

    def test_one_control_alone_leaves_no_record(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, KILLED)
        assert told(main(only=["random-mask"]))[1] == 0
        assert not list(here.iterdir())


class TestMultiverse:
    def test_each_reading_is_judged_and_what_moves_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base = {"one": judged("REPRODUCED", finding("a", "supported")), "two": judged("REFUTED", finding("b", "error"))}

        def judge(name: str, options: Sequence[str], *_: Any) -> Any:
            if name == "decay=decoupled":
                raise multiverse.RefusedError("decay=decoupled changes nothing here")
            if name == "shuffle=rows":
                return base | {"one": judged("INCONCLUSIVE", finding("a", "underpowered", effect=0.02))}
            if name == "outputs=kept":
                return base | {"one": judged("REPRODUCED", finding("a", "supported", effect=0.4))}
            return base

        monkeypatch.setattr(multiverse.sessions, "judge", judge)
        monkeypatch.setattr(records, "HERE", tmp_path)
        lines, code = told(multiverse.main())
        assert code == 0
        assert "shuffle=rows: one REPRODUCED -> INCONCLUSIVE" in lines
        assert "outputs=kept: every verdict stays" in lines
        assert "decay=decoupled: not applicable (decay=decoupled changes nothing here)" in lines
        record = records.read("multiverse", tmp_path, tmp_path)
        assert record is not None
        found = record["data"]["claims"]["one"]
        assert found["shuffle=rows"] == {"verdict": "INCONCLUSIVE", "same_numbers": False, "changed_findings": ["a"]}
        assert found["outputs=kept"] == {"verdict": "REPRODUCED", "same_numbers": False, "changed_findings": []}
        assert found["lineage=branch"]["same_numbers"]
        assert "decay=decoupled" not in found
        assert record["verdict"] == "Verdicts that change: one under shuffle=rows."
        moved = record["tables"][1]["rows"]
        assert [row[:3] for row in moved] == [["one", "a", "shuffle=rows"]]

    def test_options_that_pytest_refuses_are_an_error_in_its_words(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SessionError, match="unknown profile 'nonsense'"):
            harness.trust.sessions.judge("bad", ["--profile", "nonsense"], Path("nowhere"))
