"""Imported once, by the server that `processes` forks from: what every new process would spend seconds on."""

import gc

import hypothesis as hypothesis

gc.freeze()  # or each child would look through all of it, and copy it
