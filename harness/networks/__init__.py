"""Networks: what a population computes with, as numpy arrays and compiled passes."""
