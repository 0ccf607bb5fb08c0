"""The benchmark: what it gains to train a population at once, beside stable-baselines3, with targets that can be missed.

`rows` has the parts, each a function that yields rows; `measure` says what a row is, times it and runs the parts;
`peers` is stable-baselines3 with our settings. `python -m harness bench` (`make bench`) runs it all. `profiling` tells
where the time of a cell goes (`python -m harness profile`).
"""
