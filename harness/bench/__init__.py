"""The benchmark: ours beside stable-baselines3, with targets that can be missed (`make bench`).

`rows` has the parts, each a function that yields rows. `measure` says what a row is, times it and runs the parts.
`peers` is stable-baselines3 with our settings. `profiling` tells where the time of a cell goes (`make profile`).
"""
