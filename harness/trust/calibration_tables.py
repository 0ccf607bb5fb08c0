"""The calibration as the report shows it: its record, with tables that a person can read."""

from collections.abc import Callable, Iterable, Sequence

from harness.judging.calibrated import ALPHA, Measured
from harness.judging.sample_shapes import UNTOLD
from harness.results.records import Entry, Record, Table, Tone
from harness.trust.calibration import JUDGED, WIDER, excesses, to_data

COMMAND = "python -m harness calibrate"
COUNT = {1: "one condition against a number", 2: "two conditions", 3: "three conditions", 4: "four conditions"}
WHAT = {
    "sign-flip": "what decides a difference of two conditions",
    "judge": "the sign-flip and what stands in for it: a pair near an end of the span, where failures may hide, is left"
    " to the guarded t from 15 seeds on, and refused under 15",
    "guarded t": "contrasts of more than two conditions, equivalence and non-inferiority; refused under 15 seeds",
    "censored ranks": "break levels of two groups; equivalence by bounds that resolve what is censored against it",
    "swapped spreads": "distances from the median of two conditions",
    "judge of spreads": "swapped spreads, refused where unseen failures may widen the narrower condition",
}
_NULL = {
    "greater": "There is no effect: how often the bounds exclude 0.",
    "equivalent": "The effect lies at the margin's edge: how often it passes for equivalent.",
    "non-inferior": "The effect lies at the margin's edge: how often it passes for not inferior.",
}


def record(entries: Sequence[Measured], replicates: int, cpu_seconds: float) -> Record:
    """The record of a calibration. It is ok where nothing that a verdict may rest on exceeds alpha."""
    over, alarms = excesses(entries), [m for m in entries if m.quantity == "false alarms"]
    used = [m for m in alarms if m.used]
    worst = max(used, key=lambda m: m.rate, default=None)
    exceed = [m for m in alarms if m.lower > ALPHA and m.test in JUDGED and not m.used]
    untold = sum(m.test in ("sign-flip", "judge") and m.shape in UNTOLD for m in exceed)
    if over:
        verdict = f"{len(over)} combinations that a verdict may rest on exceed {ALPHA:.0%}: {_place(over[0])} first."
    elif worst is None:
        verdict = "Nothing was measured that a verdict may rest on."
    else:
        verdict = (
            f"None of the {len(used)} combinations that a verdict may rest on exceeds {ALPHA:.0%} beyond its bound; the"
            f" worst shows {worst.rate:.2%} ({_bounds(worst)}): {_place(worst)}. {len(exceed) - untold} exceed it and"
            f" are refused; {untold} of the sign-flip exceed it where only the means agree, which no look at the data"
            " can tell."
        )
    return Record(
        name="calibration",
        title="How often the tests are wrong",
        says=(
            f"Each test that a verdict can rest on, and those that they replaced, judged {replicates:,} simulated"
            " samples of every shape and number of seeds, whose truth is known. Bounds are Clopper-Pearson's, right"
            f" together with 95 % over all {len(entries):,} entries. The tests draw 399 relabellings, 119 swaps, or"
            " from 40 seeds on 1,999 subsets, and intervals 500 resamples: fewer than in use, as valid, a little less"
            ' powerful. "No effect" of a pair means that its conditions are alike, or that their means agree as the'
            f" shape says. The sign-flip is not meant for {' and '.join(map(repr, UNTOLD))}: where only the means agree"
            " and one condition has a long tail, or chains that rarely fail and lie tightly but for these, it alarms"
            ' too often, and no look at so few seeds can tell. There "supported" of a pair says that the two differ,'
            " and not in their means alone."
        ),
        verdict=verdict,
        ok=not over and worst is not None,
        command=COMMAND,
        tables=[*_alarm_tables(alarms), _power(entries), _coverage(entries), _not_used(alarms)],
        data=to_data(entries, replicates),
        cpu_seconds=cpu_seconds,
    )


