"""Loads the plugin, and with it the report's. `harness` caps threads and tames the allocator before torch is imported."""

pytest_plugins = ["harness.plugin"]
