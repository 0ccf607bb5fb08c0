"""Studies of how often this suite is wrong. Each is a command of `python -m harness` and leaves a record (`records`)
that the report shows: calibration of the tests, A/A runs, negative controls, other readings of the paper, agreement of
seed blocks, false alarms of the gate.
"""
