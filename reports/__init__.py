"""The HTML report of a run, and the table of results."""
