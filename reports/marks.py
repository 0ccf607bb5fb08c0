"""The report's words with their tones and icons: no colour stands alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.results import schema as standing

# word -> (tone: a colour of the stylesheet, icon: a symbol of the template, what it means)
VERDICTS = {
    "REPRODUCED": ("good", "check", "every finding is supported"),
    "REFUTED": (
        "bad",
        "cross",
        "no finding is supported, and at least one is contradicted, or shows equivalence where a difference is claimed",
    ),
    "MIXED": ("mixed", "half", "supported in one finding, contradicted or equivalent in another"),
    "INCONCLUSIVE": ("weak", "question", "not enough evidence at this scale to say either"),
    "NOT RUN": ("none", "dash", "not part of this run, or evidence it rests on is missing"),
    "ERROR": ("error", "bang", "something broke; nothing is said about the claim"),
    "SMOKE": ("smoke", "waves", "a rehearsal of the machinery; nothing is judged"),
}
CONCLUSIONS = {
    "supported": (
        "good",
        "check",
        "the bounds lie where the hypothesis says; a difference is also large enough",
    ),
    "contradicted": ("bad", "cross", "the bounds lie on the other side"),
    "equivalent": ("level", "equals", "no difference that matters, where one is claimed"),
    "underpowered": ("weak", "question", "the bounds leave it open"),
    "not run": VERDICTS["NOT RUN"],
    "error": VERDICTS["ERROR"],
    "smoke": VERDICTS["SMOKE"],
}
NEUTRAL = ("none", "question", "")
_LOOKS = {
    "regressed": ("bad", "cross"),
    "left": ("mixed", "half"),
    "changed": ("mixed", "half"),
    "recovered": ("good", "check"),
    "holds": ("good", "check"),
    "as recorded": ("none", "equals"),
    "new": ("none", "dash"),
    "not comparable": ("none", "dash"),
}
# What a baseline says of a finding, in the gate's words, the worst first.
STANDINGS: dict[str, tuple[str, str, str]] = {
    word: (*_LOOKS.get(word, NEUTRAL[:2]), meaning) for word, meaning in standing.STANDINGS.items()
}
CHANGED = ("regressed", "left", "changed", "recovered")
COMPARED = (*CHANGED, "holds", "as recorded")
# A tone of a record's entry, as VERDICTS' words have one.
TONES = {
    "good": ("good", "check", "as it must be"),
    "bad": ("bad", "cross", "not as it must be"),
    "mixed": ("mixed", "half", "in part, or it depends"),
    "weak": ("weak", "question", "too little to say"),
}


@dataclass(frozen=True)
class Mark:
    """A word with its tone and icon, so that no colour stands alone; `count` where it is a tally."""

    word: str
    tone: str
    icon: str
    meaning: str
    count: int = 1


def mark(word: Any, known: Mapping[str, tuple[str, str, str]], count: int = 1) -> Mark:
    """The word as `known` has it; one that it has not stays what it is."""
    text = str(word) if word else "unknown"
    return Mark(text, *known.get(text, NEUTRAL), count=count)


def tally(words: Any, known: Mapping[str, tuple[str, str, str]]) -> tuple[Mark, ...]:
    """How often each word occurs, in the legend's order, unknown words last."""
    counts = Counter(str(word) if word else "unknown" for word in words)
    order = [word for word in known if word in counts] + sorted(word for word in counts if word not in known)
    return tuple(mark(word, known, counts[word]) for word in order)
