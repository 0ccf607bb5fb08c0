"""How the claims are measured."""

from harness import machine as machine  # first: it caps threads before torch is imported
