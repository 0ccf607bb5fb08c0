"""Loads the plugin. `harness` caps threads and tames the allocator before anything imports torch."""

pytest_plugins = ["harness.plugin"]
