"""Preregistration: what a claim commits itself to, written down with a hash, and what was changed since.

`document` reads it off a claim's source and items, `register` keeps fixtures/preregistration.json and says what
differs from it, `commitments` takes each finding by itself, for a baseline to keep, `seen` looks up on which seeds
there is evidence already.
"""
