"""Profiles: the budgets at which claims are judged, a file of budgets per task family."""
