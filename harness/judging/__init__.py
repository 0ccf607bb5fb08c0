"""Judging: from evidence to a finding, and from findings to a verdict."""
