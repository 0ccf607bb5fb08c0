"""Preregistration: what each claim commits itself to, written down before the run that judges it."""
