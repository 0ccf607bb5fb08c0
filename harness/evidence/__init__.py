"""Evidence: what is computed, where it lies, and why it is valid."""
