"""Exit codes of a pytest run over claims: pytest's own from 0 to 5, and three of ours."""

OK = 0
FAILED = 1
"""A finding is contradicted or has regressed, or something failed that is no finding."""
INTERRUPTED = 2
INTERNAL_ERROR = 3
"""Also: the evidence can't be written, so nothing was judged."""
USAGE = 4
"""A bad option or a malformed file, said in one line before anything is trained."""
NO_TESTS = 5
NO_RESULT = 6
"""A finding ended in an error, or is missing."""
BASELINE = 7
"""The baseline can't be compared, has entries that no claim uses, or was written for the first time."""
NOT_WRITTEN = 8
"""All was judged and nothing failed, but findings, charts, report or baseline can't be written."""
