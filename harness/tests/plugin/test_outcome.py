"""What is said of a claim beside its findings."""

import pytest

from harness.plugin.outcome import _coverage


@pytest.mark.parametrize(
    ("judged", "of", "said"),
    [
        ([], 1, "judged on 0 of the paper's 1 system"),
        (["cart-pole ppo", "cart-pole ppo", "acrobot bc"], 32, "judged on 2 of the paper's 32 systems"),
        (["gridmaze dqn", "gridmaze-2 dqn"], 1, "judged on 1 of the paper's 1 system, and on 1 variant of our own"),
        (["gridmaze-2 dqn", "gridmaze-2 ppo"], 2, "judged on 0 of the paper's 2 systems, and on 2 variants of our own"),
    ],
)
def test_a_variant_of_our_own_is_no_further_system_of_the_paper(judged: list[str], of: int, said: str) -> None:
    assert _coverage(judged, of) == said
