"""Which test a contrast allows: the rule by which a verdict comes to rest on one of them."""

from dataclasses import replace

from harness.statistics.contrast import PerSeed
from harness.statistics.guard import guarded_paired, guarded_unpaired, reach_of
from harness.statistics.outcome import Kind, Outcome
from harness.statistics.paired import sign_flip
from harness.statistics.unpaired import label_permutation


def contrast_test(contrast: PerSeed, kind: Kind = "greater", span: tuple[float, float] = (0.0, 1.0)) -> Outcome:
    """The test that a contrast over shared seeds allows.

    "greater" on two conditions: exact sign-flip, whose null is that they are exchangeable; where only their
    means agree it errs as a t test would. Its guarded bounds serve the conclusion "equivalent".
    All else, more conditions (not symmetric under the null: sign-flips gave 35 % false alarms), "equivalent"
    and "non-inferior": the guarded t test, refused under 15 seeds.

    span: the lowest and the highest value that one chain can have in one condition; 0 to 1 for shares. A
    normalised return can be a little below 0, where a policy is worse than random.
    Raises ValueError where every condition cancelled.
    """
    if not contrast.conditions:
        raise ValueError("every condition of the contrast cancelled: nothing is compared")
    fall, rise = reach_of(contrast, span)
    guarded = guarded_paired(contrast.values, fall, rise)
    if kind != "greater" or not contrast.is_pair:
        return guarded
    return replace(sign_flip(contrast.values), guarded=(guarded.lower, guarded.upper), reach=guarded.reach)


def unpaired_contrast_test(
    a: PerSeed, b: PerSeed, kind: Kind = "greater", span: tuple[float, float] = (0.0, 1.0)
) -> Outcome:
    """a - b where they share no seeds (BC against RL, size against size), by the same rule as
    `contrast_test`: label permutation for "greater" on one condition each, else the guarded Welch test from
    15 seeds a group on."""
    if not (a.conditions and b.conditions):
        raise ValueError("every condition of a group cancelled: nothing is compared")
    guarded = guarded_unpaired(a.values, b.values, reach_of(a, span), reach_of(b, span))
    if kind != "greater" or len(a.conditions) + len(b.conditions) > 2:
        return guarded
    outcome = label_permutation(a.values, b.values)
    return replace(outcome, guarded=(guarded.lower, guarded.upper), reach=guarded.reach)
