"""Networks: what a population computes with; numpy at rest, compiled passes in training."""
