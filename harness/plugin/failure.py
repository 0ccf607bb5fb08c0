"""The message of a failing finding: what was expected and measured, the likely noise, and how to look closer."""

import textwrap
from math import isfinite, sqrt
from statistics import stdev

from harness.results.schema import Finding

MOST_LINES = 14
WIDTH = 100
"""Of every line but the commands, which are one line each, to be pasted."""

_LABEL = 12


def text(finding: Finding, fresh: str = "") -> str:
    """The message, of at most `MOST_LINES` lines. fresh: the command that judges the finding on fresh seeds."""
    judged = finding.conclusion not in ("error", "not run")
    rows = [_row("claimed", finding.hypothesis, 2)]
    if judged:
        rows += [_row("expected", _expected(finding), 2), _row("measured", _measured(finding), 2)]
        rows += [_row("not judged", finding.refused, 3) if finding.refusal else _row("noise", _noise(finding), 3)]
    else:
        rows += [_row("happened", finding.message or finding.reason, 5)]
        rows += [_row("so", "this is no evidence for the claim or against it", 1)]
    rows += [_row("baseline", finding.drift.says if finding.drift else "", 2)]
    rows += [_command("look closer", finding.rerun)] if finding.rerun else []
    rows += [_command("fresh seeds", fresh)] if fresh and judged else []
    return "\n".join(line for row in (_headline(finding), *rows) for line in row)


def _headline(finding: Finding) -> list[str]:
    if finding.standing == "regressed":
        word = f"regressed (now {finding.conclusion})"
    else:
        word = "missing" if finding.conclusion == "not run" else finding.conclusion
    where = f" on {finding.system}" if finding.system else ""
    line = " ".join(f"{finding.claim} {word}: {finding.name}{where}".split())
    return [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"]


def _expected(finding: Finding) -> str:
    amount = f"{finding.min_effect:g} {finding.unit}"
    if finding.kind == "greater":
        return f"an effect above 0, and of at least {amount}"
    if finding.kind == "equivalent":
        return f"both bounds of the effect within {amount} of 0"
    return f"a lower bound of the effect above -{amount}"


def _measured(finding: Finding) -> str:
    if not finding.n:
        return "nothing"
    bounds = f"{finding.effect:.3g}, bounds {finding.lower:.3g} to {finding.upper:.3g}"
    seeds = " and ".join(map(str, finding.n))
    return f"{bounds} {finding.unit}; {finding.test} test, p {p_text(finding.p)}, {seeds} seeds: {finding.conclusion}"


def _noise(finding: Finding) -> str:
    said = []
    below, above = (sqrt(2) * abs(finding.effect - bound) for bound in (finding.lower, finding.upper))
    if isfinite(below + above) and below + above > 0:
        low, high = finding.effect - below, finding.effect + above
        said.append(f"as many fresh seeds would give {low:.2g} to {high:.2g} in 19 of 20 runs")
    if finding.sample and finding.sample.statistic == "mean" and finding.sample.n[0] > 1:
        said.append(f"one seed's value has a standard deviation of {stdev(finding.sample.arrays[0].tolist()):.2g}")
    if finding.detectable is not None:
        said.append(f"an effect of {finding.detectable:.2g} is detected 9 times in 10")
    return "; ".join(said) or "unknown, since these seeds do not differ"


def p_text(p: float | None) -> str:
    """A p-value, or "-" where there is none."""
    return "-" if p is None or p != p else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _row(label: str, said: str, most: int) -> list[str]:
    """A labelled paragraph of at most `most` lines; none where there is nothing to say."""
    return textwrap.wrap(
        " ".join(said.split()),
        WIDTH,
        initial_indent=f"  {label:{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        max_lines=most,
        placeholder=" …",
        break_on_hyphens=False,
    )


def _command(label: str, command: str) -> list[str]:
    return [f"  {label:{_LABEL}}{' '.join(command.split())}"]
