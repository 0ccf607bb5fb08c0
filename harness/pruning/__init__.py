"""Pruning: `criteria` rank the weights, `ranking` keeps the largest, `conditions` start the next level."""
