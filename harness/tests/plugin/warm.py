"""Imported once, by the server that `processes` forks from: what every new process would spend seconds on."""

import gc
from importlib import import_module

for name in (
    "hypothesis.internal.observability",
    "harness.controls.shuffled",
    "harness.learners.imitation",
    "harness.plugin.session",
    "reports.build",
):
    import_module(name)
gc.freeze()  # or each child would look through all of it, and copy it
