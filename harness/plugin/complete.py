"""Whether a session judged everything there is: only then do its findings go into the history."""

from collections.abc import Sequence

from harness.plugin.suite import Suite
from harness.results.schema import Finding


def lacking(suite: Suite, findings: Sequence[Finding]) -> str:
    """What keeps a run from being complete, in words; empty where nothing does.

    Complete is a run of a profile that judges, over every claim, in which each item came to a conclusion: none is
    missing, and none is an error.
    """
    settings = suite.settings
    if not settings.profile.gives_findings:
        return f"{settings.profile.name} judges nothing"
    if settings.finished:
        return "it judged what was finished, and trained nothing"
    if not suite.judges_all:
        return "a path or option named some of the claims"
    for conclusion, words in (("not run", "did not come back"), ("error", "ended in an error")):
        count = sum(finding.conclusion == conclusion for finding in findings)
        if count:
            return f"{count} finding{'s' if count > 1 else ''} {words}"
    return ""
