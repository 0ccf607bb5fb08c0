"""Numbers as a reader wants them: few digits, a true minus sign, an en dash for what is missing."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

MISSING = "–"
MINUS = "−"
LONG, VERY_LONG = 1e7, 1e15  # from here on an effect, or a number as it was written, is told by its power of ten


def number(value: Any) -> float | None:
    """A number as a float; None for what is none, or NaN."""
    return float(value) if isinstance(value, int | float) and not math.isnan(value) else None


def effect(value: Any, like: Sequence[Any] = (), sign: bool = False) -> str:
    """Three significant digits, two below 0.1, of the largest of `value` and `like`: bounds line up. `1.20e+07`."""
    x = number(value)
    if x is None:
        return MISSING
    if math.isinf(x):
        return "∞" if x > 0 else f"{MINUS}∞"
    finite = [abs(y) for y in map(number, [value, *like]) if y is not None and math.isfinite(y)]
    largest = max(finite)
    digits = min(6, max(0, (2 if largest >= 0.1 else 1) - math.floor(math.log10(largest)))) if largest > 0 else 0
    text = f"{abs(x):,.{digits}f}" if abs(x) < LONG else f"{abs(x):.2e}"
    if x == 0 or float(text.replace(",", "")) == 0:
        return text
    return (MINUS if x < 0 else "+" if sign else "") + text


def interval(lower: Any, upper: Any, like: Sequence[Any] = ()) -> str:
    """`[lower, upper]` in the digits that `effect` takes; nothing where both are missing."""
    if number(lower) is None and number(upper) is None:
        return ""
    return f"[{effect(lower, [upper, *like])}, {effect(upper, [lower, *like])}]"


def plain(value: Any) -> str:
    """A count or a threshold as it was written: `32,000`, `0.05`, `64-64`."""
    x = number(value)
    if x is None:
        return value if value and isinstance(value, str) else MISSING
    if math.isinf(x):
        return effect(x)
    if abs(x) >= VERY_LONG:
        text = f"{x:.2e}"
    elif x == int(x):
        text = f"{x:,.0f}"
    else:
        text = f"{x:,.3g}" if abs(x) < 999 else f"{x:,.1f}"
    return text.replace("-", MINUS)


def probability(value: Any) -> str:
    """A p- or q-value: `< 0.001`, three digits below 0.1, two above."""
    x = number(value)
    if x is None:
        return MISSING
    if x < 0.001:
        return "<\u202f0.001"
    return f"{x:.3f}" if x < 0.1 else f"{x:.2f}"


def percent(share: Any) -> str:
    """A density or share in two significant digits: `100 %`, `5.2 %`, `0.44 %`."""
    x = number(share)
    if x is None or math.isinf(x):
        return MISSING
    x *= 100
    return f"{x:.0f}\u202f%" if x >= 9.95 or x == 0 else f"{float(f'{x:.2g}'):g}\u202f%"


def minutes(seconds: Any) -> str:
    """Seconds as minutes: `9.7`, `312`, `< 0.1`."""
    x = number(seconds)
    if x is None or math.isinf(x):
        return MISSING
    x /= 60
    return "0" if x == 0 else "<\u202f0.1" if x < 0.1 else f"{x:.1f}" if x < 99.95 else f"{x:,.0f}"


def sizes(n: Sequence[int]) -> str:
    """Sample sizes, one a group: `20`, `20 + 15`."""
    return " + ".join(map(plain, n)) or MISSING


def ranges(values: Iterable[int]) -> str:
    """Integers in runs: `0–19`, `0–4, 7`."""
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(f"{a}–{b}" if b > a else f"{a}" for a, b in runs) or MISSING


def day(iso: str, form: str = "%-d %B %Y") -> str:
    """`22 November 2025`, or in another form; text that is no ISO date or time stays as it is."""
    try:
        return datetime.fromisoformat(iso).strftime(form).strip()
    except ValueError:
        return iso or MISSING


def short_day(iso: str) -> str:
    """`22 Nov 25`."""
    return day(iso, "%-d %b %y")


def moment(iso: str) -> str:
    """`22 November 2025, 07:35 UTC`."""
    return day(iso, "%-d %B %Y, %H:%M %Z")
