"""The report's words with their tones and icons: no colour stands alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.results.schema import STANDINGS as MEANINGS

Words = Mapping[str, tuple[str, str, str]]
"""Word -> (tone: a colour of the stylesheet, icon: a symbol of the template, what it means)."""

VERDICTS: Words = {
    "REPRODUCED": ("good", "check", "every finding is supported, or, where the paper says most, those of most systems"),
    "REFUTED": (
        "bad",
        "cross",
        "no finding is supported, and at least one is contradicted, or shows equivalence where a difference is claimed",
    ),
    "MIXED": ("mixed", "half", "supported in one finding, contradicted or equivalent in another"),
    "INCONCLUSIVE": ("weak", "question", "not enough evidence at this scale to say either"),
    "NOT RUN": ("none", "dash", "not part of this run, or evidence it rests on is missing"),
    "ERROR": ("error", "bang", "something broke, so the claim was not judged"),
    "SMOKE": ("smoke", "waves", "a rehearsal, which judges nothing"),
}
CONCLUSIONS: Words = {
    "supported": ("good", "check", "the bounds lie where the hypothesis says, and a difference is large enough"),
    "contradicted": ("bad", "cross", "the bounds lie on the other side"),
    "equivalent": ("level", "equals", "no difference that matters, where one is claimed"),
    "underpowered": ("weak", "question", "the bounds leave it open"),
    "not run": VERDICTS["NOT RUN"],
    "error": VERDICTS["ERROR"],
    "smoke": VERDICTS["SMOKE"],
}
_LOOKS = {
    "regressed": ("bad", "cross"),
    "left": ("mixed", "half"),
    "changed": ("mixed", "half"),
    "recovered": ("good", "check"),
    "holds": ("good", "check"),
    "as recorded": ("none", "equals"),
}
STANDINGS: Words = {word: (*_LOOKS.get(word, ("none", "dash")), meaning) for word, meaning in MEANINGS.items()}
"""How findings compare with the baseline, the worst first."""
CHANGED = ("regressed", "left", "changed", "recovered")
COMPARED = (*CHANGED, "holds", "as recorded")
TONES: Words = {
    "good": ("good", "check", "as it must be"),
    "bad": ("bad", "cross", "not as it must be"),
    "mixed": ("mixed", "half", "in part, or it depends"),
    "weak": ("weak", "question", "too little to say"),
}
"""The tones of entries in the records of trust."""


@dataclass(frozen=True)
class Mark:
    """A word with its tone, icon and meaning; `count` where it is a tally."""

    word: str
    tone: str
    icon: str
    meaning: str
    count: int = 1


def mark(word: str, known: Words, count: int = 1) -> Mark:
    """Look a word up in `known`; an unknown word has no meaning."""
    return Mark(word, *known.get(word, ("none", "question", "")), count=count)


def marks(known: Words, words: Iterable[str] | None = None) -> Sequence[Mark]:
    """Return a mark for each of the words, or of all that are known, for a legend."""
    return [mark(word, known) for word in (known if words is None else words)]


def tally(words: Iterable[str], known: Words) -> tuple[Mark, ...]:
    """Count how often each word occurs, in the legend's order, unknown words last."""
    counts = Counter(words)
    order = [word for word in known if word in counts] + sorted(word for word in counts if word not in known)
    return tuple(mark(word, known, counts[word]) for word in order)
