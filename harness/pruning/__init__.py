"""Pruning: which weights stay (`magnitude`), and what each condition makes of them (`conditions`)."""
