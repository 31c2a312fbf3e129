"""Where the fixtures live."""

pytest_plugins = ["tests.support.servers"]
