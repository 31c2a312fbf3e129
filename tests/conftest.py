"""Where the fixtures live."""

pytest_plugins = ["tests.support.completeness", "tests.support.servers"]
