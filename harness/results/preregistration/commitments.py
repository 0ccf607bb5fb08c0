"""What each finding commits itself to by itself, at one profile: its own part of its claim's document, the rule that
judges it, alpha, seeds, and the settings of its own systems. A baseline keeps it, so that a finding is compared with
what it was, whatever else its claim has come to be judged on.

It is kept whole, for no hash would do. One over all settings changes with each that is added, even at its default; one
over those that are set would not see that a default itself was changed.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.canonical import canonical_json
from harness.profiles.profile import SEEDS_PER_BLOCK, Profile, System
from harness.results.preregistration.document import Subject, budgets_of, finding_of, methods_of, rule_of
from harness.statistics.outcome import TAIL

Commitments = dict[str, Any]
"""Of the findings of any claims, as plain JSON; what several of them share stands there once.

alpha, seeds, seeds_per_block: numbers. rules: by the judge's methods that a finding calls, their constants and code.
systems: name -> settings (see `document.settings_of`). findings: claim -> name -> its part of the claim's document, and
"rule", the name of its rule.
"""


def commitments_of(subjects: Mapping[str, Iterable[Subject]], profile: Profile) -> Commitments:
    """Of these findings (by claim) at a profile, as it was changed by options; a system that it lacks is left out."""
    findings: dict[str, dict[str, Any]] = {}
    rules: dict[str, Any] = {}
    systems: dict[str, System] = {}
    for claim, found in subjects.items():
        for subject in found:
            rule = " and ".join(sorted(methods_of(subject))) or "none"
            rules[rule] = rules.get(rule) or rule_of(methods_of(subject))
            findings.setdefault(claim, {})[subject.name] = {**finding_of(subject), "rule": rule}
            systems |= {str(run.system): run.system for run in subject.runs.values()}
    kept = {
        "alpha": 2 * TAIL,
        "seeds_per_block": SEEDS_PER_BLOCK,
        **budgets_of(profile, systems.values()),
        "rules": rules,
        "findings": findings,
    }
    plain: Commitments = json.loads(canonical_json(kept))  # as it will be read again
    return plain


def commitment_in(kept: Commitments, claim: str, name: str) -> dict[str, Any] | None:
    """What that finding commits itself to, None where it is not among them: {"finding", "rule", "alpha", "seeds per
    block", "seeds", "systems"}, which last holds its own systems alone.
    """
    finding = kept["findings"].get(claim, {}).get(name)
    if finding is None:
        return None
    own = {run["system"] for run in finding["runs"].values()}
    return {
        "finding": finding,
        "rule": kept["rules"][finding["rule"]],
        "alpha": kept["alpha"],
        "seeds per block": kept["seeds_per_block"],
        "seeds": kept["seeds"],
        "systems": {name: settings for name, settings in kept["systems"].items() if name in own},
    }


def refuse_loose(kept: Commitments) -> None:
    """Raise ValueError where a finding's rule, or one of its systems, does not stand beside it."""
    for claim, findings in kept["findings"].items():
        for name, finding in findings.items():
            asked = {"rules": [finding["rule"]], "systems": [run["system"] for run in finding["runs"].values()]}
            for kind, wanted in asked.items():
                if missing := next((one for one in wanted if one not in kept[kind]), None):
                    raise ValueError(f"claim {claim}, {name}: its {kind[:-1]} {missing} is not among the {kind}")
