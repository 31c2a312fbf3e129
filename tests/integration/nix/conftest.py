"""A folder that plays a machine's root, and what carries an application's state."""

from __future__ import annotations

from tests.support.machine_root import machine_root
from tests.support.state_fixtures import blog, socket_server, stateless

__all__ = ["blog", "machine_root", "socket_server", "stateless"]
