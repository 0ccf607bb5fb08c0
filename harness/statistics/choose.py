"""Which test a contrast of conditions is judged by."""

from dataclasses import replace

from harness.statistics.contrast import PerSeed
from harness.statistics.guard import guarded_paired, reach_of
from harness.statistics.inference import Kind, Outcome
from harness.statistics.paired import sign_flip


def contrast_test(contrast: PerSeed, kind: Kind = "greater", span: tuple[float, float] = (0.0, 1.0)) -> Outcome:
    """Test a contrast over shared seeds by the test that it allows.

    "greater" on two conditions: the exact sign-flip, whose null is that they are exchangeable. Where only their means
    agree it errs as a t test would. Its guarded bounds serve the conclusion "equivalent".
    Everything else: the guarded t test, which is refused under 15 seeds. A contrast of more conditions is not symmetric
    under the null (sign-flips gave 35 % false alarms), and "equivalent" and "non-inferior" rest on a mean.

    span: the lowest and the highest value that one chain can have in one condition; 0 to 1 for shares.
    Raises ValueError where every condition cancelled.
    """
    if not contrast.conditions:
        raise ValueError("every condition of the contrast cancelled: nothing is compared")
    guarded = guarded_paired(contrast.values, *reach_of(contrast, span))
    if kind != "greater" or not contrast.is_pair:
        return guarded
    return replace(sign_flip(contrast.values), guarded=(guarded.lower, guarded.upper), reach=guarded.reach)
