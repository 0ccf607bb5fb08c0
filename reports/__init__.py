"""The HTML report: `build` turns the plugin's findings into one self-contained page, `write` stores it."""

from reports.build import build, write

__all__ = ["build", "write"]