def _alarm_tables(alarms: Sequence[Measured]) -> list[Table]:
    tables = []
    for test in JUDGED:
        for kind, null in _NULL.items():
            chosen = [m for m in alarms if (m.test, m.kind) == (test, kind)]
            if not chosen:
                continue
            several = len({m.conditions for m in chosen}) > 1
            rows = _rows(chosen, _with_count if several else _shape)
            caption = f"{WHAT[test][0].upper()}{WHAT[test][1:]}. {null}"
            tables.append(_table(f"False alarms: {test}, {kind}", "shape of the data", chosen, rows, caption))
    return tables


def _power(entries: Iterable[Measured]) -> Table:
    chosen = [m for m in entries if m.quantity == "power" and m.test in JUDGED]
    rows = _rows(chosen, lambda m: f"{m.test}, {m.kind}, {COUNT[m.conditions]}: {m.shape}, {_stated(m)}")
    caption = (
        "How often a true effect is found, and a true 0 within its margin. Effects in normalised return, whose standard"
        f" deviation is 0.1 in most shapes; of ranks in P - 1/2; of spreads {WIDER:g} times as wide."
    )
    return _table("Power", "test, shape and effect", chosen, rows, caption)


def _coverage(entries: Iterable[Measured]) -> Table:
    chosen = [m for m in entries if m.quantity == "coverage" and (m.test == "BCa" or m.test in JUDGED)]
    rows = _rows(chosen, lambda m: f"{m.test}{f', {COUNT[m.conditions]}' if m.kind else ''}: {m.shape}, {_stated(m)}")
    caption = (
        "How often the interval holds the true value; 95 % are meant. BCa is drawn in charts and decides nothing: with"
        " few seeds it is too short. Bounds of tests are one-sided 97.5 % on each side."
    )
    return _table("Coverage of displayed intervals", "interval, shape and true effect", chosen, rows, caption)


def _not_used(alarms: Iterable[Measured]) -> Table:
    chosen = [m for m in alarms if m.test not in JUDGED]
    rows = _rows(chosen, lambda m: f"{m.test}, {m.kind}, {COUNT[m.conditions]}: {m.shape}")
    caption = (
        "Why they are not: rare failures that a sample does not show, contrasts that are not symmetric, few seeds."
        " Label permutation and the Welch tests would serve where conditions share no seeds; no method of the judge"
        " needs them."
    )
    return _table("Not used: false alarms", "test and shape", chosen, rows, caption)


def _rows(chosen: Iterable[Measured], name: Callable[[Measured], str]) -> dict[str, dict[int, Measured]]:
    rows: dict[str, dict[int, Measured]] = {}
    for m in chosen:
        rows.setdefault(name(m), {})[m.n] = m
    return rows


def _table(
    title: str, first: str, chosen: Iterable[Measured], rows: dict[str, dict[int, Measured]], caption: str
) -> Table:
    seeds = sorted({m.n for m in chosen})
    filled = [[name, *(_entry(found[n]) if n in found else "" for n in seeds)] for name, found in rows.items()]
    return Table(title, [first, *(f"n = {n}" for n in seeds)], filled, caption)


def _shape(m: Measured) -> str:
    return m.shape


def _with_count(m: Measured) -> str:
    return f"{COUNT[m.conditions]}: {m.shape}"


def _entry(m: Measured) -> Entry | str:
    text = f"{100 * m.rate:.1f} %"
    if m.quantity != "false alarms" or not (m.used or m.lower > ALPHA):
        return text
    tone: Tone = "bad" if m.lower > ALPHA else "good"
    return Entry(text, tone, _bounds(m))


def _bounds(m: Measured) -> str:
    return f"{100 * m.lower:.1f} to {100 * m.upper:.1f} %"


def _place(m: Measured) -> str:
    return f"{m.test}, {m.kind}, {COUNT[m.conditions]}, {m.n} seeds, {m.shape}"


def _stated(m: Measured) -> str:
    if m.quantity == "power" and m.kind != "greater":
        return f"margin {m.effect:.2g}"
    return f"effect {m.effect:.2g}"
