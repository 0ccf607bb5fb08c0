"""Learners: each trains a whole population at once, one file per algorithm."""
