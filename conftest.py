"""Loads the plugins. `harness` caps threads and tames the allocator before anything imports torch."""

pytest_plugins = ["harness.plugin", "reports.plugin"]
