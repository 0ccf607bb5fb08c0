"""How often the suite is wrong: calibration, A/A runs, controls, readings, and what was fixed beforehand.

Each part measures one of these by a command of `python -m harness`, and leaves a record (`records`) that the report
shows.
"""
