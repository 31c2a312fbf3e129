"""A folder that plays a machine's root."""

from __future__ import annotations

from tests.support.machine_root import machine_root

__all__ = ["machine_root"]
