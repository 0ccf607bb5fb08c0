"""Loads the plugin. `harness` caps threads and tames the allocator before torch is imported."""

pytest_plugins = ["harness.plugin"]
