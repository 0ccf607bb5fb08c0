"""What the paper states, as the fixture has it; how it stands beside a run's numbers is in test_page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.files import SUITE_ROOT
from harness.profiles.profile import PROFILES
from harness.tests.factory import finding
from reports import paper

# The rows of the project's list of claims, those that have no module yet among them.
# fmt: off
CLAIMS = {
    "ticket-effect", "mask-explains-most", "weights-matter-little", "layer-ratio-matters", "bc-prunes-sparser",
    "critic-pruning-flips-order", "cnn-mask-still-matters", "cnn-weights-matter-more", "size-does-not-matter",
    "smaller-nets-go-sparser", "encodings-agree", "weight-decay-spares-ticket", "dropout-lowers-all",
    "late-rewinding-not-needed", "best-checkpoint-less-noise", "games-differ", "pruning-helps-at-first",
    "only-acp-flips", "mask-reaches-sparser", "random-fails-early",
    "input-layer-pruned-most", "agent-channel-kept", "enemy-channel-reachable", "input-mask-transfers",
    "early-layers-pruned-more", "gone-inputs-irrelevant",
    "freeway-keeps-speed", "space-invaders-keeps-proximity", "breakout-drops-bottom-row", "agent-row-kept",
    "cart-pole-keeps-pole", "acrobot-keeps-velocities", "surviving-inputs-suffice", "kaiming-tenth-finds-inputs",
    "kaiming-biases-layers", "inputs-over-specified", "mnist-rim-pruned",
}
# fmt: on
VALUE = {"what": "divisor", "value": 10, "unit": "", "where": "Section 4.2", "note": ""}


def test_the_fixture_has_the_list_of_claims_and_what_it_names_of_ours_exists() -> None:
    stated = paper.read()
    assert set(stated.claims) == CLAIMS
    for module in (SUITE_ROOT / "claims").glob("test_*.py"):
        text = module.read_text("utf-8")
        found = re.search(r'claim\(\s*"([\w-]+)"', text)
        assert found and found[1] in CLAIMS
        named = [v.ours.findings for v in stated.claims[found[1]] if isinstance(v.ours, paper.OfFindings)]
        assert all(f"def {name.partition('[')[0]}(" in text for names in named for name in names)


FIELDS = {
    **{"env_steps of training": "env_steps", "learning rate of Adam": "learning_rate", "workers": "envs"},
    **{"epochs": "epochs", "GAE lambda": "gae_lambda", "discount": "discount", "value loss coefficient": "value_loss"},
    **{"entropy coefficient": "entropy", "likelihood ratio clip": "clip", "batch size": "batch"},
    **{"Huber delta": "huber_delta", "gradient norm clipped at": "max_gradient_norm", "replay buffer": "buffer"},
    **{"replay alpha": "alpha", "data replay ratio": "replay_ratio", "epsilon in evaluations": "evaluation_epsilon"},
}
"""Of the paper's tables 2, 3 and 8, and of our settings."""


@pytest.mark.parametrize(
    ("system", "count"),
    [("cart-pole bc", 3), ("cart-pole ppo", 9), ("acrobot bc", 3), ("acrobot ppo", 9), ("gridmaze dqn", 10)],
)
def test_the_papers_profile_has_the_papers_settings(system: str, count: int) -> None:
    task, learner = system.split()
    experiment, stated = PROFILES["paper"].systems[task, learner], paper.read()
    values = {value.what: value.value for value in stated.experiments[system]}
    every = {value.what: value.value for value in stated.experiments[paper.EVERY_SYSTEM]}
    stands = {what: value for what, value in values.items() if what in FIELDS}
    assert len(stands) == count and stands == {what: getattr(experiment.learner, FIELDS[what]) for what in stands}
    assert values.get("independent runs", PROFILES["paper"].seeds) == PROFILES["paper"].seeds
    assert every["weights pruned per iteration"] == 100 * experiment.pruning.rate
    assert str(every["iterations of a chain"]).endswith(str(experiment.pruning.levels))
    if learner == "bc":
        assert "-".join(map(str, experiment.network.hidden)) in str(values["student network"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"where": "somewhere"}, "where"),
        ({"value": ""}, "value"),
        ({"value": float("inf")}, "paper.json"),
        ({"what": ""}, "what"),
        ({"ours": {"findings": []}}, "ours"),
        ({"ours": {"scale": "env_steps", "findings": ["a"]}}, "ours"),
        ({"more": 1}, "more"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_place(changes: dict[str, Any], named: str, tmp_path: Path) -> None:
    place = tmp_path / "paper.json"
    place.write_text(json.dumps({"schema": 1, "claims": {"a": [{**VALUE, **changes}]}, "experiments": {}}), "utf-8")
    with pytest.raises(ValueError, match=rf"^[^\n]*{named}[^\n]*$"):
        paper.read(place)


def test_a_quantity_of_a_run_is_that_of_the_system_it_is_stated_of() -> None:
    had = {"cart-pole bc": 10, "cart-pole ppo": 20, "acrobot ppo": 30}
    found = [finding(scale={s: {"env_steps": {"here": n, "paper": 9}}}, name=s) for s, n in had.items()]
    value = paper.PaperValue.model_validate({**VALUE, "unit": "steps", "ours": {"scale": "env_steps"}})

    def ours(experiment: str) -> str:
        (stated,) = paper.stated([value], found, {}, experiment)
        return stated.ours[0].says

    assert ours("cart-pole ppo") == "20 steps" and ours("cart-pole") == "10 or 20 steps"
    assert ours(paper.EVERY_SYSTEM) == "10 or 20 or 30 steps" and ours("hopper ppo") == paper.UNMEASURED


def test_the_effect_beside_a_figure_is_that_of_the_named_finding() -> None:
    found = [finding(name="a", effect=0.1), finding(name="b", effect=0.7, lower=0.6, upper=0.8)]
    value = paper.PaperValue.model_validate({**VALUE, "ours": {"findings": ["b", "not there"]}})
    (stated,) = paper.stated([value], found, {one.nodeid: one.name for one in found})
    assert [(ours.anchor, ours.says.split()[0]) for ours in stated.ours] == [("b", "+0.700")]
