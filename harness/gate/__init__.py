"""Whether what once held still holds: a baseline of findings, and the test that tells a drift from fresh seeds."""
